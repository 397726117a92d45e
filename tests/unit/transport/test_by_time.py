"""Places in the log by the time at which it took its records."""

import pytest

from dqmstream.clock import SettableClock
from dqmstream.transport.by_time import offset_since, time_at
from dqmstream.transport.log import Outgoing, TopicSpec
from dqmstream.transport.memory import MemoryLog

TOPIC = "dqm.test"
SECOND = 10**9
COUNT = 5_000


async def filled() -> tuple[MemoryLog, list[int]]:
    """A log with a record each second, and when each was taken."""
    clock = SettableClock()
    log = MemoryLog(clock=clock)
    await log.ensure_topics([TopicSpec(name=TOPIC, partitions=1)])
    times = []
    for number in range(COUNT):
        clock.advance(1.0)
        times.append(clock.wall())
        await log.send([Outgoing(topic=TOPIC, partition=0, value=str(number).encode())])
    return log, times


@pytest.mark.parametrize("number", [0, 1, 700, COUNT // 2, COUNT - 1])
async def test_nothing_taken_since_lies_before_the_offset_and_not_much_else_after_it(
    number: int,
) -> None:
    log, times = await filled()
    offset = await offset_since(log, TOPIC, 0, times[number])
    assert offset <= number
    assert number - offset <= 256
    assert await time_at(log, TOPIC, 0, number) == times[number]


async def test_the_ends_of_a_log_and_an_empty_one() -> None:
    log, times = await filled()
    assert await offset_since(log, TOPIC, 0, 0) == 0
    late = await offset_since(log, TOPIC, 0, times[-1] + SECOND)
    assert COUNT - 256 <= late <= COUNT
    assert await time_at(log, TOPIC, 0, COUNT) is None
    empty = MemoryLog(clock=SettableClock())
    await empty.ensure_topics([TopicSpec(name=TOPIC, partitions=1)])
    assert await offset_since(empty, TOPIC, 0, 5) == 0
    assert await time_at(empty, TOPIC, 0, 0) is None
