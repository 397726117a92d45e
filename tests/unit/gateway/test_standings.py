"""Where sources stand: read on from where the last look stopped, however it ended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dqmstream.clock import SystemClock
from dqmstream.messages.checkpoints import SourceCheckpoint
from dqmstream.messages.topics import CHECKPOINTS
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.outgoing import outgoing
from services.gateway.ingest_standings import SourceStandings
from tests.filled import make_topics

SOURCES = 40


class SlowLog:
    """A log before another one: each reader gives three records, one by one, and then nothing."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.readers = self.given = 0
        self.limit = asyncio.timeout(None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    @asynccontextmanager
    async def reader(self, positions: Any) -> AsyncIterator["SlowReader"]:
        self.readers += 1
        async with self._log.reader(positions) as reader:
            yield SlowReader(self, reader)


class SlowReader:
    def __init__(self, log: SlowLog, reader: Any) -> None:
        self._log, self._reader, self._left = log, reader, 3

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    async def read(self, timeout: float) -> list[Any]:
        if not self._left:
            self._log.limit.reschedule(0.0)
            await asyncio.Event().wait()
        self._left -= 1
        found: list[Any] = await self._reader.read(max_records=1, timeout=timeout)
        self._log.given += len(found)
        return found


async def test_a_look_that_runs_out_of_time_leaves_less_for_the_next() -> None:
    """A topic that takes longer than one request may is read by several of them, once."""
    made = MemoryLog(SystemClock(), stride=1)
    await make_topics(made, 1)
    for number in range(SOURCES):
        said = SourceCheckpoint(run=1, source=f"s{number}", incarnation="one", lumisection=number)
        await made.send([outgoing(CHECKPOINTS, 0, said, said.source.encode())])
    log = SlowLog(made)
    standings = SourceStandings(log)
    for _ in range((SOURCES - 1) // 3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(None) as log.limit:
                await standings.of_run(1)
    found = await standings.of_run(1)
    assert {name: one.lumisection for name, one in found.items()} == {
        f"s{number}": number for number in range(SOURCES)
    }
    assert (log.readers, log.given) == ((SOURCES - 1) // 3 + 1, SOURCES)
