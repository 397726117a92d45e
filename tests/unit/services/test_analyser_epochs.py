"""New epochs of an analyser: input that expired unread, and an operator's refill."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dqmstream.booking_set import BookingSet
from dqmstream.clock import SettableClock, SystemClock
from dqmstream.fold.merge import Merged, Merger
from dqmstream.fold.state import FoldSettings
from dqmstream.messages.checkpoints import AnalyserCheckpoint
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.topics import CHECKPOINTS, EVENTS, HISTOGRAMS, TOPICS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import latest_by_key, read_to_end
from dqmstream.transport.log import Log, TopicSpec
from dqmstream.transport.memory import MemoryLog
from services.analyser.checkpoints import newest_checkpoint
from services.analyser.progress import AnalyserProgress
from services.analyser.refill import refill_analyses
from services.analyser.service import AnalyserSettings, run_analyser
from tests.deadly import PARTITIONS
from tests.unit.analyses.looking_back import told
from tests.unit.analyses.test_analyser import ANALYSES, decode
from tests.unit.services.test_filler import chunk, marker, say, start, whole

SET = BookingSet([layout.booking for layout, _ in ANALYSES], FoldSettings(partitions=PARTITIONS))
LAYOUTS = {layout.hash: layout for layout, _ in ANALYSES}


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def log(clock: SettableClock) -> MemoryLog:
    """A log that keeps events for an hour."""
    log = MemoryLog(clock)
    await log.ensure_topics(
        [
            TopicSpec(
                name=topic.name,
                partitions=PARTITIONS if topic.wide else 1,
                compacted=topic.compacted,
                retention_seconds=3600.0 if topic.name == EVENTS else None,
            )
            for topic in TOPICS.values()
        ]
    )
    return log


@asynccontextmanager
async def analysing(log: Log) -> AsyncIterator[AnalyserProgress]:
    """An analyser for the length of the block."""
    progress, ready = AnalyserProgress(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(
            run_analyser(
                log,
                SET,
                ANALYSES,
                decode,
                member="a",
                settings=AnalyserSettings(checkpoint_interval=0.01),
                clock=SystemClock(),
                progress=progress,
                ready=ready.set,
            )
        )
        await ready.wait()
        yield progress
        task.cancel()


async def merged(log: Log, workspace: str) -> Mapping[int, Merged]:
    """What readers make of a workspace, by LS."""
    merger = Merger(LAYOUTS.get)
    async for record in read_to_end(log, HISTOGRAMS):
        piece = CODEC.decode(record.headers, record.value)
        assert isinstance(piece, HistogramSet)
        merger.apply(piece)
    keys = [key for key in sorted(merger.keys()) if key.workspace == workspace]
    return {key.lumisection: merger.merged(key) for key in keys}


async def until_analysed(log: Log, *lumisections: int, epoch: int = 0) -> None:
    """Until all workspaces of these LSs are there in an epoch."""
    wanted = {(one, name) for one in lumisections for name in SET.workspaces}
    while True:
        found = set()
        async for record in read_to_end(log, HISTOGRAMS):
            piece = CODEC.decode(record.headers, record.value)
            assert isinstance(piece, HistogramSet)
            if piece.epoch == epoch:
                found.add((piece.lumisection, piece.workspace))
        if wanted <= found:
            return
        await asyncio.sleep(0.01)


async def until_noted(log: Log) -> None:
    """Until a checkpoint says that whoever comes next need not begin at the first records."""
    while True:
        found = newest_checkpoint(await latest_by_key(log, CHECKPOINTS), SET.hash, log.identity)
        if found is not None and all(found.offsets):
            return
        await asyncio.sleep(0.01)


async def newest(log: Log) -> AnalyserCheckpoint:
    found = newest_checkpoint(await latest_by_key(log, CHECKPOINTS), SET.hash, log.identity)
    assert found is not None
    return found


def events_of(one: Merged) -> Sequence[Any]:
    """Event numbers that the newest LS of the window had."""
    window = told(one.contents.scalars[0].value)["window"]
    assert isinstance(window, list)
    return list(window[-1]["y"])


async def test_expired_input_is_named_and_what_it_touches_is_not_whole(
    log: MemoryLog, clock: SettableClock
) -> None:
    """Also LSs that only look back at what may be lost; what was whole before stays."""
    await say(log, start(), *whole(1, [1], [2]))
    async with analysing(log):
        await until_analysed(log, 1)
        await until_noted(log)
    await say(log, *whole(2, [3], [4]), chunk(3, 0, [5]))
    clock.advance(7200.0)
    await say(log, chunk(3, 1, [6]), marker(3, 2), *whole(4, [8], [9]))
    await log.maintain()
    async with analysing(log) as progress:
        await until_analysed(log, 3, 4, epoch=1)
        assert progress.expired == 9, "records 1-4 of one partition, 1-5 of the other"
    for workspace in SET.workspaces:
        known = await merged(log, workspace)
        assert events_of(known[1]) == [1, 2], "what was analysed before the hole stays"
        assert events_of(known[3]) == [6], "chunk 0 was lost"
        assert events_of(known[4]) == [8, 9]
        for lumisection in (3, 4):
            assert not known[lumisection].whole
            assert not known[lumisection].complete
            lacking = known[lumisection].account.lacking
            assert any("expired unread" in line for line in lacking), lacking
    checkpoint = await newest(log)
    assert checkpoint.epoch == 1
    # The state in the checkpoint knows it as well: so does whoever comes next.
    await say(log, *whole(5, [9], [9]))
    async with analysing(log):
        await until_analysed(log, 5, epoch=1)
    assert not (await merged(log, "near"))[5].whole


async def test_a_running_analyser_notices_a_refill(log: MemoryLog) -> None:
    """It analyses all that is there again, and the same comes of it."""
    await say(log, start(), *whole(1, [1], [2]), *whole(2, [3], [4]))
    async with analysing(log):
        await until_analysed(log, 1, 2)
        before = await merged(log, "back")
        written = await refill_analyses(log, SET, why="a test")
        assert (written.epoch, written.offsets) == (1, (0,) * PARTITIONS)
        await until_analysed(log, 1, 2, epoch=1)
        await say(log, *whole(3, [5], [6]))
        await until_analysed(log, 3, epoch=1)
    known = await merged(log, "back")
    for lumisection in (1, 2):
        assert known[lumisection].contents.equals(before[lumisection].contents)
        assert known[lumisection].complete
    assert events_of(known[3]) == [5, 6]
    assert (await newest(log)).epoch == 1


async def test_what_a_refill_cannot_read_again_replaces_nothing_whole(
    log: MemoryLog, clock: SettableClock
) -> None:
    await say(log, start(), *whole(1, [1], [2]), chunk(2, 0, [3]))
    async with analysing(log):
        await until_analysed(log, 1)
        clock.advance(7200.0)
        await say(log, chunk(2, 1, [4]), marker(2, 2))
        await until_analysed(log, 2)
    await log.maintain()
    written = await refill_analyses(log, SET, why="a test")
    assert all(written.offsets)
    async with analysing(log):
        await until_analysed(log, 2, epoch=1)
    known = await merged(log, "near")
    assert [events_of(known[1]), events_of(known[2])] == [[1, 2], [3, 4]]
    assert any("expired unread" in line for line in known[2].account.lacking), "it is named"
