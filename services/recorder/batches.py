"""Batches of records for the recorder: what one transaction of the store takes in."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from dqmstream.clock import Clock
from dqmstream.errors import OffsetExpiredError
from dqmstream.messages.topics import BOOKINGS, CONDITIONS, HISTOGRAMS, QUALITY
from dqmstream.store.answers import Hole
from dqmstream.transport.log import Log, Reader, Record, TopicPartition

__all__ = ["Batch", "BatchSettings", "Collector", "recorded_places"]

_PATIENCE = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchSettings:
    """Size of a batch; it changes nothing that is stored.

    Parameters
    ----------
    records, bytes
        Most records, and about the most bytes.
    linger
        Seconds a batch waits for more records after its first.
    """

    records: int = 256
    bytes: int = 16 << 20
    linger: float = 0.2


class Batch(NamedTuple):
    """Records in the order they are to be taken, the positions after them, and what expired."""

    records: list[Record]
    positions: dict[TopicPartition, int]
    holes: list[Hole]


def recorded_places(log: Log) -> list[TopicPartition]:
    """All partitions that are recorded."""
    return [*_places(log, HISTOGRAMS, QUALITY, CONDITIONS), *_places(log, BOOKINGS)]


class Collector:
    """Reads batches: records, and before them every booking that any of them may need.

    Parameters
    ----------
    reader
        Of all partitions but those of bookings.
    booking_reader
        Of the partitions of `dqm.bookings`.
    """

    def __init__(
        self,
        log: Log,
        reader: Reader,
        booking_reader: Reader,
        clock: Clock,
        settings: BatchSettings,
    ) -> None:
        self._log = log
        self._reader = reader
        self._booking_reader = booking_reader
        self._clock = clock
        self._settings = settings
        self._given = self._positions()
        self._holes: list[Hole] = []

    async def collect(self, batches: asyncio.Queue[Batch]) -> None:
        """Put batches until cancelled; waits while the queue is full."""
        while True:
            records = await self._records()
            bookings = await self._bookings()
            positions = self._positions()
            if positions != self._given:
                self._given = positions
                holes, self._holes = self._holes, []
                await batches.put(Batch([*bookings, *records], positions, holes))

    async def _records(self) -> list[Record]:
        """Wait for a record, and a little longer for others; after a while for none."""
        settings = self._settings
        records = await self._read(settings.records, settings.bytes, _PATIENCE)
        room = settings.bytes - _size(records)
        deadline = self._clock.monotonic() + settings.linger
        while records and len(records) < settings.records and room > 0:
            left = deadline - self._clock.monotonic()
            more = await self._read(settings.records - len(records), room, max(0.0, left))
            if not more:
                break
            records += more
            room -= _size(more)
        return records

    async def _read(self, records: int, bytes: int, timeout: float) -> list[Record]:
        try:
            return await self._reader.read(max_records=records, max_bytes=bytes, timeout=timeout)
        except OffsetExpiredError as expired:
            self._reader.seek(expired.topic, expired.partition, expired.start)
            self._holes.append(
                Hole(
                    topic=expired.topic,
                    partition=expired.partition,
                    first=expired.wanted,
                    next_offset=expired.start,
                    noticed=self._clock.wall(),
                )
            )
            return []

    async def _bookings(self) -> list[Record]:
        """All bookings there are by now: a set is published after its booking is acknowledged."""
        records: list[Record] = []
        for place in _places(self._log, BOOKINGS):
            end = (await self._log.bounds(*place)).end
            # For ever: an empty read is a broker that is away, with the booking on it. Where
            # compaction took the last records, the position moves past them all the same.
            while self._booking_reader.position(*place) < end:
                records += await self._read_bookings()
        return records

    async def _read_bookings(self) -> list[Record]:
        while True:
            try:
                return await self._booking_reader.read(timeout=_PATIENCE)
            except OffsetExpiredError as expired:
                # Compaction keeps the newest record of every key: what went was replaced.
                self._booking_reader.seek(expired.topic, expired.partition, expired.start)

    def _positions(self) -> dict[TopicPartition, int]:
        read = _places(self._log, HISTOGRAMS, QUALITY, CONDITIONS)
        positions = {place: self._reader.position(*place) for place in read}
        booked = {
            place: self._booking_reader.position(*place) for place in _places(self._log, BOOKINGS)
        }
        return positions | booked


def _places(log: Log, *topics: str) -> list[TopicPartition]:
    return [(topic, number) for topic in topics for number in range(log.partitions(topic))]


def _size(records: Iterable[Record]) -> int:
    return sum(record.size() for record in records)
