"""Versions that a gateway follows in the background, and waits for when somebody asks."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from services.gateway.patience import HARMLESS, log_within

__all__ = ["FollowedVersions"]

_LOOK: Final = 1.0
_PATIENCE: Final = 20.0


class Known(Protocol):
    """Versions of a topic as far as it was read: configuration, references."""

    def reading(self) -> AbstractAsyncContextManager[object]:
        """All that is in the log now is known in the block."""
        ...

    async def news(self, timeout: float) -> bool:
        """Take in what has come, waiting so many seconds for the first of it; whether it is any."""
        ...


class FollowedVersions:
    """Versions that are kept up to date while this runs.

    Parameters
    ----------
    known
        What reads them.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._read = asyncio.Event()
        self._news = asyncio.Condition()

    async def run(self) -> None:
        """Follow the versions, for ever."""
        async with self._known.reading():
            self._read.set()
            while True:
                if await self._known.news(_LOOK):
                    async with self._news:
                        self._news.notify_all()

    async def read(self) -> None:
        """All that was in the log is read; ProblemError 503 if it is not yet."""
        async with log_within(_PATIENCE):
            await self._read.wait()

    async def until(self, seen: Callable[[], object], advice: str = HARMLESS) -> None:
        """What was written has come back; ProblemError 503 with this advice if it has not in
        time."""
        async with log_within(_PATIENCE, advice), self._news:
            await self._news.wait_for(seen)
