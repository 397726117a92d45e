"""Lists of what is known: runs, lumisections, workspaces, reports; live ones before stored ones."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dqmstream.histograms.layout import Layout
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import QualityReports
from dqmstream.quality.summary import Summary
from dqmstream.store.answers import Run
from services.gateway import boards
from services.gateway.archive import Archive, Shelf
from services.gateway.channels import booked_layouts
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.over_runs import OverRuns
from services.gateway.problems import ProblemError, not_found
from services.gateway.records import LumisectionRecord
from services.gateway.report_rows import ReportQuery, chosen_rows, in_range
from services.gateway.run_index import RunIndex
from services.gateway.run_rows import stored_row
from services.gateway.run_sets import Brought, rows_of_sets, sets_in_memory, sets_in_store
from services.gateway.truth import known, newest_reports, suffices
from services.gateway.windows import Window

__all__ = ["Library"]


_LOOK_BACK: Final = 8
"""LSs with reports that are looked through for the newest that matches: a workspace may be judged
a little later than the others."""


class Library:
    """What is known of runs, besides contents.

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
        self.index = RunIndex(view, desk, archive)
        self.over_runs = OverRuns(view, desk, archive)

    async def run_number(self, word: str) -> int:
        """The number of a run; `current` is the live one, or else the newest that is stored."""
        if word != "current":
            return int(word)
        current = await self._desk.ask(lambda: self._view.current)
        if current is not None:
            return current.number
        stored = await self._stored_runs(None, 1)
        if not stored:
            raise not_found("no run is live or stored")
        return stored[0].run

    async def runs(self, before: int | None, limit: int) -> dict[str, Any]:
        """Runs below a number, newest number first."""
        live, current = await self._desk.ask(self._live_runs)
        stored = {run.run: stored_row(run) for run in await self._stored_runs(before, limit)}
        known = stored | {n: row for n, row in live.items() if before is None or n < before}
        rows = [known[number] for number in sorted(known, reverse=True)]
        more = len(rows) > limit or len(stored) == limit
        return {
            "current": current,
            "runs": rows[:limit],
            "after": rows[:limit][-1]["run"] if more else None,
        }

    async def run(self, number: int) -> dict[str, Any]:
        """One run: header, rate, conditions, accounting, labels, workspaces."""
        found = await self._desk.ask(self._live_run, number)
        if found is not None:
            return found
        shelf = await self._shelf(number)
        run = await asyncio.to_thread(self._archive.run, number) if self._archive else None
        if shelf is None or run is None:
            raise _unknown_run(number)
        records = shelf.records
        return {
            "run": stored_row(run)
            | {
                "lumisections": len(records),
                "events": sum(record.account.seen for record in records.values()),
            },
            "rate": None,
            "conditions": boards.newest_conditions(shelf.conditions, max(records, default=0)),
            "accounting": boards.accounting(records.values()),
            "labels": {},
            "workspaces": list(shelf.layouts),
        }

    async def lumisections(self, number: int, first: int, last: int) -> list[dict[str, Any]]:
        """Rows of the LSs of a run from `first` to `last`, rising."""
        live = await self._desk.ask(self._live_lumisections, number)
        records, rows = live or ({}, {})
        shelf = None
        window = Window("range", first, last)
        lent = any(records[n].adopted for n in window.select(sorted(records)))
        # The outcomes of an LS that the store gave are in the store alone.
        if live is None or lent or not suffices(records, window):
            shelf = await self._shelf(number)
        if live is None and shelf is None:
            raise _unknown_run(number)
        if shelf is not None:
            shown = known(records, shelf.records)
            stored = await asyncio.to_thread(self._stored_lumisections, shelf, number, first, last)
            rows = stored | {n: row for n, row in rows.items() if shown[n] is records[n]}
        return [row for n, row in sorted(rows.items()) if first <= n <= last]

    async def conditions(self, number: int) -> dict[int, Conditions]:
        """What is known of the LSs of a run besides their events, by LS; nothing if unknown."""
        live = await self._desk.ask(self._live_conditions, number)
        shelf = await self._shelf(number)
        return {**(shelf.conditions if shelf is not None else {}), **live}

    async def workspaces(self, number: int | None) -> dict[str, Any]:
        """Workspaces with their verdicts in a run."""
        state = await self._desk.ask(self._live_quality, number)
        return {"run": state.header["run"], "workspaces": list(state.rows.values())}

    async def sets(self, number: int) -> list[dict[str, Any]]:
        """Sets of bookings that have brought something of a run, each with its workspaces."""
        live = await self._desk.ask(self._live_sets, number)
        stored: dict[tuple[str, str], Brought] = {}
        if self._archive is not None:
            stored = await asyncio.to_thread(sets_in_store, self._archive, number)
        if not live and not stored:
            raise _unknown_run(number)
        return rows_of_sets(live, stored)

    async def layouts_of(self, number: int, set_hash: str) -> list[Layout]:
        """Layouts of the workspaces that a set has brought of a run, shown or not, by name."""
        live = await self._desk.ask(self._live_layouts_of, number, set_hash)
        shelf = await self._shelf(number, set_hash)
        found = {**(shelf.layouts if shelf is not None else {}), **live}
        if not found:
            msg = f"run {number} has nothing of set {set_hash}: /runs/{number}/sets lists its sets"
            raise not_found(msg)
        return [found[name] for name in sorted(found)]

    async def layouts(self, number: int | None) -> list[Layout]:
        """Layouts of a run's workspaces, by name; of the newest bookings for no run."""
        found, live = await self._desk.ask(self._live_layouts, number)
        if number is None or live:
            return found
        shelf = await self._shelf(number)
        if shelf is None:
            raise _unknown_run(number)
        return list(shelf.layouts.values())

    async def reports(
        self, number: int, query: ReportQuery
    ) -> tuple[list[dict[str, Any]], tuple[int, int] | None]:
        """Reports, newest LS first, and where they go on if there are more than the limit."""
        live, from_start = await self._desk.ask(self._live_reports, number, query)
        shelf = None
        if query.lumisections is not None or not live or not from_start:
            shelf = await self._shelf(number, query.set)
        if shelf is None and not live and number not in self._view.runs:
            raise _unknown_run(number)
        numbers = set(live) | (in_range(shelf.records, query.lumisections) if shelf else set())
        if query.after is not None:
            numbers = {n for n in numbers if n <= query.after[0]}
        rows: list[dict[str, Any]] = []
        looked = 0
        for lumisection in sorted(numbers, reverse=True):
            messages: Sequence[QualityReports] = live.get(lumisection, ())
            asked = not messages or not from_start
            if asked and self._archive is not None and shelf is not None:
                messages = newest_reports(
                    await asyncio.to_thread(self._archive.reports, shelf, number, lumisection),
                    messages,
                )
            found = chosen_rows(messages, query)
            skipped = query.after[1] if query.after and query.after[0] == lumisection else 0
            room = query.limit - len(rows)
            rows += found[skipped : skipped + room]
            if len(found) - skipped > room:
                return rows, (lumisection, skipped + room)
            looked += bool(messages)
            if query.lumisections is None and (found or looked == _LOOK_BACK):
                break
        return rows, None

    # ------------------------------------------------------- on the desk's thread

    def _live_runs(self) -> tuple[dict[int, dict[str, Any]], int | None]:
        self._view.refresh()
        rows = {number: boards.run_row(run) for number, run in self._view.runs.items()}
        return rows, self._view.current.number if self._view.current else None

    def _live_run(self, number: int) -> dict[str, Any] | None:
        self._view.refresh()
        run = self._view.runs.get(number)
        if run is None:
            return None
        return {
            **boards.run_board(run).header,
            "labels": {name: list(labels) for name, labels in run.labels.items()},
            "workspaces": list(run.shown_workspaces()),
        }

    def _live_conditions(self, number: int) -> dict[int, Conditions]:
        run = self._view.runs.get(number)
        return {} if run is None else dict(run.conditions)

    def _live_lumisections(
        self, number: int
    ) -> tuple[Mapping[int, LumisectionRecord], dict[int, Any]] | None:
        self._view.refresh()
        run = self._view.runs.get(number)
        if run is None:
            return None
        rows = {int(n): row for n, row in boards.strip_board(run).rows.items()}
        return run.lumisections(), rows

    def _live_quality(self, number: int | None) -> boards.State:
        self._view.refresh()
        return boards.quality_board(self._view, self._view.run(number))

    def _live_layouts(self, number: int | None) -> tuple[list[Layout], bool]:
        self._view.refresh()
        run = self._view.run(number)
        return booked_layouts(self._view, run), run is not None

    def _live_sets(self, number: int) -> dict[tuple[str, str], Brought]:
        self._view.refresh()
        return sets_in_memory(self._view.runs.get(number))

    def _live_layouts_of(self, number: int, set_hash: str) -> dict[str, Layout]:
        self._view.refresh()
        run = self._view.runs.get(number)
        parts = run.all_workspace_runs() if run is not None else ()
        return {part.layout.workspace: part.layout for part in parts if part.set == set_hash}

    def _live_reports(
        self, number: int, query: ReportQuery
    ) -> tuple[dict[int, list[QualityReports]], bool]:
        """By LS what memory has, and whether it has heard the run from its start."""
        self._view.refresh()
        run = self._view.runs.get(number)
        found: dict[int, list[QualityReports]] = {}
        shown = {(part.set, name) for name, part in run.shown_workspaces().items()} if run else ()
        for scope in run.verdicts.scopes() if run else ():
            if scope.set != query.set and (query.set or scope[:2] not in shown):
                continue
            whole = run.verdicts.whole(scope) if run else {}
            for lumisection in in_range(whole, query.lumisections):
                found.setdefault(lumisection, []).append(whole[lumisection])
        records = run.lumisections() if run else {}
        lent = any(record.adopted for record in records.values())
        return found, not lent and suffices(records, Window("run"))

    # ----------------------------------------------------------------- the store

    async def _shelf(self, number: int, set_hash: str | None = None) -> Shelf | None:
        if self._archive is None:
            return None
        return await asyncio.to_thread(self._archive.shelf, number, set_hash)

    async def _stored_runs(self, before: int | None, limit: int) -> Sequence[Run]:
        if self._archive is None:
            return ()
        return await asyncio.to_thread(self._archive.runs, before, limit)

    def _stored_lumisections(
        self, shelf: Shelf, number: int, first: int, last: int
    ) -> dict[int, Any]:
        """Rows of LSs from `first` to `last`, called on a thread: a run has thousands."""
        outcomes: Mapping[int, dict[str, Summary]] = {}
        if self._archive is not None:
            outcomes = self._archive.outcomes(shelf, number)
        return {
            n: boards.lumisection_row(record, outcomes.get(n, {}), shelf.conditions.get(n))
            for n, record in shelf.records.items()
            if first <= n <= last
        }


def _unknown_run(number: int) -> ProblemError:
    return not_found(f"run {number} is neither live nor stored")
