"""The one thread that writes: calls that arrive while it is busy are written together."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from dqmstream.errors import LogError
from dqmstream.transport.record import Outgoing, Record, TopicPartition

__all__ = ["Writer"]

_T = TypeVar("_T")
Append: TypeAlias = Callable[[TopicPartition, Sequence[Outgoing]], list[Record]]


@dataclass(slots=True, eq=False)
class _Call:
    """One `write`: the offsets its messages got so far, or why not."""

    messages: Sequence[Outgoing]
    outcome: asyncio.Future[list[int]]
    offsets: list[int]
    error: BaseException | None = None

    def settle(self) -> None:
        if self.outcome.done():  # the caller was cancelled
            return
        if self.error is not None:
            self.outcome.set_exception(self.error)
        else:
            self.outcome.set_result(self.offsets)


class Writer:
    """Appends messages in the order of the calls.

    Memory is bounded by the callers: each waits for its own messages.

    Parameters
    ----------
    append
        Appends messages to one partition; called in the writing thread only.
    appended
        Told on the event loop of the records appended to one partition.
    """

    def __init__(self, append: Append, appended: Callable[[list[Record]], None]) -> None:
        self._append = append
        self._appended = appended
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="dqmstream-log")
        self._waiting: list[_Call] = []
        self._writing: asyncio.Future[list[list[Record]]] | None = None
        self._closed = False

    async def write(self, messages: Sequence[Outgoing]) -> list[int]:
        """Append messages; returns their offsets once all are written.

        Raises
        ------
        LogError
            If a partition refused them, or the log is closed.
        """
        self._check_open()
        outcome: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Call(messages, outcome, [0] * len(messages)))
        if self._writing is None:
            self._begin()
        return await outcome

    async def run(self, function: Callable[[], _T]) -> _T:
        """Call a function in the writing thread, between two writes."""
        self._check_open()
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def close(self) -> None:
        """Write what waits, and take no more."""
        self._closed = True
        while self._writing is not None:
            await asyncio.wait({self._writing})
        await asyncio.to_thread(self._thread.shutdown)

    def _check_open(self) -> None:
        if self._closed:
            msg = "the log is closed"
            raise LogError(msg)

    def _begin(self) -> None:
        calls, self._waiting = self._waiting, []
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(self._thread, self._write, calls)
        self._writing.add_done_callback(lambda written: self._settle(calls, written))

    def _settle(self, calls: list[_Call], written: asyncio.Future[list[list[Record]]]) -> None:
        self._writing = None
        if self._waiting:
            self._begin()
        if (error := written.exception()) is not None:  # a bug: tell those who wait
            for call in calls:
                call.error = error
        else:
            for records in written.result():
                self._appended(records)
        for call in calls:
            call.settle()

    def _write(self, calls: list[_Call]) -> list[list[Record]]:
        """Append the messages of all calls, partition by partition. Runs in the thread."""
        places: dict[TopicPartition, list[tuple[_Call, int]]] = {}
        for call in calls:
            for at, message in enumerate(call.messages):
                places.setdefault((message.topic, message.partition), []).append((call, at))
        return [self._write_one(where, found) for where, found in places.items()]

    def _write_one(self, where: TopicPartition, places: list[tuple[_Call, int]]) -> list[Record]:
        try:
            records = self._append(where, [call.messages[at] for call, at in places])
        except LogError as error:
            for call, _ in places:
                call.error = error
            return []
        for (call, at), record in zip(places, records, strict=True):
            call.offsets[at] = record.offset
        return records
