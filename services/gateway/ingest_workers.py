"""Threads of ingest's own: what the gateway's others wait for is not for bodies to take."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

__all__ = ["IngestWorkers"]

P = ParamSpec("P")
T = TypeVar("T")


class IngestWorkers:
    """Calls pure functions that take long.

    Parameters
    ----------
    at_once
        Threads; calls beyond them wait in the order they came.
    """

    def __init__(self, at_once: int) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="ingest")

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What `function` returns, called on a thread."""
        bound = partial(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, bound)

    def close(self) -> None:
        """End the threads; what they are at is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
