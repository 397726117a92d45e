"""Topics that another system lends: read where they are, written by nobody but their owner."""

import asyncio

import pytest
from msgspec.structs import replace

from dqmstream.errors import ConfigurationError, LogBorrowedError, LogError
from dqmstream.transport.kafka import KafkaLog, KafkaSettings
from dqmstream.transport.log import Outgoing, TopicSpec

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

LONG = 60.0
LENT = TopicSpec(name="lent", partitions=2, retention_seconds=3600.0)
OWN = TopicSpec(name="own", partitions=1)


@pytest.fixture
def owner(kafka, kafka_prefix):
    return KafkaSettings(servers=tuple(kafka.split(",")), prefix=kafka_prefix)


@pytest.fixture
def borrower(owner):
    lender = owner.prefix
    return replace(owner, prefix=f"candidate-{lender}", lender=lender, borrowed=("lent",))


def message(topic: str, value: bytes) -> Outgoing:
    return Outgoing(topic=topic, partition=0, value=value)


async def values(reader, count: int) -> list[bytes]:
    found: list[bytes] = []
    async with asyncio.timeout(LONG):
        while len(found) < count:
            found += [record.value for record in await reader.read(timeout=LONG)]
    return found


async def test_what_is_lent_is_read_where_it_is_and_the_rest_is_apart(owner, borrower) -> None:
    """As the same group, each reads all of it: a borrower's groups are its own."""
    async with KafkaLog.open(owner) as lending, KafkaLog.open(borrower) as log:
        await lending.ensure_topics([LENT, OWN])
        # How long it is kept is the owner's business.
        await log.ensure_topics([replace(LENT, retention_seconds=60.0), OWN])
        assert log.identity != lending.identity
        await lending.send([message("lent", b"event"), message("own", b"theirs")])
        await log.send([message("own", b"ours")])
        async with log.reader({("lent", 0): 0, ("own", 0): 0}) as reader:
            assert sorted(await values(reader, 2)) == [b"event", b"ours"]
        for one in (lending, log):
            async with one.group("fillers", ["lent"], member="same") as reader:
                assert await values(reader, 1) == [b"event"]
                await reader.commit({("lent", 0): 1})


async def test_what_is_lent_is_never_written(owner, borrower) -> None:
    """Nor is anything else of the same call."""
    async with KafkaLog.open(owner) as lending, KafkaLog.open(borrower) as log:
        await lending.ensure_topics([LENT])
        await log.ensure_topics([LENT, OWN])
        with pytest.raises(LogBorrowedError, match=r"lent belongs to the system .* never written"):
            await log.send([message("own", b"ours"), message("lent", b"decided")])
        assert await lending.bounds("lent", 0) == (0, 0)
        assert await log.bounds("own", 0) == (0, 0)


async def test_what_is_not_there_to_be_borrowed_is_not_made(owner, borrower) -> None:
    """Nor with another number of partitions, on which the contents of fillers depend."""
    async with KafkaLog.open(borrower) as log:
        with pytest.raises(LogError, match="lent does not exist, and is not ours to make"):
            await log.ensure_topics([OWN, LENT])
        with pytest.raises(LogError, match="no topic"):
            log.partitions("own")
        async with KafkaLog.open(owner) as lending:
            await lending.ensure_topics([LENT])
        with pytest.raises(LogError, match="partitions is 2 in the log, wanted 3"):
            await log.ensure_topics([replace(LENT, partitions=3)])


def test_a_system_lends_itself_nothing() -> None:
    with pytest.raises(ConfigurationError, match="expected two namespaces"):
        KafkaSettings(servers=("kafka:9092",), prefix="a.", lender="a.", borrowed=("lent",))
