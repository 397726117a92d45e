"""Windows of several LSs that move with a run: which LSs they hold, and the sum of these."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Scope
from dqmstream.quality.condition_names import value_of
from dqmstream.quality.exposed import Exposed
from dqmstream.quality.held import ClosedLumisection
from dqmstream.quality.numbers import LumisectionNumbers
from dqmstream.quality.run_total import CountedLumisection, RunTotal

__all__ = ["Begin", "WindowSum", "begin_of"]

_LAST: Final = "last:"
_CHANGE: Final = "change:"

_Known = dict[str, Any]
"""What is known of an LS, by name."""


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
    begin, latest = lumisections[0], _Known()
    for number in lumisections:
        begin, latest = _with(number, names, conditions(number), begin, latest)
    return begin


def _with(
    number: int, names: Sequence[str], row: Conditions | None, begin: int, latest: _Known
) -> tuple[int, _Known]:
    """Where a window since a change begins with one LS more, and what is known last by then."""
    known = {} if row is None else {name: value_of(name, row) for name in names}
    news = {
        name: value
        for name, value in known.items()
        if value is not None and latest.get(name) != value
    }
    if not news:
        return begin, latest
    return (begin if latest.keys().isdisjoint(news) else number), {**latest, **news}


class Begin:
    """Where the window of a scope begins, kept as LSs close: as `begin_of` says, but an LS that
    comes last costs the same however many there are. One that closes out of order, or of which
    other conditions become known, is looked at with those after it again.

    Parameters
    ----------
    conditions
        What is known of an LS.
    """

    def __init__(self, scope: Scope, conditions: Callable[[int], Conditions | None]) -> None:
        self._scope = scope
        self._names = (
            scope.removeprefix(_CHANGE).split(",") if scope.startswith(_CHANGE) else list[str]()
        )
        self._conditions = conditions
        self._looked: list[tuple[int, int, _Known]] = []
        """LS; where a window begins that ends with it; what was known last by then."""

    def renew(self, lumisection: int) -> None:
        """An LS is new, has gone, or has other conditions."""
        while self._looked and self._looked[-1][0] >= lumisection:
            self._looked.pop()

    def of(self, numbers: LumisectionNumbers) -> int:
        """The LS that the window up to the last of these begins with; not empty."""
        if not self._names:
            return begin_of(self._scope, (numbers.first, numbers.last), self._conditions)
        before = self._looked[-1][0] if self._looked else numbers.first - 1
        for number in numbers.between(before + 1):
            self._look(number)
        return self._looked[-1][1]

    def _look(self, number: int) -> None:
        _, begin, latest = self._looked[-1] if self._looked else (number, number, {})
        row = self._conditions(number)
        self._looked.append((number, *_with(number, self._names, row, begin, latest)))


class WindowSum:
    """Sum over the LSs of a window, kept from one LS to the next: one that comes and one that goes
    cost the same however many there are between.

    Parameters
    ----------
    layout
        Layout of the workspace's booking.
    conditions
        What is known of an LS.
    """

    def __init__(self, layout: Layout, conditions: Callable[[int], Conditions | None]) -> None:
        self._layout = layout
        self._conditions = conditions
        self._new: set[int] | None = None
        self._first = 0
        self.total = RunTotal(layout)
        self.exposed = Exposed(conditions)

    def count(self, lumisection: int) -> None:
        """Note that an LS has closed: it is added with the next move, if it lies in the window."""
        if self._new is not None:
            self._new.add(lumisection)

    def take_out(self, lumisection: int, contents: Contents) -> None:
        """Note that an LS in it has been replaced: what it had brought goes."""
        if lumisection in self.total:
            self.total.remove(lumisection, contents)
            self.exposed.remove(lumisection)

    def missing(self, first: int, last: int) -> tuple[tuple[int, int], ...]:
        """Ranges of LSs from `first` to `last` that are not in it, both ends included."""
        return self.total.numbers.missing(first, last)

    def move(
        self,
        first: int,
        counted: LumisectionNumbers,
        fetch: Callable[[int], ClosedLumisection | None],
    ) -> None:
        """Hold the LSs from `first` on: those before it are taken out again, new ones are added.

        Parameters
        ----------
        counted
            All LSs of the run that have closed, each of them told to `count`.
        fetch
            Contents of an LS; None if they are no longer held: it is left out then.
        """
        held = self.total.numbers
        gone = held.between(0, first)
        if self._new is None:
            new: Sequence[int] = counted.between(first)
        else:
            began_later = counted.between(first, self._first) if first < self._first else ()
            new = sorted({*self._new, *began_later} - {n for n in self._new if n < first})
        wanted = counted.count_from(first)
        if gone and (wanted <= len(gone) + len(new) or not self._remove(gone, fetch)):
            self.total, new = RunTotal(self._layout), counted.between(first)
            self.exposed = Exposed(self._conditions)
        for number in new:
            if number not in self.total and (closed := fetch(number)):
                self._add(number, closed)
        self._new, self._first = set(), first

    def _add(self, number: int, closed: ClosedLumisection) -> None:
        counted = CountedLumisection(
            complete=closed.complete,
            versions=closed.versions,
            invalid=closed.contents.invalid,
        )
        self.total.add(number, closed.contents, counted)
        self.exposed.add(number)

    def _remove(
        self, gone: Sequence[int], fetch: Callable[[int], ClosedLumisection | None]
    ) -> bool:
        """Whether these could be taken out."""
        if self.total.overflowed:
            return False
        for number in gone:
            closed = fetch(number)
            if closed is None:
                return False
            self.total.remove(number, closed.contents)
            self.exposed.remove(number)
        return True
