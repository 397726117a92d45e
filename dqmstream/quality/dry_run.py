"""What other quality tests would change: their verdicts beside those of the tests in force.

Both judge the same contents; reports are paired by LS, workspace, scope, path and name of test.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from dqmstream.messages.quality import Outcome, QualityReport, QualityReports

__all__ = ["Change", "Difference", "Place", "by_place", "difference"]

_LISTED: Final = 1_000


class Place(NamedTuple):
    """Whose verdict."""

    run: int
    lumisection: int
    workspace: str
    scope: str
    path: str
    qtname: str


class Change(NamedTuple):
    """A verdict that would be another one; None where there is no report."""

    place: Place
    before: QualityReport | None
    after: QualityReport | None


@dataclass(slots=True)
class Difference:
    """Verdicts now and then.

    Attributes
    ----------
    same
        Verdicts that stay.
    tests, elements
        By name of test, or by workspace and path: how many verdicts go from one outcome to
        another; None stands for no report. Without those that stay.
    changes
        The first of them, in order of LS, workspace, scope, path and test.
    total
        How many changes there are in all.
    """

    same: int = 0
    total: int = 0
    tests: dict[str, Counter[tuple[Outcome | None, Outcome | None]]] = field(default_factory=dict)
    elements: dict[tuple[str, str], Counter[tuple[Outcome | None, Outcome | None]]] = field(
        default_factory=dict
    )
    changes: list[Change] = field(default_factory=list)

    @property
    def newly_judged(self) -> int:
        """Verdicts that there were none of."""
        return self._count(lambda before, _after: before is None)

    @property
    def no_longer_judged(self) -> int:
        """Verdicts that there would be none of any more."""
        return self._count(lambda _before, after: after is None)

    def _count(self, wanted: Callable[[Outcome | None, Outcome | None], bool]) -> int:
        return sum(
            count
            for counter in self.tests.values()
            for (before, after), count in counter.items()
            if wanted(before, after)
        )

    def _note(self, change: Change) -> None:
        place = change.place
        step = (_outcome(change.before), _outcome(change.after))
        self.total += 1
        self.tests.setdefault(place.qtname, Counter())[step] += 1
        self.elements.setdefault((place.workspace, place.path), Counter())[step] += 1
        if len(self.changes) < _LISTED:
            self.changes.append(change)

    def add(self, before: Iterable[QualityReports], after: Iterable[QualityReports]) -> None:
        """Compare all reports on some windows, of which each is in both or in one of them."""
        old, new = by_place(before), by_place(after)
        for place in sorted(old.keys() | new.keys()):
            change = Change(place, old.get(place), new.get(place))
            if _outcome(change.before) is _outcome(change.after):
                self.same += 1
            else:
                self._note(change)


def difference(before: Iterable[QualityReports], after: Iterable[QualityReports]) -> Difference:
    """What changes from some reports to others."""
    found = Difference()
    found.add(before, after)
    return found


def by_place(messages: Iterable[QualityReports]) -> Mapping[Place, QualityReport]:
    """Reports by whose verdict they are."""
    return {
        Place(of.run, of.lumisection, of.workspace, of.scope, one.path, one.qtname): one
        for of in messages
        for one in of.reports
    }


def _outcome(report: QualityReport | None) -> Outcome | None:
    return None if report is None else report.outcome
