"""What only the log in a folder does: ownership, recovery reports, settings, its keeper."""

import asyncio
import json

import pytest
import structlog

from dqmstream.clock import SettableClock
from dqmstream.errors import ConfigurationError, LogError, LogOwnedError
from dqmstream.transport.embedded import EmbeddedLog, EmbeddedSettings
from dqmstream.transport.log import Outgoing, TopicSpec

TOPIC = TopicSpec(name="dqm.events", partitions=1)
SMALL = EmbeddedSettings(segment_bytes=2000, tail_bytes=3000, compact_after_bytes=5000)


def opened(folder, settings=SMALL, clock=None, **more):
    return EmbeddedLog.open(folder, clock=clock or SettableClock(), settings=settings, **more)


def outgoing(value, topic=TOPIC.name, key=b"k"):
    return Outgoing(topic=topic, partition=0, key=key, value=value)


async def read_all(log, topic=TOPIC.name):
    start, end = await log.bounds(topic, 0)
    records = []
    async with log.reader({(topic, 0): start}) as reader:
        while reader.position(topic, 0) < end:
            records += await reader.read(timeout=1.0)
    return records


async def test_a_second_log_of_the_folder_is_refused_until_the_first_is_closed(tmp_path):
    async with opened(tmp_path):
        with pytest.raises(LogOwnedError, match=f"{tmp_path} is owned by process"):
            await opened(tmp_path).__aenter__()
    async with opened(tmp_path):
        pass


async def test_two_folders_are_two_logs_and_a_given_identity_is_kept(tmp_path):
    async with opened(tmp_path / "a") as a, opened(tmp_path / "b") as b:
        assert a.identity != b.identity
    async with opened(tmp_path / "c", identity="ours") as log:
        assert log.identity == "ours"
    async with opened(tmp_path / "c", identity="other") as log:
        assert log.identity == "ours"


async def test_a_folder_of_a_newer_format_is_refused(tmp_path):
    async with opened(tmp_path):
        pass
    marker = tmp_path / "log.json"
    marker.write_text(json.dumps(json.loads(marker.read_text()) | {"format": 2}))
    for _ in range(2):
        with pytest.raises(LogError, match=f"{marker}: format 2, this release reads format 1"):
            await opened(tmp_path).__aenter__()
    marker.write_text("{")
    with pytest.raises(LogError, match=f"{marker} is damaged"):
        await opened(tmp_path).__aenter__()


async def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LogError, match=f"{tmp_path / 'file' / 'log'} cannot be used"):
        await opened(tmp_path / "file" / "log").__aenter__()


async def test_a_topic_whose_making_was_cut_short_is_made_again(tmp_path):
    async with opened(tmp_path) as log:
        await log.ensure_topics([TOPIC])
    (tmp_path / "topics" / TOPIC.name / "topic.json").unlink()
    async with opened(tmp_path) as log:
        with pytest.raises(LogError, match="no topic"):
            log.partitions(TOPIC.name)
        await log.ensure_topics([TOPIC])
        await log.send([outgoing(b"one")])
        assert [record.value for record in await read_all(log)] == [b"one"]


async def test_a_torn_tail_is_cut_and_reported_with_topic_file_and_bytes(tmp_path):
    async with opened(tmp_path) as log:
        await log.ensure_topics([TOPIC])
        await log.send([outgoing(b"one"), outgoing(b"two")])
        assert log.torn_tails == ()
    (path,) = (tmp_path / "topics" / TOPIC.name / "0").glob("*.log")
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(path.read_bytes()[:30])
    with structlog.testing.capture_logs() as said:
        async with opened(tmp_path) as log:
            (torn,) = log.torn_tails
            assert (torn.topic, torn.partition, torn.path) == (TOPIC.name, 0, str(path))
            assert (torn.position, torn.bytes_cut, torn.following) == (size, 30, 2)
            assert [record.value for record in await read_all(log)] == [b"one", b"two"]
    assert [(line["event"], line["path"]) for line in said] == [("log_tail_cut", str(path))]


async def test_a_closed_log_takes_nothing(tmp_path):
    async with opened(tmp_path) as log:
        await log.ensure_topics([TOPIC])
    with pytest.raises(LogError, match="closed"):
        await log.send([outgoing(b"late")])


async def test_closing_waits_for_what_is_being_written(tmp_path):
    async with asyncio.TaskGroup() as tasks, opened(tmp_path) as log:
        await log.ensure_topics([TOPIC])
        sending = [tasks.create_task(log.send([outgoing(b"%d" % n)])) for n in range(50)]
        await asyncio.sleep(0)
    assert [task.result() for task in sending] == [[n] for n in range(50)]


async def test_a_reader_far_behind_and_one_up_to_date_read_the_same(tmp_path):
    async with opened(tmp_path) as log:
        await log.ensure_topics([TOPIC])
        async with log.reader({(TOPIC.name, 0): 0}) as reader:
            followed = []
            for number in range(100):
                await log.send([outgoing(b"%d" % number * 50)])
                followed += await reader.read(timeout=1.0)
        assert followed == await read_all(log)
        assert [record.offset for record in followed] == list(range(100))


async def test_a_full_disk_fails_the_send_and_nothing_else(tmp_path, file_size_limited):
    async with opened(tmp_path, EmbeddedSettings()) as log:
        await log.ensure_topics([TOPIC, TopicSpec(name="dqm.other", partitions=1)])
        await log.send([outgoing(b"x" * 5000)])
        async with log.reader({(TOPIC.name, 0): 0}) as reader:
            with file_size_limited(8000):
                for _ in range(2):
                    with pytest.raises(LogError, match=r"cannot be written: File too large"):
                        await log.send([outgoing(b"lost" * 1000), outgoing(b"", "dqm.other")])
                assert await log.send([outgoing(b"fits")]) == [1]
            assert await log.send([outgoing(b"y" * 5000)]) == [2]
            values = [record.value for record in await reader.read(timeout=1.0)]
        assert values == [b"x" * 5000, b"fits", b"y" * 5000]
    async with opened(tmp_path) as log:
        assert [record.value for record in await read_all(log)] == values


async def test_a_value_that_is_no_bytes_is_told_to_its_sender_only(tmp_path):
    async with opened(tmp_path) as log:
        await log.ensure_topics([TOPIC])
        with pytest.raises(TypeError):
            await log.send([outgoing("text")])
        assert await log.send([outgoing(b"bytes")]) == [0]
        assert [record.value for record in await read_all(log)] == [b"bytes"]


async def test_what_waits_for_the_disk_can_be_read_back(tmp_path):
    settings = EmbeddedSettings(segment_bytes=2000, fsync=True)
    async with opened(tmp_path, settings) as log:
        await log.ensure_topics([TOPIC])
        for number in range(30):
            await log.send([outgoing(b"%d" % number * 100)])
    async with opened(tmp_path, settings) as log:
        assert len(await read_all(log)) == 30


async def test_the_keeper_expires_and_compacts_until_it_is_cancelled(tmp_path):
    clock = SettableClock()
    settings = EmbeddedSettings(
        segment_bytes=2000, compact_after_bytes=5000, maintenance_seconds=0.01
    )
    table = TopicSpec(name="dqm.table", partitions=1, compacted=True)
    short = TopicSpec(name="dqm.short", partitions=1, retention_seconds=60.0)
    async with opened(tmp_path, settings, clock) as log, asyncio.timeout(90):

        async def done():
            start, _ = await log.bounds(short.name, 0)
            return start == 10 and len(await read_all(log, table.name)) < 10

        await log.ensure_topics([table, short])
        async with asyncio.TaskGroup() as tasks:
            keeper = tasks.create_task(log.keep())
            for _ in range(10):
                await log.send([outgoing(b"x" * 1000, table.name), outgoing(b"x", short.name)])
            clock.advance(61)
            while not await done():  # noqa: ASYNC110 the keeper announces nothing
                await asyncio.sleep(0.01)
            keeper.cancel()
        assert (await read_all(log, table.name))[-1].offset == 9


async def test_expired_tombstones_go_and_readers_pass_the_gap_at_the_end(tmp_path):
    clock = SettableClock()
    table = TopicSpec(name="dqm.table", partitions=1, compacted=True)
    async with opened(tmp_path, clock=clock) as log:
        await log.ensure_topics([table])
        await log.send([outgoing(b"x", table.name), outgoing(None, table.name)])
        clock.advance(SMALL.tombstone_seconds + 1)
        await log.maintain(force=True)
        assert await log.bounds(table.name, 0) == (0, 2)
        assert await read_all(log, table.name) == []
        async with log.reader({(table.name, 0): 0}) as reader:
            assert await reader.read(timeout=20.0) == []
            assert reader.position(table.name, 0) == 2
    async with opened(tmp_path, clock=clock) as log:
        assert await log.send([outgoing(b"new", table.name)]) == [2]


async def test_a_partition_that_cannot_be_maintained_does_not_hold_up_the_others(tmp_path):
    tables = [TopicSpec(name=f"dqm.table-{n}", partitions=1, compacted=True) for n in range(2)]
    async with opened(tmp_path) as log:
        await log.ensure_topics(tables)
        for table in tables:
            await log.send([outgoing(b"x" * 900, table.name) for _ in range(10)])
    damaged = min((tmp_path / "topics" / "dqm.table-0" / "0").glob("*.log"))
    damaged.write_bytes(b"?" + damaged.read_bytes()[1:])
    async with opened(tmp_path) as log:
        with pytest.raises(LogError, match=f"{damaged} is damaged"):
            await log.maintain(force=True)
        assert len(await read_all(log, "dqm.table-1")) == 1


async def test_commits_are_compacted_and_kept(tmp_path):
    async with opened(tmp_path) as log:
        await log.ensure_topics([TOPIC])
        await log.send([outgoing(b"x")] * 10)
        async with log.group("fillers", [TOPIC.name], member="a") as reader:
            await reader.read(timeout=1.0)
            for offset in range(10):
                await reader.commit({(TOPIC.name, 0): offset})
            await log.maintain(force=True)
        assert sum(path.stat().st_size for path in (tmp_path / "commits").glob("*.log")) < 200
    async with opened(tmp_path) as log, log.group("fillers", [TOPIC.name], member="a") as reader:
        assert await reader.committed(TOPIC.name, 0) == 9


@pytest.mark.parametrize(
    ("setting", "value"),
    [("segment_bytes", 10), ("tail_bytes", -1), ("maintenance_seconds", 0)],
)
def test_settings_out_of_range_are_refused_by_name(setting, value):
    with pytest.raises(ConfigurationError, match=f"{setting} is {value}"):
        EmbeddedSettings(**{setting: value})


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("name", "dqm events"),
        ("name", ".."),
        ("name", "__commits"),
        ("partitions", 0),
        ("max_message_bytes", 0),
        ("retention_seconds", -1),
        ("retention_bytes", -1),
    ],
)
def test_topics_out_of_range_are_refused_by_name(setting, value):
    with pytest.raises(ConfigurationError, match="topic"):
        TopicSpec(**{"name": "dqm.events", "partitions": 1, setting: value})
