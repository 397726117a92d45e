"""The run so far: the sum of the closed LSs of one workspace."""

from dataclasses import dataclass

from dqmstream.errors import WindowError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout

__all__ = ["CountedLumisection", "RunTotal"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CountedLumisection:
    """What a run total remembers of an LS in it, besides its cells."""

    complete: bool
    versions: tuple[int, ...]
    invalid: dict[int, str]


class RunTotal:
    """Sum over closed LSs, each counted once, in whatever order they close.

    Scalars and texts are left out: no quality test reads them, and `last` depends on the order.

    Parameters
    ----------
    layout
        Layout of the workspace's booking.
    whole
        Whether the run is known from its first record on; if not, it is never complete.
    first
        The lowest LS the run is known to have; without it the sum is not complete.
    """

    def __init__(self, layout: Layout, *, whole: bool = True, first: int | None = None) -> None:
        self.layout = layout
        self._cells = Contents.empty(layout)
        self._lumisections: dict[int, CountedLumisection] = {}
        self._whole = whole
        self._first = first
        self._overflow = ""

    def __contains__(self, lumisection: object) -> bool:
        return lumisection in self._lumisections

    def __len__(self) -> int:
        return len(self._lumisections)

    @property
    def lumisection(self) -> int:
        """The highest LS in it."""
        return max(self._lumisections)

    @property
    def lumisections(self) -> list[int]:
        """All LSs in it, rising."""
        return sorted(self._lumisections)

    def missing(self, first: int) -> tuple[tuple[int, int], ...]:
        """Ranges of LSs from `first` to its highest that are not in it, both ends included."""
        ranges, expected = [], first
        for number in self.lumisections:
            if number > expected:
                ranges.append((expected, number - 1))
            expected = max(expected, number + 1)
        return tuple(ranges)

    @property
    def all_complete(self) -> bool:
        """Whether every LS in it is complete."""
        return all(one.complete for one in self._lumisections.values())

    @property
    def overflowed(self) -> bool:
        """Whether a fixed-point sum of it has run full."""
        return bool(self._overflow)

    @property
    def whole(self) -> bool:
        """Whether it is known from its first record on, and no LS in it was replaced in vain."""
        return self._whole

    @property
    def complete(self) -> bool:
        """Whether it holds all data of every LS from its lowest to its highest."""
        counted = self._lumisections
        gapless = len(counted) == max(counted) - min(counted) + 1
        from_first = self._first is None or min(counted) <= self._first
        return self._whole and gapless and from_first and self.all_complete

    @property
    def versions(self) -> tuple[int, ...]:
        """Highest `through` of any LS in it, per partition."""
        versions = (one.versions for one in self._lumisections.values())
        return tuple(max(column) for column in zip(*versions, strict=True))

    @property
    def contents(self) -> Contents:
        """Cells of the sum; an element invalid in any LS is invalid, as its sum lacks entries."""
        invalid: dict[int, str] = {}
        for number, one in sorted(self._lumisections.items()):
            for index, why in one.invalid.items():
                invalid.setdefault(index, f"LS {number}: {why}")
        if self._overflow:
            invalid = dict.fromkeys(range(len(self.layout.elements)), self._overflow)
        return Contents(self.layout, self._cells.cells, invalid=invalid)

    def give_up(self) -> None:
        """Note that an LS in it was replaced and the sum could not follow."""
        self._whole = False

    def add(self, lumisection: int, contents: Contents, counted: CountedLumisection) -> None:
        """Count an LS.

        Raises
        ------
        WindowError
            If its booking is not this one's, or it is already counted.
        """
        if contents.layout.hash != self.layout.hash or lumisection in self:
            msg = (
                f"workspace {self.layout.workspace!r} LS {lumisection}: booking "
                f"{contents.layout.hash} cannot join a run total of booking {self.layout.hash} "
                f"with {len(self)} LSs"
            )
            raise WindowError(msg)
        try:
            self._cells.add(Contents(self.layout, contents.cells))
        except WindowError as error:
            # The bookings agree, so a fixed-point sum has run full: no longer judged, still summed.
            self._overflow = str(error)
        self._lumisections[lumisection] = counted

    def remove(self, lumisection: int, contents: Contents) -> None:
        """Take the contents of a counted LS out again, so that others can replace them."""
        del self._lumisections[lumisection]
        self._cells.cells -= contents.cells
