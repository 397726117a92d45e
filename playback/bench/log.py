"""How fast the embedded log appends and reads back, on this disk and these cores."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from dqmstream.clock import SystemClock
from dqmstream.errors import LogError
from dqmstream.transport.embedded import EmbeddedLog, EmbeddedSettings
from dqmstream.transport.log import Outgoing, TopicSpec
from playback.bench.row import Row

__all__ = ["measure"]

_TOPIC = "dqm.bench"
_PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class _Case:
    """Values of one size, sent `batch` at a time; figures are in bytes (MB) or in messages."""

    name: str
    size: int
    batch: int
    count: int
    unit: str
    goal: float

    def row(self, name: str, seconds: float) -> Row:
        amount = self.count * self.size / 1e6 if self.unit == "MB/s" else self.count
        return Row(name=name, value=amount / seconds, unit=self.unit, goal=self.goal)


_LARGE = _Case("500 kB, 10 at a time", 500_000, 10, 2_000, "MB/s", 200.0)
_SMALL = _Case("1 kB, 500 at a time", 1_000, 500, 200_000, "messages/s", 30_000.0)
_SINGLE = _Case("1 kB, 1 at a time", 1_000, 1, 2_000, "messages/s", 0.0)
_CASES = (_LARGE, _SMALL)


def measure() -> list[Row]:
    """Append and read back values of two sizes; a figure counts only if every record came back."""
    return asyncio.run(_measure())


async def _measure() -> list[Row]:
    rows: list[Row] = []
    for case in _CASES:
        async with _log(tail_bytes=0) as log:
            rows.append(case.row(f"log: append {case.name}", await _append(log, case)))
            rows.append(case.row(f"log: read back {case.name}", await _read(log, case.count)))
        async with _log(tail_bytes=EmbeddedSettings().tail_bytes) as log:
            rows.append(case.row(f"log: append and follow {case.name}", await _follow(log, case)))
    async with _log(tail_bytes=0) as log:
        seconds = await _append(log, _SINGLE) / _SINGLE.count
    rows.append(
        Row(name="log: send one 1 kB", value=seconds * 1e6, unit="us", higher_is_better=False)
    )
    return rows


@asynccontextmanager
async def _log(tail_bytes: int) -> AsyncIterator[EmbeddedLog]:
    with tempfile.TemporaryDirectory(prefix="dqmstream-bench-") as folder:
        settings = EmbeddedSettings(tail_bytes=tail_bytes)
        async with EmbeddedLog.open(Path(folder), clock=SystemClock(), settings=settings) as log:
            await log.ensure_topics([TopicSpec(name=_TOPIC, partitions=_PARTITIONS)])
            yield log


async def _append(log: EmbeddedLog, case: _Case) -> float:
    """Seconds to append the values, a batch to each partition in turn."""
    value = Random(1).randbytes(case.size)
    begin = time.perf_counter()
    for number in range(case.count // case.batch):
        partition = number % _PARTITIONS
        await log.send(
            [
                Outgoing(topic=_TOPIC, partition=partition, key=b"bench", value=value)
                for _ in range(case.batch)
            ]
        )
    return time.perf_counter() - begin


async def _read(log: EmbeddedLog, count: int) -> float:
    """Seconds to read `count` records from the start."""
    begin = time.perf_counter()
    async with log.reader({(_TOPIC, number): 0 for number in range(_PARTITIONS)}) as reader:
        while count > 0:
            records = await reader.read(timeout=10.0)
            if not records:
                msg = f"{count} records did not come back"
                raise LogError(msg)
            count -= len(records)
    return time.perf_counter() - begin


async def _follow(log: EmbeddedLog, case: _Case) -> float:
    """Seconds to append while a reader follows, until it has everything."""
    begin = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_read(log, case.count))
        await _append(log, case)
    return time.perf_counter() - begin
