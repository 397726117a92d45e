"""The store as the gateway asks it: of each workspace of a run the set that readers show.

Blocking, from any thread, as the store is. Listings of a run are kept until the store says that
they may have changed: by sets that came, by late ones, by conditions, however late they are told.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import Final, NamedTuple

from dqmstream.errors import NotStoredError
from dqmstream.histograms.layout import Layout
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome, QualityReports
from dqmstream.quality.summary import Summary
from dqmstream.store.answers import AsOf, ElementTrend, Lumisection, Run, Window
from dqmstream.store.standing import RunStanding
from dqmstream.store.store import Store
from dqmstream.store.tallies import RunTally
from services.gateway.problems import not_found
from services.gateway.records import LumisectionRecord
from services.gateway.shown_sets import sets_shown
from services.gateway.together import together

__all__ = ["Archive", "Shelf", "stored_shelf"]

_KEPT_SHELVES: Final = 16
_PAGE: Final = 1_000
_NOW: Final = AsOf()


class Shelf(NamedTuple):
    """What the store lists of one run, as of a `standing`.

    `booked` names the sets of each workspace, `sets` the one that is shown; `records` are those of
    all sets shown together.
    """

    standing: RunStanding
    booked: Mapping[str, tuple[str, ...]]
    sets: Mapping[str, str]
    layouts: Mapping[str, Layout]
    records: Mapping[int, LumisectionRecord]
    records_by_set: Mapping[str, Mapping[int, LumisectionRecord]]
    conditions: Mapping[int, Conditions]

    def records_of(self, workspace: str) -> Mapping[int, LumisectionRecord]:
        """Records of the LSs of one workspace."""
        return self.records_by_set[self.sets[workspace]]


class Archive:
    """Runs that are stored.

    Parameters
    ----------
    store
        The store; the caller opens and closes it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._shelves: OrderedDict[tuple[int, str | None], Shelf] = OrderedDict()
        self._lock = Lock()

    @property
    def store(self) -> Store:
        """The store itself."""
        return self._store

    def log(self) -> str | None:
        """Identity of the log that is stored."""
        return self._store.log()

    def positions(self) -> Mapping[tuple[str, int], int]:
        """By (topic, partition): the store holds everything below this offset."""
        return self._store.positions()

    def runs(
        self, before: int | None, limit: int, outcome: Outcome | None = None
    ) -> tuple[Run, ...]:
        """Stored runs with numbers below `before`, newest number first; with an `outcome` those of
        which an LS has it, in any set."""
        after = None if before is None else (before,)
        return self._store.runs(after=after, limit=limit, outcome=outcome).items

    def summaries(self, numbers: Sequence[int]) -> dict[int, tuple[RunTally, dict[str, str]]]:
        """What runs come to, as it was counted, and the set of each workspace that is shown."""
        tallies, sets = self._store.tallies(numbers), self.sets_of(numbers)
        return {number: (tallies[number], sets[number]) for number in numbers}

    def sets_of(self, numbers: Sequence[int]) -> dict[int, dict[str, str]]:
        """The set of each workspace that is shown of runs."""
        brought, activations = self._store.brought(numbers), self._store.activations()
        booked: dict[str, Sequence[str]] = {}
        found: dict[int, dict[str, str]] = {}
        for number in numbers:
            sets: dict[str, list[str]] = {}
            for name in sorted({name for name, _ in brought[number]}):
                if name not in booked:
                    booked[name] = tuple(self._store.bookings(name))
                for workspace in booked[name]:
                    sets.setdefault(workspace, []).append(name)
            shown = sets_shown(number, sets, activations)
            there = frozenset(brought[number])
            chosen = {
                workspace: next((name for name in names if (name, workspace) in there), None)
                for workspace, names in shown.items()
            }
            found[number] = {w: name for w, name in chosen.items() if name}
        return found

    def run(self, number: int) -> Run | None:
        """A stored run, None if there is nothing of it."""
        found = self.runs(number + 1, 1)
        return found[0] if found and found[0].run == number else None

    def shelf(self, number: int, set_hash: str | None = None) -> Shelf | None:
        """What is listed of a run: of one set, or of each workspace under the set that readers
        show; None if it is not there."""
        names = [name for name in self._store.sets(number) if set_hash in {None, name}]
        chosen = self._sets_shown(number, names)
        if not chosen:
            return None
        # Before what is listed: what comes in between is then read once more, and not missed.
        standing = self._store.standing(number)
        key = (number, set_hash)
        with self._lock:
            held = self._shelves.get(key)
        if held is not None and (held.standing, held.booked) == (standing, chosen):
            return held
        shelf = self._read_shelf(number, standing, chosen)
        with self._lock:
            self._shelves[key] = shelf
            self._shelves.move_to_end(key)
            while len(self._shelves) > _KEPT_SHELVES:
                self._shelves.popitem(last=False)
        return shelf

    def sets(self, number: int) -> tuple[str, ...]:
        """All sets that have brought something of a run, shown or not, sorted."""
        return tuple(self._store.sets(number))

    def workspace_window(
        self, shelf: Shelf, run: int, workspace: str, lumisections: Iterable[int]
    ) -> Window:
        """Sum of all elements of a workspace over those LSs of a run that are stored."""
        return self._store.contents(shelf.sets[workspace], run, workspace, lumisections)

    def late_window(
        self,
        shelf: Shelf,
        run: int,
        workspace: str,
        lumisections: Iterable[int],
        *,
        as_of: AsOf = _NOW,
    ) -> Window:
        """Sum of what came late for those LSs of a run, of all elements of a workspace."""
        return self._store.late(shelf.sets[workspace], run, workspace, lumisections, as_of=as_of)

    def known(
        self, shelf: Shelf, run: int, workspace: str, as_of: AsOf
    ) -> dict[int, LumisectionRecord]:
        """The LSs of which contents of a workspace were known then, as they are known now."""
        records: dict[int, LumisectionRecord] = {}
        after = None
        while True:
            page = self._store.lumisections(
                run, set=shelf.sets[workspace], workspace=workspace, as_of=as_of, after=after
            )
            records |= {found.lumisection: _record(found) for found in page.items}
            if page.after is None:
                return records
            after = page.after

    def element_window(
        self,
        shelf: Shelf,
        run: int,
        workspace: str,
        path: str,
        lumisections: Iterable[int],
        *,
        as_of: AsOf = _NOW,
    ) -> Window:
        """Sum of one element over those LSs of a run that are stored."""
        return self._store.element_window(
            shelf.sets[workspace], run, workspace, path, lumisections, as_of=as_of
        )

    def element_trend(
        self,
        shelf: Shelf,
        run: int,
        workspace: str,
        path: str,
        lumisections: Iterable[int],
        *,
        as_of: AsOf = _NOW,
    ) -> ElementTrend:
        """One element in each of those LSs of a run that are stored."""
        return self._store.element_trend(
            shelf.sets[workspace], run, workspace, path, lumisections, as_of=as_of
        )

    def reports(self, shelf: Shelf, run: int, lumisection: int) -> tuple[QualityReports, ...]:
        """All reports of one LS of a run."""
        found: list[QualityReports] = []
        for name in shelf.records_by_set:
            page = self._store.reports(run, set=name, lumisection=lumisection, limit=_PAGE)
            found += [one for one in page.items if shelf.sets.get(one.workspace) == name]
        return tuple(found)

    def outcomes(self, shelf: Shelf, run: int) -> dict[int, dict[str, Summary]]:
        """By LS and workspace: how the reports on single LSs came out."""
        found: dict[int, dict[str, Summary]] = {}
        for name in shelf.records_by_set:
            after = None
            while True:
                page = self._store.outcomes(run, set=name, scope="lumisection", after=after)
                for counts in page.items:
                    if shelf.sets.get(counts.workspace) == name:
                        of_lumisection = found.setdefault(counts.lumisection, {})
                        of_lumisection[counts.workspace] = Summary(counts.counts)
                if page.after is None:
                    break
                after = page.after
        return found

    def _sets_shown(self, run: int, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Sets that have booked each workspace and are shown, the first before the others."""
        brought: dict[str, list[str]] = {}
        for name in names:
            for workspace in self._store.bookings(name):
                brought.setdefault(workspace, []).append(name)
        return sets_shown(run, brought, self._store.activations())

    def _read_shelf(
        self, run: int, standing: RunStanding, booked: Mapping[str, tuple[str, ...]]
    ) -> Shelf:
        layouts: dict[str, Layout] = {}
        sets: dict[str, str] = {}
        for workspace, names in sorted(booked.items()):
            for name in names:
                try:
                    layouts[workspace] = self._store.layout(name, run, workspace)
                except NotStoredError:
                    continue  # booked in this set, but the run has brought nothing of it
                sets[workspace] = name
                break
        conditions: dict[int, Conditions] = {}
        by_set = {
            name: self._records(run, name, conditions) for name in dict.fromkeys(sets.values())
        }
        numbers = sorted({number for records in by_set.values() for number in records})
        records = {
            number: together([of_set[number] for of_set in by_set.values() if number in of_set])
            for number in numbers
        }
        return Shelf(standing, booked, sets, layouts, records, by_set, conditions)

    def _records(
        self, run: int, set_hash: str, conditions: dict[int, Conditions]
    ) -> dict[int, LumisectionRecord]:
        """Records of one set; conditions are added to those known."""
        records: dict[int, LumisectionRecord] = {}
        after = None
        while True:
            page = self._store.lumisections(run, set=set_hash, after=after)
            for found in page.items:
                records[found.lumisection] = _record(found)
                if found.conditions is not None:
                    conditions[found.lumisection] = found.conditions
            if page.after is None:
                return records
            after = page.after


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


def stored_shelf(archive: Archive, run: int) -> Shelf:
    """What is listed of a run; ProblemError 404 if it is not stored."""
    shelf = archive.shelf(run)
    if shelf is None:
        msg = f"run {run} is not stored"
        raise not_found(msg)
    return shelf
