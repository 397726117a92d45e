"""The run so far: the sum of the closed LSs of one workspace."""

from dataclasses import dataclass

from dqmstream.errors import WindowError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.quality.numbers import LumisectionNumbers

__all__ = ["CountedLumisection", "RunTotal"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CountedLumisection:
    """What a run total remembers of an LS in it, besides its cells."""

    complete: bool
    versions: tuple[int, ...]
    invalid: dict[int, str]


class RunTotal:
    """Sum over closed LSs, each counted once, in whatever order they close.

    An LS more costs the same however many there are, and so does one that is taken out again. Cells
    are integers, also those of weights and profiles, which were rounded to fixed point once when
    they were filled: what was added and taken out leaves no trace, bit for bit. Scalars and texts
    are left out: no quality test reads them, and `last` depends on the order.

    Parameters
    ----------
    layout
        Layout of the workspace's booking.
    whole
        Whether the run is known from its first record on; if not, it is never complete.
    first
        The lowest LS the run is known to have; without it the sum is not complete.

    Attributes
    ----------
    numbers
        Of all LSs in it.
    """

    def __init__(self, layout: Layout, *, whole: bool = True, first: int | None = None) -> None:
        self.layout = layout
        self.numbers = LumisectionNumbers()
        self._cells = Contents.empty(layout)
        self._lumisections: dict[int, CountedLumisection] = {}
        self._whole = whole
        self._first = first
        self._overflow = ""
        self._incomplete = 0
        self._versions: tuple[int, ...] | None = None
        self._invalid_in: dict[int, LumisectionNumbers] = {}

    def __contains__(self, lumisection: object) -> bool:
        return lumisection in self._lumisections

    def __len__(self) -> int:
        return len(self._lumisections)

    @property
    def lumisection(self) -> int:
        """The highest LS in it."""
        return self.numbers.last

    @property
    def all_complete(self) -> bool:
        """Whether every LS in it is complete."""
        return not self._incomplete

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
        from_first = self._first is None or self.numbers.first <= self._first
        return self._whole and self.numbers.gapless and from_first and self.all_complete

    @property
    def versions(self) -> tuple[int, ...]:
        """Highest `through` of any LS in it, per partition."""
        if self._versions is None:
            versions = (one.versions for one in self._lumisections.values())
            self._versions = tuple(max(column) for column in zip(*versions, strict=True))
        return self._versions

    @property
    def contents(self) -> Contents:
        """Cells of the sum; an element invalid in any LS is invalid, as its sum lacks entries."""
        invalid = {
            index: f"LS {numbers.first}: {self._lumisections[numbers.first].invalid[index]}"
            for index, numbers in self._invalid_in.items()
        }
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
        if self._versions is not None:
            pairs = zip(self._versions, counted.versions, strict=True)
            self._versions = tuple(max(pair) for pair in pairs)
        elif not self._lumisections:
            self._versions = counted.versions
        self._lumisections[lumisection] = counted
        self.numbers.add(lumisection)
        self._incomplete += not counted.complete
        for index in counted.invalid:
            self._invalid_in.setdefault(index, LumisectionNumbers()).add(lumisection)

    def remove(self, lumisection: int, contents: Contents) -> None:
        """Take the contents of a counted LS out again, so that others can replace them."""
        counted = self._lumisections.pop(lumisection)
        self.numbers.remove(lumisection)
        self._cells.cells -= contents.cells
        self._incomplete -= not counted.complete
        self._versions = None
        for index in counted.invalid:
            self._invalid_in[index].remove(lumisection)
            if not self._invalid_in[index]:
                del self._invalid_in[index]
