"""The store as the gateway asks it: one set per run and workspace, the one that readers show.

Blocking, from any thread, as the store is. Listings of runs are kept until the run changes.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Final, NamedTuple

from dqmstream.errors import NotStoredError
from dqmstream.histograms.layout import Layout
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import QualityReports
from dqmstream.quality.summary import Summary
from dqmstream.store.answers import ElementTrend, Lumisection, Run, Window
from dqmstream.store.store import Store
from services.gateway.workspace_run import LumisectionRecord

__all__ = ["Archive", "Shelf"]

_KEPT_SHELVES: Final = 16
_PAGE: Final = 1_000


class Shelf(NamedTuple):
    """What the store lists of one run under one set; as of `updated`."""

    updated: int
    set: str
    layouts: Mapping[str, Layout]
    records: Mapping[int, LumisectionRecord]
    conditions: Mapping[int, Conditions]


class Archive:
    """Runs that are stored.

    Parameters
    ----------
    store
        The store; the caller opens and closes it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._shelves: OrderedDict[int, Shelf] = OrderedDict()
        self._lock = Lock()

    def log(self) -> str | None:
        """Identity of the log that is stored."""
        return self._store.log()

    def positions(self) -> Mapping[tuple[str, int], int]:
        """By (topic, partition): the store holds everything below this offset."""
        return self._store.positions()

    def runs(self, before: int | None, limit: int) -> tuple[Run, ...]:
        """Stored runs with numbers below `before`, newest number first."""
        after = None if before is None else (before,)
        return self._store.runs(after=after, limit=limit).items

    def run(self, number: int) -> Run | None:
        """A stored run, None if there is nothing of it."""
        found = self.runs(number + 1, 1)
        return found[0] if found and found[0].run == number else None

    def shelf(self, number: int, set_hash: str | None = None) -> Shelf | None:
        """What is listed of a run, under a set or the one readers show; None if it is not there."""
        run = self.run(number)
        if run is None:
            return None
        chosen = set_hash or self._set_shown(number)
        if chosen is None:
            return None
        with self._lock:
            held = self._shelves.get(number)
        if held is not None and (held.updated, held.set) == (run.updated, chosen):
            return held
        shelf = self._read_shelf(run, chosen)
        with self._lock:
            self._shelves[number] = shelf
            self._shelves.move_to_end(number)
            while len(self._shelves) > _KEPT_SHELVES:
                self._shelves.popitem(last=False)
        return shelf

    def workspace_window(
        self, shelf: Shelf, run: int, workspace: str, lumisections: Iterable[int]
    ) -> Window:
        """Sum of all elements of a workspace over those LSs of a run that are stored."""
        return self._store.contents(shelf.set, run, workspace, lumisections)

    def element_window(
        self, shelf: Shelf, run: int, workspace: str, path: str, lumisections: Iterable[int]
    ) -> Window:
        """Sum of one element over those LSs of a run that are stored."""
        return self._store.element_window(shelf.set, run, workspace, path, lumisections)

    def element_trend(
        self, shelf: Shelf, run: int, workspace: str, path: str, lumisections: Iterable[int]
    ) -> ElementTrend:
        """One element in each of those LSs of a run that are stored."""
        return self._store.element_trend(shelf.set, run, workspace, path, lumisections)

    def reports(self, shelf: Shelf, run: int, lumisection: int) -> tuple[QualityReports, ...]:
        """All reports of one LS of a run."""
        page = self._store.reports(run, set=shelf.set, lumisection=lumisection, limit=_PAGE)
        return page.items

    def outcomes(self, shelf: Shelf, run: int) -> dict[int, dict[str, Summary]]:
        """By LS and workspace: how the reports on single LSs came out."""
        found: dict[int, dict[str, Summary]] = {}
        after = None
        while True:
            page = self._store.outcomes(run, set=shelf.set, scope="lumisection", after=after)
            for counts in page.items:
                of_lumisection = found.setdefault(counts.lumisection, {})
                of_lumisection[counts.workspace] = Summary(counts.counts)
            if page.after is None:
                return found
            after = page.after

    def _set_shown(self, run: int) -> str | None:
        sets = self._store.sets(run)
        decided = [one.set for one in self._store.activations() if one.from_run <= run]
        shown = [name for name in decided if name in sets]
        candidates = shown or list(sets)
        return candidates[-1] if candidates else None

    def _read_shelf(self, run: Run, set_hash: str) -> Shelf:
        layouts: dict[str, Layout] = {}
        for workspace in self._store.bookings(set_hash):
            try:
                layouts[workspace] = self._store.layout(set_hash, run.run, workspace)
            except NotStoredError:
                continue  # booked in this set, but the run has brought nothing of it
        records: dict[int, LumisectionRecord] = {}
        conditions: dict[int, Conditions] = {}
        after = None
        while True:
            page = self._store.lumisections(run.run, set=set_hash, after=after)
            for found in page.items:
                records[found.lumisection] = _record(found)
                if found.conditions is not None:
                    conditions[found.lumisection] = found.conditions
            if page.after is None:
                break
            after = page.after
        return Shelf(run.updated, set_hash, dict(sorted(layouts.items())), records, conditions)


def _record(found: Lumisection) -> LumisectionRecord:
    return LumisectionRecord(
        number=found.lumisection,
        closed=found.closed,
        complete=found.complete,
        whole=found.whole,
        versions=(),
        account=found.account,
        late_account=found.late_account,
        late_segments=found.late_segments,
        published=found.published,
    )
