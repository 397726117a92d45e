"""What every log does, whatever keeps it: written against the port alone.

Offsets are only compared with offsets the log gave; waiting is for facts, with a generous limit.
"""

import asyncio
from contextlib import AsyncExitStack

import pytest

from dqmstream.errors import LogError, LogIdentityError, OffsetExpiredError
from dqmstream.transport.log import Outgoing, TopicSpec

# Longer than brokers are waited for that compact, and what is read after it.
pytestmark = pytest.mark.timeout(300)

SOON = 0.05
LONG = 60.0


def messages(topic, values, *, partition=0, key=b"key"):
    return [Outgoing(topic=topic, partition=partition, key=key, value=value) for value in values]


def numbered(count, begin=0):
    return [b"%d" % number for number in range(begin, begin + count)]


async def read_values(reader, count, **limits):
    """The next `count` values, however many reads that takes."""
    values = []
    async with asyncio.timeout(LONG):
        while len(values) < count:
            values += [r.value for r in await reader.read(timeout=LONG, **limits)]
    return values


async def read_all(log, topic, partition=0):
    """Every record of a partition that is there now."""
    start, end = await log.bounds(topic, partition)
    records = []
    async with log.reader({(topic, partition): start}) as reader, asyncio.timeout(LONG):
        while reader.position(topic, partition) < end:
            records += await reader.read(timeout=SOON)
    return records


# Topics


async def test_a_topic_can_be_ensured_twice(log, subject):
    topic = await subject.topic(log, partitions=3)
    await log.ensure_topics([TopicSpec(name=topic, partitions=3)])
    assert log.partitions(topic) == 3


@pytest.mark.parametrize(
    ("setting", "other"),
    [
        ("partitions", 2),
        ("compacted", True),
        ("retention_seconds", 60.0),
        ("retention_bytes", 1000),
        ("max_message_bytes", 100),
    ],
)
async def test_a_topic_with_another_setting_is_refused_by_name(log, subject, setting, other):
    topic = await subject.topic(log)
    with pytest.raises(LogError, match=rf"{topic}: {setting} is .*wanted {other}"):
        await log.ensure_topics([TopicSpec(**{"name": topic, "partitions": 1, setting: other})])


async def test_topics_ensured_at_the_same_time_are_made_once(log, subject):
    spec = TopicSpec(name="dqm.together", partitions=2)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(log.ensure_topics([spec]))
    await log.send(messages("dqm.together", [b"one"]))
    assert [r.value for r in await read_all(log, "dqm.together")] == [b"one"]


async def use_unknown_topic(log, how):
    match how:
        case "partitions":
            log.partitions("dqm.nowhere")
        case "max_message_bytes":
            log.max_message_bytes("dqm.nowhere")
        case "bounds":
            await log.bounds("dqm.nowhere", 0)
        case "send":
            await log.send(messages("dqm.nowhere", [b""]))
        case "reader":
            await log.reader({("dqm.nowhere", 0): 0}).__aenter__()
        case "group":
            await log.group("group", ["dqm.nowhere"], member="a").__aenter__()


@pytest.mark.parametrize(
    "how", ["partitions", "max_message_bytes", "bounds", "send", "reader", "group"]
)
async def test_an_unknown_topic_is_refused_by_name(log, how):
    with pytest.raises(LogError, match=r"dqm\.nowhere"):
        await use_unknown_topic(log, how)


async def test_a_partition_beyond_the_topic_is_refused(log, subject):
    topic = await subject.topic(log, partitions=2)
    with pytest.raises(LogError, match="partition"):
        await log.bounds(topic, 2)
    with pytest.raises(LogError, match="partition"):
        await log.send(messages(topic, [b""], partition=2))


async def test_the_identity_does_not_change(subject):
    async with subject.open() as log:
        first = log.identity
    async with subject.open() as log:
        assert log.identity == first


# Sending


async def test_a_record_comes_back_as_it_was_sent(log, subject):
    topic = await subject.topic(log, partitions=2)
    headers = (("run", b"1"), ("run", b"2"), ("empty", b""), ("größe", b"\x00\xff"))
    sent = [
        Outgoing(topic=topic, partition=1, key=b"k", value=b"v", headers=headers),
        Outgoing(topic=topic, partition=1, key=None, value=b""),
        Outgoing(topic=topic, partition=1, key=b"", value=None),
    ]
    offsets = await log.send(sent)
    records = await read_all(log, topic, 1)
    assert [r.offset for r in records] == offsets
    for record, message in zip(records, sent, strict=True):
        assert (record.topic, record.partition) == (topic, 1)
        assert (record.key, record.value) == (message.key, message.value)
        assert record.headers == message.headers
        assert abs(record.timestamp - subject.clock.wall()) < 60e9


async def test_offsets_come_in_the_order_of_the_messages_and_grow_per_partition(log, subject):
    topic = await subject.topic(log, partitions=2)
    sent = [
        Outgoing(topic=topic, partition=number % 2, value=b"%d" % number) for number in range(20)
    ]
    offsets = await log.send(sent)
    for partition in range(2):
        here = offsets[partition::2]
        assert here == sorted(set(here))
        assert here == [r.offset for r in await read_all(log, topic, partition)]


async def test_sending_nothing_is_allowed(log):
    assert await log.send([]) == []


async def test_the_end_is_behind_what_was_sent(log, subject):
    topic = await subject.topic(log)
    empty = await log.bounds(topic, 0)
    assert empty.start == empty.end
    (offset,) = await log.send(messages(topic, [b"one"]))
    start, end = await log.bounds(topic, 0)
    assert start <= offset < end
    (following,) = await log.send(messages(topic, [b"two"]))
    assert following >= end


async def test_concurrent_sends_keep_the_order_of_the_calls(log, subject):
    topic = await subject.topic(log)
    async with asyncio.TaskGroup() as tasks:
        for begin in range(0, 200, 4):
            tasks.create_task(log.send(messages(topic, numbered(4, begin))))
    assert [r.value for r in await read_all(log, topic)] == numbered(200)


async def test_a_message_of_exactly_the_largest_size_is_taken_and_a_larger_one_is_not(log, subject):
    topic = await subject.topic(log, max_message_bytes=100)
    assert log.max_message_bytes(topic) == 100
    headers = (("h", b"1234"),)
    fits = Outgoing(topic=topic, partition=0, key=b"k" * 10, value=b"v" * 85, headers=headers)
    too_large = Outgoing(topic=topic, partition=0, value=b"v" * 101)
    await log.send([fits])
    with pytest.raises(LogError, match=rf"{topic} .*101 bytes.*100"):
        await log.send([*messages(topic, [b"small"]), too_large])
    assert [r.value for r in await read_all(log, topic)] == [fits.value]


async def test_a_compacted_topic_takes_no_message_without_a_key(log, subject):
    topic = await subject.topic(log, compacted=True)
    with pytest.raises(LogError, match=f"{topic} .*no key"):
        await log.send(messages(topic, [b"value"], key=None))
    assert await read_all(log, topic) == []


async def test_a_cancelled_send_leaves_the_log_usable_and_in_order(log, subject):
    topic = await subject.topic(log)
    async with asyncio.TaskGroup() as tasks:
        cancelled = [
            tasks.create_task(log.send(messages(topic, [b"%d" % n]))) for n in range(0, 20, 2)
        ]
        kept = [tasks.create_task(log.send(messages(topic, [b"%d" % n]))) for n in range(1, 20, 2)]
        await asyncio.sleep(0)
        for task in cancelled:
            task.cancel()
    assert len(kept) == 10
    values = [int(r.value or b"") for r in await read_all(log, topic)]
    assert set(values) >= set(range(1, 20, 2))
    assert [n for n in values if n % 2] == list(range(1, 20, 2))


async def test_what_was_acknowledged_is_there_when_the_log_is_opened_again(subject):
    async with subject.open() as log:
        topic = await subject.topic(log, partitions=2)
        offsets = await log.send(messages(topic, numbered(100), partition=1))
    async with subject.open() as log:
        assert log.partitions(topic) == 2
        records = await read_all(log, topic, 1)
        assert [r.offset for r in records] == offsets
        assert [r.value for r in records] == numbered(100)
        (following,) = await log.send(messages(topic, [b"more"], partition=1))
        assert following > offsets[-1]


# Reading


async def test_reading_begins_at_the_first_record_not_below_the_position(log, subject):
    topic = await subject.topic(log)
    offsets = await log.send(messages(topic, numbered(50)))
    for at in (0, 1, 17, 49):
        async with log.reader({(topic, 0): offsets[at]}) as reader:
            assert (await read_values(reader, 50 - at)) == numbered(50 - at, at)


async def test_the_position_is_behind_what_was_returned_and_not_beyond_what_follows(log, subject):
    topic = await subject.topic(log)
    offsets = await log.send(messages(topic, numbered(10)))
    async with log.reader({(topic, 0): offsets[0]}) as reader:
        assert reader.position(topic, 0) == offsets[0]
        assert await read_values(reader, 3, max_records=3) == numbered(3)
        assert offsets[2] < reader.position(topic, 0) <= offsets[3]


async def test_a_read_waits_for_the_first_record(log, subject):
    topic = await subject.topic(log)
    async with log.reader({(topic, 0): 0}) as reader, asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(read_values(reader, 1))
        await asyncio.sleep(SOON)
        assert not reading.done()
        await log.send(messages(topic, [b"late"]))
        assert await reading == [b"late"]


async def test_every_waiting_reader_gets_every_record(log, subject):
    topic = await subject.topic(log)
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        readers = [await stack.enter_async_context(log.reader({(topic, 0): 0})) for _ in range(3)]
        reading = [tasks.create_task(read_values(reader, 20)) for reader in readers]
        for number in range(20):
            await log.send(messages(topic, numbered(1, number)))
    assert [task.result() for task in reading] == [numbered(20)] * 3


async def test_a_reader_ends_with_its_block(log, subject):
    topic = await subject.topic(log)
    async with log.reader({(topic, 0): 0}) as reader:
        pass
    with pytest.raises(LogError, match="closed"):
        await reader.read(timeout=LONG)


async def test_a_read_returns_nothing_after_its_timeout(log, subject):
    topic = await subject.topic(log)
    async with log.reader({(topic, 0): 0}) as reader:
        assert await reader.read(timeout=0) == []
        assert await reader.read(timeout=SOON) == []


async def test_a_cancelled_read_loses_nothing(log, subject):
    topic = await subject.topic(log)
    async with log.reader({(topic, 0): 0}) as reader:
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(reader.read(timeout=LONG))
            await asyncio.sleep(SOON)
            waiting.cancel()
        await log.send(messages(topic, numbered(5)))
        assert await read_values(reader, 5) == numbered(5)


async def test_a_read_returns_at_most_what_was_asked_for(log, subject):
    topic = await subject.topic(log, partitions=2)
    for partition in range(2):
        await log.send(messages(topic, [b"x" * 100] * 30, partition=partition, key=None))
    async with log.reader({(topic, 0): 0, (topic, 1): 0}) as reader:
        taken = 0
        while taken < 60:
            records = await reader.read(max_records=7, max_bytes=450, timeout=LONG)
            assert 1 <= len(records) <= 4
            taken += len(records)
    assert taken == 60


async def test_a_record_larger_than_the_limit_is_returned_alone(log, subject):
    topic = await subject.topic(log)
    await log.send(messages(topic, [b"a", b"b" * 200_000, b"c" * 300, b"d"], key=None))
    async with log.reader({(topic, 0): 0}) as reader:
        read = [await reader.read(max_bytes=100, timeout=LONG) for _ in range(4)]
    sizes = [[len(r.value or b"") for r in records] for records in read]
    assert sizes == [[1], [200_000], [300], [1]]


async def test_no_partition_starves_behind_another(log, subject):
    topic = await subject.topic(log, partitions=3)
    for partition in range(3):
        await log.send(messages(topic, numbered(100), partition=partition))
    async with log.reader({(topic, partition): 0 for partition in range(3)}) as reader:
        seen = set()
        for _ in range(3 * 2):
            seen |= {r.partition for r in await reader.read(max_records=10, timeout=LONG)}
    assert seen == {0, 1, 2}


async def test_a_seek_goes_back_and_forth(log, subject):
    topic = await subject.topic(log)
    offsets = await log.send(messages(topic, numbered(10)))
    async with log.reader({(topic, 0): offsets[5]}) as reader:
        assert await read_values(reader, 5) == numbered(5, 5)
        reader.seek(topic, 0, offsets[0])
        assert await read_values(reader, 10) == numbered(10)
        reader.seek(topic, 0, offsets[9])
        assert await read_values(reader, 1) == numbered(1, 9)


@pytest.mark.parametrize("turns", range(6))
async def test_a_seek_counts_while_a_read_is_on_its_way(log, subject, turns):
    topic = await subject.topic(log)
    offsets = await log.send(messages(topic, numbered(10)))
    end = (await log.bounds(topic, 0)).end
    async with log.reader({(topic, 0): offsets[5]}) as reader, asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(reader.read(timeout=LONG))
        for _ in range(turns):
            await asyncio.sleep(0)
        reader.seek(topic, 0, offsets[0])
        values = [r.value for r in await reading]
        while reader.position(topic, 0) < end:
            values += [r.value for r in await reader.read(timeout=SOON)]
    assert values[-10:] == numbered(10)


async def test_a_paused_partition_returns_nothing_until_it_is_resumed(log, subject):
    topic = await subject.topic(log, partitions=2)
    for partition in range(2):
        await log.send(messages(topic, numbered(3), partition=partition))
    async with log.reader({(topic, 0): 0, (topic, 1): 0}) as reader:
        reader.pause(topic, 0)
        assert await read_values(reader, 3) == numbered(3)
        assert await reader.read(timeout=SOON) == []
        reader.resume(topic, 0)
        records = await reader.read(timeout=LONG)
        assert {r.partition for r in records} == {0}


async def test_a_partition_that_is_not_read_cannot_be_moved(log, subject):
    topic = await subject.topic(log, partitions=2)
    async with log.reader({(topic, 0): 0}) as reader:
        for refused in (reader.pause, reader.resume, reader.position):
            with pytest.raises(LogError, match="not assigned"):
                refused(topic, 1)
        with pytest.raises(LogError, match="not assigned"):
            reader.seek(topic, 1, 0)


async def test_a_position_beyond_the_end_is_an_error(log, subject):
    topic = await subject.topic(log)
    await log.send(messages(topic, numbered(3)))
    end = (await log.bounds(topic, 0)).end
    async with log.reader({(topic, 0): end + 10}) as reader:
        with pytest.raises(LogIdentityError, match=f"{topic}.*{end + 10}.*{end}"):
            await reader.read(timeout=LONG)


# Retention


async def test_reading_what_expired_is_an_error_and_never_a_reset(log, subject):
    topic = await subject.topic(log, retention_seconds=3600.0)
    old = await log.send(messages(topic, numbered(50)))
    await subject.expire(log)
    await log.send(messages(topic, [b"new"]))
    start, end = await log.bounds(topic, 0)
    assert old[-1] < start < end
    async with log.reader({(topic, 0): old[0]}) as reader:
        for _ in range(2):
            with pytest.raises(OffsetExpiredError) as expired:
                await reader.read(timeout=LONG)
            assert (expired.value.topic, expired.value.partition) == (topic, 0)
            assert (expired.value.wanted, expired.value.start) == (old[0], start)
        reader.seek(topic, 0, start)
        assert await read_values(reader, 1) == [b"new"]


async def test_what_is_within_its_retention_stays(log, subject):
    kept = await subject.topic(log)
    expiring = await subject.topic(log, retention_seconds=3600.0)
    await log.send(messages(kept, numbered(50)) + messages(expiring, numbered(50)))
    await subject.expire(log)
    assert await read_all(log, expiring) == []
    assert [r.value for r in await read_all(log, kept)] == numbered(50)


async def test_a_partition_that_expired_goes_on_behind_its_old_end(subject):
    async with subject.open() as log:
        topic = await subject.topic(log, retention_seconds=3600.0)
        await log.send(messages(topic, numbered(50)))
        end = (await log.bounds(topic, 0)).end
        await subject.expire(log)
        assert await log.bounds(topic, 0) == (end, end)
    async with subject.open() as log:
        assert await log.bounds(topic, 0) == (end, end)
        (offset,) = await log.send(messages(topic, [b"new"]))
        assert offset >= end


# Compaction


async def test_compaction_keeps_the_newest_record_of_each_key_at_its_offset(log, subject):
    topic = await subject.topic(log, compacted=True)
    offsets = {}
    for turn in range(10):
        for key in (b"a", b"b", b"c"):
            (offsets[key],) = await log.send(messages(topic, [b"%d" % turn * 20], key=key))
    await subject.compact(log)
    await log.send(messages(topic, [b"last"], key=b"a"))
    records = [r for r in await read_all(log, topic) if r.key != subject.KEEPER]
    found = [(r.key, r.offset, r.value) for r in records[:-1]]
    assert found == [(key, offsets[key], b"9" * 20) for key in (b"a", b"b", b"c")]
    assert (records[-1].key, records[-1].value) == (b"a", b"last")


async def test_a_reader_in_the_middle_of_what_is_compacted_goes_on_behind_the_gap(log, subject):
    topic = await subject.topic(log, compacted=True)
    for turn in range(50):
        await log.send(messages(topic, [b"%d" % turn * 20], key=b"a"))
    start = (await log.bounds(topic, 0)).start
    async with log.reader({(topic, 0): start}) as reader:
        assert len(await read_values(reader, 3, max_records=1)) == 3
        await subject.compact(log)
        await log.send(messages(topic, [b"last"], key=b"b"))
        values = []
        while b"last" not in values:
            records = await reader.read(timeout=LONG)
            values += [r.value for r in records if r.key != subject.KEEPER]
        assert values[-2:] == [b"49" * 20, b"last"]


async def test_a_tombstone_hides_its_key_and_is_kept_for_those_who_were_away(log, subject):
    topic = await subject.topic(log, compacted=True)
    await log.send(messages(topic, [b"value"], key=b"a") + messages(topic, [b"other"], key=b"b"))
    await log.send(messages(topic, [None], key=b"a"))
    await subject.compact(log)
    await log.send(messages(topic, [b"last"], key=b"c"))
    records = [r for r in await read_all(log, topic) if r.key != subject.KEEPER]
    found = [(r.key, r.value) for r in records]
    assert found == [(b"b", b"other"), (b"a", None), (b"c", b"last")]


# Groups


class Member:
    """A member of a group that reads in a task of its own and notes what happens."""

    def __init__(self, name):
        self.name = name
        self.events = []
        self.values = []
        self.reader = None

    async def revoked(self, reader, partitions):
        assert partitions == reader.assignment
        self.events.append(("revoked", partitions))

    async def assigned(self, reader, partitions):
        assert partitions == reader.assignment
        self.events.append(("assigned", partitions))

    async def run(self, log, group, topics, leave):
        async with log.group(
            group, topics, member=self.name, on_revoked=self.revoked, on_assigned=self.assigned
        ) as self.reader:
            while not leave.is_set():
                records = await self.reader.read(timeout=SOON)
                self.values += [r.value for r in records]

    @property
    def assignment(self):
        return self.reader.assignment if self.reader else frozenset()


async def until(fact):
    async with asyncio.timeout(LONG):
        while not fact():  # noqa: ASYNC110 the port announces no assignment
            await asyncio.sleep(0.005)


def shared_out(members, partitions):
    """Whether every partition is read by exactly one member and none has two more than another."""
    shares = [member.assignment for member in members]
    sizes = [len(share) for share in shares]
    return (
        sum(sizes) == partitions
        and len(frozenset().union(*shares)) == partitions
        and max(sizes) - min(sizes) <= 1
    )


async def test_members_share_the_partitions_and_take_over_from_who_leaves(log, subject):
    topic = await subject.topic(log, partitions=5)
    members = [Member(name) for name in "abc"]
    leave = [asyncio.Event() for _ in members]
    async with asyncio.TaskGroup() as tasks:
        for size, member in enumerate(members, 1):
            tasks.create_task(member.run(log, "fillers", [topic], leave[size - 1]))
            await until(lambda size=size: shared_out(members[:size], 5))
        leave[1].set()
        await until(lambda: shared_out([members[0], members[2]], 5))
        leave[0].set()
        await until(lambda: shared_out([members[2]], 5))
        leave[2].set()


async def test_a_member_loses_everything_before_it_is_given_anything(log, subject):
    topic = await subject.topic(log, partitions=4)
    members = [Member(name) for name in "ab"]
    leave = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for size, member in enumerate(members, 1):
            tasks.create_task(member.run(log, "fillers", [topic], leave))
            await until(lambda size=size: shared_out(members[:size], 4))
        leave.set()
    whole = frozenset((topic, partition) for partition in range(4))
    first = [what for what in members[0].events if what[1]]
    assert first[:2] == [("assigned", whole), ("revoked", whole)]
    assert [what for what, _ in first[:3]] == ["assigned", "revoked", "assigned"]
    assert first[2][1] | members[1].events[-1][1] == whole


async def test_a_partition_is_given_out_only_when_its_reader_has_let_go(log, subject):
    topic = await subject.topic(log)
    let_go, order = asyncio.Event(), []

    async def revoked(reader, partitions):
        if partitions:
            await let_go.wait()
            order.append("a let go")

    async def assigned(reader, partitions):
        if partitions:
            order.append(f"{'ab'[reader is not first]} has it")

    async def keep_reading(reader):
        while len(order) < 3:
            await reader.read(timeout=SOON)

    async with (
        log.group("g", [topic], member="a", on_revoked=revoked, on_assigned=assigned) as first,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(keep_reading(first))
        await until(lambda: order == ["a has it"])
        async with log.group("g", [topic], member="b", on_assigned=assigned) as second:
            async with asyncio.timeout(LONG):
                reading = tasks.create_task(keep_reading(second))
                await asyncio.sleep(SOON)
                assert order == ["a has it"]
                let_go.set()
                await reading
    assert order[:2] == ["a has it", "a let go"]
    assert order[2] in {"a has it", "b has it"}


async def test_a_group_begins_at_the_start_and_goes_on_where_it_committed(subject):
    async with subject.open() as log:
        topic = await subject.topic(log)
        offsets = await log.send(messages(topic, numbered(10)))
        async with log.group("fillers", [topic], member="a") as reader:
            assert await read_values(reader, 4, max_records=4) == numbered(4)
            assert await reader.committed(topic, 0) is None
            await reader.commit({(topic, 0): offsets[3]})
            assert await reader.committed(topic, 0) == offsets[3]
    async with subject.open() as log:
        async with log.group("fillers", [topic], member="b") as reader:
            assert await read_values(reader, 7) == numbered(7, 3)
            assert await reader.committed(topic, 0) == offsets[3]
        async with log.group("others", [topic], member="a") as reader:
            assert await read_values(reader, 10) == numbered(10)
            assert await reader.committed(topic, 0) is None


async def test_a_commit_may_go_back(log, subject):
    topic = await subject.topic(log)
    offsets = await log.send(messages(topic, numbered(3)))
    async with log.group("fillers", [topic], member="a") as reader:
        await read_values(reader, 3)
        await reader.commit({(topic, 0): offsets[2]})
        await reader.commit({(topic, 0): offsets[1]})
        assert await reader.committed(topic, 0) == offsets[1]


async def test_the_callback_may_seek_before_anything_is_read(log, subject):
    topic = await subject.topic(log)
    offsets = await log.send(messages(topic, numbered(10)))

    async def assigned(reader, partitions):
        for where in partitions:
            reader.seek(*where, offsets[7])

    async with log.group("fillers", [topic], member="a", on_assigned=assigned) as reader:
        assert await read_values(reader, 3) == numbered(3, 7)


async def test_the_callback_may_commit_what_it_gives_up(log, subject):
    topic = await subject.topic(log)
    offsets = await log.send(messages(topic, numbered(10)))

    async def revoked(reader, partitions):
        for where in partitions:
            await reader.commit({where: offsets[6]})

    async def keep_reading(reader):
        while await reader.committed(topic, 0) is None:
            await reader.read(timeout=SOON)

    async with log.group("g", [topic], member="a", on_revoked=revoked) as first:
        await read_values(first, 10)
        async with log.group("g", [topic], member="b") as second, asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_reading(first))
            tasks.create_task(keep_reading(second))
        assert await first.committed(topic, 0) == offsets[6]


async def test_an_error_in_a_callback_comes_out_of_read_and_the_callback_runs_again(log, subject):
    topic = await subject.topic(log)
    await log.send(messages(topic, numbered(1)))
    calls = []

    async def assigned(reader, partitions):
        calls.append(partitions)
        assert reader.assignment == partitions
        if len(calls) == 1:
            raise ZeroDivisionError

    async with log.group("g", [topic], member="a", on_assigned=assigned) as reader:
        with pytest.raises(ZeroDivisionError):
            await reader.read(timeout=LONG)
        assert await read_values(reader, 1) == numbered(1)
    assert len(calls) == 2


async def test_a_callback_that_was_cancelled_runs_again_before_anything_is_read(log, subject):
    topic = await subject.topic(log)
    await log.send(messages(topic, numbered(1)))
    begun, ended = [], []

    async def assigned(_, partitions):
        begun.append(partitions)
        if len(begun) == 1:
            await asyncio.sleep(LONG)
        ended.append(partitions)

    async with log.group("g", [topic], member="a", on_assigned=assigned) as reader:
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(reader.read(timeout=LONG))
            await until(lambda: begun)
            reading.cancel()
        assert await read_values(reader, 1) == numbered(1)
    assert (len(begun), len(ended)) == (2, 1)


async def test_only_what_is_assigned_can_be_committed(log, subject):
    topic = await subject.topic(log)
    other = await subject.topic(log)
    async with log.group("fillers", [topic], member="a") as reader:
        await reader.read(timeout=SOON)
        with pytest.raises(LogError, match=f"{other} .*not assigned"):
            await reader.commit({(other, 0): 0})


async def test_a_committed_offset_that_expired_is_an_error_and_never_a_reset(log, subject):
    topic = await subject.topic(log, retention_seconds=3600.0)
    offsets = await log.send(messages(topic, numbered(10)))
    async with log.group("fillers", [topic], member="a") as reader:
        await read_values(reader, 10)
        await reader.commit({(topic, 0): offsets[0]})
    await subject.expire(log)
    async with log.group("fillers", [topic], member="a") as reader:
        with pytest.raises(OffsetExpiredError):
            await read_values(reader, 1)


async def test_two_members_together_read_every_record_once(log, subject):
    topic = await subject.topic(log, partitions=4)
    members = [Member(name) for name in "ab"]
    leave = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for member in members:
            tasks.create_task(member.run(log, "fillers", [topic], leave))
        await until(lambda: shared_out(members, 4))
        for number in range(40):
            await log.send(messages(topic, numbered(1, number), partition=number % 4))
        await until(lambda: sum(len(member.values) for member in members) >= 40)
        read = [list(member.values) for member in members]  # who stays last begins anew
        leave.set()
    assert sorted(read[0] + read[1]) == sorted(numbered(40))
    assert [len(values) for values in read] == [20, 20]
