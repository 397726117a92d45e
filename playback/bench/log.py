"""How fast the embedded log appends and reads back, on this disk and these cores."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from dqmstream.clock import SystemClock
from dqmstream.transport.embedded import EmbeddedLog, EmbeddedSettings
from dqmstream.transport.log import Outgoing, TopicSpec

__all__ = ["measure"]

_TOPIC = "dqm.bench"
_PARTITIONS = 4
_CASES = (("500 kB", 500_000, 10, 2_000), ("1 kB", 1_000, 500, 200_000))
_MB = 1e6


def measure() -> list[tuple[str, float, str]]:
    """Append and read back values of two sizes.

    Returns
    -------
    list of (str, float, str)
        What was measured, the figure, its unit.
    """
    return asyncio.run(_measure())


async def _measure() -> list[tuple[str, float, str]]:
    figures: list[tuple[str, float, str]] = []
    for name, size, batch, count in _CASES:
        async with _log(tail_bytes=0) as log:
            seconds = await _append(log, size, batch, count)
            figures += _figures(f"log append {name}, batches of {batch}", size, count, seconds)
            seconds = await _read(log, count)
            figures += _figures(f"log read back {name}", size, count, seconds)
        async with _log(tail_bytes=EmbeddedSettings().tail_bytes) as log:
            seconds = await _follow(log, size, batch, count)
            figures += _figures(f"log append and follow {name}", size, count, seconds)
    async with _log(tail_bytes=0) as log:
        figures.append(("log send of one 1 kB message", await _latency(log) * 1e6, "us"))
    return figures


def _figures(what: str, size: int, count: int, seconds: float) -> list[tuple[str, float, str]]:
    return [
        (what, count * size / seconds / _MB, "MB/s"),
        (what, count / seconds, "messages/s"),
    ]


@asynccontextmanager
async def _log(tail_bytes: int) -> AsyncIterator[EmbeddedLog]:
    with tempfile.TemporaryDirectory(prefix="dqmstream-bench-") as folder:
        settings = EmbeddedSettings(tail_bytes=tail_bytes)
        async with EmbeddedLog.open(Path(folder), clock=SystemClock(), settings=settings) as log:
            await log.ensure_topics([TopicSpec(name=_TOPIC, partitions=_PARTITIONS)])
            yield log


async def _append(log: EmbeddedLog, size: int, batch: int, count: int) -> float:
    """Seconds to append `count` values, a batch to each partition in turn."""
    value = Random(1).randbytes(size)
    begin = time.perf_counter()
    for number in range(count // batch):
        partition = number % _PARTITIONS
        await log.send(
            [
                Outgoing(topic=_TOPIC, partition=partition, key=b"bench", value=value)
                for _ in range(batch)
            ]
        )
    return time.perf_counter() - begin


async def _read(log: EmbeddedLog, count: int) -> float:
    """Seconds to read `count` records from the start."""
    begin = time.perf_counter()
    async with log.reader({(_TOPIC, number): 0 for number in range(_PARTITIONS)}) as reader:
        while count > 0:
            count -= len(await reader.read(timeout=10.0))
    return time.perf_counter() - begin


async def _follow(log: EmbeddedLog, size: int, batch: int, count: int) -> float:
    """Seconds to append while a reader follows, until it has everything."""
    begin = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_read(log, count))
        await _append(log, size, batch, count)
    return time.perf_counter() - begin


async def _latency(log: EmbeddedLog, count: int = 2_000) -> float:
    """Mean seconds of sending one message and waiting for it."""
    return await _append(log, 1_000, 1, count) / count
