"""End to end through producer and fillers: whatever crashes, the closed contents are exact."""

import asyncio
import random
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from dqmstream.booking_set import BookingSet
from dqmstream.clock import SystemClock
from dqmstream.fold.state import FoldSettings
from dqmstream.histograms.layout import Layout
from dqmstream.producing import produce
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.embedded import EmbeddedLog
from dqmstream.transport.log import Log, Outgoing
from services.filler.announcing import announce
from tests.filled import fill, fill_to_the_end, make_topics
from tests.random_run import (
    BOOKING,
    RandomRun,
    assert_equal_to_boost,
    batch_fill,
    random_batch,
)


async def _fill_with_crashes(log: Log, booking_set: BookingSet, rng: random.Random) -> None:
    """Fillers that are killed again and again, two at a time."""

    async def live(name: str, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await fill(log, booking_set, name)

    for life in range(8):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(live(f"a{life}", rng.uniform(0.005, 0.08)))
            tasks.create_task(live(f"b{life}", rng.uniform(0.005, 0.08)))


async def _produce_with_repeats(log: Log, source: RandomRun, rng: random.Random) -> None:
    """Send the run in several lives: killed at any point, started again from its checkpoint."""
    for _ in range(3):
        with suppress(TimeoutError):
            async with asyncio.timeout(rng.uniform(0.005, 0.05)):
                await produce(log, source, clock=SystemClock(), expected=("first", "other"))
    await produce(log, source, clock=SystemClock(), expected=("first", "other"))


@pytest.fixture(scope="module", autouse=True)
def _warm_kernels() -> None:
    """Compile before lives are counted in milliseconds."""
    batch_fill(Layout(BOOKING), [random_batch(np.random.default_rng(0), 10)])


@pytest.mark.integration
@pytest.mark.parametrize("seed", range(6))
async def test_closed_contents_equal_a_batch_fill_whatever_crashes(
    seed: int, tmp_path: Path
) -> None:
    """Random batches of two sources, crashing producers and fillers, duplicates in the log."""
    rng = random.Random(seed)
    partitions, length = 1 + seed % 3, 12
    sources = [RandomRun(name=name, seed=seed, length=length) for name in ("first", "other")]
    booking_set = BookingSet([BOOKING], FoldSettings(partitions=partitions, max_open=length))
    async with EmbeddedLog.open(tmp_path / "log", clock=SystemClock()) as log:
        await make_topics(log, partitions)
        await announce(log, booking_set, clock=SystemClock(), who="test")
        async with asyncio.TaskGroup() as tasks:
            for source in sources:
                tasks.create_task(_produce_with_repeats(log, source, random.Random(seed)))
            tasks.create_task(_fill_with_crashes(log, booking_set, rng))
        merged = await fill_to_the_end(log, booking_set, length)

    layout = booking_set.layouts[0]
    assert [one.key.lumisection for one in merged] == list(range(1, length + 1))
    for one in merged:
        assert one.closed
        assert one.complete, one.account.lacking
        # As many LSs may be open as there are: whichever source is ahead closes none of them.
        assert one.account.closed_by == ("markers",)
        batches = [b for source in sources for b in source.batches(one.key.lumisection)]
        assert one.account.selected == sum(batch.num_rows for batch in batches)
        contents = one.contents.copy()
        if one.late is not None:
            contents.add(one.late, same_lumisection=True)
        assert np.array_equal(batch_fill(layout, batches).cells, contents.cells)
        assert_equal_to_boost(layout, contents, batches)


async def test_the_same_run_sent_twice_is_the_same_run(tmp_path: Path) -> None:
    """Another producer with the same input adds nothing, though every chunk is in the log again."""
    source = RandomRun(name="first", seed=1, length=3)
    booking_set = BookingSet([BOOKING], FoldSettings(partitions=2))
    async with EmbeddedLog.open(tmp_path / "log", clock=SystemClock()) as log:
        await make_topics(log, 2)
        await produce(log, source, clock=SystemClock())
        again: list[Outgoing] = []
        async for record in read_to_end(log, "dqm.events"):
            again.append(  # noqa: PERF401 an async comprehension reads worse
                Outgoing(
                    topic=record.topic,
                    partition=record.partition,
                    key=record.key,
                    value=record.value,
                    headers=record.headers,
                )
            )
        await log.send(again)
        merged = await fill_to_the_end(log, booking_set, 3)
    for one in merged:
        expected = batch_fill(booking_set.layouts[0], source.batches(one.key.lumisection))
        assert expected.equals(one.contents)
        assert one.late is None
