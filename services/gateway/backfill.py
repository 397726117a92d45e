"""Sums over a run that the log no longer holds from its start are built on the store's."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import structlog

from dqmstream.errors import DqmError, NotStoredError, StoreError
from dqmstream.store.answers import Window as StoredWindow
from dqmstream.store.standing import RunStanding
from services.gateway.archive import Archive
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.records import LumisectionRecord
from services.gateway.truth import suffices
from services.gateway.windows import Window
from services.gateway.workspace_run import WorkspaceRun

__all__ = ["Backfill"]

_PAUSE = 5.0

_Key = tuple[int, str, str]


class _Asked(NamedTuple):
    """What was asked for in vain, or in part, and what the store held and the sum was then."""

    standing: RunStanding
    wanted: list[int]
    lost: bool


class Backfill:
    """Gives live runs the lumisections that memory lacks, and again those of a sum that was lost.

    Parameters
    ----------
    view, desk
        The live view and its thread.
    archive
        The stored runs.
    """

    def __init__(self, view: LiveView, desk: Desk, archive: Archive) -> None:
        self._view = view
        self._desk = desk
        self._archive = archive
        self._asked: dict[_Key, _Asked] = {}
        self.looked = asyncio.Event()
        """Set once all that was lacking at the start was asked for."""
        self._logger = structlog.get_logger().bind(service="gateway")

    async def run(self) -> None:
        """Look every few seconds, for ever."""
        while True:
            await self.look()
            self.looked.set()
            await asyncio.sleep(_PAUSE)

    async def look(self) -> None:
        """Build anew every sum that has to be, and look again at what late data came for."""
        for part in await self._desk.ask(self._lacking):
            try:
                await self._rebase(part)
            except DqmError as error:
                self._logger.warning("sum over a run not taken from the store", error=str(error))

    def _lacking(self) -> list[WorkspaceRun]:
        """Parts that lack LSs, or pieces of some, which the store may have by now."""
        self._view.refresh()
        parts = [p for run in self._view.runs.values() for p in run.all_workspace_runs()]
        keys = {_key(part) for part in parts}
        self._asked = {key: asked for key, asked in self._asked.items() if key in keys}
        return [
            part
            for part in parts
            if part.records and (part.total_lost or not suffices(part.records, Window("run")))
        ]

    async def _rebase(self, part: WorkspaceRun) -> None:
        workspace, key = part.layout.workspace, _key(part)
        shelf = await asyncio.to_thread(self._archive.shelf, part.run, part.set)
        if shelf is None or workspace not in shelf.layouts:
            return
        records = shelf.records_of(workspace)
        wanted = await self._desk.ask(self._wanting, part, records)
        # What the store does not hold is not asked for twice, as long as it holds no more.
        if wanted is None:
            return
        asked = _Asked(shelf.standing, wanted, part.total_lost)
        if self._asked.get(key) == asked:
            return
        try:
            window = await asyncio.to_thread(
                self._archive.workspace_window, shelf, part.run, workspace, wanted
            )
        except DqmError as error:
            if not isinstance(error, StoreError) or isinstance(error, NotStoredError):
                self._asked[key] = asked
            raise
        taken = await self._desk.ask(self._take, part, records, window)
        if taken and len(window.lumisections) < len(wanted):
            self._asked[key] = asked._replace(lost=False)

    def _wanting(
        self, part: WorkspaceRun, records: Mapping[int, LumisectionRecord]
    ) -> list[int] | None:
        self._view.refresh()
        before = part.revision
        wanted = part.wanting(records)
        if part.revision != before:
            self._changed(part, records)
        return wanted

    def _take(
        self, part: WorkspaceRun, records: Mapping[int, LumisectionRecord], window: StoredWindow
    ) -> bool:
        self._view.refresh()
        if not part.rebase(records, window.contents, window.lumisections):
            return False
        self._changed(part, window.lumisections)
        return True

    def _changed(self, part: WorkspaceRun, numbers: Iterable[int]) -> None:
        run = self._view.runs.get(part.run)
        if run is not None:
            run.update(numbers)
        self._view.changes += 1


def _key(part: WorkspaceRun) -> _Key:
    return (part.run, part.set, part.layout.workspace)
