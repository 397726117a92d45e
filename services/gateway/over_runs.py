"""Trends over runs: one number of an element in each of many runs, newest number first.

A run in memory is read as its contents are; of any other the store reads this one element alone.
Runs that are not asked for cost nothing, however many are stored.
"""

from typing import Any, Final, NamedTuple

from dqmstream.clock import Clock
from dqmstream.errors import NotStoredError, WindowError
from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome
from services.gateway import boards
from services.gateway.archive import Archive
from services.gateway.closed_total import NotInMemoryError
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.place import Place
from services.gateway.readings import Readings
from services.gateway.run_points import Row, Taken, booked_as, point
from services.gateway.run_view import RunView
from services.gateway.stored_points import (
    RunsAsked,
    StoredRun,
    outcome_of,
    stored_outcome,
    stored_point,
    stored_runs,
)

__all__ = ["OverRuns"]

_SECONDS: Final = 10.0
"""What is not read by then is left to the next answer."""


class _Live(NamedTuple):
    """A run in memory; `set` is "" if it has nothing of the workspace, `element` is None if the
    element is not booked."""

    row: Row
    set: str
    element: ElementLayout | None
    outcome: Outcome | None


class OverRuns:
    """Reads points of trends over runs.

    Parameters
    ----------
    view, desk
        The live view and its thread.
    archive
        The stored runs; None if this gateway has no store.
    """

    def __init__(self, view: LiveView, desk: Desk, archive: Archive | None) -> None:
        self._view = view
        self._desk = desk
        self._archive = archive

    async def points(
        self, asked: RunsAsked, readings: Readings, clock: Clock
    ) -> tuple[list[dict[str, Any]], int | None]:
        """The points, and below which run to go on; None at the end.

        One answer takes about ten seconds at most: it is shorter where runs are long to read.
        """
        began = clock.monotonic()
        live = await self._desk.ask(self._in_memory, asked)
        stored: dict[int, StoredRun] = {}
        edge: int | None = None
        if self._archive is not None:
            held = frozenset(number for number, run in live.items() if run.set)
            stored, edge = await readings.stored(stored_runs, self._archive, asked, held)
        there = {n for n in live if edge is None or n >= edge} | set(stored)
        numbers = sorted(there, reverse=True)[: asked.limit]
        if len(there) > len(numbers):
            edge = numbers[-1]
        made: list[dict[str, Any]] = []
        for number in numbers:
            if made and clock.monotonic() - began > _SECONDS:
                return made, made[-1]["run"]
            if number in stored and self._archive is not None:
                made.append(
                    await readings.stored(stored_point, self._archive, asked, stored[number])
                )
            else:
                made.append(await self._live_point(asked, live[number], readings))
        return made, edge

    async def _live_point(
        self, asked: RunsAsked, live: _Live, readings: Readings
    ) -> dict[str, Any]:
        row, set_hash, element, outcome = live
        booked = booked_as(asked.measure.element.element, element.element if element else None)
        if element is None:
            return point(row, asked.measure, booked, None, outcome=None)
        if outcome is None and self._archive is not None:
            there = StoredRun(row, set_hash)
            outcome = await readings.stored(stored_outcome, self._archive, asked, there)
        place, taken, problem = Place(row["run"], asked.workspace, set_hash), None, ""
        try:
            reading = (await readings.read(place, [element], asked.window))[0]
            told = {}
            if asked.measure.quantity == "rate":
                told = await self._conditions(row["run"], readings)
            taken = Taken(reading.contents, reading.covered.numbers, told)
        except (NotInMemoryError, NotStoredError, WindowError) as error:
            problem = str(error)
        return point(row, asked.measure, booked, taken, outcome=outcome, problem=problem)

    async def _conditions(self, run: int, readings: Readings) -> dict[int, Conditions]:
        told = await self._desk.ask(self._told, run)
        if self._archive is None:
            return told
        return await readings.stored(self._archive.store.conditions, run) | told

    # -------------------------------------------------------- on the desk's thread

    def _in_memory(self, asked: RunsAsked) -> dict[int, _Live]:
        self._view.refresh()
        found: dict[int, _Live] = {}
        for number, run in self._view.runs.items():
            row = boards.run_row(run)
            if number >= asked.before or not asked.runs.may_mean(row):
                continue
            part = run.shown(asked.workspace)
            if part is None:
                found[number] = _Live(row, "", None, None)
                continue
            is_booked = asked.path in part.layout
            element = part.layout[asked.path] if is_booked else None
            found[number] = _Live(row, part.set, element, _judged(run, part.set, asked))
        return found

    def _told(self, number: int) -> dict[int, Conditions]:
        run = self._view.runs.get(number)
        return {} if run is None else dict(run.conditions)


def _judged(run: RunView, set_hash: str, asked: RunsAsked) -> Outcome | None:
    """As the store says it (`Store.newest_reports`), from what memory has heard."""
    by_scope = [
        run.verdicts.whole(scope)
        for scope in run.verdicts.scopes()
        if (scope.set, scope.workspace) == (set_hash, asked.workspace)
    ]
    newest = max((max(whole) for whole in by_scope if whole), default=None)
    return outcome_of(
        [whole[newest] for whole in by_scope if newest is not None and newest in whole], asked.path
    )
