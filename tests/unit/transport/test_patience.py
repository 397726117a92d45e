"""A log that is away for a while costs time and nothing else; one that refuses is believed."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from dqmstream.clock import SystemClock
from dqmstream.errors import LogError, LogUnavailableError, OffsetExpiredError, StoreError
from dqmstream.transport.log import (
    Bounds,
    GroupReader,
    Outgoing,
    Reader,
    RebalanceCallback,
    Record,
    TopicPartition,
    TopicSpec,
)
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.patience import Pace, PatientLog, insist

FAST = Pace(first=0.001, most=0.004)
TOPIC = "dqm.test"


class Shaky:
    """A log in memory of which every second call fails, half of them after it was done."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.calls = 0

    def _shake(self) -> bool:
        """Whether to fail after doing; raises to fail before."""
        self.calls += 1
        if self.calls % 4 == 1:
            raise LogUnavailableError("away")
        return self.calls % 4 == 3

    @property
    def identity(self) -> str:
        return self._log.identity

    def partitions(self, topic: str) -> int:
        return self._log.partitions(topic)

    def max_message_bytes(self, topic: str) -> int:
        return self._log.max_message_bytes(topic)

    async def ensure_topics(self, specs: Sequence[TopicSpec]) -> None:
        late = self._shake()
        await self._log.ensure_topics(specs)
        if late:
            raise LogUnavailableError("who knows")

    async def bounds(self, topic: str, partition: int) -> Bounds:
        if self._shake():
            raise LogUnavailableError("who knows")
        return await self._log.bounds(topic, partition)

    async def send(self, messages: Sequence[Outgoing]) -> list[int]:
        late = self._shake()
        offsets = await self._log.send(messages)
        if late:
            raise LogUnavailableError("who knows")
        return offsets

    @asynccontextmanager
    async def reader(self, positions: Mapping[TopicPartition, int]) -> AsyncIterator[Reader]:
        self._shake()
        async with self._log.reader(positions) as reader:
            yield ShakyReader(reader, self._shake)

    @asynccontextmanager
    async def group(
        self,
        group: str,
        topics: Sequence[str],
        *,
        member: str,
        on_revoked: RebalanceCallback | None = None,
        on_assigned: RebalanceCallback | None = None,
    ) -> AsyncIterator[GroupReader]:
        self._shake()
        async with self._log.group(
            group, topics, member=member, on_revoked=on_revoked, on_assigned=on_assigned
        ) as reader:
            yield reader


class ShakyReader:
    """A reader of which every second read fails before it takes anything."""

    def __init__(self, reader: Reader, shake: Callable[[], bool]) -> None:
        self._reader = reader
        self._shake = shake

    async def read(self, *, max_records: int, max_bytes: int, timeout: float) -> list[Record]:
        if self._shake():
            raise LogUnavailableError("nothing taken")
        return await self._reader.read(
            max_records=max_records, max_bytes=max_bytes, timeout=timeout
        )

    def seek(self, topic: str, partition: int, offset: int) -> None:
        self._reader.seek(topic, partition, offset)

    def position(self, topic: str, partition: int) -> int:
        return self._reader.position(topic, partition)

    def pause(self, topic: str, partition: int) -> None:
        self._reader.pause(topic, partition)

    def resume(self, topic: str, partition: int) -> None:
        self._reader.resume(topic, partition)


async def test_everything_gets_through_a_log_that_fails_half_of_the_time() -> None:
    shaky = Shaky(MemoryLog(clock=SystemClock()))
    log = PatientLog(shaky, FAST)
    await log.ensure_topics([TopicSpec(name=TOPIC, partitions=1)])
    values = [str(number).encode() for number in range(20)]
    for value in values:
        await log.send([Outgoing(topic=TOPIC, partition=0, value=value)])
    start, end = await log.bounds(TOPIC, 0)
    read: list[bytes | None] = []
    async with log.reader({(TOPIC, 0): start}) as reader:
        while reader.position(TOPIC, 0) < end:
            read += [record.value for record in await reader.read(max_records=3, timeout=5)]
    # Repeats stand beside each other: what was sent with an unknown outcome was sent again.
    assert list(dict.fromkeys(read)) == values
    assert len(read) > len(values)
    assert shaky.calls > 40


async def test_what_a_rebalance_calls_has_patience_too() -> None:
    shaky = Shaky(MemoryLog(clock=SystemClock()))
    log = PatientLog(shaky, FAST)
    await log.ensure_topics([TopicSpec(name=TOPIC, partitions=2)])
    seen: list[tuple[TopicPartition, int | None]] = []

    async def assigned(reader: GroupReader, places: frozenset[TopicPartition]) -> None:
        for place in sorted(places):
            seen.append((place, await reader.committed(*place)))
            reader.seek(*place, (await log.bounds(*place)).end)

    async with log.group("g", [TOPIC], member="m", on_assigned=assigned) as reader:
        await reader.read(timeout=0)
        assert reader.assignment == {(TOPIC, 0), (TOPIC, 1)}
        await reader.commit({(TOPIC, 0): 0})
    assert seen == [((TOPIC, 0), None), ((TOPIC, 1), None)]


async def test_what_a_log_refuses_is_not_tried_again() -> None:
    shaky = Shaky(MemoryLog(clock=SystemClock()))
    log = PatientLog(shaky, FAST)
    await log.ensure_topics([TopicSpec(name=TOPIC, partitions=1, max_message_bytes=10)])
    with pytest.raises(LogError, match="at most 10"):
        await log.send([Outgoing(topic=TOPIC, partition=0, value=b"x" * 11)])
    expired = OffsetExpiredError(TOPIC, 0, 1, 5)

    async def attempt() -> None:
        raise expired

    with pytest.raises(OffsetExpiredError):
        await insist(attempt, "expired", pace=FAST)


async def test_tries_that_are_counted_end_with_the_last_error() -> None:
    failures = 0

    def count() -> None:
        nonlocal failures
        failures += 1

    async def attempt() -> None:
        msg = f"full for the {failures}. time"
        raise StoreError(msg)

    with pytest.raises(StoreError, match=r"2\. time"):
        await insist(
            attempt,
            "cannot be stored",
            errors=(StoreError,),
            pace=Pace(first=0.001, tries=3),
            on_failure=count,
        )
    assert failures == 3
