"""`dqm.configuration` in memory: which posted workspaces hold for which run."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Final, Self

import structlog

from dqmstream.clock import Clock
from dqmstream.configuration.workspaces_by_run import WorkspacesByRun
from dqmstream.errors import MessageError
from dqmstream.messages.configuration import RunSeen
from dqmstream.messages.topics import CONFIGURATION
from dqmstream.messages.wire import CODEC
from dqmstream.transport.followed import FollowedTopic
from dqmstream.transport.log import Log, Outgoing, Record
from dqmstream.transport.outgoing import outgoing
from dqmstream.transport.patience import PatientLog

__all__ = ["KnownWorkspaces"]

_LOOK: Final = 1.0


class KnownWorkspaces:
    """What was posted, and which runs were met, as far as it was read.

    Parameters
    ----------
    log
        Where it is published; reading waits while it is away.
    who
        Reads it, and says that it has met a run: unique among processes of the log.
    clock
        For keys.
    """

    def __init__(self, log: Log, who: str, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._who = who
        self._topic = FollowedTopic(PatientLog(log), CONFIGURATION)
        self._changed = asyncio.Condition()
        self._said: set[int] = set()
        self.by_run = WorkspacesByRun()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Self]:
        """All that is in the log now is known; `follow` has what comes after."""
        async with self._topic.reading(self._take):
            yield self

    async def follow(self) -> None:
        """Take in what comes, for ever; only one task may."""
        while True:
            await self.news(_LOOK)

    async def news(self, timeout: float = 0.0) -> bool:
        """Take in what has come, waiting so long for the first of it; whether it changes
        anything."""
        came = False
        async for record in self._topic.news(timeout):
            came |= self._take(record)
        if came:
            async with self._changed:
                self._changed.notify_all()
        return came

    async def changed(self, timeout: float) -> None:
        """Wait for a change, or so many seconds."""
        try:
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait()
        except TimeoutError:
            pass

    async def decide(self, runs: Collection[int]) -> None:
        """See to it that the generation of these runs cannot change any more.

        To be awaited before a record of them is folded, while `follow` runs.

        Raises
        ------
        LogUnavailableError
            If the log is away: to be asked again, which makes records of other keys. Those that
            seemed to fail may be in the log.
        """
        met = [run for run in sorted(set(runs)) if not self.by_run.is_decided(run)]
        new = [run for run in met if run not in self._said]
        if new:
            await self._log.send([self._record(run) for run in new])
            self._said.update(new)
        async with self._changed:
            await self._changed.wait_for(lambda: all(map(self.by_run.is_decided, met)))
        self._said.difference_update(met)

    def _record(self, run: int) -> Outgoing:
        # No key comes twice: of two records compaction would keep the later one, and the first
        # decides.
        key = f"run/{run}/{self._who}/{self._clock.wall()}"
        return outgoing(CONFIGURATION, 0, RunSeen(run=run, who=self._who), key.encode())

    def _take(self, record: Record) -> bool:
        if record.value is None:
            return self.by_run.take(record.offset, None)
        try:
            message = CODEC.decode(record.headers, record.value)
        except MessageError as error:
            structlog.get_logger().error(
                "record refused", topic=record.topic, offset=record.offset, error=str(error)
            )
            return self.by_run.take(record.offset, None)
        return self.by_run.take(record.offset, message)
