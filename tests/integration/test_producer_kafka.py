"""A producer on a real broker that is killed, restarted or cut off while it sends."""

import asyncio
import random
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np
import pytest

from dqmstream.booking_set import BookingSet
from dqmstream.clock import SystemClock
from dqmstream.fold.merge import Merged
from dqmstream.fold.state import FoldSettings
from dqmstream.histograms.layout import Layout
from dqmstream.messages.events import RunStart
from dqmstream.messages.topics import EVENTS
from dqmstream.messages.wire import CODEC
from dqmstream.producing import (
    ProducerProgress,
    ProducerSettings,
    joining_lumisection,
    produce,
)
from dqmstream.producing.cutting import body_limit
from dqmstream.sources.source import SourceChunk, SourceLumisection
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.kafka import KafkaLog, KafkaSettings
from playback.bench.program import command, environment, finished
from playback.broker import Cluster
from services.log import topic_specs
from services.settings_layers import load_settings
from tests.filled import fill_to_the_end, filled_chunks, make_topics
from tests.random_run import BOOKING, RandomRun, batch_fill, random_batch

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PARTITIONS = 3
LENGTH = 30
LIVE = {"incarnation": "live", "rereadable": False, "seconds": 0.2, "chunks": (3, 8)}
SETTINGS = ProducerSettings(batch_bytes=20_000, retry_most=0.5, buffer_seconds=600)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A broker of our own behind a proxy: it is killed and cut off."""
    with Cluster.start(tmp_path_factory.mktemp("broker"), proxied=True) as cluster:
        yield cluster


@pytest.fixture(scope="module", autouse=True)
def _warm_kernels() -> None:
    """Compile before anything waits."""
    batch_fill(Layout(BOOKING), [random_batch(np.random.default_rng(0), 10)])


@asynccontextmanager
async def opened(cluster: Cluster, prefix: str) -> AsyncIterator[KafkaLog]:
    # Impatient with what is sent, which goes again, and not with what is read here only once.
    servers = tuple(cluster.bootstrap.split(","))
    settings = KafkaSettings(servers=servers, prefix=prefix, delivery_timeout=3.0)
    async with KafkaLog.open(settings) as log:
        yield log


@asynccontextmanager
async def sent(
    log: KafkaLog, source: RandomRun, settings: ProducerSettings, progress: ProducerProgress
) -> AsyncIterator[None]:
    """All of a source, sent while the block runs."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            produce(
                log, source, clock=SystemClock(), settings=settings, speed=1.0, progress=progress
            )
        )
        await until(lambda: (progress.lumisection or 0) >= 3)
        yield


async def until(fact: Callable[[], object]) -> None:
    """Wait for a fact; the test's own time-out is the limit."""
    while not fact():  # noqa: ASYNC110 whoever makes the fact does not know of us
        await asyncio.sleep(0.02)


async def filled(log: KafkaLog, length: int = LENGTH) -> list[Merged]:
    booking_set = BookingSet([BOOKING], FoldSettings(partitions=PARTITIONS))
    return await fill_to_the_end(log, booking_set, length)


def assert_nothing_lost(merged: list[Merged], source: RandomRun) -> None:
    assert [one.key.lumisection for one in merged] == list(range(1, LENGTH + 1))
    for one in merged:
        assert one.complete, one.account.lacking
        batches = source.batches(one.key.lumisection)
        assert one.account.seen == one.account.selected == sum(b.num_rows for b in batches)
        assert batch_fill(Layout(BOOKING), batches).equals(one.contents)


@pytest.mark.parametrize("live", [True, False])
async def test_nothing_is_lost_over_a_broker_that_is_killed_and_started_again(
    cluster: Cluster, kafka_prefix: str, live: bool
) -> None:
    progress = ProducerProgress()
    identity = LIVE if live else LIVE | {"incarnation": "one", "rereadable": True}
    source = RandomRun(name="first", seed=1, length=LENGTH, **identity)
    async with opened(cluster, kafka_prefix) as log:
        await make_topics(log, PARTITIONS)
        async with sent(log, source, SETTINGS, progress):
            await asyncio.to_thread(cluster.brokers[0].kill)
            await until(lambda: progress.unavailable)
            await asyncio.to_thread(cluster.brokers[0].start)
        assert progress.dropped == progress.unavailable == progress.buffer_bytes == 0
        assert progress.retries > 0
        assert_nothing_lost(await filled(log), source)


async def test_a_live_source_that_is_cut_off_loses_nothing_within_its_buffer(
    cluster: Cluster, kafka_prefix: str
) -> None:
    progress = ProducerProgress()
    source = RandomRun(name="first", seed=2, length=LENGTH, **LIVE)
    async with opened(cluster, kafka_prefix) as log:
        await make_topics(log, PARTITIONS)
        async with sent(log, source, SETTINGS, progress):
            cluster.cut()
            try:
                # Longer than a send is waited for: its outcome is unknown, and it goes again. One
                # may have been before, too, where the broker was slow.
                before = progress.resent
                await until(lambda: progress.resent > before and progress.unavailable)
            finally:
                cluster.mend()
        assert progress.dropped == 0
        assert_nothing_lost(await filled(log), source)


async def test_a_live_source_that_is_cut_off_for_too_long_counts_what_it_drops(
    cluster: Cluster, kafka_prefix: str
) -> None:
    """The LSs say how much they lack, and what they hold is exact."""
    progress = ProducerProgress()
    source = RandomRun(name="first", seed=3, length=LENGTH, events=(5, 39), **LIVE)
    settings = ProducerSettings(batch_bytes=20_000, buffer_bytes=60_000, retry_most=0.5)
    async with opened(cluster, kafka_prefix) as log:
        await make_topics(log, PARTITIONS)
        async with sent(log, source, settings, progress):
            cluster.cut()
            try:
                await until(lambda: progress.dropped_chunks > 10)
            finally:
                cluster.mend()
        merged = await filled(log)
        found = await filled_chunks(log, Layout(BOOKING))
    dropped = 0
    for one in merged:
        batches, account = source.batches(one.key.lumisection), one.account
        numbers = found[one.key.lumisection, "first"]
        kept = [batch for number, batch in enumerate(batches) if number in numbers]
        assert account.seen == sum(batch.num_rows for batch in batches)
        assert account.selected == sum(batch.num_rows for batch in kept)
        assert account.seen == account.selected + account.dropped
        assert account.notes.get("dropped_chunks", 0) == len(batches) - len(kept)
        assert one.complete == (account.dropped == 0)
        # An LS whose last chunks were dropped ends with an empty one that says so.
        if len(batches) in numbers:
            kept.append(batches[0].slice(0, 0))
        assert batch_fill(Layout(BOOKING), kept).equals(one.contents)
        dropped += account.dropped
    assert dropped == progress.dropped > 0


async def test_a_chunk_larger_than_the_largest_message_goes_in_pieces(
    kafka: str, kafka_prefix: str
) -> None:
    source = RandomRun(name="first", seed=4, length=1, chunks=(1, 1), events=(400_000, 400_000))
    settings = KafkaSettings(servers=tuple(kafka.split(",")), prefix=kafka_prefix)
    async with KafkaLog.open(settings) as log:
        await make_topics(log, PARTITIONS)
        progress = await produce(log, source, clock=SystemClock())
        assert progress.cut == 1
        assert progress.chunks > 1
        assert progress.bytes > 8 << 20
        (merged,) = await filled(log, 1)
    assert merged.complete
    assert merged.account.selected == 400_000
    assert batch_fill(Layout(BOOKING), source.batches(1)).equals(merged.contents)


@dataclass(frozen=True)
class LargestChunk:
    """One chunk of the largest body there can be; no events, for none need to be read."""

    lumisection: int = 1
    seconds: float = 1.0

    def chunks(self) -> Iterator[SourceChunk]:
        limit = body_limit(8 << 20, "first", "one")
        yield SourceChunk(body=random.Random(5).randbytes(limit), seen=1, selected=1)

    def notes(self) -> Mapping[str, int]:
        return {}


@dataclass(frozen=True, kw_only=True)
class LargestRun(RandomRun):
    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        return iter([LargestChunk()] if after < 1 else [])


async def test_the_broker_takes_the_largest_body_that_is_not_cut(
    kafka: str, kafka_prefix: str
) -> None:
    source = LargestRun(name="first", seed=0, length=1)
    settings = KafkaSettings(servers=tuple(kafka.split(",")), prefix=kafka_prefix)
    async with KafkaLog.open(settings) as log:
        await make_topics(log, PARTITIONS)
        progress = await produce(log, source, clock=SystemClock())
    assert (progress.chunks, progress.cut) == (1, 0)
    assert progress.bytes == body_limit(8 << 20, "first", "one")


async def test_a_live_producer_that_is_killed_joins_again_as_another_incarnation(
    kafka: str, kafka_prefix: str
) -> None:
    """The command as a user gives it, killed with -9 and given again."""
    detector = ["--synthetic", "--live", "--rate", "100", "--seconds", "0.3", "--speed", "1"]
    arguments = ["produce", *detector, "--json", "--lumisections"]
    variables = {"kafka": kafka, "kafka_prefix": kafka_prefix, "partitions": "3"}
    process = await asyncio.to_thread(
        subprocess.Popen,
        command([*arguments, "1000"]),
        env=environment(variables),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        settings = KafkaSettings(servers=tuple(kafka.split(",")), prefix=kafka_prefix)
        async with KafkaLog.open(settings) as log:
            in_force = await asyncio.to_thread(load_settings, variables, {})
            await log.ensure_topics(topic_specs(in_force.settings))
            while await joining_lumisection(log, "synthetic", 1) < 5:  # noqa: ASYNC110 of another process
                await asyncio.sleep(0.05)
            process.kill()
            await asyncio.to_thread(process.wait)
            joins = await joining_lumisection(log, "synthetic", 1)
            last = joins + 5
            again = [*arguments, str(last)]
            told = await asyncio.to_thread(finished, again, variables, timeout=150)
            (sent,) = told["sent"]
            assert sent["lumisection"] == last
            starts = [
                message
                async for record in read_to_end(log, EVENTS)
                if isinstance(message := CODEC.decode(record.headers, record.value), RunStart)
            ]
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)
    (dead, born) = dict.fromkeys(start.incarnation for start in starts)
    assert {(start.incarnation, start.first_lumisection) for start in starts} == {
        (dead, 1),
        (born, joins),
    }
    assert {start.replaces for start in starts} == {"", dead}
    assert not any(start.rereadable for start in starts)
