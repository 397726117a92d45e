"""The newest records of all partitions, kept in memory for readers that are up to date."""

from collections import deque

from dqmstream.transport.record import Record, TopicPartition
from dqmstream.transport.storage import Fetched

__all__ = ["TailCache"]

_RECORD_OVERHEAD = 256  # bytes of the Python objects around key and value, roughly


class _Tail:
    """Newest records of one partition; those before `head` are forgotten."""

    __slots__ = ("head", "records")

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.head = 0

    def forget_first(self) -> Record:
        record = self.records[self.head]
        self.head += 1
        if self.head * 2 >= len(self.records):
            del self.records[: self.head]
            self.head = 0
        return record


class TailCache:
    """Records as they were appended, the oldest forgotten first. Used by the event loop only.

    Parameters
    ----------
    limit
        Bytes of all records together, 0 keeps none.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tails: dict[TopicPartition, _Tail] = {}
        self._order: deque[tuple[TopicPartition, int]] = deque()
        self.size = 0

    def add(self, records: list[Record]) -> None:
        """Take the records appended last to one partition."""
        if not records:
            return
        where = records[0].topic, records[0].partition
        tail = self._tails.get(where)
        if tail and tail.records and tail.records[-1].offset + 1 != records[0].offset:
            self.forget(where)  # a failed write left records in the log that nobody told us of
        self._tails.setdefault(where, _Tail()).records.extend(records)
        size = sum(_cost(record) for record in records)
        self._order.append((where, len(records)))
        self.size += size
        while self.size > self._limit:
            self._forget_oldest()

    def forget(self, where: TopicPartition) -> None:
        """Forget all records of one partition."""
        tail = self._tails.pop(where, _Tail())
        self.size -= sum(_cost(record) for record in tail.records[tail.head :])
        self._order = deque(entry for entry in self._order if entry[0] != where)

    def _forget_oldest(self) -> None:
        where, count = self._order.popleft()
        tail = self._tails[where]
        for _ in range(count):
            self.size -= _cost(tail.forget_first())

    def read(
        self, where: TopicPartition, offset: int, max_records: int, max_bytes: int
    ) -> Fetched | None:
        """Records from `offset` on as Storage.read gives them; `None` if they are not here."""
        tail = self._tails.get(where)
        if tail is None or not tail.records or not tail.records[tail.head].offset <= offset:
            return None
        first = tail.head + offset - tail.records[tail.head].offset
        taken: list[Record] = []
        size = 0
        for record in tail.records[first : first + max_records]:
            size += record.size()
            if taken and size > max_bytes:
                break
            taken.append(record)
        return Fetched(taken, taken[-1].offset + 1) if taken else None


def _cost(record: Record) -> int:
    headers = sum(len(name) + len(value) for name, value in record.headers)
    return record.size() + headers + _RECORD_OVERHEAD
