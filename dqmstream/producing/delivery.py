"""Trying until it is acknowledged."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from dqmstream.producing.progress import ProducerProgress
from dqmstream.transport.patience import Pace, insist

__all__ = ["Delivery"]

T = TypeVar("T")


class Delivery:
    """Sends, and sends the same again after an unknown outcome: all of it bears its ids."""

    def __init__(self, pace: Pace, progress: ProducerProgress) -> None:
        self._pace = pace
        self._progress = progress
        self._failing = 0

    async def insist(self, attempt: Callable[[], Awaitable[T]], *, chunks: int = 0) -> T:
        """What the attempt returns once it is not refused; LogError if it is, for good."""
        progress, failed = self._progress, False

        def on_failure() -> None:
            nonlocal failed
            self._failing += not failed
            failed = True
            progress.retries += 1
            progress.resent += chunks
            progress.unavailable = 1

        try:
            return await insist(
                attempt, "events cannot be sent", pace=self._pace, on_failure=on_failure
            )
        finally:
            self._failing -= failed
            progress.unavailable = int(self._failing > 0)
