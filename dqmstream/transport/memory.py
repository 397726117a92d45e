"""A log in memory, for unit tests: the whole port, nothing durable, no threads."""

import asyncio
from bisect import bisect_left
from collections.abc import Sequence
from operator import attrgetter

from dqmstream.clock import Clock
from dqmstream.errors import OffsetExpiredError
from dqmstream.transport.local import LocalLog
from dqmstream.transport.record import Outgoing, Record, TopicPartition
from dqmstream.transport.storage import Fetched
from dqmstream.transport.topic_spec import TopicSpec

__all__ = ["MemoryLog", "MemoryPartition"]

_OFFSET = attrgetter("offset")


class MemoryPartition:
    """A partition as a list.

    Parameters
    ----------
    stride
        Distance between offsets: more than 1 leaves gaps, as transactions do in Kafka.
    """

    def __init__(self, topic: str, partition: int, stride: int = 1) -> None:
        self._topic = topic
        self._partition = partition
        self._stride = stride
        self._records: list[Record] = []
        self.start = 0
        self.end = 0

    def append(self, messages: Sequence[Outgoing], timestamp: int) -> list[Record]:
        """See `Storage.append`."""
        records = [
            Record(
                self._topic,
                self._partition,
                self.end + at * self._stride,
                timestamp,
                message.key,
                message.value,
                message.headers,
            )
            for at, message in enumerate(messages)
        ]
        self._records += records
        self.end += len(records) * self._stride
        return records

    def read(self, offset: int, max_records: int, max_bytes: int) -> Fetched:
        """See `Storage.read`."""
        if offset < self.start:
            raise OffsetExpiredError(self._topic, self._partition, offset, self.start)
        begin = bisect_left(self._records, offset, key=_OFFSET)
        taken: list[Record] = []
        for record in self._records[begin : begin + max_records]:
            max_bytes -= record.size()
            if taken and max_bytes < 0:
                break
            taken.append(record)
        return Fetched(taken, taken[-1].offset + 1 if taken else max(offset, self.end))

    def expire(self, horizon: int | None, keep_bytes: int | None) -> None:
        """Remove from the front records older than `horizon`, or more than fit `keep_bytes`."""
        size = sum(record.size() for record in self._records)
        gone = 0
        for record in self._records:
            too_old = horizon is not None and record.timestamp < horizon
            if not too_old and not (keep_bytes is not None and size > keep_bytes):
                break
            size -= record.size()
            gone += 1
        if gone:
            self.start = self._records[gone].offset if gone < len(self._records) else self.end
            del self._records[:gone]

    def compact(self, tombstones_from: int) -> None:
        """Keep the newest record of each key, but no tombstone older than `tombstones_from`."""
        newest = {record.key: record.offset for record in self._records}
        self._records = [
            record
            for record in self._records
            if newest[record.key] == record.offset
            and (record.value is not None or record.timestamp >= tombstones_from)
        ]


class MemoryLog(LocalLog[MemoryPartition]):
    """A log in memory.

    Parameters
    ----------
    clock
        Stamps records, and ages them.
    identity
        Id of this log.
    stride
        Distance between offsets, to test code that must only compare them.
    tombstone_seconds
        How long compaction keeps tombstones.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        identity: str = "memory",
        stride: int = 1,
        tombstone_seconds: float = 86_400.0,
    ) -> None:
        super().__init__(identity)
        self._clock = clock
        self._stride = stride
        self._tombstone_seconds = tombstone_seconds

    async def _make(self, spec: TopicSpec) -> list[MemoryPartition]:
        return [
            MemoryPartition(spec.name, number, self._stride) for number in range(spec.partitions)
        ]

    async def _append(self, messages: Sequence[Outgoing]) -> list[int]:
        now = self._clock.wall()
        offsets = [
            self._storages[message.topic, message.partition].append([message], now)[0].offset
            for message in messages
        ]
        self.wake_readers()
        await asyncio.sleep(0)  # others run while a real log writes
        return offsets

    async def _keep(self, commits: Sequence[Outgoing]) -> None:
        """Nothing: what groups committed is kept in memory anyway."""

    async def fetch(
        self, where: TopicPartition, offset: int, max_records: int, max_bytes: int
    ) -> Fetched:
        """See `Source.fetch`."""
        return self._storages[where].read(offset, max_records, max_bytes)

    async def maintain(self) -> None:
        """Compact and expire everything that is due now."""
        now = self._clock.wall()
        for spec in self._topics.values():
            for partition in range(spec.partitions):
                storage = self._storages[spec.name, partition]
                if spec.compacted:
                    storage.compact(now - round(self._tombstone_seconds * 1e9))
                horizon = spec.retention_seconds
                storage.expire(
                    None if horizon is None else now - round(horizon * 1e9), spec.retention_bytes
                )
