"""The parts of the log on Kafka that need no broker."""

import asyncio
import logging
from types import SimpleNamespace

import pytest
import structlog

from dqmstream.clock import SettableClock
from dqmstream.errors import LogError
from dqmstream.transport.kafka.fetched import Fetched, Place
from dqmstream.transport.kafka.lane import Call, Lane
from dqmstream.transport.kafka.noise import ClientLogs
from dqmstream.transport.kafka.room import Room
from dqmstream.transport.kafka.topic_settings import check_topic, from_settings, to_settings
from dqmstream.transport.record import Outgoing
from dqmstream.transport.topic_spec import TopicSpec

# Room


async def settle():
    for _ in range(3):
        await asyncio.sleep(0)


async def test_who_asked_first_for_room_is_served_first():
    room, served = Room(10), []

    async def take(name, size):
        await room.take(size)
        served.append(name)

    async with asyncio.TaskGroup() as tasks:
        for name, size in [("a", 6), ("b", 6), ("c", 1)]:
            tasks.create_task(take(name, size))
        await settle()
        assert served == ["a"]  # `c` would fit, but `b` asked before it
        room.give(6)
        await settle()
    assert served == ["a", "b", "c"]
    assert room.taken == 7


async def test_more_than_all_room_is_served_alone():
    room = Room(10)
    await room.take(3)
    async with asyncio.TaskGroup() as tasks:
        large = tasks.create_task(room.take(100))
        await settle()
        assert not large.done()
        room.give(3)
    assert room.taken == 100


@pytest.mark.parametrize("granted", [False, True])
async def test_who_stops_waiting_for_room_leaves_it_to_the_next(granted):
    room = Room(10)
    await room.take(10)
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(room.take(10))
        tasks.create_task(room.take(4))
        await settle()
        if granted:
            room.give(10)  # `first` has it now, and does not know yet
            first.cancel()
        else:
            first.cancel()
            await settle()
            room.give(10)
    assert room.taken == 4


async def test_who_stops_waiting_as_room_is_given_back_is_just_cancelled():
    room = Room(10)
    await room.take(10)
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(room.take(10))
        await settle()
        first.cancel()
        room.give(10)  # before `first` has run again
    assert first.cancelled()
    await room.take(10)
    assert room.taken == 10


# Lanes


def message(value, key=None):
    return Outgoing(topic="t", partition=0, key=key, value=value)


async def test_a_lane_fills_the_open_batch_until_it_leaves():
    lane = Lane("t", 0, 1000, "none")
    call = Call(4, lambda: None)
    lane.add((call, 0, message(b"0")))
    batch, entries = lane.pack()
    assert not lane.filled.is_set()
    lane.add((call, 1, message(b"1")))
    assert [index for _, index, _ in entries] == [0, 1]
    batch._set_producer_state(1, 0, 0)  # aiokafka takes it
    lane.add((call, 2, message(b"2")))
    assert lane.filled.is_set()
    assert len(entries) == batch.record_count() == 2
    _, following = lane.pack()
    assert [index for _, index, _ in following] == [2]


async def test_a_lane_packs_no_more_than_a_batch_takes_but_one_message_of_any_size():
    lane = Lane("t", 0, 1000, "none")
    call = Call(6, lambda: None)
    for index, size in enumerate([400, 400, 400, 5000, 10, 10]):
        lane.add((call, index, message(b"x" * size)))
    packed = []
    while lane.filled.is_set():
        packed.append([index for _, index, _ in lane.pack()[1]])
    assert packed == [[0, 1], [2], [3], [4, 5]]


async def test_a_call_is_settled_once_whatever_becomes_of_its_messages():
    settled = []
    call = Call(3, lambda: settled.append(1))
    call.acknowledged(0, 7)
    assert call.failed(LogError("no")) == 2
    call.acknowledged(1, 8)
    assert call.failed(LogError("no")) == 0
    with pytest.raises(LogError, match="no"):
        await call.done
    assert settled == [1]


async def test_a_lane_that_ends_gives_back_what_has_not_left():
    lane = Lane("t", 0, 300, "none")
    call = Call(3, lambda: None)
    for index in range(3):
        lane.add((call, index, message(b"x" * 200)))
    lane.pack()
    assert [index for _, index, _ in lane.drain()] == [0, 1, 2]
    assert lane.drain() == []


# What was fetched


def fetched(**partitions):
    """Partitions `p0`, `p1`, ... with as many records of 10 bytes as said."""
    places = Fetched()
    places.assign(Place(("t", int(name[1:])), None, 0) for name in partitions)
    for name, count in partitions.items():
        places.get(("t", int(name[1:]))).keep(
            SimpleNamespace(offset=n, timestamp=1, key=None, value=b"x" * 10, headers=())
            for n in range(count)
        )
    return places


def taken(places, *limits):
    return [(record.partition, record.offset) for record in places.take(*limits)]


def test_partitions_are_served_in_turn():
    places = fetched(p0=5, p1=2, p2=1)
    assert taken(places, 3, 1000) == [(0, 0), (0, 1), (0, 2)]
    assert taken(places, 3, 1000) == [(1, 0), (1, 1), (2, 0)]
    assert taken(places, 3, 1000) == [(0, 3), (0, 4)]
    assert taken(places, 3, 1000) == []
    assert places.get(("t", 0)).position == 5


def test_bytes_are_limited_but_one_record_is_always_taken():
    places = fetched(p0=3, p1=3)
    assert taken(places, 100, 25) == [(0, 0), (0, 1)]
    assert taken(places, 100, 1) == [(1, 0)]
    assert taken(places, 100, 35) == [(0, 2), (1, 1), (1, 2)]


def test_a_paused_partition_keeps_its_records_and_a_moved_one_does_not():
    places = fetched(p0=2, p1=2)
    places.get(("t", 0)).paused = True
    places.get(("t", 1)).seek(7)
    assert taken(places, 100, 1000) == []
    places.get(("t", 0)).paused = False
    assert taken(places, 100, 1000) == [(0, 0), (0, 1)]
    assert places.get(("t", 1)).position == 7


# Topics


@pytest.mark.parametrize(
    "spec",
    [
        TopicSpec(name="t", partitions=3),
        TopicSpec(name="t", partitions=1, compacted=True),
        TopicSpec(name="t", partitions=1, compacted=True, retention_bytes=10),
        TopicSpec(name="t", partitions=1, retention_seconds=0.5, max_message_bytes=1),
        TopicSpec(name="t", partitions=1, retention_seconds=1e6, retention_bytes=10**12),
    ],
)
def test_a_topic_survives_the_way_through_kafkas_settings(spec):
    assert from_settings("t", spec.partitions, to_settings(spec, -1)) == spec


def test_retention_finer_than_milliseconds_is_not_a_difference():
    spec = TopicSpec(name="t", partitions=1, retention_seconds=1 / 3)
    found = to_settings(spec, -1)
    check_topic(spec, found, partitions=1, replicas=1, replication=-1)


def test_too_few_copies_to_wait_for_are_named():
    spec = TopicSpec(name="t", partitions=1)
    found = to_settings(spec, 3)
    check_topic(spec, found, partitions=1, replicas=3, replication=3)
    said = "t: min.insync.replicas is 1 in the log, wanted 2"
    with pytest.raises(LogError, match=said):
        check_topic(
            spec, found | {"min.insync.replicas": "1"}, partitions=1, replicas=3, replication=3
        )


# The client's own log lines


def test_the_client_is_heard_once_in_a_while_with_the_number_of_lines_not_shown():
    clock = SettableClock()
    handler = ClientLogs(clock)

    def say(text, *values, level=logging.ERROR):
        handler.handle(logging.LogRecord("aiokafka", level, "", 0, text, values, None))

    with structlog.testing.capture_logs() as lines:
        for node in range(100):
            say("no connection to %s", node)
            say("something else", level=logging.WARNING)
        clock.advance(31.0)
        say("no connection to %s", 7)
    shown = [(line["log_level"], line["detail"], line.get("not_shown")) for line in lines]
    assert shown == [
        ("error", "no connection to 0", None),
        ("warning", "something else", None),
        ("error", "no connection to 7", 99),
    ]
