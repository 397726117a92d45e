"""Work for answers, a bounded amount at once: however many ask, the loop turns on."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import ParamSpec, TypeVar

from services.gateway.problems import ProblemError

__all__ = ["Encoding", "Turns"]

P = ParamSpec("P")
T = TypeVar("T")


class Encoding:
    """Calls pure functions that take long, on threads.

    Parameters
    ----------
    at_once
        Calls that may run at the same time; the others wait in the order they came.
    """

    def __init__(self, at_once: int = 2) -> None:
        self._turns = asyncio.Semaphore(at_once)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `function` returns, called on a thread."""
        async with self._turns:
            return await asyncio.to_thread(function, *args, **kwargs)


class Turns:
    """Answers that are sent piece by piece: each holds a piece for as long as its client takes.

    Parameters
    ----------
    at_once
        Answers on their way at the same time; more are refused, and may come again.
    each
        The same of one client, so that nobody takes them all.
    """

    def __init__(self, at_once: int = 16, each: int = 4) -> None:
        self._most = at_once
        self._most_each = each
        self._taken: Counter[str] = Counter()

    @asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[None]:
        """A turn for the length of the block.

        Raises
        ------
        ProblemError
            503 if all are taken, 429 if this client has as many as it may.
        """
        if (taken := self._taken.total()) >= self._most:
            detail = f"{taken} large answers are on their way, at most {self._most} at once"
            raise ProblemError(503, detail, {"retry-after": "1"})
        if self._taken[client] >= self._most_each:
            detail = (
                f"{self._taken[client]} large answers to this address or token are on their way, "
                f"at most {self._most_each} at once"
            )
            raise ProblemError(429, detail, {"retry-after": "1"})
        self._taken[client] += 1
        try:
            yield
        finally:
            self._taken[client] -= 1
            self._taken += Counter()  # forgets those with none
