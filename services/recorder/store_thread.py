"""The store in a thread of its own, for a service that writes it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from dqmstream.store.writer import StoreWriter

__all__ = ["StoreThread", "opened"]

T = TypeVar("T")


class StoreThread:
    """The writer in a thread of its own: a call that was begun is finished before it is closed."""

    def __init__(self, writer: StoreWriter, thread: ThreadPoolExecutor) -> None:
        self._writer = writer
        self._thread = thread

    async def __call__(self, call: Callable[[StoreWriter], T]) -> T:
        """What the call gives; the event loop goes on meanwhile."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, call, self._writer)


@asynccontextmanager
async def opened(store_url: str, log: str) -> AsyncIterator[StoreThread]:
    """The store at a URL, of the log of that identity; closed at the end.

    Raises
    ------
    LogIdentityError
        If it holds the history of another log.
    StoreError
        If it is of a newer release, or cannot be opened.
    """
    writer = await asyncio.to_thread(StoreWriter, store_url, log=log)
    thread = ThreadPoolExecutor(1, thread_name_prefix="dqmstream-recorder")
    try:
        yield StoreThread(writer, thread)
    finally:
        await asyncio.to_thread(thread.shutdown)
        await asyncio.to_thread(writer.close)
