"""A connection that says what it wants in time, and in few enough words, or is closed.

uvicorn bounds neither: a client that sends its request byte by byte, or headers without end, would
hold a connection, or memory, for ever. Bodies are the business of those who read them.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["PunctualProtocol"]

_SECONDS: Final = 10.0
_MOST_BYTES: Final = 64 * 1024


class PunctualProtocol(HttpToolsProtocol):
    """HTTP/1.1 with a deadline and a limit for the head of each request."""

    seconds: float = _SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._have_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._deadline is not None:
            self._head_bytes += len(data)
            if self._head_bytes > _MOST_BYTES:
                self._give_up()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._have_head()
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._have_head()
        self._head_bytes = 0
        self._deadline = self.loop.call_later(self.seconds, self._give_up)

    def _have_head(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._have_head()
        if not self.transport.is_closing():
            self.transport.close()
