"""Sums over a run that the log no longer holds from its start are built on the store's."""

import asyncio

import structlog

from dqmstream.errors import DqmError, NotStoredError, StoreError
from services.gateway.archive import Archive
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.workspace_run import WorkspaceRun

__all__ = ["Backfill"]

_PAUSE = 5.0

_Key = tuple[int, str, str]


class Backfill:
    """Gives live runs the lumisections before the log's, once; and again when a sum was lost.

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
        self._done: set[_Key] = set()
        self._logger = structlog.get_logger().bind(service="gateway")

    async def run(self) -> None:
        """Look every few seconds, for ever."""
        while True:
            await self.look()
            await asyncio.sleep(_PAUSE)

    async def look(self) -> None:
        """Build anew every sum that has to be."""
        for part in await self._desk.ask(self._lacking):
            key = _key(part)
            try:
                if await self._rebase(part):
                    self._done.add(key)
            except DqmError as error:
                # A store that is away is asked again; what it does not hold is not asked for twice.
                if not isinstance(error, StoreError) or isinstance(error, NotStoredError):
                    self._done.add(key)
                self._logger.warning("sum over a run not taken from the store", error=str(error))

    def _lacking(self) -> list[WorkspaceRun]:
        self._view.refresh()
        parts = [p for run in self._view.runs.values() for p in run.all_workspace_runs()]
        self._done &= {_key(part) for part in parts}
        return [
            part
            for part in parts
            if part.total_lost
            or (_key(part) not in self._done and min(part.records, default=1) > 1)
        ]

    async def _rebase(self, part: WorkspaceRun) -> bool:
        """Whether there is nothing more to do for this part."""
        workspace = part.layout.workspace
        shelf = await asyncio.to_thread(self._archive.shelf, part.run, part.set)
        if shelf is None or workspace not in shelf.layouts:
            return not part.total_lost
        held = set(await self._desk.ask(part.in_memory))
        wanted = [number for number in sorted(shelf.records) if number not in held]
        window = await asyncio.to_thread(
            self._archive.workspace_window, shelf, part.run, workspace, wanted
        )
        rebased = await self._desk.ask(
            part.rebase, shelf.records, window.contents, window.lumisections
        )
        if rebased:
            await self._desk.ask(self._view.runs[part.run].update, window.lumisections)
        return rebased


def _key(part: WorkspaceRun) -> _Key:
    return (part.run, part.set, part.layout.workspace)
