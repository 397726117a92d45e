"""What a zombie had on its way: sets of open LSs that arrive once more, when they are long old."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from dqmstream.errors import LogError
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.wire import CODEC
from dqmstream.transport.log import Log, Outgoing

__all__ = ["echoing"]


@asynccontextmanager
async def echoing(log: Log, seconds: float) -> AsyncIterator[Any]:
    """A log to which each set of an open LS is sent a second time after `seconds`; 0: as it is."""
    if not seconds:
        yield log
        return
    async with asyncio.TaskGroup() as tasks:
        echo = _Echo(log, seconds, tasks)
        try:
            yield echo
        finally:
            for task in echo.waiting:
                task.cancel()


class _Echo:
    """A log in all but `send`."""

    def __init__(self, log: Log, seconds: float, tasks: asyncio.TaskGroup) -> None:
        self._log = log
        self._seconds = seconds
        self._tasks = tasks
        self.waiting: list[asyncio.Task[None]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def send(self, messages: Sequence[Outgoing]) -> list[int]:
        """Send now, and the open sets of it again later."""
        offsets = await self._log.send(messages)
        again = [message for message in messages if _is_open_set(message)]
        if again:
            self.waiting.append(self._tasks.create_task(self._send_later(again)))
        return offsets

    async def _send_later(self, messages: Sequence[Outgoing]) -> None:
        await asyncio.sleep(self._seconds)
        try:
            await self._log.send(messages)
        except LogError:
            return  # a zombie does not insist


def _is_open_set(message: Outgoing) -> bool:
    if dict(message.headers).get("type") != b"HistogramSet":
        return False
    piece = CODEC.decode(message.headers, message.value)
    return isinstance(piece, HistogramSet) and not piece.closed
