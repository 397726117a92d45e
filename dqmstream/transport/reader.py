"""Readers of a log in this process."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from dqmstream.errors import LogError, LogIdentityError, OffsetExpiredError
from dqmstream.transport.log import READ_BYTES, READ_RECORDS
from dqmstream.transport.record import Bounds, Record, TopicPartition
from dqmstream.transport.storage import Fetched

__all__ = ["LocalReader", "Source", "check_offset"]


class Source(Protocol):
    """What a reader asks of its log."""

    def bounds_now(self, where: TopicPartition) -> Bounds:
        """Bounds of a partition, without waiting."""
        ...

    async def fetch(
        self, where: TopicPartition, offset: int, max_records: int, max_bytes: int
    ) -> Fetched:
        """Records of one partition that are there already."""
        ...


class LocalReader:
    """Reads partitions of a log in this process; the log wakes it when records arrive.

    Parameters
    ----------
    source
        The log.
    positions
        Where to begin.
    """

    def __init__(self, source: Source, positions: Mapping[TopicPartition, int]) -> None:
        self._source = source
        self._positions = dict(positions)
        self._paused: set[TopicPartition] = set()
        self._turns = sorted(positions)
        self._wake = asyncio.Event()
        self._closed = False

    def wake(self) -> None:
        """Tell the reader that there may be something to read."""
        self._wake.set()

    def close(self) -> None:
        """Refuse further reads, and end one that waits."""
        self._closed = True
        self._wake.set()

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
        while True:
            self._wake.clear()
            if self._closed:
                msg = "the reader is closed"
                raise LogError(msg)
            if await self._settled():
                records = await self._take(max_records, max_bytes)
                if records is not None:
                    return records
            try:
                async with asyncio.timeout_at(deadline):
                    await self._wake.wait()
            except TimeoutError:
                return []

    async def _settled(self) -> bool:
        """Whether it is known which partitions to read."""
        return True

    async def _take(self, max_records: int, max_bytes: int) -> list[Record] | None:
        """What is there, a partition after the other, beginning after the one served last.

        `None` if all positions are at the end; nothing if they only moved over gaps to it.
        """
        ready = [where for where in self._turns if self._behind(where)]
        fetched: dict[TopicPartition, tuple[int, Fetched]] = {}
        for where in ready:
            position = self._positions[where]
            found = await self._source.fetch(where, position, max_records, max_bytes)
            size = sum(record.size() for record in found.records)
            if fetched and size > max_bytes:
                break
            fetched[where] = position, found
            max_records -= len(found.records)
            max_bytes -= size
            if max_records <= 0 or max_bytes <= 0:
                break
        return self._moved(fetched) if fetched else None

    def _behind(self, where: TopicPartition) -> bool:
        """Whether there is something to read; raises if the position is not in the log."""
        if where in self._paused:
            return False
        position = self._positions[where]
        start, end = self._source.bounds_now(where)
        if position < start:
            raise OffsetExpiredError(*where, position, start)
        if position > end:
            msg = (
                f"{where[0]} partition {where[1]}: offset {position} was wanted, the log ends at "
                f"{end}: it is another log, or lost its end"
            )
            raise LogIdentityError(msg)
        return position < end

    def _moved(self, fetched: Mapping[TopicPartition, tuple[int, Fetched]]) -> list[Record]:
        """Move past what was fetched: all at once, so that a cancelled read loses nothing."""
        records: list[Record] = []
        for where, (position, found) in fetched.items():
            if self._positions.get(where) == position:  # else: sought elsewhere meanwhile
                self._positions[where] = found.following
                records += found.records
        for where in fetched:
            self._turns.remove(where)
            self._turns.append(where)
        return records

    def seek(self, topic: str, partition: int, offset: int) -> None:
        """See `Reader.seek`."""
        self._check_assigned((topic, partition))
        check_offset((topic, partition), offset)
        self._positions[topic, partition] = offset
        self._wake.set()

    def position(self, topic: str, partition: int) -> int:
        """See `Reader.position`."""
        self._check_assigned((topic, partition))
        return self._positions[topic, partition]

    def pause(self, topic: str, partition: int) -> None:
        """See `Reader.pause`."""
        self._check_assigned((topic, partition))
        self._paused.add((topic, partition))

    def resume(self, topic: str, partition: int) -> None:
        """See `Reader.resume`."""
        self._check_assigned((topic, partition))
        self._paused.discard((topic, partition))
        self._wake.set()

    def _check_assigned(self, where: TopicPartition) -> None:
        if where not in self._positions:
            msg = f"{where[0]} partition {where[1]} is not assigned to this reader"
            raise LogError(msg)

    def _assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read these partitions from now on, and no others."""
        self._positions = dict(positions)
        self._paused.clear()
        self._turns = sorted(positions)


def check_offset(where: TopicPartition, offset: int) -> None:
    """Refuse an offset that no log has."""
    if offset < 0:
        msg = f"{where[0]} partition {where[1]}: offsets begin at 0, got {offset}"
        raise LogError(msg)
