"""What a log on Kafka does beyond the port: topics' settings, prefixes, identity, sizes, starts."""

import asyncio
import os

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from msgspec.structs import replace

from dqmstream.errors import ConfigurationError, LogError, LogUnavailableError
from dqmstream.transport.kafka import KafkaLog, KafkaSettings
from dqmstream.transport.kafka.identity import IDENTITY_TOPIC
from dqmstream.transport.log import Outgoing, TopicSpec

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

LONG = 60.0


@pytest.fixture
def settings(kafka, kafka_prefix):
    return KafkaSettings(servers=tuple(kafka.split(",")), prefix=kafka_prefix)


@pytest.fixture
async def admin(kafka):
    client = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await client.start()
    yield client
    await client.close()


async def read_values(log, topic, count):
    values = []
    async with log.reader({(topic, 0): 0}) as reader, asyncio.timeout(LONG):
        while len(values) < count:
            values += [record.value for record in await reader.read(timeout=LONG)]
    return values


# Topics


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            TopicSpec(name="t", partitions=2, retention_seconds=3600.0, max_message_bytes=1000),
            {
                "cleanup.policy": "delete",
                "retention.ms": "3600000",
                "retention.bytes": "-1",
                "max.message.bytes": "66536",
                "segment.ms": "450000",
            },
        ),
        (
            TopicSpec(name="t", partitions=1, compacted=True),
            {"cleanup.policy": "compact", "retention.ms": "-1", "segment.ms": "600000"},
        ),
        (
            TopicSpec(name="t", partitions=1, compacted=True, retention_seconds=60.0),
            {"cleanup.policy": "compact,delete", "retention.ms": "60000"},
        ),
        (
            TopicSpec(name="t", partitions=1, retention_bytes=10**9),
            {"retention.bytes": "1000000000", "segment.bytes": "125000000"},
        ),
    ],
)
async def test_a_topic_is_made_with_its_settings_and_found_again(settings, admin, spec, expected):
    async with KafkaLog.open(settings) as log:
        await log.ensure_topics([spec])
    resource = ConfigResource(ConfigResourceType.TOPIC, settings.prefix + "t")
    ((*_, entries),) = (await admin.describe_configs([resource]))[0].resources
    found = {entry[0]: entry[1] for entry in entries}
    expected = {"message.timestamp.type": "LogAppendTime"} | expected
    assert {name: found[name] for name in expected} == expected
    async with KafkaLog.open(settings) as log:
        assert log.partitions("t") == spec.partitions
        assert log.max_message_bytes("t") == spec.max_message_bytes
        await log.ensure_topics([spec])


async def test_a_topic_made_by_other_hands_is_refused_by_setting(settings, admin):
    await admin.create_topics([NewTopic(settings.prefix + "theirs", 1, 1)])
    configs = {"message.timestamp.type": "CreateTime", "max.message.bytes": f"{(8 << 20) + 65536}"}
    topic = NewTopic(
        settings.prefix + "close", 1, 1, topic_configs=configs | {"retention.ms": "-1"}
    )
    await admin.create_topics([topic])
    async with KafkaLog.open(settings) as log:
        with pytest.raises(LogError, match=r"topic theirs: retention_seconds is 604800.* None"):
            await log.ensure_topics([TopicSpec(name="theirs", partitions=1)])
        said = "topic close: message.timestamp.type is CreateTime in the log, wanted LogAppendTime"
        with pytest.raises(LogError, match=said):
            await log.ensure_topics([TopicSpec(name="close", partitions=1)])


async def test_a_topic_with_other_copies_is_refused_and_one_that_cannot_have_them_too(settings):
    spec = TopicSpec(name="t", partitions=1)
    async with KafkaLog.open(settings) as log:
        await log.ensure_topics([spec])
    with pytest.raises(LogError, match=r"topic dqm\.log: replication is 1 in the log, wanted 2"):
        async with KafkaLog.open(replace(settings, replication=2)):
            pass
    many = replace(settings, replication=9, prefix=settings.prefix + "x")
    with pytest.raises(LogError, match=r"topic dqm\.log cannot be made: .*replication"):
        async with KafkaLog.open(many):
            pass


async def test_processes_that_start_at_once_make_the_topics_once_and_agree_on_the_identity(
    settings,
):
    specs = [TopicSpec(name=f"t{number}", partitions=3) for number in range(8)]
    identities = set()

    async def start():
        async with KafkaLog.open(settings) as log:
            await log.ensure_topics(specs)
            identities.add(log.identity)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(5):
            tasks.create_task(start())
    assert len(identities) == 1


# Identity, prefix


async def test_topics_deleted_and_made_anew_are_another_log(settings, admin):
    async with KafkaLog.open(settings) as log:
        first = log.identity
    await admin.delete_topics([settings.prefix + IDENTITY_TOPIC])
    async with asyncio.timeout(LONG):
        while settings.prefix + IDENTITY_TOPIC in await admin.list_topics():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    async with KafkaLog.open(settings) as log:
        assert log.identity != first


async def test_two_systems_share_a_cluster_by_prefix(settings):
    other = replace(settings, prefix="other-" + settings.prefix)
    async with KafkaLog.open(settings) as ours, KafkaLog.open(other) as theirs:
        assert ours.identity != theirs.identity
        await ours.ensure_topics([TopicSpec(name="t", partitions=1)])
        with pytest.raises(LogError, match="no topic 't'"):
            theirs.partitions("t")
        await theirs.ensure_topics([TopicSpec(name="t", partitions=2)])
        await ours.send([Outgoing(topic="t", partition=0, value=b"ours")])
        await theirs.send([Outgoing(topic="t", partition=0, value=b"theirs")])
        for log, value in ((ours, b"ours"), (theirs, b"theirs")):
            async with log.group("g", ["t"], member="a") as member, asyncio.timeout(LONG):
                records = await member.read(timeout=LONG)
                assert [(r.topic, r.value) for r in records] == [("t", value)]
                await member.commit({("t", 0): records[-1].offset + 1})


# Sizes


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "zstd"])
async def test_messages_as_large_as_their_topic_takes_pass(settings, compression):
    largest = 8 << 20
    values = [os.urandom(largest), b"0123456789abcdef" * (largest // 16), b"small"]
    async with KafkaLog.open(replace(settings, compression=compression)) as log:
        await log.ensure_topics([TopicSpec(name="large", partitions=1)])
        await log.send([Outgoing(topic="large", partition=0, value=value) for value in values])
        assert await read_values(log, "large", 3) == values
        assert log.stats.acknowledged_bytes >= 2 * largest
        assert log.buffered_bytes == 0


async def test_messages_larger_than_a_fetch_pass_beside_others(settings):
    largest, partitions = 8 << 20, range(3)
    values = {
        p: [os.urandom(largest), b"small", os.urandom(largest // 2), b"%d" % p] for p in partitions
    }
    async with KafkaLog.open(settings) as log:
        await log.ensure_topics([TopicSpec(name="large", partitions=len(partitions))])
        for p in partitions:
            await log.send([Outgoing(topic="large", partition=p, value=v) for v in values[p]])
        read = {p: [] for p in partitions}
        async with (
            log.reader({("large", p): 0 for p in partitions}) as reader,
            asyncio.timeout(LONG),
        ):
            while read != values:
                for record in await reader.read(timeout=LONG):
                    read[record.partition].append(record.value)
                    assert read[record.partition] == values[record.partition][: record.offset + 1]


async def test_a_full_buffer_makes_callers_wait_and_keeps_their_order(settings):
    async with KafkaLog.open(replace(settings, buffer_bytes=10_000)) as log:
        await log.ensure_topics([TopicSpec(name="t", partitions=1)])
        highest = 0

        async def send(number):
            nonlocal highest
            await log.send([Outgoing(topic="t", partition=0, value=b"%03d" % number * 1000)])
            highest = max(highest, log.buffered_bytes)

        async with asyncio.TaskGroup() as tasks:
            for number in range(100):
                tasks.create_task(send(number))
        assert [value[:3] for value in await read_values(log, "t", 100)] == [
            b"%03d" % number for number in range(100)
        ]
        assert 0 < highest <= 10_000
        assert log.buffered_bytes == 0


# Starting


async def test_a_cluster_that_cannot_be_reached_is_named_with_the_reason():
    settings = KafkaSettings(servers=("127.0.0.1:1", "localhost:2"), connect_timeout=0.5)
    said = r"no Kafka broker .* 0\.5 s: 127\.0\.0\.1:1 \(.+\), localhost:2 \(.+\)"
    with pytest.raises(LogUnavailableError, match=said):
        async with KafkaLog.open(settings):
            pass


async def test_an_error_in_the_block_comes_out_as_it_is(settings):
    with pytest.raises(ZeroDivisionError):
        async with KafkaLog.open(settings):
            raise ZeroDivisionError


async def test_a_closed_log_takes_no_messages(settings):
    async with KafkaLog.open(settings) as log:
        await log.ensure_topics([TopicSpec(name="t", partitions=1)])
    with pytest.raises(LogError, match="closed"):
        await log.send([Outgoing(topic="t", partition=0, value=b"")])


def test_bad_settings_are_refused_and_the_password_is_never_shown():
    refused = [
        ({"servers": ()}, "at least one host:port"),
        ({"servers": ("localhost",)}, "'localhost': expected host:port"),
        ({"servers": ("h:99999",)}, "expected host:port"),
        ({"replication": 0}, "replication is 0"),
        ({"security": "sasl_ssl"}, "needs a username and a password"),
        ({"password": "secret"}, "security is plaintext: expected sasl"),
        ({"ca_file": "ca.pem"}, "expected ssl or sasl_ssl"),
        ({"security": "ssl", "key_file": "key.pem"}, "without cert_file"),
        ({"session_timeout": 0.0}, "session_timeout is 0"),
        ({"buffer_bytes": 0}, "buffer_bytes is 0"),
    ]
    for wrong, said in refused:
        with pytest.raises(ConfigurationError, match=said) as error:
            KafkaSettings(**({"servers": ("localhost:9092",)} | wrong))
        assert "secret" not in str(error.value)
    who = {"username": "dqm", "password": "secret"}
    settings = KafkaSettings(servers=("h:1",), security="sasl_ssl", **who)
    assert "secret" not in repr(settings)
    assert "dqm" in repr(settings)
