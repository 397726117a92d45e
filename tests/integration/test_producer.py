"""Producers in trouble: unknown outcomes, outages, restarts, sources that wait for each other."""

import asyncio
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pytest

from dqmstream.booking_set import BookingSet
from dqmstream.clock import SystemClock
from dqmstream.errors import LogError, UnknownVersionError
from dqmstream.fold.merge import Merged
from dqmstream.fold.state import FoldSettings
from dqmstream.histograms.layout import Layout
from dqmstream.messages.events import EventBatch, LumisectionEnd, RunStart
from dqmstream.messages.topics import CHECKPOINTS, EVENTS
from dqmstream.messages.wire import CODEC
from dqmstream.producing import (
    ProducerProgress,
    ProducerSettings,
    joining_lumisection,
    lumisections_apart,
    produce,
)
from dqmstream.producing.standings import Standings, source_key
from dqmstream.sources.source import SourceLumisection
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log, Outgoing
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.patience import PACE
from tests.filled import fill_to_the_end, filled_chunks, make_topics
from tests.held_log import HeldLog
from tests.random_run import BOOKING, RUN, RandomRun, batch_fill, random_batch
from tests.troubled_log import TroubledLog

pytestmark = pytest.mark.integration

PARTITIONS = 3
QUICK = ProducerSettings(
    batch_bytes=20_000, in_flight_batches=4, retry_first=0.001, retry_most=0.01, apart=3
)


@dataclass(frozen=True, kw_only=True)
class WatchedRun(RandomRun):
    """Says how far it has been read."""

    read: list[int] = field(default_factory=list)
    exhausted: list[bool] = field(default_factory=list)

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        for one in super().lumisections(after):
            self.read.append(one.lumisection)
            yield one
        self.exhausted.append(True)


@dataclass(frozen=True, kw_only=True)
class HaltedRun(RandomRun):
    """Nothing comes of its last LS until somebody lets it go on."""

    goes_on: threading.Event = field(default_factory=threading.Event)

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        for one in super().lumisections(after):
            if one.lumisection == self.length:
                assert self.goes_on.wait(60)
            yield one


OUTAGE = 4


def leaving(memory: MemoryLog) -> TroubledLog:
    """A log that goes away, once, when it is handed something of LS 4."""

    def go_away(lumisection: int) -> None:
        if lumisection == OUTAGE and not log.failures["away"]:
            log.away = True

    log = TroubledLog(memory, on_words=go_away)
    return log


@pytest.fixture(scope="module", autouse=True)
def _warm_kernels() -> None:
    """Compile before anything waits."""
    batch_fill(Layout(BOOKING), [random_batch(np.random.default_rng(0), 10)])


@pytest.fixture
async def memory() -> MemoryLog:
    log = MemoryLog(SystemClock())
    await make_topics(log, PARTITIONS)
    return log


async def filled(log: Log, length: int) -> list[Merged]:
    return await fill_to_the_end(
        log, BookingSet([BOOKING], FoldSettings(partitions=PARTITIONS)), length
    )


async def until(fact: Callable[[], object]) -> None:
    """Wait for a fact; the test's own time-out is the limit."""
    while not fact():  # noqa: ASYNC110 whoever makes the fact does not know of us
        await asyncio.sleep(0.005)


def assert_exact(merged: Sequence[Merged], sources: Sequence[RandomRun]) -> None:
    """Every LS is complete, on time, and the batch fill of all events of these sources."""
    layout = Layout(BOOKING)
    for one in merged:
        assert one.complete, one.account.lacking
        assert one.late is None
        assert one.account.closed_by == ("markers",)
        batches = _batches(sources, one.key.lumisection)
        assert one.account.seen == one.account.selected == sum(b.num_rows for b in batches)
        assert one.account.dropped == 0
        assert batch_fill(layout, batches).equals(one.contents)


def _batches(sources: Sequence[RandomRun], lumisection: int) -> list[pa.RecordBatch]:
    return [
        batch
        for source in sources
        if source.first_lumisection <= lumisection <= source.length
        for batch in source.batches(lumisection)
    ]


async def _in_lives(
    log: Log, source: RandomRun, rng: random.Random, expected: tuple[str, ...]
) -> None:
    """Killed at any point, started again from its checkpoint."""
    for _ in range(4):
        with suppress(TimeoutError):
            async with asyncio.timeout(rng.uniform(0.005, 0.1)):
                await produce(log, source, clock=SystemClock(), settings=QUICK, expected=expected)
    await produce(log, source, clock=SystemClock(), settings=QUICK, expected=expected)


@pytest.mark.parametrize("seed", range(6))
async def test_unknown_outcomes_and_crashes_lose_and_double_nothing(
    memory: MemoryLog, seed: int
) -> None:
    """Two sources, a third of all sends fail before, halfway or after; the log watches order."""
    log = TroubledLog(memory, trouble=0.3, seed=seed, pause=0.0005)
    sources = [RandomRun(name=name, seed=seed, length=9) for name in ("first", "other")]
    names = tuple(source.name for source in sources)
    rng = random.Random(seed)
    async with asyncio.TaskGroup() as tasks:
        for source in sources:
            tasks.create_task(_in_lives(log, source, rng, names))
    assert min(log.failures[how] for how in ("before", "half", "after")) > 0
    assert_exact(await filled(memory, 9), sources)


async def test_of_a_run_that_is_not_sent_again_it_is_known_how_far_the_log_has_it(
    memory: MemoryLog,
) -> None:
    """Who waits for what comes of the run waits for these LSs."""
    source = RandomRun(name="first", seed=1, length=3)
    first = await produce(memory, source, clock=SystemClock(), settings=QUICK)
    again = await produce(memory, source, clock=SystemClock(), settings=QUICK, again=False)
    assert (first.lumisection, again.lumisection) == (3, 3)
    assert again.chunks == 0


async def test_several_batches_are_in_flight(memory: MemoryLog) -> None:
    """A log that answers late does not make the source wait for each batch."""
    log = HeldLog(memory, lambda said: isinstance(said, EventBatch), pause=0.02)
    source = RandomRun(name="first", seed=1, length=4, chunks=(6, 8), events=(20, 39))
    settings = ProducerSettings(batch_bytes=1, in_flight_batches=5)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(produce(log, source, clock=SystemClock(), settings=settings))
        await until(lambda: log.held == 5)
        await asyncio.sleep(0.05)
        assert log.held == 5
        log.let_go.set()
    # Five with chunks, and one with markers or a checkpoint.
    assert 5 <= log.most <= 6
    assert_exact(await filled(memory, 4), [source])


async def test_a_re_readable_source_waits_while_the_log_is_away(memory: MemoryLog) -> None:
    """It is read a bounded piece ahead, and goes on where it stood."""
    log = leaving(memory)
    source = WatchedRun(name="first", seed=2, length=60, chunks=(3, 8), events=(20, 39))
    settings = ProducerSettings(read_ahead_bytes=60_000, retry_first=0.001, retry_most=0.01)
    progress = ProducerProgress()
    async with asyncio.TaskGroup() as tasks:
        producing = tasks.create_task(
            produce(log, source, clock=SystemClock(), settings=settings, progress=progress)
        )
        await until(lambda: progress.unavailable)
        await until(lambda: progress.buffer_bytes > 50_000)
        failures = log.failures["away"]
        await until(lambda: log.failures["away"] > failures + 100)
        assert len(source.read) < source.length / 2
        assert not producing.done()
        assert progress.buffer_bytes <= 60_000
        log.away = False
    assert (progress.unavailable, progress.buffer_bytes, progress.in_flight_bytes) == (0, 0, 0)
    assert 50_000 < progress.buffer_high_bytes <= 60_000
    assert progress.retries >= 100
    assert progress.resent > 0
    assert progress.dropped == 0
    assert_exact(await filled(memory, 60), [source])


async def _live_outage(
    memory: MemoryLog, source: WatchedRun, settings: ProducerSettings
) -> ProducerProgress:
    """The log goes away in the run and comes back after the source's last event."""
    log, progress = leaving(memory), ProducerProgress()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            produce(
                log, source, clock=SystemClock(), settings=settings, speed=1.0, progress=progress
            )
        )
        # Nothing holds the source up: it comes to its end while the log is away, and may be there
        # before what it read has been handed to the log.
        await until(lambda: source.exhausted and log.failures["away"])
        log.away = False
    return progress


LIVE = {"incarnation": "live", "rereadable": False, "seconds": 0.05, "chunks": (3, 8)}


async def test_a_live_source_loses_nothing_in_an_outage_within_its_buffer(
    memory: MemoryLog,
) -> None:
    source = WatchedRun(name="first", seed=3, length=15, **LIVE)
    progress = await _live_outage(memory, source, QUICK)
    assert progress.dropped == progress.dropped_chunks == 0
    assert progress.buffer_high_bytes > 0
    assert_exact(await filled(memory, 15), [source])


async def test_a_live_source_begins_while_the_log_is_away(memory: MemoryLog) -> None:
    """Its events wait in the buffer until the log has its RunStart."""
    log, progress = TroubledLog(memory), ProducerProgress()
    source = WatchedRun(name="first", seed=13, length=5, **LIVE)
    log.away = True
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            produce(log, source, clock=SystemClock(), settings=QUICK, speed=1.0, progress=progress)
        )
        await until(lambda: source.exhausted and progress.unavailable)
        assert await _said(memory) == []
        log.away = False
    said = await _said(memory)
    assert isinstance(said[0], RunStart)
    assert_exact(await filled(memory, 5), [source])


async def test_a_live_source_counts_what_an_outage_beyond_its_buffer_costs(
    memory: MemoryLog,
) -> None:
    """Whole chunks are dropped; the LS says so, adds up, and what is filled is exact."""
    source = WatchedRun(name="first", seed=4, length=15, events=(5, 39), **LIVE)
    settings = ProducerSettings(buffer_bytes=60_000, retry_first=0.001, retry_most=0.01)
    progress = await _live_outage(memory, source, settings)
    merged = await filled(memory, 15)
    found = await filled_chunks(memory, Layout(BOOKING))
    lost = 0
    for one in merged:
        lumisection = one.key.lumisection
        batches, account = source.batches(lumisection), one.account
        kept = [
            batch for number, batch in enumerate(batches) if number in found[lumisection, "first"]
        ]
        assert account.selected == sum(batch.num_rows for batch in kept)
        assert account.seen == sum(batch.num_rows for batch in batches)
        assert account.seen == account.selected + account.dropped
        dropped = len(batches) - len(kept)
        assert account.notes.get("dropped_chunks", 0) == dropped
        assert one.complete == (dropped == 0)
        assert bool(account.lacking) == (dropped > 0)
        # An LS whose last chunks were dropped ends with an empty one that says so.
        if len(batches) in found[lumisection, "first"]:
            kept.append(batches[0].slice(0, 0))
        assert batch_fill(Layout(BOOKING), kept).equals(one.contents)
        lost += account.dropped
    assert lost == progress.dropped > 0
    assert progress.notes["dropped_chunks"] == progress.dropped_chunks > 0
    # Beyond the limit come only the empty chunks, one an LS, that tell of dropped ones.
    assert progress.buffer_high_bytes <= 60_000 + 15 * 1500
    # Before the outage nothing is lost; and of what came in it, what the buffer held is kept.
    assert all(one.account.dropped == 0 for one in merged[:2])


async def _said(log: Log) -> list[object]:
    return [CODEC.decode(one.headers, one.value) async for one in read_to_end(log, EVENTS)]


async def _started(log: Log) -> None:
    """Until a RunStart is in the log."""
    while not any(isinstance(message, RunStart) for message in await _said(log)):  # noqa: ASYNC110
        await asyncio.sleep(0.001)


async def _killed_in(memory: MemoryLog, source: RandomRun) -> None:
    """A life of a source that dies when all but the end of its last LS is in the log."""
    broken = source.length
    log = HeldLog(
        memory, lambda said: isinstance(said, LumisectionEnd) and said.lumisection == broken
    )
    async with asyncio.TaskGroup() as tasks:
        dying = tasks.create_task(produce(log, source, clock=SystemClock(), speed=1.0))
        await until(lambda: log.held)
        dying.cancel()


async def test_a_restarted_live_source_replaces_its_dead_incarnation(memory: MemoryLog) -> None:
    """What the dead one sent stays and is counted; that it never ended its LS is named."""
    broken = 4
    await _killed_in(memory, RandomRun(name="first", seed=5, length=broken, **LIVE))
    said = await _said(memory)
    assert broken in {one.chunk.lumisection for one in said if isinstance(one, EventBatch)}
    ended = {one.lumisection for one in said if isinstance(one, LumisectionEnd)}
    assert ended == set(range(1, broken))
    born = WatchedRun(
        name="first",
        seed=5,
        length=broken + 3,
        first_lumisection=broken,
        **LIVE | {"incarnation": "again"},
    )
    await produce(memory, born, clock=SystemClock())
    starts = [message for message in await _said(memory) if isinstance(message, RunStart)]
    assert {(start.incarnation, start.replaces) for start in starts} == {
        ("live", ""),
        ("again", "live"),
    }
    merged = await filled(memory, broken + 3)
    for one in merged:
        if one.key.lumisection == broken:
            assert not one.complete
            assert any("no LumisectionEnd" in line for line in one.account.lacking)
        else:
            assert one.complete, one.account.lacking


async def test_a_live_source_started_again_joins_after_the_lumisection_its_last_life_was_in(
    memory: MemoryLog,
) -> None:
    assert await joining_lumisection(memory, "first", RUN) == 1
    halted = HaltedRun(name="first", seed=12, length=5, **LIVE)
    async with asyncio.TaskGroup() as tasks:
        dying = tasks.create_task(produce(memory, halted, clock=SystemClock(), speed=1.0))
        # It has noted LS 4, and is in LS 5.
        while await joining_lumisection(memory, "first", RUN) < 6:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        dying.cancel()
        halted.goes_on.set()
    first = await joining_lumisection(memory, "first", RUN)
    assert first == 6
    born = RandomRun(
        name="first",
        seed=12,
        length=first + 1,
        first_lumisection=first,
        **LIVE | {"incarnation": "again"},
    )
    await produce(memory, born, clock=SystemClock())
    assert await joining_lumisection(memory, "first", RUN) == first + 2


async def test_a_source_that_joins_a_running_run_is_awaited_from_its_first_lumisection(
    memory: MemoryLog,
) -> None:
    """Neither waits for LSs of the other that will never come.

    The one that was there first does not wait for the other, however far that is behind: fillers
    keep all LSs open that both have.
    """
    early = RandomRun(name="early", seed=6, length=40)
    late = RandomRun(name="late", seed=6, length=40, first_lumisection=30)
    settings = ProducerSettings(patience=3600, apart=3)
    both = ("early", "late")
    async with asyncio.TaskGroup() as tasks:
        for source, expected in ((late, both), (early, ("early",))):
            producing = produce(
                memory, source, clock=SystemClock(), settings=settings, expected=expected
            )
            tasks.create_task(producing)
            await _started(memory)
    booking_set = BookingSet([BOOKING], FoldSettings(partitions=PARTITIONS, max_open=16))
    merged = await fill_to_the_end(memory, booking_set, 40)
    assert [one.key.lumisection for one in merged] == list(range(1, 41))
    assert_exact(merged, [early, late])


@pytest.mark.parametrize("max_open", [1, 2, 8])
async def test_sources_played_together_stay_less_than_half_of_the_open_lumisections_apart(
    memory: MemoryLog, max_open: int
) -> None:
    """A source that is much faster than the other waits for it, wherever each of them runs."""
    apart = lumisections_apart(max_open)
    progress = {name: ProducerProgress() for name in ("fast", "slow")}
    runs = {name: RandomRun(name=name, seed=7, length=25) for name in progress}
    ahead: list[int] = []

    def than(other: str) -> Callable[[int], None]:
        def note(lumisection: int) -> None:
            ahead.append(lumisection - 1 - (progress[other].lumisection or 0))

        return note

    slow = HeldLog(memory, lambda _: True, on_words=than("fast"), pause=0.005)
    logs = {"fast": TroubledLog(memory, on_words=than("slow")), "slow": slow}
    settings = ProducerSettings(patience=3600, apart=apart)
    async with asyncio.TaskGroup() as tasks:
        for name, log in logs.items():
            tasks.create_task(
                produce(
                    log,
                    runs[name],
                    clock=SystemClock(),
                    settings=settings,
                    expected=("fast", "slow"),
                    progress=progress[name],
                )
            )
        await until(lambda: slow.held and max(ahead) >= apart)
        await asyncio.sleep(0.05)
        slow.let_go.set()
    assert max(ahead) == apart
    booking_set = BookingSet([BOOKING], FoldSettings(partitions=PARTITIONS, max_open=max_open))
    assert_exact(await fill_to_the_end(memory, booking_set, 25), list(runs.values()))


async def test_what_nobody_can_read_of_another_source_stops_none(memory: MemoryLog) -> None:
    """A checkpoint of a later release, there before and come meanwhile, of this run or another."""
    headers = (("type", b"SourceCheckpoint"), ("schema", b"99"))

    async def send_unreadable() -> None:
        for run in (RUN, RUN + 1):
            await memory.send(
                [
                    Outgoing(
                        topic=CHECKPOINTS,
                        partition=0,
                        key=source_key("other", run),
                        headers=headers,
                        value=b"?",
                    )
                ]
            )

    await send_unreadable()
    source = RandomRun(name="first", seed=8, length=12)
    settings = ProducerSettings(patience=0.05)
    async with asyncio.TaskGroup() as tasks:
        both = ("first", "other")
        producing = produce(
            memory, source, clock=SystemClock(), settings=settings, expected=both, speed=1000
        )
        tasks.create_task(producing)
        await _started(memory)
        await send_unreadable()
    newest = await Standings(memory, "first", RUN, PACE).newest()
    assert [(name, one.lumisection, one.ended) for name, one in newest.items()] == [
        ("first", 12, True)
    ]
    with pytest.raises(UnknownVersionError, match="SourceCheckpoint has schema version 99"):
        await Standings(memory, "other", RUN, PACE).newest()


async def test_a_source_that_never_speaks_is_not_waited_for_for_ever(memory: MemoryLog) -> None:
    source = RandomRun(name="first", seed=8, length=12)
    settings = ProducerSettings(patience=0.05)
    progress = await produce(
        memory, source, clock=SystemClock(), settings=settings, expected=("first", "nobody")
    )
    assert progress.lumisection == 12


async def test_chunks_near_the_largest_message_are_cut_and_all_events_are_filled() -> None:
    log = MemoryLog(SystemClock())
    await make_topics(log, PARTITIONS, largest_event=8000)
    source = RandomRun(name="first", seed=9, length=5, events=(0, 300))
    progress = await produce(log, source, clock=SystemClock())
    assert progress.cut > 0
    merged = await filled(log, 5)
    assert sum(one.account.chunks for one in merged) > sum(
        len(source.batches(number)) for number in range(1, 6)
    )
    assert_exact(merged, [source])


async def test_cut_chunks_have_the_same_numbers_when_they_are_sent_again() -> None:
    """Killed again and again: the log that watches sees no number with another content."""
    memory = MemoryLog(SystemClock())
    await make_topics(memory, PARTITIONS, largest_event=8000)
    log = TroubledLog(memory, trouble=0.3, seed=10, pause=0.001)
    source = RandomRun(name="first", seed=10, length=6, events=(100, 300))
    await _in_lives(log, source, random.Random(10), ("first",))
    assert_exact(await filled(memory, 6), [source])


async def test_what_the_log_refuses_for_good_ends_the_producer_with_its_sentence(
    memory: MemoryLog,
) -> None:
    class Refusing(TroubledLog):
        async def _send(self, messages: Sequence[Outgoing]) -> list[int]:
            if any(message.topic == EVENTS for message in messages):
                msg = "dqm.events: not allowed"
                raise LogError(msg)
            return await super()._send(messages)

    source = RandomRun(name="first", seed=11, length=3)
    with pytest.RaisesGroup(pytest.RaisesExc(LogError, match="not allowed")):
        await produce(Refusing(memory), source, clock=SystemClock())
