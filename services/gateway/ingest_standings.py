"""Where sources stand, read from `dqm.checkpoints` when somebody asks."""

import asyncio
from collections import OrderedDict
from typing import Final

from dqmstream.errors import MessageError
from dqmstream.messages.checkpoints import SourceCheckpoint
from dqmstream.messages.topics import CHECKPOINTS
from dqmstream.producing.standings import source_checkpoint
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log
from dqmstream.transport.record import Record

__all__ = ["SourceStandings"]

_MOST: Final = 1 << 14
"""Sources of runs that are kept; a run that spoke longer ago is over."""


class SourceStandings:
    """The newest checkpoint of each source of each run.

    Each look reads what has come since the last one; the first reads all that the topic keeps,
    and one that is given up is gone on with by the next.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._turn = asyncio.Lock()
        self._read_to: dict[int, int] = {}
        self._newest: OrderedDict[tuple[int, str], SourceCheckpoint] = OrderedDict()

    async def of_run(self, run: int) -> dict[str, SourceCheckpoint]:
        """By name of the source, as of now; LogUnavailableError if the log is away."""
        await self._look()
        return {found.source: found for found in self._newest.values() if found.run == run}

    async def of(self, run: int, source: str) -> SourceCheckpoint | None:
        """The newest of one source, as of now; LogUnavailableError if the log is away."""
        await self._look()
        return self._newest.get((run, source))

    async def _look(self) -> None:
        async with self._turn:
            # First the ends: what comes after them is read twice rather than never.
            ends = {
                partition: (await self._log.bounds(CHECKPOINTS, partition)).end
                for partition in range(self._log.partitions(CHECKPOINTS))
            }
            async for record in read_to_end(self._log, CHECKPOINTS, self._read_to):
                # At once: who runs out of time leaves the next one less to read.
                self._take(record)
                self._read_to[record.partition] = record.offset + 1
            self._read_to = ends

    def _take(self, record: Record) -> None:
        try:
            found = source_checkpoint(record)
        except MessageError:
            # A later release's, or nobody's: a source then sends more than it had to.
            return
        if found is not None:
            self._newest[found.run, found.source] = found
            self._newest.move_to_end((found.run, found.source))
            if len(self._newest) > _MOST:
                self._newest.popitem(last=False)
