"""The filler as a service: what it writes, in which order, and what it lives through."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
import structlog

from dqmstream.clock import SettableClock, SystemClock
from dqmstream.errors import LogError, LogIdentityError
from dqmstream.fold.merge import Merged, Merger, SetKey
from dqmstream.fold.partition import Filler, FoldFactory, PartitionFold
from dqmstream.fold.state import ControlState
from dqmstream.fold.testing.toy import (
    LAYOUTS,
    ToyChunk,
    batch_fill,
    toy_body,
    toy_columns,
    toy_fillers,
)
from dqmstream.identity import event_partition
from dqmstream.messages.checkpoints import FillerCheckpoint, FillerTenure
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.messages.events import Chunk, EventBatch, LumisectionEnd, RunEnd, RunStart
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.operations import Dead
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import CHECKPOINTS, EVENTS, HISTOGRAMS, TOPICS, dead_topic
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import latest_by_key, read_to_end
from dqmstream.transport.log import Log, TopicSpec
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.outgoing import outgoing
from services.filler.checkpoints import newest_checkpoint
from services.filler.progress import FillerProgress
from services.filler.refill import refill
from services.filler.service import run_filler
from services.filler.settings import FillerSettings
from services.filler.tenure import attempts, known_tenure, tenure_record
from services.filler.trial import Trial
from tests.deadly import DEADLY, PARTITIONS, SET, deadly_fillers
from tests.troubled_log import TroubledLog

# Facts are waited for, several in a test; canaries start slowly on a busy machine.
pytestmark = pytest.mark.timeout(400)

SPEAKER: dict[str, Any] = {
    "run": 1,
    "source": "a",
    "incarnation": "i",
    "rereadable": True,
    "partitions": PARTITIONS,
}


def start() -> RunStart:
    return RunStart(first_lumisection=1, **SPEAKER)


def chunk(lumisection: int, number: int, events: Sequence[int]) -> EventBatch:
    body = toy_body(events)
    counts = {"seen": len(events), "selected": len(events), "dropped": 0}
    said = {"lumisection": lumisection, "number": number, "checksum": body_checksum(body)}
    return EventBatch(chunk=Chunk(**SPEAKER, **counts, **said), body=body)


def marker(lumisection: int, chunks: int) -> LumisectionEnd:
    counts = {"seen": 0, "selected": 0, "dropped": 0}
    return LumisectionEnd(lumisection=lumisection, chunks=chunks, **SPEAKER, **counts)


def whole(lumisection: int, *chunks: Sequence[int]) -> list[Message]:
    """An LS of one source, with its end."""
    said = [chunk(lumisection, number, events) for number, events in enumerate(chunks)]
    return [*said, marker(lumisection, len(chunks))]


async def say(log: Log, *messages: Message) -> None:
    """Chunks where they belong, all else everywhere."""
    for message in messages:
        homes = range(PARTITIONS)
        if isinstance(message, EventBatch):
            home = event_partition("a", message.chunk.number, PARTITIONS)
            homes = range(home, home + 1)
        await log.send([outgoing(EVENTS, home, message) for home in homes])


@pytest_asyncio.fixture
async def clock() -> SettableClock:
    return SettableClock()


@pytest_asyncio.fixture
async def log(clock: SettableClock) -> MemoryLog:
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
async def filling(
    log: Log,
    *,
    member: str = "f",
    fillers: Sequence[Filler[Any]] | None = None,
    fold: FoldFactory[Any] = PartitionFold,
) -> AsyncIterator[FillerProgress]:
    """A filler for the length of the block."""
    progress, ready = FillerProgress(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(
            run_filler(
                log,
                SET,
                fillers if fillers is not None else toy_fillers(),
                toy_columns,
                member=member,
                settings=FillerSettings(publish_interval=0.01, checkpoint_interval=0.05),
                clock=SystemClock(),
                progress=progress,
                ready=ready.set,
                fold=fold,
            )
        )
        await ready.wait()
        yield progress
        task.cancel()


async def merged(log: Log) -> dict[int, Merged]:
    """What readers make of the workspace Toy, by LS."""
    merger = Merger({layout.hash: layout for layout in LAYOUTS}.get)
    async for record in read_to_end(log, HISTOGRAMS):
        message = CODEC.decode(record.headers, record.value)
        assert isinstance(message, HistogramSet)
        merger.apply(message)
    keys: list[SetKey] = [key for key in sorted(merger.keys()) if key.workspace == "Toy"]
    return {key.lumisection: merger.merged(key) for key in keys}


async def come(fact: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a fact holds."""
    async with asyncio.timeout(120):
        while not await fact():  # noqa: ASYNC110 neither logs nor fillers announce it
            await asyncio.sleep(0.02)


async def until(log: Log, fact: Callable[[dict[int, Merged]], bool]) -> dict[int, Merged]:
    """What readers know once a fact holds."""
    known: dict[int, Merged] = {}

    async def look() -> bool:
        known.update(await merged(log))
        return fact(known)

    await come(look)
    return known


async def failed(progress: FillerProgress, times: int) -> None:
    """Wait until the log has refused so often."""

    async def look() -> bool:
        return progress.failures >= times

    await come(look)


async def until_closed(log: Log, *lumisections: int) -> dict[int, Merged]:
    return await until(log, lambda known: all(n in known and known[n].closed for n in lumisections))


async def newest(log: Log, partition: int) -> FillerCheckpoint | None:
    table = await latest_by_key(log, CHECKPOINTS)
    return newest_checkpoint(table, SET.hash, partition, log.identity)


async def tenure(log: Log, partition: int) -> FillerTenure:
    found = known_tenure(await latest_by_key(log, CHECKPOINTS), SET.hash, partition)
    assert found is not None
    return found


def is_fill(found: Merged, *chunks: Sequence[int]) -> bool:
    toys = [ToyChunk("a", number, events) for number, events in enumerate(chunks)]
    return found.contents.equals(batch_fill(LAYOUTS[0], toys))


# ------------------------------------------------------------------- stopping


async def test_a_filler_that_is_stopped_releases_its_partitions(log: MemoryLog) -> None:
    """Its checkpoints stand where the next owner should begin, and nobody is taken for dead."""
    await say(log, start(), *whole(1, [1, 2], [3]))
    async with filling(log):
        await until_closed(log, 1)
        await say(log, chunk(2, 0, [4]))
        await until(log, lambda known: 2 in known)
    for partition in range(PARTITIONS):
        end = (await log.bounds(EVENTS, partition)).end
        open_here = event_partition("a", 0, PARTITIONS) == partition
        checkpoint = await newest(log, partition)
        assert checkpoint is not None
        assert checkpoint.offset == end - open_here
        assert (await tenure(log, partition)).released


async def test_the_next_owner_goes_on_where_a_stopped_one_was(log: MemoryLog) -> None:
    await say(log, start(), *whole(1, [1, 2], [3]), chunk(2, 0, [4]))
    async with filling(log, member="first"):
        await until_closed(log, 1)
    await say(log, marker(2, 1))
    async with filling(log, member="second"):
        known = await until_closed(log, 1, 2)
    assert is_fill(known[1], [1, 2], [3])
    assert is_fill(known[2], [4])
    assert known[2].complete


# -------------------------------------------------------------- a log in trouble


async def test_a_filler_lives_through_a_log_that_is_away(log: MemoryLog) -> None:
    troubled = TroubledLog(log, trouble=0.3, seed=1)
    await say(log, start())
    async with filling(troubled) as progress:  # type: ignore[arg-type]
        for lumisection in range(1, 8):
            await say(log, *whole(lumisection, [1, 2], [lumisection], [9]))
        troubled.away = True
        await say(log, *whole(8, [5]))
        await failed(progress, 3)
        troubled.away = False
        known = await until_closed(log, *range(1, 9))
        # Here, where it goes on: what fails once it was told to stop, it does not try again.
        assert progress.failures == sum(troubled.failures.values())
    for lumisection in range(1, 8):
        assert is_fill(known[lumisection], [1, 2], [lumisection], [9])
        assert known[lumisection].complete
        assert known[lumisection].late is None
    assert is_fill(known[8], [5])


class _Refusing:
    """A log that takes no sets, for good."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def send(self, messages: Sequence[Any]) -> list[int]:
        if any(message.topic == HISTOGRAMS for message in messages):
            msg = "not allowed to write dqm.histograms"
            raise LogError(msg)
        return await self._log.send(messages)


async def test_what_a_log_refuses_for_good_ends_the_filler(log: MemoryLog) -> None:
    await say(log, start(), *whole(1, [1]))
    with pytest.raises(ExceptionGroup) as raised:
        async with filling(_Refusing(log)):  # type: ignore[arg-type]
            await asyncio.Event().wait()
    assert raised.group_contains(LogError, match="not allowed", depth=None)


async def test_a_shorter_log_ends_the_filler_with_a_sentence(log: MemoryLog) -> None:
    await say(log, start())
    checkpoint = FillerCheckpoint(
        group=SET.hash,
        partition=0,
        log=log.identity,
        epoch=0,
        offset=99,
        state=ControlState().encode(),
    )
    await log.send([outgoing(CHECKPOINTS, 0, checkpoint, f"filler/{SET.hash}/0/0".encode())])
    with pytest.raises(ExceptionGroup) as raised:
        async with filling(log):
            await asyncio.Event().wait()
    assert raised.group_contains(LogIdentityError, match="this log is shorter", depth=None)


# ----------------------------------------------------------------------- holes


async def test_expired_input_is_named_and_stays_named(log: MemoryLog, clock: SettableClock) -> None:
    await say(log, start(), *whole(1, [1], [2]))
    async with filling(log, member="first"):
        await until_closed(log, 1)
    await say(log, *whole(2, [3], [4]), chunk(3, 0, [5]))
    clock.advance(7200.0)
    await say(log, chunk(3, 1, [6]), marker(3, 2), *whole(4, [7], [8]))
    await log.maintain()
    async with filling(log, member="second"):
        known = await until_closed(log, 3, 4)
    assert is_fill(known[1], [1], [2]), "what was closed before the hole stays"
    for lumisection in (1, 3, 4):
        assert not known[lumisection].whole
        assert not known[lumisection].complete
        lacking = known[lumisection].account.lacking
        assert any("expired unread" in line for line in lacking), lacking
    checkpoints = [await newest(log, partition) for partition in range(PARTITIONS)]
    assert [one.epoch for one in checkpoints if one] == [1, 1]
    # The state in the checkpoint knows it as well: so does whoever comes next.
    await say(log, *whole(5, [9], [9]))
    async with filling(log, member="third"):
        known = await until_closed(log, 5)
    assert is_fill(known[5], [9], [9])
    assert not known[5].whole


async def test_a_filler_that_fell_behind_what_expires_goes_on(
    log: MemoryLog, clock: SettableClock
) -> None:
    """Its input expires while it runs: it says so, and begins again behind the hole."""
    troubled = TroubledLog(log)
    await say(log, start(), *whole(1, [1], [2]))
    async with filling(troubled) as progress:  # type: ignore[arg-type]
        await until_closed(log, 1)
        troubled.away = True
        await say(log, chunk(2, 0, [3]), chunk(2, 1, [3]))
        await failed(progress, 1)
        await say(log, marker(2, 2), *whole(3, [4], [4]))
        clock.advance(7200.0)
        await log.maintain()
        await say(log, *whole(4, [5], [6]))
        troubled.away = False
        known = await until_closed(log, 4)
    assert is_fill(known[4], [5], [6])
    assert not known[4].whole


# --------------------------------------------------------------------- refills


async def test_a_running_filler_notices_a_refill(log: MemoryLog) -> None:
    await say(log, start(), *whole(1, [1], [2]))
    async with filling(log):
        before = await until_closed(log, 1)
        written = await refill(log, SET, why="a test")
        assert {one.epoch for one in written.values()} == {1}
        await come(lambda: _has_epochs(log, {0, 1}, range(PARTITIONS)))
        await say(log, *whole(2, [3]))
        known = await until_closed(log, 1, 2)
    assert known[1].contents.equals(before[1].contents)
    assert known[1].complete
    assert is_fill(known[2], [3])
    assert [(await newest(log, p)).epoch for p in range(PARTITIONS)] == [1, 1]  # type: ignore[union-attr]


async def _has_epochs(log: Log, epochs: set[int], partitions: Iterable[int]) -> bool:
    """Whether closed sets of LS 1 are there of these epochs, from these partitions."""
    found: dict[int, set[int]] = {}
    async for record in read_to_end(log, HISTOGRAMS):
        message = CODEC.decode(record.headers, record.value)
        assert isinstance(message, HistogramSet)
        if message.closed and message.lumisection == 1:
            found.setdefault(message.partition, set()).add(message.epoch)
    return all(epochs <= found.get(partition, set()) for partition in partitions)


async def test_what_a_refill_leaves_out_is_named(log: MemoryLog) -> None:
    await say(log, start(), *whole(1, [1], [2]), *whole(2, [3], [4]))
    async with filling(log, member="first"):
        await until_closed(log, 1, 2)
    offsets = {p: (await log.bounds(EVENTS, p)).end - 1 for p in range(PARTITIONS)}
    await refill(log, SET, why="a test", offsets=offsets)
    async with filling(log, member="second"):
        await say(log, *whole(3, [5], [6]), RunEnd(last_lumisection=3, **SPEAKER))
        known = await until(log, lambda known: 2 in known and not known[2].whole)
    assert is_fill(known[1], [1], [2])
    assert is_fill(known[2], [3], [4]), "whole contents are not replaced by others"


# -------------------------------------------------------------- deadly records


def test_owners_that_die_without_progress_are_counted() -> None:
    dead = FillerTenure(group="g", partition=0, owner="f", epoch=1, offset=9, attempts=1)
    released = FillerTenure(
        group="g", partition=0, owner="f", epoch=1, offset=9, attempts=1, released=True
    )
    assert attempts(None, 0, 0) == 0
    assert attempts(dead, 1, 9) == 2
    assert attempts(released, 1, 9) == 1
    assert attempts(dead, 1, 10) == 0, "a checkpoint further on is progress"
    assert attempts(dead, 2, 9) == 0


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> list[Trial]:
    """All trials that are made."""
    made: list[Trial] = []

    class Noted(Trial):
        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, **more)
            made.append(self)

    monkeypatch.setattr("services.filler.ownership.Trial", Noted)
    return made


async def _died(log: Log, times: int) -> None:
    """Owners of all partitions died so many times in a row."""
    for partition in range(PARTITIONS):
        one = FillerTenure(
            group=SET.hash, partition=partition, owner="x", epoch=0, offset=0, attempts=times - 1
        )
        await log.send([tenure_record(one)])


@pytest.mark.integration
async def test_a_record_that_kills_is_skipped_and_named(log: MemoryLog) -> None:
    """Canaries die of it; the filler that sends them ahead does not."""
    home = event_partition("a", 1, PARTITIONS)
    await say(log, start(), *whole(1, [1], [DEADLY], [3], [4]), *whole(2, [5], [6]))
    await _died(log, 2)
    async with filling(log, fillers=deadly_fillers()) as progress:
        known = await until_closed(log, 1, 2)
    assert progress.skipped == 1
    assert known[1].account.refused == {"killed_filler": 1}
    assert known[1].account.lacking == ("a: 3 of 4 chunks",)
    assert known[1].account.selected == 3
    assert is_fill(known[2], [5], [6])
    checkpoint = await newest(log, home)
    assert checkpoint is not None
    assert (checkpoint.epoch, len(checkpoint.skip)) == (1, 1)
    dead = [r async for r in read_to_end(log, dead_topic(EVENTS))]
    letter = CODEC.decode(dead[0].headers, dead[0].value)
    assert isinstance(letter, Dead)
    assert (letter.partition, letter.offset) == (home, checkpoint.skip[0])
    # Who comes next steps over it as well, also in a refill.
    await refill(log, SET, why="a test")
    async with filling(log, fillers=deadly_fillers(), member="next"):
        await come(lambda: _has_epochs(log, {2}, [home]))
        known = await merged(log)
    assert known[1].account.refused == {"killed_filler": 1}


@pytest.mark.integration
async def test_innocent_records_are_never_skipped(log: MemoryLog, trials: list[Trial]) -> None:
    """However often owners died: as long as no canary does, nothing is skipped."""
    await say(log, start(), *whole(1, [1], [2], [3]), *whole(2, [5], [6]))
    await _died(log, 9)
    async with filling(log) as progress:
        known = await until_closed(log, 1, 2)
    assert progress.skipped == 0
    assert is_fill(known[1], [1], [2], [3])
    assert known[1].complete
    assert known[2].complete
    assert (await newest(log, 0)).epoch == 0  # type: ignore[union-attr]
    assert trials


async def test_one_death_is_no_reason_for_care(log: MemoryLog, trials: list[Trial]) -> None:
    await say(log, start(), *whole(1, [1], [2]))
    await _died(log, 1)
    async with filling(log):
        await until_closed(log, 1)
        assert (await tenure(log, 0)).attempts == 1
    assert trials == []


@pytest.mark.integration
async def test_a_set_that_cannot_be_sent_to_a_canary_is_filled_without(log: MemoryLog) -> None:
    """A fold made on the spot cannot be pickled: suspicion alone stops nothing."""

    class Local(PartitionFold[Any]):
        pass

    await say(log, start(), *whole(1, [1], [2]))
    await _died(log, 5)
    with structlog.testing.capture_logs() as lines:
        async with filling(log, fold=Local):
            known = await until_closed(log, 1)
    assert "no canary: a deadly record cannot be found" in {line["event"] for line in lines}
    assert known[1].complete
