"""The recorder on a real log and a real store: exact, restartable, and hard to kill.

Run as a program it records a log until it is killed:
`test_recorder.py FOLDER`, for a log in FOLDER/log and a store in FOLDER/store.sqlite.
"""

import asyncio
import itertools
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import structlog
from sqlalchemy import text

from dqmstream.clock import SystemClock
from dqmstream.errors import LogIdentityError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Activation
from dqmstream.messages.events import RunEnd, RunStart
from dqmstream.messages.operations import Conditions, Dead
from dqmstream.messages.quality import Outcome, QualityReport, QualityReports
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import (
    BOOKINGS,
    CONDITIONS,
    HISTOGRAMS,
    QUALITY,
    TOPICS,
    dead_topic,
)
from dqmstream.messages.wire import CODEC
from dqmstream.store.answers import AsOf
from dqmstream.store.retention import Keep, Retention
from dqmstream.store.store import Store
from dqmstream.store.testing import EVERY_KIND, closed_set, partition_sets, random_contents
from dqmstream.store.writer import StoreWriter
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.embedded import EmbeddedLog
from dqmstream.transport.log import Log, TopicSpec
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.outgoing import outgoing
from dqmstream.transport.patience import Pace
from services.recorder.batches import BatchSettings
from services.recorder.progress import RecorderProgress
from services.recorder.service import Pruning, RecorderSettings, run_recorder

T = TypeVar("T")

LAYOUT = Layout(EVERY_KIND)
FAST = RecorderSettings(
    batch=BatchSettings(records=16, linger=0.01), idle=0.05, pace=Pace(first=0.01, most=0.05)
)
PARTITIONS = 2


async def ensure(log: Log, **settings: object) -> None:
    """All topics, with two partitions of `dqm.histograms`."""
    specs = [
        TopicSpec(
            name=topic.name,
            partitions=PARTITIONS if topic.name == HISTOGRAMS else 1,
            compacted=topic.compacted,
            **(settings if topic.name == HISTOGRAMS else {}),
        )
        for topic in TOPICS.values()
    ]
    await log.ensure_topics(specs)


async def send(log: Log, topic: str, *messages: Message, partition: int = 0) -> None:
    keys = [str(n).encode() for n in range(len(messages))]
    await log.send(
        [
            outgoing(topic, partition, message, key)
            for key, message in zip(keys, messages, strict=True)
        ]
    )


@asynccontextmanager
async def recording(
    log: Log, url: str, settings: RecorderSettings = FAST
) -> AsyncIterator[RecorderProgress]:
    """A recorder, ready, for the length of the block."""
    progress, ready = RecorderProgress(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(
            run_recorder(
                log,
                url,
                clock=SystemClock(),
                ready=ready.set,
                settings=settings,
                progress=progress,
            )
        )
        await ready.wait()
        yield progress
        running.cancel()


async def until(fact: Callable[[], bool]) -> None:
    """Wait for a fact; the test's own time-out is the limit."""
    for _ in itertools.count():
        if fact():
            return
        await asyncio.sleep(0.01)


async def stored(url: str, ask: Callable[[Store], T]) -> T:
    """What the store answers, asked in a thread."""

    def answer() -> T:
        with Store(url) as store:
            return ask(store)

    return await asyncio.to_thread(answer)


async def caught_up(log: Log, url: str, progress: RecorderProgress) -> None:
    """Wait until the store stands at the end of everything that is recorded, and until the recorder
    has counted it: it counts what it has written."""
    places = [(HISTOGRAMS, n) for n in range(PARTITIONS)]
    places += [(topic, 0) for topic in (QUALITY, CONDITIONS, BOOKINGS)]
    while True:
        positions = await stored(url, Store.positions)
        ends = {place: (await log.bounds(*place)).end for place in places}
        if positions == ends == progress.positions:
            return
        await asyncio.sleep(0.02)


def lumisection(rng: np.random.Generator, number: int) -> tuple[Contents, list[Message]]:
    """An LS of two partitions: its merged contents, and an open and a closing set of each."""
    total, sets = Contents.empty(LAYOUT), list[Message]()
    for one in partition_sets(LAYOUT, rng, run=1, lumisection=number, partitions=PARTITIONS):
        contents = Contents.decode(LAYOUT, one.cells, one.scalars, one.invalid)
        total.add(contents, same_lumisection=True)
        half = random_contents(LAYOUT, rng)
        sets.append(
            closed_set(
                half,
                run=1,
                lumisection=number,
                partition=one.partition,
                partitions=PARTITIONS,
                closed=False,
            )
        )
        sets.append(one)
    return total, sets


async def check(url: str, expected: dict[int, Contents]) -> None:
    """Every LS, bit by bit, and their sum."""

    def compare(store: Store) -> None:
        window = store.contents("set", 1, "every")
        assert window.lumisections == tuple(sorted(expected))
        assert window.contents.equals(
            Contents.total(LAYOUT, (expected[n] for n in sorted(expected)))
        )
        for number, contents in expected.items():
            assert store.contents("set", 1, "every", [number]).contents.equals(contents)

    await stored(url, compare)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.sqlite'}"


@pytest.fixture
async def log() -> MemoryLog:
    """A log in memory whose offsets have gaps."""
    log = MemoryLog(SystemClock(), stride=3)
    await ensure(log)
    return log


async def test_everything_on_its_topics_is_found_in_the_store(log: Log, url: str) -> None:
    rng = np.random.default_rng(1)
    contents, sets = lumisection(rng, 1)
    report = QualityReport(path="one/counts", qtname="t", algorithm="a", outcome=Outcome.GOOD)
    reports = QualityReports(
        set="set",
        run=1,
        lumisection=1,
        workspace="every",
        scope="run",
        complete=True,
        versions=(1, 1),
        reports=(report,),
    )
    conditions = Conditions(run=1, lumisection=1, run_type="cosmic_run")
    source = {"run": 1, "source": "s", "incarnation": "a", "rereadable": True, "partitions": 1}
    activation = Activation(set="set", workspaces=("every",), from_run=1, who="me", when=1)
    await send(log, BOOKINGS, EVERY_KIND, activation)
    await send(log, HISTOGRAMS, *sets)
    await send(log, QUALITY, reports)
    await send(log, CONDITIONS, RunStart(first_lumisection=1, **source), conditions)
    await send(log, CONDITIONS, RunEnd(last_lumisection=1, **source))
    async with recording(log, url) as progress:
        await caught_up(log, url, progress)
    await check(url, {1: contents})
    assert await stored(url, lambda store: store.reports(1).items) == (reports,)
    (account,) = await stored(url, lambda store: store.lumisections(1).items)
    assert (account.conditions, account.complete) == (conditions, True)
    (run,) = await stored(url, lambda store: store.runs().items)
    assert (run.run_type, run.sources, run.ended) == ("cosmic_run", {"s": "ended"}, True)
    assert await stored(url, lambda store: store.active_set(1)) == "set"
    assert (progress.closed, progress.run, progress.lumisection) == (1, 1, 1)
    assert progress.failures == progress.refused == 0


async def test_a_recorder_that_starts_again_goes_on_where_it_stopped(log: Log, url: str) -> None:
    """Also between the sets of two partitions of one LS."""
    rng = np.random.default_rng(2)
    expected: dict[int, Contents] = {}
    await send(log, BOOKINGS, EVERY_KIND)
    for number in range(1, 9):
        expected[number], sets = lumisection(rng, number)
        for half in (sets[:2], sets[2:]):
            await send(log, HISTOGRAMS, *half, partition=number % PARTITIONS)
            async with recording(log, url) as progress:
                await caught_up(log, url, progress)
            assert progress.records == (3 if number == 1 and half == sets[:2] else 2)
    await check(url, expected)


async def test_a_booking_that_came_just_before_its_sets_is_there_in_time(
    log: Log, url: str
) -> None:
    rng = np.random.default_rng(3)
    async with recording(log, url) as progress:
        contents, sets = lumisection(rng, 1)
        await send(log, BOOKINGS, EVERY_KIND)
        await send(log, HISTOGRAMS, *sets)
        await caught_up(log, url, progress)
    assert progress.refused == 0
    await check(url, {1: contents})


async def test_hostile_records_are_buried_whole_and_the_others_are_stored(
    log: Log, url: str
) -> None:
    rng = np.random.default_rng(4)
    contents, sets = lumisection(rng, 1)
    no_booking = closed_set(random_contents(LAYOUT, rng), run=1, lumisection=2, booking="none")
    broken = closed_set(random_contents(LAYOUT, rng), run=1, lumisection=3, cells=b"x" * 99)
    await send(log, BOOKINGS, EVERY_KIND)
    good = CODEC.encode(sets[1])
    hostile = [
        outgoing(HISTOGRAMS, 0, sets[0]).__replace__(headers=()),
        outgoing(HISTOGRAMS, 0, sets[0]).__replace__(value=b"\xc1"),
        outgoing(HISTOGRAMS, 0, sets[0]).__replace__(headers=good.headers, value=None),
        outgoing(HISTOGRAMS, 0, no_booking),
        outgoing(HISTOGRAMS, 0, broken),
        outgoing(HISTOGRAMS, 0, Conditions(run=-1, lumisection=1)),
    ]
    await log.send(hostile)
    await send(log, HISTOGRAMS, *sets)
    await log.send([hostile[1]])
    async with recording(log, url) as progress:
        await caught_up(log, url, progress)
    await check(url, {1: contents})
    letters = [record async for record in read_to_end(log, dead_topic(HISTOGRAMS))]
    found = [CODEC.decode(record.headers, record.value) for record in letters]
    assert all(isinstance(letter, Dead) for letter in found)
    reasons = sorted(letter.reason for letter in found if isinstance(letter, Dead))
    assert reasons == [
        "bad_body",
        "bad_body",
        "bad_cells",
        "no_type",
        "out_of_range",
        "unknown_booking",
    ]
    assert progress.refused == 6
    assert {letter.value for letter in found if isinstance(letter, Dead)} == {
        message.value for message in hostile if message.value is not None
    }


async def test_a_full_disk_is_reported_and_overcome_without_loss(log: Log, url: str) -> None:
    rng = np.random.default_rng(5)
    expected: dict[int, Contents] = {}
    await send(log, BOOKINGS, EVERY_KIND)
    for number in range(1, 31):
        expected[number], sets = lumisection(rng, number)
        await send(log, HISTOGRAMS, *sets, partition=number % PARTITIONS)

    class Small(StoreWriter):
        """Its disk is full until somebody makes room."""

        room = 20

        def write(self, *arguments, **named):
            with self._database.engine.begin() as connection:
                connection.execute(text("PRAGMA max_page_count = 1"))
                pages = connection.execute(text("PRAGMA page_count")).scalar_one()
                limit = 1 if Small.room == 0 else pages + Small.room
                connection.execute(text(f"PRAGMA max_page_count = {limit}"))
            return super().write(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch, structlog.testing.capture_logs() as logged:
        patch.setattr("services.recorder.store_thread.StoreWriter", Small)
        Small.room = 0
        async with recording(log, url) as progress:
            await until(lambda: progress.failures >= 3)
            assert progress.closed == 0
            Small.room = 1000
            await caught_up(log, url, progress)
    errors = [entry["error"] for entry in logged if entry["log_level"] == "error"]
    assert errors
    assert all("database or disk is full" in error for error in errors)
    await check(url, expected)


async def test_a_hole_in_the_log_is_named_with_the_lumisections_it_took(url: str) -> None:
    rng = np.random.default_rng(6)
    log = MemoryLog(SystemClock())
    await ensure(log, retention_bytes=20_000)
    await send(log, BOOKINGS, EVERY_KIND)
    expected: dict[int, Contents] = {}
    expected[1], sets = lumisection(rng, 1)
    await send(log, HISTOGRAMS, *sets)
    async with recording(log, url) as progress:
        await caught_up(log, url, progress)
    stood = (await log.bounds(HISTOGRAMS, 0)).end
    for number in range(2, 40):
        expected[number], sets = lumisection(rng, number)
        await send(log, HISTOGRAMS, *sets)
    await log.maintain()
    begins = (await log.bounds(HISTOGRAMS, 0)).start
    assert begins > stood
    with structlog.testing.capture_logs() as logged:
        async with recording(log, url) as progress:
            await caught_up(log, url, progress)
            await until(lambda: any("missing" in entry["event"] for entry in logged))
    (hole,) = await stored(url, Store.holes)
    assert (hole.topic, hole.first, hole.next_offset) == (HISTOGRAMS, stood, begins)
    held = (await stored(url, lambda store: store.contents("set", 1, "every"))).lumisections
    missing = await stored(url, lambda store: store.missing(1))
    assert missing["set"] == tuple(sorted(set(expected) - set(held)))
    assert progress.expired == begins - stood
    expired = next(entry for entry in logged if "expired" in entry["event"])
    assert (expired["first"], expired["next_offset"]) == (stood, begins)
    named = next(entry for entry in logged if "missing" in entry["event"])
    assert named["lumisections"] == f"2-{held[1] - 1}"
    await check(url, {number: expected[number] for number in held})


async def test_another_log_and_a_shorter_one_stop_the_start(log: Log, url: str) -> None:
    await send(log, BOOKINGS, EVERY_KIND)
    async with recording(log, url) as progress:
        await caught_up(log, url, progress)
    for identity, sentence in (("other", "history of log memory"), ("memory", "is shorter")):
        other = MemoryLog(SystemClock(), identity=identity)
        await ensure(other)
        with pytest.raises(LogIdentityError, match=sentence):
            await run_recorder(other, url, clock=SystemClock(), ready=lambda: None)


@pytest.mark.integration
async def test_a_recorder_killed_at_any_moment_loses_and_doubles_nothing(
    tmp_path: Path, url: str
) -> None:
    rng = np.random.default_rng(7)
    expected: dict[int, Contents] = {}
    for kill_after in (0.0, 0.02, 0.05, 0.1, 0.2, None):
        async with EmbeddedLog.open(tmp_path / "log", clock=SystemClock()) as log:
            await ensure(log)
            await send(log, BOOKINGS, EVERY_KIND)
            first = len(expected) + 1
            for number in range(first, first + 30):
                expected[number], sets = lumisection(rng, number)
                await send(log, HISTOGRAMS, *sets, partition=number % PARTITIONS)
            if kill_after is None:
                async with recording(log, url) as progress:
                    await caught_up(log, url, progress)
        if kill_after is not None:
            await asyncio.to_thread(_record_and_kill, tmp_path, kill_after)
    await check(url, expected)
    accounts = await stored(url, lambda store: store.lumisections(1).items)
    assert [one.complete for one in accounts] == [True] * len(expected)


def _record_and_kill(folder: Path, seconds: float) -> None:
    """Start a recorder in a process of its own, and kill it some time after it was ready."""
    command = [sys.executable, __file__, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    assert process.returncode == -signal.SIGKILL


async def _record(folder: Path) -> None:
    async with EmbeddedLog.open(folder / "log", clock=SystemClock()) as log:
        await ensure(log)
        await run_recorder(
            log,
            f"sqlite:///{folder / 'store.sqlite'}",
            clock=SystemClock(),
            ready=lambda: print("ready", flush=True),  # noqa: T201 the parent waits for it
            settings=FAST,
        )


async def test_what_a_policy_gives_up_is_pruned_by_the_recorder_and_said(
    log: MemoryLog, url: str
) -> None:
    """Run 1 keeps its sum, run 2 its lumisections; recording goes on, as of each record."""
    rng = np.random.default_rng(3)
    settings = replace(
        FAST, pruning=Pruning(policy=Retention(lumisections=Keep(runs=1)), interval=0.01)
    )
    await send(log, BOOKINGS, EVERY_KIND)
    contents = {run: random_contents(LAYOUT, rng) for run in (1, 2)}
    with structlog.testing.capture_logs() as lines:
        async with recording(log, url, settings) as progress:
            for run, one in contents.items():
                await send(log, HISTOGRAMS, closed_set(one, run=run, lumisection=1))
            while not await stored(url, Store.removed):
                pass
            await send(log, HISTOGRAMS, closed_set(contents[2], run=2, lumisection=2))
            await caught_up(log, url, progress)
            await until(lambda: any(line["event"] == "a run was pruned" for line in lines))
    last = max([record.offset async for record in read_to_end(log, HISTOGRAMS)])
    (said,) = (line for line in lines if line["event"] == "a run was pruned")
    assert (said["run"], said["reason"], said["count"]) == (1, "sum kept", 1)

    def compare(store: Store) -> None:
        assert [run.summed for run in store.runs().items] == [False, True]
        assert store.contents("set", 1, "every").contents.equals(contents[1])
        assert store.contents("set", 2, "every").lumisections == (1, 2)
        for offset, known in ((last, (1,)), (last + 1, (1, 2))):
            as_of = AsOf(offset=offset)
            assert store.contents("set", 2, "every", as_of=as_of).lumisections == known

    await stored(url, compare)


if __name__ == "__main__":
    asyncio.run(_record(Path(sys.argv[1])))
