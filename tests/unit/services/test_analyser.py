"""The analyser as a service: cancelled anywhere and begun again, it publishes the same."""

import asyncio
from collections.abc import Sequence
from random import Random

import msgspec
import pytest
import structlog

from dqmstream.booking_set import BookingSet
from dqmstream.clock import SettableClock, SystemClock
from dqmstream.errors import LogIdentityError
from dqmstream.fold.testing.plan import Plan
from dqmstream.fold.testing.world import World
from dqmstream.messages.checkpoints import AnalyserCheckpoint
from dqmstream.messages.histograms import HistogramKey, HistogramSet
from dqmstream.messages.operations import Conditions
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import CHECKPOINTS, CONDITIONS, EVENTS, HISTOGRAMS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log, Outgoing
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.outgoing import outgoing
from services.analyser.progress import AnalyserProgress
from services.analyser.service import AnalyserSettings, run_analyser
from tests.filled import make_topics
from tests.unit.analyses.rare import FORGOTTEN_ELSEWHERE
from tests.unit.analyses.test_analyser import ANALYSES, decode

PLAN = Plan(
    seed=5,
    partitions=3,
    runs=2,
    lumisections=8,
    rereadable=2,
    live=1,
    faults=frozenset({"ahead", "repeats", "shuffle", "timeouts", "source_crashes", "poison"}),
)


def bookings(plan: Plan) -> BookingSet:
    return BookingSet([layout.booking for layout, _ in ANALYSES], plan.settings)


@pytest.fixture
async def log() -> MemoryLog:
    """A log with the events of a world that came to rest."""
    log = MemoryLog(SettableClock())
    await make_topics(log, PLAN.partitions)
    await log.send(records())
    return log


def records(plan: Plan = PLAN) -> list[Outgoing]:
    return [
        Outgoing(topic=EVENTS, partition=number, headers=tuple(e.headers), value=e.value)
        for number, entries in enumerate(World(plan).play().logs)
        for e in entries
    ]


async def analyse(
    log: Log, progress: AnalyserProgress, *, conditions: bool = True, plan: Plan = PLAN
) -> None:
    await run_analyser(
        log,
        bookings(plan),
        ANALYSES,
        decode,
        member="a",
        settings=AnalyserSettings(checkpoint_interval=0.01, conditions=conditions),
        clock=SystemClock(),
        progress=progress,
        ready=lambda: None,
    )


async def analyse_all(log: Log, *, conditions: bool = True) -> AnalyserProgress:
    """Until everything is read, and analysed."""
    progress = AnalyserProgress()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(analyse(log, progress, conditions=conditions))
        while len(progress.lag) < PLAN.partitions or any(progress.lag.values()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        task.cancel()
    return progress


async def messages(log: Log, topic: str) -> Sequence[Message]:
    return [
        CODEC.decode(record.headers, record.value)
        async for record in read_to_end(log, topic)
        if record.value is not None
    ]


async def sets(log: Log) -> dict[HistogramKey, HistogramSet]:
    """The one set of each key, but for when it was published; AssertionError if two differ."""
    found: dict[HistogramKey, HistogramSet] = {}
    for message in await messages(log, HISTOGRAMS):
        assert isinstance(message, HistogramSet)
        bare = msgspec.structs.replace(message, published=0)
        assert found.setdefault(message.key, bare) == bare
    return found


async def test_every_closed_lumisection_is_published_with_what_it_says(log: MemoryLog) -> None:
    progress = await analyse_all(log)
    found = await sets(log)
    lumisections = {(key.run, key.lumisection) for key in found}
    assert len(found) == len(lumisections) * len(ANALYSES) * PLAN.partitions
    assert progress.analysed == len(lumisections) > PLAN.lumisections
    assert progress.published == len(found)
    assert all(piece.closed and piece.writer == "a" for piece in found.values())
    known = await messages(log, CONDITIONS)
    assert {(one.run, one.lumisection) for one in known if isinstance(one, Conditions)} <= (
        lumisections
    )
    assert progress.conditions == len(known) > 0
    newest = (await messages(log, CHECKPOINTS))[-1]
    assert isinstance(newest, AnalyserCheckpoint)
    assert all(newest.offsets)


async def test_a_lumisection_that_is_never_analysed_is_counted_and_named() -> None:
    plan = FORGOTTEN_ELSEWHERE
    log = MemoryLog(SettableClock())
    await make_topics(log, plan.partitions)
    await log.send(records(plan))
    progress = AnalyserProgress()
    with structlog.testing.capture_logs() as lines:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(analyse(log, progress, plan=plan))
            while not progress.lost:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            task.cancel()
    named = [
        (line["run"], line["lumisection"]) for line in lines if line["event"] == "never analysed"
    ]
    assert len(named) == len(set(named)) == progress.lost
    published = {(piece.run, piece.lumisection) for piece in await sets(log)}
    assert not published & set(named)


async def test_where_files_say_conditions_none_are_published(log: MemoryLog) -> None:
    progress = await analyse_all(log, conditions=False)
    assert progress.conditions == 0
    assert await messages(log, CONDITIONS) == []


@pytest.mark.parametrize("seed", range(4))
async def test_cancelled_anywhere_it_goes_on_or_publishes_the_same(
    log: MemoryLog, seed: int
) -> None:
    rng = Random(seed)
    for _ in range(6):
        progress = AnalyserProgress()
        wanted = rng.randint(0, 4)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(analyse(log, progress))
            while progress.analysed < wanted and not progress.lag:  # noqa: ASYNC110
                await asyncio.sleep(0)
            task.cancel()
    await analyse_all(log)
    other = MemoryLog(SettableClock())
    await make_topics(other, PLAN.partitions)
    await other.send(records())
    await analyse_all(other)
    assert await sets(log) == await sets(other)


async def test_what_is_done_is_not_done_again(log: MemoryLog) -> None:
    await analyse_all(log)
    before = len(await messages(log, HISTOGRAMS))
    again = await analyse_all(log)
    assert again.analysed == 0
    assert len(await messages(log, HISTOGRAMS)) == before


async def test_a_log_shorter_than_its_checkpoint_stops_it(log: MemoryLog) -> None:
    await analyse_all(log)
    other = MemoryLog(SettableClock())
    await make_topics(other, PLAN.partitions)
    async for record in read_to_end(log, CHECKPOINTS):
        message = CODEC.decode(record.headers, record.value)
        await other.send([outgoing(CHECKPOINTS, 0, message, record.key or b"")])
    with pytest.raises(LogIdentityError, match=r"dqm\.events/0 ends at 0, .* this log is shorter"):
        await analyse(other, AnalyserProgress())
