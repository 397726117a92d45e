"""Groups on Kafka beyond the port: members that freeze, dawdle, fail and leave in the middle."""

import asyncio
import json
import os
import random
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.group_coordinator import GroupCoordinator
from msgspec.structs import replace

import dqmstream
from dqmstream.errors import LogError
from dqmstream.transport.kafka import KafkaLog, KafkaSettings
from dqmstream.transport.log import Outgoing, TopicSpec

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PROGRAM = Path(__file__).with_name("kafka_member.py")
ROOT = Path(dqmstream.__file__).parents[1]
TOPIC = "dqm.topic"
GROUP = "fillers"
SOON = 0.05
LONG = 90.0


@pytest.fixture
def settings(kafka, kafka_prefix):
    return KafkaSettings(servers=tuple(kafka.split(",")), prefix=kafka_prefix)


@pytest.fixture
async def log(settings):
    # A busy machine must not make a member of these tests look dead.
    async with KafkaLog.open(replace(settings, session_timeout=20.0)) as log:
        await log.ensure_topics([TopicSpec(name=TOPIC, partitions=6)])
        yield log


class Member:
    """A member that reads in a task and notes what happens."""

    def __init__(self, name):
        self.name = name
        self.events = []
        self.reader = None
        self.leave = asyncio.Event()
        self.reading = asyncio.Event()
        self.reading.set()
        self.resting = asyncio.Event()

    async def revoked(self, _, partitions):
        self.events.append(("revoked", partitions))

    async def assigned(self, _, partitions):
        self.events.append(("assigned", partitions))

    async def run(self, log):
        async with log.group(
            GROUP, [TOPIC], member=self.name, on_revoked=self.revoked, on_assigned=self.assigned
        ) as self.reader:
            while not self.leave.is_set():
                await self.reader.read(timeout=SOON)
                if not self.reading.is_set():
                    self.resting.set()
                    await self.reading.wait()

    @property
    def share(self):
        return self.reader.assignment if self.reader else frozenset()


async def until(fact):
    async with asyncio.timeout(LONG):
        while not fact():  # noqa: ASYNC110 nobody announces it
            await asyncio.sleep(0.01)


def shared_out(*members):
    """Whether these members have all six partitions, in equal parts."""
    return len(frozenset().union(*(m.share for m in members))) == 6 == sum(
        len(m.share) for m in members
    ) and all(len(m.share) == 6 // len(members) for m in members)


class Process:
    """The member in a process of its own."""

    def __init__(self, process):
        self._process = process
        self.said = []

    async def listen(self):
        while line := await self._process.stdout.readline():
            self.said.append(tuple(json.loads(line)))

    def signal(self, number):
        self._process.send_signal(number)

    def named(self, what):
        return [said[1] for said in self.said if said[0] == what]


@asynccontextmanager
async def process(settings):
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        PROGRAM,
        ",".join(settings.servers),
        settings.prefix,
        TOPIC,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    async with asyncio.TaskGroup() as tasks:
        member = Process(child)
        listening = tasks.create_task(member.listen())
        try:
            yield member
        finally:
            child.kill()
            await child.wait()
            await listening


@pytest.mark.parametrize("alone", [False, True])
async def test_a_member_that_froze_finds_itself_put_out_and_goes_on(settings, log, alone):
    """Also when the group is empty as it comes back, where brokers take commits from anybody."""
    whole = sorted([TOPIC, partition] for partition in range(6))
    await log.send([Outgoing(topic=TOPIC, partition=p, value=b"%d" % p) for p in range(6)])
    other = Member("other")
    async with process(settings) as frozen, asyncio.TaskGroup() as tasks:
        await until(lambda: frozen.named("assigned") and len(frozen.named("read")) > 0)
        frozen.signal(signal.SIGSTOP)
        running = tasks.create_task(other.run(log))
        await until(lambda: len(other.share) == 6)
        await other.reader.commit(dict.fromkeys(other.share, 0))
        if alone:
            other.leave.set()
            await running
        frozen.signal(signal.SIGCONT)
        await until(lambda: len(frozen.named("assigned")) > 1)
        assert frozen.named("revoked")[0] == whole
        refused = ["not assigned" in said for said in frozen.named("commit")]
        assert refused
        assert all(refused)
        if not alone:
            await until(lambda: len(other.share) == 3 == len(frozen.named("assigned")[-1]))
        frozen.signal(signal.SIGSTOP)  # else it hears that `other` leaves, and commits its own
        other.leave.set()
    async with log.group(GROUP, [TOPIC], member="after") as after:
        assert [await after.committed(TOPIC, p) for p in range(6)] == [0] * 6


async def test_a_member_tends_to_keep_its_partitions(log):
    a, b, c = members = [Member(name) for name in "abc"]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(a.run(log))
        await until(lambda: shared_out(a))
        tasks.create_task(b.run(log))
        await until(lambda: shared_out(a, b))
        before = [a.share, b.share]
        tasks.create_task(c.run(log))
        await until(lambda: shared_out(a, b, c))
        assert a.share < before[0]
        assert b.share < before[1]
        among_three = [a.share, b.share]
        c.leave.set()
        await until(lambda: shared_out(a, b))
        assert a.share > among_three[0]
        assert b.share > among_three[1]
        for member in members:
            member.leave.set()


async def test_a_member_that_does_not_read_is_put_out_when_the_others_have_waited(settings):
    settings = replace(settings, rebalance_timeout=3.0, session_timeout=20.0)
    async with KafkaLog.open(settings) as log:
        await log.ensure_topics([TopicSpec(name=TOPIC, partitions=6)])
        idle, other = Member("idle"), Member("other")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(idle.run(log))
            await until(lambda: shared_out(idle))
            idle.reading.clear()
            await idle.resting.wait()
            tasks.create_task(other.run(log))
            await until(lambda: len(other.share) == 6)
            assert len(idle.share) == 6  # it has not been told: it does not read
            with pytest.raises(LogError, match="not assigned"):
                await idle.reader.commit({(TOPIC, 0): 0})
            idle.reading.set()
            await until(lambda: shared_out(idle, other))
            # Who is slow to meet again is put out once more.
            told = [what for what, _ in idle.events]
            assert told == ["assigned"] + ["revoked", "assigned"] * (len(told) // 2)
            assert len(told) > 1
            idle.leave.set()
            other.leave.set()


async def test_a_group_notices_soon_that_its_topic_is_there_again(settings, log):
    """Brokers that have just started may not know a topic yet: whoever leads a group that meets
    meanwhile can share out nothing."""
    member = Member("a")
    admin = AIOKafkaAdminClient(bootstrap_servers=list(settings.servers))
    await admin.start()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(member.run(log))
        await until(lambda: shared_out(member))
        await admin.delete_topics([settings.prefix + TOPIC])
        await admin.close()
        await until(lambda: member.share == frozenset())
        async with KafkaLog.open(settings) as other:
            await other.ensure_topics([TopicSpec(name=TOPIC, partitions=6)])
        await until(lambda: shared_out(member))
        member.leave.set()


async def test_leaving_in_the_middle_of_a_rebalance_is_prompt_and_calls_nobody(log):
    a, b = Member("a"), Member("b")
    async with asyncio.TaskGroup() as tasks:
        async with log.group(GROUP, [TOPIC], member="a", on_revoked=a.revoked) as reader:
            async with asyncio.timeout(LONG):
                while not reader.assignment:
                    await reader.read(timeout=SOON)
            tasks.create_task(b.run(log))
            await asyncio.sleep(1.5)  # the group has told `a` by now, which does not read
            assert b.share == frozenset()
        await until(lambda: shared_out(b))
        assert a.events == []
        b.leave.set()


async def test_a_reading_member_without_partitions_is_never_told_of_none(log):
    members = [Member(f"m{number}") for number in range(7)]
    async with asyncio.TaskGroup() as tasks:
        for member in members:
            tasks.create_task(member.run(log))
        await until(lambda: sorted(len(m.share) for m in members) == [0] + [1] * 6)
        for member in members:
            member.leave.set()
    assert all(partitions for member in members for _, partitions in member.events)


class Crowd:
    """Members that come, dawdle, give reads up, commit what they give up, and go, at random.

    What they read in turns is what one reader would have read.
    """

    def __init__(self, log, seed):
        self.read = {partition: [] for partition in range(6)}
        self._log = log
        self._random = random.Random(seed)
        self._following = dict.fromkeys(range(6), 0)
        self._owner = {}

    async def lives(self, name, count):
        for life in range(count):
            await self._live(f"{name}.{life}", self._random.uniform(0.5, 3.0))
            await asyncio.sleep(self._random.uniform(0.0, 0.5))

    async def _live(self, name, seconds):
        async def revoked(reader, places):
            assert {self._owner.get(p) for _, p in places} <= {name, None}  # None: done half-way
            for _, partition in places:
                self._owner.pop(partition, None)
            await reader.commit({where: self._following[where[1]] for where in places})

        async def assigned(reader, places):
            assert {self._owner.get(p) for _, p in places} <= {name, None}
            for where in places:
                assert reader.position(*where) == self._following[where[1]]
                self._owner[where[1]] = name

        end = asyncio.get_running_loop().time() + seconds
        async with self._log.group(
            GROUP, [TOPIC], member=name, on_revoked=revoked, on_assigned=assigned
        ) as reader:
            while asyncio.get_running_loop().time() < end:
                await self._some(reader, name)
            if reader.assignment:
                await reader.commit(
                    {where: self._following[where[1]] for where in reader.assignment}
                )
                for _, partition in reader.assignment:
                    self._owner.pop(partition, None)  # None: given up half-way

    async def _some(self, reader, name):
        impatience = self._random.choice([0.01, 0.1, 2.0])
        try:
            async with asyncio.timeout(impatience):
                records = await reader.read(timeout=0.5, max_records=self._random.choice([1, 10]))
        except TimeoutError:
            return
        for record in records:
            assert self._owner[record.partition] == name
            self.read[record.partition].append(int(record.value))
            self._following[record.partition] = record.offset + 1
        if self._random.random() < 0.1:
            await asyncio.sleep(self._random.uniform(0.0, 0.3))

    async def finish(self, ends):
        async with self._log.group(GROUP, [TOPIC], member="last") as reader, asyncio.timeout(LONG):
            while any(self._following[p] < end for p, end in ends.items()):
                for record in await reader.read(timeout=1.0):
                    self.read[record.partition].append(int(record.value))
                    self._following[record.partition] = record.offset + 1


@pytest.mark.parametrize("seed", [1, 2])
async def test_members_that_come_and_go_read_everything_once_and_in_order(log, seed):
    crowd, sent = Crowd(log, seed), 0
    async with asyncio.TaskGroup() as tasks:
        members = [tasks.create_task(crowd.lives(f"m{number}", 3)) for number in range(4)]
        while not all(member.done() for member in members):
            await log.send(
                [Outgoing(topic=TOPIC, partition=p, value=b"%d" % sent) for p in range(6)]
            )
            sent += 1
            await asyncio.sleep(0.005)
    await crowd.finish({p: (await log.bounds(TOPIC, p)).end for p in range(6)})
    assert crowd.read == {p: list(range(sent)) for p in range(6)}


async def test_a_member_looks_again_while_no_broker_is_known(log, monkeypatch):
    """As a broker has it that has just started: aiokafka alone would stop reading for good."""
    unknown = iter([None] * 3)
    known = AIOKafkaClient.get_random_node
    monkeypatch.setattr(
        AIOKafkaClient, "get_random_node", lambda client: next(unknown, known(client))
    )
    member = Member("one")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(member.run(log))
        await until(lambda: shared_out(member))
        member.leave.set()
    assert next(unknown, "asked often enough") == "asked often enough"


async def test_leaving_never_looks_as_if_somebody_had_cancelled_the_member(log, monkeypatch):
    """aiokafka cancels tasks of its own that may not have begun, and waits for them."""

    async def stop_heartbeat(_):
        raise asyncio.CancelledError

    member = Member("one")
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(member.run(log))
        await until(lambda: shared_out(member))
        monkeypatch.setattr(GroupCoordinator, "_stop_heartbeat_task", stop_heartbeat)
        member.leave.set()
    assert not task.cancelled()
