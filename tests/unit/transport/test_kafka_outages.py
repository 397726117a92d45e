"""Brokers that die under load, stay away, freeze and come back: nothing acknowledged goes missing.

Sending again after an unknown outcome may double a message: that is the caller's doing, and only
then.
"""

import asyncio
import os
from collections import Counter
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from dqmstream.errors import LogUnavailableError
from dqmstream.transport.kafka import KafkaLog, KafkaSettings
from dqmstream.transport.log import Outgoing, TopicSpec
from dqmstream.transport.patience import PatientLog
from playback.broker import Cluster

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

TOPIC = "dqm.numbers"
PARTITIONS = 4
LONG = 180.0
# A broker may take most of a minute to start on a busy machine: nothing fails meanwhile.
PATIENT = {"delivery_timeout": LONG, "request_timeout": LONG}


@pytest.fixture(autouse=True)
def _no_complaints_of_asyncio(caplog):
    """Nothing is left behind that nobody waits for."""
    yield
    assert [r.getMessage() for r in caplog.get_records("call") if r.name == "asyncio"] == []


@asynccontextmanager
async def started(folder, brokers):
    cluster = await asyncio.to_thread(Cluster.start, folder, brokers=brokers)
    try:
        yield cluster
    finally:
        await asyncio.to_thread(cluster.close)


class Load:
    """Sends numbers to each partition, one call after the other, and notes what becomes of them."""

    def __init__(self, log):
        self.log = log
        self.stop = asyncio.Event()
        self.offsets = {partition: {} for partition in range(PARTITIONS)}
        self.unknown = 0
        self._pad = b" " * 2000

    async def run(self, partition):
        number = 0
        while not self.stop.is_set():
            numbers = range(number, number + 3)
            batch = [
                Outgoing(topic=TOPIC, partition=partition, value=b"%d" % n + self._pad)
                for n in numbers
            ]
            try:
                given = await self.log.send(batch)
            except LogUnavailableError:
                self.unknown += len(batch)
                continue
            self.offsets[partition] |= dict(zip(numbers, given, strict=True))
            number += len(batch)
            await asyncio.sleep(0.001)

    @property
    def acknowledged(self):
        return sum(len(offsets) for offsets in self.offsets.values())

    async def more(self, count=300):
        """Wait until so many more are acknowledged."""
        enough = self.acknowledged + count
        async with asyncio.timeout(LONG):
            while self.acknowledged < enough:  # noqa: ASYNC110 a fact, not an event
                await asyncio.sleep(0.01)


class Reading:
    """What a reader that was there all the time has read."""

    def __init__(self):
        self.numbers = {partition: [] for partition in range(PARTITIONS)}
        self.offsets = {partition: {} for partition in range(PARTITIONS)}

    async def run(self, reader):
        while True:
            for record in await reader.read(timeout=1.0):
                number = int(record.value)
                self.numbers[record.partition].append(number)
                self.offsets[record.partition][record.offset] = number

    async def until(self, ends):
        """Wait until everything before these offsets was read."""
        async with asyncio.timeout(LONG):
            while not all(end - 1 in self.offsets[p] for p, end in ends.items()):  # noqa: ASYNC110
                await asyncio.sleep(0.02)


def check(load, reading, *, doubled):
    """Each acknowledged number is where it was said to be, in order, once unless sent again."""
    for partition, said in load.offsets.items():
        there = reading.offsets[partition]
        assert said
        assert {number: there.get(offset) for number, offset in said.items()} == {
            number: number for number in said
        }
        acknowledged = [offset for _, offset in sorted(said.items())]
        assert acknowledged == sorted(acknowledged)
        read = reading.numbers[partition]
        times = Counter(read)
        assert set(said) <= set(times)
        if not doubled:
            assert read == sorted(read)
            assert set(times.values()) == {1}


@asynccontextmanager
async def under_load(cluster, **settings):
    """A log on the cluster, with a load on it and a reader and a group's member behind it.

    Only the load is as impatient as the settings: a machine may be slower than they ask for.
    """
    wanted = KafkaSettings(servers=tuple(cluster.bootstrap.split(",")), **settings)
    async with KafkaLog.open(replace(wanted, **PATIENT)):
        pass  # the first message of all, which says which log it is, is sent with patience
    async with KafkaLog.open(wanted) as log:
        patient = PatientLog(log)
        await patient.ensure_topics([TopicSpec(name=TOPIC, partitions=PARTITIONS)])
        load, reading, grouped = Load(log), Reading(), Reading()
        places = {(TOPIC, partition): 0 for partition in range(PARTITIONS)}
        async with (
            patient.reader(places) as reader,
            patient.group("numbers", [TOPIC], member="a") as member,
            asyncio.TaskGroup() as tasks,
        ):
            readers = [tasks.create_task(reading.run(reader))]
            readers.append(tasks.create_task(grouped.run(member)))
            senders = [tasks.create_task(load.run(p)) for p in range(PARTITIONS)]
            await load.more()
            yield log, load
            await load.more()
            load.stop.set()
            await asyncio.wait(senders)
            ends = {p: (await patient.bounds(TOPIC, p)).end for p in range(PARTITIONS)}
            await reading.until(ends)
            await grouped.until(ends)
            for task in readers:
                task.cancel()
        check(load, reading, doubled=load.unknown > 0)
        assert all(grouped.offsets[p] == reading.offsets[p] for p in range(PARTITIONS))


async def test_a_broker_that_is_killed_and_comes_back_loses_and_doubles_nothing(tmp_path):
    async with started(tmp_path, 1) as cluster, under_load(cluster, **PATIENT) as (log, load):
        broker = cluster.brokers[0]
        await asyncio.to_thread(broker.kill)
        await asyncio.to_thread(broker.start)
        await load.more()
        await asyncio.to_thread(broker.stop)
        await asyncio.to_thread(broker.start)
        await load.more()
        assert load.unknown == 0
        assert log.stats.failed == 0
        assert log.stats.retried > 0
        assert log.stats.producers == 1


async def test_an_outage_longer_than_the_patience_fails_what_is_sent_and_then_goes_on(tmp_path):
    async with started(tmp_path, 1) as cluster:
        async with under_load(cluster, delivery_timeout=2.0) as (log, load):
            broker = cluster.brokers[0]
            await asyncio.to_thread(broker.kill)
            async with asyncio.timeout(LONG):
                while load.unknown < 6 * PARTITIONS:  # noqa: ASYNC110 a fact, not an event
                    await asyncio.sleep(0.02)
            await asyncio.to_thread(broker.start)
            await load.more()
            assert log.stats.failed >= load.unknown > 0
            assert log.stats.producers > 1
        assert log.buffered_bytes == 0


async def test_one_of_three_brokers_dies_and_comes_back_under_load(tmp_path):
    settings = PATIENT | {"replication": 3}
    async with started(tmp_path, 3) as cluster, under_load(cluster, **settings) as (log, load):
        await asyncio.to_thread(cluster.brokers[0].kill)
        await load.more(600)
        await asyncio.to_thread(cluster.brokers[0].start)
        await load.more(600)
        assert load.unknown == 0
        assert log.stats.failed == 0


async def test_a_frozen_broker_is_like_one_that_is_away(tmp_path):
    impatient = {"delivery_timeout": 3.0, "request_timeout": 5.0}
    async with started(tmp_path, 1) as cluster, under_load(cluster, **impatient) as (log, load):
        cluster.brokers[0].pause()
        async with asyncio.timeout(LONG):
            while not load.unknown:  # noqa: ASYNC110 a fact, not an event
                await asyncio.sleep(0.02)
        with pytest.raises(LogUnavailableError, match="not known"):
            await log.bounds(TOPIC, 0)
        cluster.brokers[0].resume()
        await load.more()


async def test_leaving_does_not_wait_for_a_frozen_broker(tmp_path):
    large = [Outgoing(topic=TOPIC, partition=p, value=os.urandom(8 << 20)) for p in range(2)]
    async with started(tmp_path, 1) as cluster, asyncio.timeout(LONG):
        settings = KafkaSettings(servers=(cluster.bootstrap,), delivery_timeout=3 * LONG)
        async with KafkaLog.open(settings) as log:
            await log.ensure_topics([TopicSpec(name=TOPIC, partitions=PARTITIONS)])
            await log.send([Outgoing(topic=TOPIC, partition=0, value=b"0")])
            async with log.group("numbers", [TOPIC], member="a") as member:
                await member.read(timeout=1.0)
                cluster.brokers[0].pause()
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await log.send(large)
