"""Programs that send their own columns: numbered, resumed, held up or counted, exactly."""

import asyncio
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pytest

from dqmstream.booking_set import BookingSet
from dqmstream.clock import SystemClock
from dqmstream.errors import ConfigurationError, MessageError
from dqmstream.fold.state import FoldSettings
from dqmstream.histograms.layout import Layout
from dqmstream.producing import AsyncProducer, ProducerSettings
from dqmstream.transport.memory import MemoryLog
from tests.filled import fill_to_the_end, make_topics
from tests.random_run import BOOKING, batch_fill, random_batch
from tests.troubled_log import TroubledLog

pytestmark = pytest.mark.integration

PARTITIONS = 3
LENGTH = 30
LIVES = 6
QUICK = ProducerSettings(retry_first=0.001, retry_most=0.01)


@pytest.fixture
async def log() -> MemoryLog:
    memory = MemoryLog(SystemClock())
    await make_topics(memory, PARTITIONS)
    return memory


def batches(lumisection: int) -> list[pa.RecordBatch]:
    """What the program has to send of an LS."""
    rng = np.random.default_rng(lumisection)
    return [random_batch(rng, int(size)) for size in rng.integers(1, 40, lumisection % 4)]


async def assert_exact(log: MemoryLog, lumisections: Sequence[int]) -> None:
    """Every LS is complete, and the batch fill of what was sent of it."""
    booking_set = BookingSet([BOOKING], FoldSettings(partitions=PARTITIONS))
    merged = await fill_to_the_end(log, booking_set, len(lumisections))
    assert [one.key.lumisection for one in merged] == list(lumisections)
    for one in merged:
        sent = batches(one.key.lumisection)
        assert one.complete, one.account.lacking
        assert one.late is None
        assert one.account.seen == sum(batch.num_rows for batch in sent)
        assert batch_fill(Layout(BOOKING), sent).equals(one.contents)


async def until(fact: Callable[[], object]) -> None:
    """Wait for a fact; the test's own time-out is the limit."""
    while not fact():  # noqa: ASYNC110 whoever makes the fact does not know of us
        await asyncio.sleep(0.005)


class _Killed(Exception):
    """The program dies."""


async def test_a_program_dies_and_goes_on_where_the_log_is(log: MemoryLog) -> None:
    """Lives end at any batch; the last one finds nothing to do twice."""
    troubled = TroubledLog(log, seed=3)
    sent: list[list[int]] = []
    for life in range(LIVES):
        producer = AsyncProducer(troubled, "mine", settings=QUICK)
        sent.append([])
        try:
            async with producer.run(1, reads="the same input") as run:
                for lumisection in range(run.resumes_after + 1, LENGTH + 1):
                    for batch in batches(lumisection):
                        await run.send(lumisection, batch)
                        sent[-1].append(lumisection)
                        if len(sent[-1]) == 8 and life < LIVES - 1:
                            if life % 2:
                                # Every other life has come further, and the log knows it.
                                await until(
                                    lambda run=run, before=lumisection - 1: (
                                        (run.progress.lumisection or 0) >= before
                                    )
                                )
                            raise _Killed
                    await run.end_lumisection(lumisection)
        except _Killed:
            assert life < LIVES - 1
    firsts = [life[0] for life in sent if life]
    assert firsts == sorted(firsts)
    assert firsts[-1] > 2, "no life went on where the log was"
    await assert_exact(log, range(1, LENGTH + 1))


async def test_lumisections_passed_over_are_empty_and_close(log: MemoryLog) -> None:
    async with AsyncProducer(log, "mine", settings=QUICK).run(1, reads="holes") as run:
        for lumisection in (1, 5):
            for batch in batches(lumisection):
                await run.send(lumisection, batch)
    booking_set = BookingSet([BOOKING], FoldSettings(partitions=PARTITIONS))
    merged = await fill_to_the_end(log, booking_set, 5)
    seen = [one.account.seen for one in merged]
    assert seen == [sum(b.num_rows for b in batches(n)) if n in {1, 5} else 0 for n in range(1, 6)]
    assert all(one.complete for one in merged)


async def test_a_live_source_joins_after_its_life_before(log: MemoryLog) -> None:
    """Nobody can say what of the LS it was in came through: it joins with the one after."""

    async def first_life() -> None:
        async with AsyncProducer(log, "mine", settings=QUICK).run(1) as run:
            await run.send(1, batches(1)[0])
            await run.end_lumisection(1)
            await until(lambda: run.progress.lumisection == 1)
            await run.send(2, batches(2)[0])
            raise _Killed

    with pytest.raises(_Killed):
        await first_life()
    async with AsyncProducer(log, "mine", settings=QUICK).run(1) as run:
        assert run.resumes_after == 2
        await run.send(2, batches(2)[1])
        assert run.progress.dropped == batches(2)[1].num_rows
        for lumisection in (3, 4):
            for batch in batches(lumisection):
                await run.send(lumisection, batch)


async def test_a_live_source_is_not_held_up_by_a_log_that_is_away(log: MemoryLog) -> None:
    """What finds the buffer full is dropped and counted, and told when the log is back."""
    troubled = TroubledLog(log, seed=1)
    troubled.away = True
    small = ProducerSettings(retry_first=0.001, retry_most=0.01, buffer_bytes=60_000)
    rng, total = np.random.default_rng(0), 0
    async with AsyncProducer(troubled, "mine", settings=small).run(1) as run:
        for _ in range(40):
            batch = random_batch(rng, 100)
            total += batch.num_rows
            await run.send(1, batch)
        await until(lambda: run.progress.dropped)
        troubled.away = False
    booking_set = BookingSet([BOOKING], FoldSettings(partitions=PARTITIONS))
    (merged,) = await fill_to_the_end(log, booking_set, 1)
    account = merged.account
    assert (account.seen, account.selected + account.dropped) == (total, total)
    assert account.dropped == run.progress.dropped > 0


async def test_bad_events_are_refused_at_once_and_the_run_goes_on(log: MemoryLog) -> None:
    async with AsyncProducer(log, "mine", settings=QUICK).run(1, reads="x") as run:
        with pytest.raises(MessageError, match="differ in length"):
            await run.send(1, {"x": [1.0], "n": [1, 2]})
        for batch in batches(1):
            await run.send(1, batch)
        await run.send(2, batches(2)[0])
        with pytest.raises(ValueError, match="run 1 LS 1 of source 'mine' is over"):
            await run.send(1, batches(1)[0])
        await run.send(2, batches(2)[1])
    await assert_exact(log, [1, 2])


@pytest.mark.parametrize(
    ("to", "token", "says"),
    [
        ("https://dqm.example", "", "token of role producer"),
        ("kafka://a:9092", "secret", "a token is for a gateway"),
        ("localhost:9092", "", "expected http://"),
    ],
)
def test_a_wrong_destination_is_said_before_anything_is_sent(
    to: str, token: str, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says) as refused:
        AsyncProducer(to, "mine", token=token)
    assert "secret" not in str(refused.value)


async def test_many_sources_in_one_program_take_no_threads_from_each_other(log: MemoryLog) -> None:
    """More of them than the loop has threads, each with many batches on their way at once."""
    names = [f"source-{number}" for number in range(12)]

    async def send(name: str, marks: asyncio.Barrier) -> None:
        async with AsyncProducer(log, name, settings=QUICK).run(1, expected=tuple(names)) as run:
            await marks.wait()
            batch = random_batch(np.random.default_rng(1), 5)
            await asyncio.gather(*(run.send(1, batch) for _ in range(60)))

    together = asyncio.Barrier(len(names))
    async with asyncio.timeout(150), asyncio.TaskGroup() as tasks:
        for name in names:
            tasks.create_task(send(name, together))
    booking_set = BookingSet([BOOKING], FoldSettings(partitions=PARTITIONS))
    (merged,) = await fill_to_the_end(log, booking_set, 1)
    assert merged.complete
    assert merged.account.selected == 12 * 60 * 5


async def test_a_send_that_is_given_up_sent_nothing(log: MemoryLog) -> None:
    """So that trying it again is no event twice."""
    troubled = TroubledLog(log, seed=1)
    small = ProducerSettings(retry_first=0.001, retry_most=0.01, read_ahead_bytes=5_000)
    rng = np.random.default_rng(5)
    batches = [random_batch(rng, 20) for _ in range(40)]
    given_up = 0
    async with AsyncProducer(troubled, "mine", settings=small).run(1, reads="x") as run:
        for number, batch in enumerate(batches):
            if number == 5:
                troubled.away = True  # until somebody has waited in vain
            while True:
                try:
                    async with asyncio.timeout(0.05 if troubled.away else None):
                        await run.send(1, batch)
                    break
                except TimeoutError:
                    given_up += 1
                    troubled.away = False
    assert given_up, "nothing was held up"
    booking_set = BookingSet([BOOKING], FoldSettings(partitions=PARTITIONS))
    (merged,) = await fill_to_the_end(log, booking_set, 1)
    assert merged.account.seen == sum(batch.num_rows for batch in batches)
    assert batch_fill(Layout(BOOKING), batches).equals(merged.contents)
