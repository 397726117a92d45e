"""The live view on a thread of its own: whoever asks, asks one after the other.

Folding decompresses and sums megabytes, drawing reads what folding writes. On one thread the two
never meet half-way and need no locks, and the event loop never waits for either.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import ParamSpec, Self, TypeVar

__all__ = ["Desk"]

P = ParamSpec("P")
T = TypeVar("T")


class Desk:
    """One worker thread. All that touches the live view is asked through it."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Self]:
        """A desk for the length of the block."""
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="live-view")
        try:
            yield cls(executor)
        finally:
            await asyncio.to_thread(executor.shutdown, wait=True, cancel_futures=True)

    async def ask(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `function` returns, called on the desk's thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: function(*args, **kwargs))

    def wait_for(self, function: Callable[[], T]) -> T:
        """The same for another thread, which waits.

        Raises
        ------
        RuntimeError, concurrent.futures.CancelledError
            If the desk is closed.
        """
        return self._executor.submit(function).result()
