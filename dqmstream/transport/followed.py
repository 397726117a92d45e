"""A topic that is followed in memory: all that is in it, and then what comes."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Self

from dqmstream.errors import OffsetExpiredError
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import READ_RECORDS, Log, Reader
from dqmstream.transport.record import Record, TopicPartition

__all__ = ["FollowedTopic"]

_MOST_READS: Final = 20
"""Of what has come, before others have their turn again."""


class FollowedTopic:
    """A topic read from its start, for one that holds what it says.

    Parameters
    ----------
    log, topic
        Where records are published.
    most_records
        To take at once.
    """

    def __init__(self, log: Log, topic: str, most_records: int = READ_RECORDS) -> None:
        self._log = log
        self._topic = topic
        self._most_records = most_records
        self._reader: Reader | None = None

    @asynccontextmanager
    async def reading(self, take: Callable[[Record], object]) -> AsyncIterator[Self]:
        """All that is in the log now was taken; `news` has what comes after."""
        positions: dict[TopicPartition, int] = {}
        for partition in range(self._log.partitions(self._topic)):
            bounds = await self._log.bounds(self._topic, partition)
            positions[self._topic, partition] = bounds.end
        # What comes between is read twice rather than never.
        async for record in read_to_end(self._log, self._topic):
            take(record)
        async with self._log.reader(positions) as self._reader:
            yield self
        self._reader = None

    async def news(self, timeout: float = 0.0) -> AsyncIterator[Record]:
        """What has come, waiting so long for the first of it; nothing outside of `reading`."""
        for _ in range(_MOST_READS):
            if self._reader is None:
                return
            try:
                records = await self._reader.read(max_records=self._most_records, timeout=timeout)
            except OffsetExpiredError as expired:
                self._reader.seek(expired.topic, expired.partition, expired.start)
                return
            if not records:
                return
            timeout = 0.0
            for record in records:
                yield record
