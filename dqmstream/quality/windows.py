"""Windows of several LSs that move with a run: which LSs they hold, and the sum of these."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Scope
from dqmstream.quality.gate import value_of
from dqmstream.quality.held import ClosedLumisection
from dqmstream.quality.run_total import CountedLumisection, RunTotal

__all__ = ["WindowSum", "begin_of"]

_LAST: Final = "last:"
_CHANGE: Final = "change:"


def begin_of(
    scope: Scope,
    lumisections: Sequence[int],
    conditions: Callable[[int], Conditions | None],
) -> int:
    """The LS that the window of a scope begins with, among those of a run (rising, not empty).

    A window since a change begins with the last LS in which something it asks for is known to be
    other than it was known to be before. Where a condition is not known, nothing has changed.
    """
    if scope.startswith(_LAST):
        return max(lumisections[0], lumisections[-1] - int(scope.removeprefix(_LAST)) + 1)
    if not scope.startswith(_CHANGE):
        return lumisections[0]
    names = scope.removeprefix(_CHANGE).split(",")
    latest: dict[str, Any] = {}
    begin = lumisections[0]
    for number in lumisections:
        row = conditions(number)
        for name in names:
            value = None if row is None else value_of(name, row)
            if value is not None and latest.setdefault(name, value) != value:
                latest[name], begin = value, number
    return begin


class WindowSum:
    """Sum over the LSs of a window, kept from one LS to the next.

    Parameters
    ----------
    layout
        Layout of the workspace's booking.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.total = RunTotal(layout)

    def take_out(self, lumisection: int, contents: Contents) -> None:
        """Note that an LS in it has been replaced: what it had brought goes."""
        if lumisection in self.total:
            self.total.remove(lumisection, contents)

    def missing(self, first: int, last: int) -> tuple[tuple[int, int], ...]:
        """Ranges of LSs from `first` to `last` that are not in it, both ends included."""
        ranges, held = list(self.total.missing(first)), self.total.lumisections
        end = held[-1] if held else first - 1
        return (*ranges, *([(end + 1, last)] if end < last else []))

    def move(self, wanted: Iterable[int], fetch: Callable[[int], ClosedLumisection | None]) -> None:
        """Hold these LSs: what is not wanted is taken out again, what is new is added.

        Parameters
        ----------
        fetch
            Contents of an LS; None if they are no longer held: it is left out then.
        """
        within = set(wanted)
        held = set(self.total.lumisections)
        gone, new = held - within, within - held
        if gone and (len(within) <= len(gone) + len(new) or not self._remove(gone, fetch)):
            self.total, new = RunTotal(self._layout), within
        for number in sorted(new):
            if merged := fetch(number):
                counted = CountedLumisection(
                    complete=merged.complete,
                    versions=merged.versions,
                    invalid=merged.contents.invalid,
                )
                self.total.add(number, merged.contents, counted)

    def _remove(self, gone: set[int], fetch: Callable[[int], ClosedLumisection | None]) -> bool:
        """Whether these could be taken out."""
        if self.total.overflowed:
            return False
        for number in sorted(gone):
            merged = fetch(number)
            if merged is None:
                return False
            self.total.remove(number, merged.contents)
        return True
