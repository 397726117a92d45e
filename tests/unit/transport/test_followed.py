"""A topic followed in memory."""

from dqmstream.clock import SettableClock
from dqmstream.transport.followed import FollowedTopic
from dqmstream.transport.log import Outgoing, Record, TopicSpec
from dqmstream.transport.memory import MemoryLog

TOPIC = "dqm.test"


async def said(log: MemoryLog, *numbers: int) -> None:
    await log.send(
        [Outgoing(topic=TOPIC, partition=one % 2, value=str(one).encode()) for one in numbers]
    )


def number(record: Record) -> int:
    return int(record.value or b"")


async def test_what_is_there_is_taken_and_what_comes_is_news_once() -> None:
    log = MemoryLog(clock=SettableClock())
    await log.ensure_topics([TopicSpec(name=TOPIC, partitions=2)])
    await said(log, 0, 1, 2, 3)
    taken: list[int] = []
    topic = FollowedTopic(log, TOPIC, most_records=2)
    assert [number(one) async for one in topic.news()] == []
    async with topic.reading(lambda record: taken.append(number(record))):
        assert sorted(taken) == [0, 1, 2, 3]
        assert [number(one) async for one in topic.news()] == []
        await said(log, 4, 5, 6, 7, 8)
        assert sorted([number(one) async for one in topic.news(30.0)]) == [4, 5, 6, 7, 8]
        assert [number(one) async for one in topic.news()] == []
    assert [number(one) async for one in topic.news()] == []
    assert len(taken) == 4


async def test_one_look_for_news_ends_though_there_is_always_more() -> None:
    log = MemoryLog(clock=SettableClock())
    await log.ensure_topics([TopicSpec(name=TOPIC, partitions=2)])
    topic = FollowedTopic(log, TOPIC, most_records=1)
    async with topic.reading(number):
        await said(log, 0)
        found = []
        async for record in topic.news():
            found.append(number(record))
            await said(log, len(found))
        assert found == sorted(found)
        assert 1 < len(found) < 100
