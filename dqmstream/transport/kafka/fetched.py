"""Records that were fetched and not read yet, and where each partition stands."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from dqmstream.transport.record import Record, TopicPartition

__all__ = ["Fetched", "Place"]


class Place:
    """A partition that is read.

    Parameters
    ----------
    where
        The partition as callers name it.
    there
        The partition as aiokafka names it.
    position
        The next record's offset is not below it.
    """

    __slots__ = ("paused", "position", "records", "there", "where")

    def __init__(self, where: TopicPartition, there: Any, position: int) -> None:
        self.where = where
        self.there = there
        self.position = position
        self.paused = False
        self.records: deque[Record] = deque()

    def keep(self, fetched: Iterable[Any]) -> None:
        """Put records of aiokafka behind those that are kept."""
        topic, partition = self.where
        self.records.extend(
            Record(
                topic,
                partition,
                record.offset,
                record.timestamp * 1_000_000,
                record.key,
                record.value,
                record.headers,
            )
            for record in fetched
        )

    def seek(self, offset: int) -> None:
        """Stand somewhere else; what was fetched is of no use any more."""
        self.position = offset
        self.records.clear()


class Fetched:
    """The partitions of a reader, and whose turn it is."""

    def __init__(self) -> None:
        self._places: dict[TopicPartition, Place] = {}
        self._turns: deque[Place] = deque()

    def assign(self, places: Iterable[Place]) -> None:
        """Read these partitions from now on, and no others."""
        self._places = {place.where: place for place in places}
        self._turns = deque(self._places[where] for where in sorted(self._places))

    def get(self, where: TopicPartition) -> Place | None:
        """A partition, if it is read."""
        return self._places.get(where)

    def __iter__(self) -> Iterator[Place]:
        return iter(self._turns)

    def take(self, max_records: int, max_bytes: int) -> list[Record]:
        """Records within the limits, beginning with the partition whose turn it is.

        One record is returned even when it is larger. Positions move past what is returned.
        """
        taken: list[Record] = []
        served = 0
        for turn, place in enumerate(self._turns, 1):
            records = place.records
            if place.paused or not records:
                continue
            while records and len(taken) < max_records:
                size = records[0].size()
                if taken and size > max_bytes:
                    break
                max_bytes -= size
                taken.append(records.popleft())
                place.position = taken[-1].offset + 1
                served = turn
            if records:  # a limit is reached
                break
        self._turns.rotate(-served)
        return taken
