"""A bound in bytes that callers wait for in their turn."""

import asyncio
from collections import deque

__all__ = ["Room"]


class Room:
    """So many bytes may be taken at a time; who asked first is served first.

    One that asks for more than there is at all is served when everything else was given back.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._taken = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def taken(self) -> int:
        """Bytes that are taken now."""
        return self._taken

    async def take(self, size: int) -> None:
        """Wait until `size` bytes are free, and take them."""
        if not self._waiting and self._fits(size):
            self._taken += size
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._serve()  # the next one may fit where this one did not
            else:
                self.give(size)
            raise

    def give(self, size: int) -> None:
        """Give bytes back."""
        self._taken -= size
        self._serve()

    def _fits(self, size: int) -> bool:
        return not self._taken or self._taken + size <= self._capacity

    def _serve(self) -> None:
        while self._waiting:
            size, turn = self._waiting[0]
            if not turn.cancelled():
                if not self._fits(size):
                    return
                self._taken += size
                turn.set_result(None)
            self._waiting.popleft()
