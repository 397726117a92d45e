"""Points of trends over runs that are stored. Blocking, from any thread, as the store is."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from dqmstream.errors import NotStoredError, WindowError
from dqmstream.messages.quality import Outcome, QualityReports
from dqmstream.quality.summary import worst_of
from dqmstream.store.answers import Run
from services.gateway.archive import Archive
from services.gateway.run_index import RunQuery, stored_page
from services.gateway.run_points import Measure, Row, Taken, booked_as, point
from services.gateway.windows import Window

__all__ = ["RunsAsked", "StoredRun", "outcome_of", "stored_outcome", "stored_point", "stored_runs"]


class RunsAsked(NamedTuple):
    """Of which runs, and what.

    Parameters
    ----------
    workspace, measure
        The element and the number.
    window
        Which LSs of each run: the whole `run`, or a `range`.
    runs
        Which runs count.
    before
        Only runs with smaller numbers.
    limit
        At most so many.
    """

    workspace: str
    measure: Measure
    window: Window
    runs: RunQuery
    before: int
    limit: int

    @property
    def path(self) -> str:
        """Of the element."""
        return self.measure.element.element.path


class StoredRun(NamedTuple):
    """A stored run, and the set of the workspace that readers show; "" if it has none of it."""

    row: Row
    set: str


def stored_runs(
    archive: Archive, asked: RunsAsked, live: frozenset[int]
) -> tuple[dict[int, StoredRun], int | None]:
    """By number, stored runs that are meant and not `live`, and below which number to look on; None
    at the end."""

    def made(some: Sequence[tuple[Run, Row]]) -> dict[int, StoredRun]:
        shown = archive.sets_of([run.run for run, _ in some])
        return {
            run.run: StoredRun(row, shown[run.run].get(asked.workspace, "")) for run, row in some
        }

    found, edge = stored_page(archive, asked.runs, asked.before, asked.limit, live=live, made=made)
    return {each.row["run"]: each for each in found}, edge


def stored_point(archive: Archive, asked: RunsAsked, stored: StoredRun) -> dict[str, Any]:
    """The point of a run: reads its layout, its newest reports and the cells of this element."""
    row, set_hash = stored
    store, run, measure = archive.store, row["run"], asked.measure
    outcome, problem, booked, taken = None, "", booked_as(measure.element.element, None), None
    try:
        if not set_hash:
            return point(row, measure, booked, None, outcome=None)
        layout = store.layout(set_hash, run, asked.workspace)
        if asked.path not in layout:
            return point(row, measure, booked, None, outcome=None)
        booked = booked_as(measure.element.element, layout[asked.path].element)
        outcome = stored_outcome(archive, asked, stored)
        numbers = None
        if asked.window.kind == "range":
            numbers = range(asked.window.first, asked.window.last + 1)
        window = store.element_window(set_hash, run, asked.workspace, asked.path, numbers)
        told = store.conditions(run) if measure.quantity == "rate" else {}
        taken = Taken(window.contents, window.lumisections, told)
    except (NotStoredError, WindowError) as error:
        problem = str(error)
    return point(row, measure, booked, taken, outcome=outcome, problem=problem)


def stored_outcome(archive: Archive, asked: RunsAsked, stored: StoredRun) -> Outcome | None:
    """How the element was judged at the end of a run."""
    found = archive.store.newest_reports(stored.set, stored.row["run"], asked.workspace)
    return outcome_of(found, asked.path)


def outcome_of(messages: Iterable[QualityReports], path: str) -> Outcome | None:
    """The worst that is said of an element in some reports; None if nothing is."""
    outcomes = [
        report.outcome for each in messages for report in each.reports if report.path == path
    ]
    return worst_of(outcomes) if outcomes else None
