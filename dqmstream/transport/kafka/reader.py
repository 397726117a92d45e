"""Readers of partitions: exact positions and limits on top of aiokafka's fetching."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
)

from dqmstream.errors import LogError, LogIdentityError, OffsetExpiredError
from dqmstream.transport.kafka.failures import translated
from dqmstream.transport.kafka.fetched import Fetched, Place
from dqmstream.transport.kafka.internals import check_running, reading
from dqmstream.transport.log import READ_BYTES, READ_RECORDS
from dqmstream.transport.reader import check_offset
from dqmstream.transport.record import Bounds, Record
from dqmstream.transport.record import TopicPartition as Where

__all__ = ["FETCH_ARGUMENTS", "Cluster", "KafkaReader"]

_MIB = 1024 * 1024
_DAY = 86_400_000  # milliseconds: the deadline comes sooner
_CHUNK = 500  # records decoded at a time: a few milliseconds of the loop

FETCH_ARGUMENTS: dict[str, Any] = {
    "auto_offset_reset": "none",
    "enable_auto_commit": False,
    "fetch_max_wait_ms": 250,
    "fetch_max_bytes": 16 * _MIB,
    "max_partition_fetch_bytes": 4 * _MIB,
}
"""What each consumer is told about fetching; one batch is fetched even when it is larger."""


class Cluster(Protocol):
    """What a reader asks of its log."""

    def there(self, where: Where) -> TopicPartition:
        """A partition as the brokers name it."""
        ...

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """See `Log.bounds`."""
        ...


class KafkaReader:
    """Reads given partitions with a consumer of its own.

    Parameters
    ----------
    cluster
        The log.
    consumer
        Started; told where to begin by `begin`.
    """

    def __init__(self, cluster: Cluster, consumer: AIOKafkaConsumer) -> None:
        self._cluster = cluster
        self._consumer = consumer
        self._fetched = Fetched()
        self._closed = False
        self._woken = asyncio.Event()
        self._waiting: asyncio.Timeout | None = None

    def begin(self, positions: Iterable[tuple[Where, int]]) -> None:
        """Read these partitions, which the consumer has, from these offsets on."""
        places = [Place(where, self._cluster.there(where), at) for where, at in positions]
        for place in places:
            self._consumer.seek(place.there, place.position)
        self._fetched.assign(places)

    def close(self) -> None:
        """Refuse further reads, and end one that waits."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        self._woken.set()
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(0)

    async def read(
        self,
        *,
        max_records: int = READ_RECORDS,
        max_bytes: int = READ_BYTES,
        timeout: float,
    ) -> list[Record]:
        """See `Reader.read`."""
        deadline = asyncio.get_running_loop().time() + timeout
        await asyncio.sleep(0)  # a reader that always finds records must not keep others waiting
        with reading(self._consumer):
            while True:
                self._woken.clear()
                if self._closed:
                    msg = "the reader is closed"
                    raise LogError(msg)
                with translated("reading failed"):
                    check_running(self._consumer)
                if await self._settled():
                    moved = await self._fill()
                    if records := self._fetched.take(max_records, max_bytes):
                        return records
                    if moved:
                        return []
                    await self._wait_for_records(deadline)
                else:
                    await self._wait_for_change(deadline)
                if asyncio.get_running_loop().time() >= deadline and not self._woken.is_set():
                    return []

    async def _settled(self) -> bool:
        """Whether it is known which partitions to read."""
        return True

    async def _fill(self) -> bool:
        """Decode what has arrived, where nothing is left; whether a position moved over a gap."""
        moved = False
        for place in self._fetched:
            if place.records or place.paused:
                continue
            arrived = await self._ask(place.there, timeout_ms=0)
            if arrived:
                place.keep(arrived[place.there])
            else:
                position = await self._consumer.position(place.there)
                moved |= position > place.position
                place.position = max(position, place.position)
        return moved

    async def _wait_for_records(self, deadline: float) -> None:
        wanted = [place for place in self._fetched if not place.paused]
        if not wanted:
            await self._wait_for_change(deadline)
            return
        try:
            async with asyncio.timeout_at(deadline) as self._waiting:
                if self._woken.is_set():
                    return
                arrived = await self._ask(*(place.there for place in wanted), timeout_ms=_DAY)
                for place in wanted:
                    place.keep(arrived.get(place.there, ()))
        except TimeoutError:
            pass
        finally:
            self._waiting = None

    async def _wait_for_change(self, deadline: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._woken.wait()

    async def _ask(self, *partitions: TopicPartition, timeout_ms: int) -> dict[Any, list[Any]]:
        """What the consumer has for these partitions, which it then has no more.

        It answers without waiting if it can, so what it gives cannot be lost by cancelling.
        """
        try:
            with translated("reading failed"):
                arrived: dict[Any, list[Any]] = await self._consumer.getmany(
                    *partitions, timeout_ms=timeout_ms, max_records=_CHUNK
                )
                return arrived
        except LogError as error:
            if isinstance(error.__cause__, OffsetOutOfRangeError):
                await self._check_range(error.__cause__)
                return {}
            if isinstance(error.__cause__, NoOffsetForPartitionError):
                return {}  # asked before the position was set, which has happened since
            if isinstance(error.__cause__, RecordTooLargeError):
                _, there, offset, *_ = error.__cause__.args
                self._consumer.seek(there, offset)  # aiokafka skips what it could not fetch
            raise

    async def _check_range(self, error: KafkaError) -> None:
        """Say on which side of the log a position was; nothing if it has moved meanwhile."""
        for there, offset in error.args[0].items():
            place = next((p for p in self._fetched if p.there == there), None)
            if place is None or place.position != offset:
                continue
            topic, partition = place.where
            start, end = await self._cluster.bounds(topic, partition)
            if place.position != offset or start <= offset <= end:
                continue
            if offset < start:
                raise OffsetExpiredError(topic, partition, offset, start)
            msg = (
                f"{topic} partition {partition}: offset {offset} was wanted, the log ends at "
                f"{end}: it is another log, or lost its end"
            )
            raise LogIdentityError(msg)

    def seek(self, topic: str, partition: int, offset: int) -> None:
        """See `Reader.seek`."""
        place = self._place(topic, partition)
        check_offset(place.where, offset)
        place.seek(offset)
        self._consumer.seek(place.there, offset)
        self._wake()

    def position(self, topic: str, partition: int) -> int:
        """See `Reader.position`."""
        return self._place(topic, partition).position

    def pause(self, topic: str, partition: int) -> None:
        """See `Reader.pause`."""
        place = self._place(topic, partition)
        place.paused = True
        self._consumer.pause(place.there)

    def resume(self, topic: str, partition: int) -> None:
        """See `Reader.resume`."""
        place = self._place(topic, partition)
        if place.paused:
            place.paused = False
            self._consumer.resume(place.there)
            self._wake()

    def _place(self, topic: str, partition: int) -> Place:
        place = self._fetched.get((topic, partition))
        if place is None:
            msg = f"{topic} partition {partition} is not assigned to this reader"
            raise LogError(msg)
        return place
