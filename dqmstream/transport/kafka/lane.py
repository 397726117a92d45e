"""Messages of one partition on their way: in order, and packed into batches."""

import asyncio
from collections import deque
from collections.abc import Callable

from dqmstream.transport.kafka.internals import Batch
from dqmstream.transport.record import Outgoing

__all__ = ["Call", "Entry", "Lane"]

Entry = tuple["Call", int, Outgoing]
"""A message, whose call it is of, and where in that call."""


class Call:
    """One call of `send`: what it waits for.

    Parameters
    ----------
    messages
        How many it sends.
    settled
        Called once, when the fate of all of them is known, or known to be unknown.
    """

    __slots__ = ("_settled", "done", "left", "offsets")

    def __init__(self, messages: int, settled: Callable[[], None]) -> None:
        self.offsets = [-1] * messages
        self.left = messages
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._settled = settled

    def acknowledged(self, index: int, offset: int) -> None:
        """A message has its offset."""
        if not self.left:
            return
        self.offsets[index] = offset
        self.left -= 1
        if not self.left:
            self._settled()
            if not self.done.done():
                self.done.set_result(None)

    def failed(self, error: Exception) -> int:
        """A message may not have been written; how many this leaves without an answer."""
        left, self.left = self.left, 0
        if left:
            self._settled()
            if not self.done.done():
                self.done.set_exception(error)
                self.done.exception()  # a caller that was cancelled does not fetch it
        return left


class Lane:
    """Messages for one partition: an open batch that takes more, and what waits behind it.

    Parameters
    ----------
    topic, partition
        Where to, as the brokers name it.
    limit
        Bytes that a batch may have; one message is taken even when it is larger.
    compression
        See `KafkaSettings`.
    """

    def __init__(self, topic: str, partition: int, limit: int, compression: str) -> None:
        self.topic = topic
        self.partition = partition
        self.filled = asyncio.Event()
        self._limit = limit
        self._compression = compression
        self._waiting: deque[Entry] = deque()
        self._batch: Batch | None = None
        self._entries: list[Entry] = []

    def add(self, entry: Entry) -> None:
        """Put a message behind the others."""
        if self._batch is not None and not self._waiting and self._batch.take(entry[2]):
            self._entries.append(entry)
        else:
            self._waiting.append(entry)
            self.filled.set()

    def pack(self) -> tuple[Batch, list[Entry]]:
        """A new batch with what waits; until it leaves, messages that follow go into it too."""
        self._batch = batch = Batch(self._limit, self._compression)
        self._entries = entries = []
        while self._waiting and batch.take(self._waiting[0][2]):
            entries.append(self._waiting.popleft())
        if not self._waiting:
            self.filled.clear()
        return batch, entries

    def drain(self) -> list[Entry]:
        """All messages that have not left, or left last; the lane ends with it."""
        if self._batch is not None:
            self._batch.close()
        entries = [*self._entries, *self._waiting]
        self._entries = []
        self._waiting.clear()
        self.filled.clear()
        return entries
