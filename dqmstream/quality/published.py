"""What is already on `dqm.quality`: a restart judges the same records again, and skips these."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from dqmstream.fold.merge import SetKey
from dqmstream.identity import content_hash
from dqmstream.messages.quality import QualityReports, Scope

__all__ = ["Published", "RunKey", "Told"]

RunKey = tuple[str, int]
"""Set and run."""


class Told(NamedTuple):
    """What a report was told: of the conditions of its LS, and where its window since a change
    begins (None for windows of other kinds)."""

    conditions: str = ""
    first_lumisection: int | None = None


class Published:
    """Reports that were published before, as often as they were.

    Reports are told apart by what they are of and made from, so that an LS judged with other tests
    before the restart keeps the verdict that was given of it.
    """

    def __init__(self, reports: Iterable[QualityReports] = ()) -> None:
        self._counts: Counter[int] = Counter()
        self._told: dict[int, Told] = {}
        self._first: dict[RunKey, int] = {}
        for one in reports:
            self.note(one)

    def note(self, reports: QualityReports) -> None:
        """Add one that was published; what was said of an open LS is said anew."""
        if not reports.closed:
            return
        run, lumisection = (reports.set, reports.run), reports.lumisection
        key = SetKey(*run, lumisection, reports.workspace)
        mark = _fingerprint(key, reports.scope, reports.versions)
        self._counts[mark] += 1
        moves = reports.scope.startswith("change")
        self._told[mark] = Told(reports.conditions, reports.first_lumisection if moves else None)
        self._first[run] = min(lumisection, self._first.get(run, lumisection))

    def first(self, run: RunKey) -> int | None:
        """Lowest LS reported of a run."""
        return self._first.get(run)

    def take(self, key: SetKey, scope: Scope, versions: tuple[int, ...]) -> Told | None:
        """What the newest such report was told, if one is there that was not taken before."""
        mark = _fingerprint(key, scope, versions)
        if mark not in self._counts:
            return None
        self._counts[mark] -= 1
        if not self._counts[mark]:
            del self._counts[mark]
        return self._told[mark]

    def __bool__(self) -> bool:
        """Whether there may be reports of what is judged now."""
        return bool(self._counts)

    def forget(self) -> None:
        """Free the memory: what comes from here on has not been published."""
        self._counts.clear()
        self._told.clear()
        self._first.clear()


def _fingerprint(key: SetKey, scope: Scope, versions: tuple[int, ...]) -> int:
    return int(content_hash((key, scope, versions)), 16)
