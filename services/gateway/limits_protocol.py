"""A connection that says what it wants in time and in few enough words, and reads its answer.

uvicorn bounds none of it: a client that sends its request byte by byte, headers or trailers without
end, or that reads nothing of an answer, would hold a connection, or memory, for ever. How long a
body may take is the business of those who read it.
"""

import asyncio
from typing import Any, Final

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.gateway.problems import problem_at

__all__ = ["PunctualProtocol"]

_SECONDS: Final = 10.0
_UNREAD_SECONDS: Final = 60.0
_MOST_BYTES: Final = 64 * 1024


class PunctualProtocol(HttpToolsProtocol):
    """HTTP/1.1 with a deadline and a limit for the head of each request, and for what is unread.

    Trailers are left out: nothing here asks for any. What is no part of a body counts as a head
    does. More connections than may be are told so in a problem document.
    """

    seconds: float = _SECONDS
    """For a head; and for the rest of a request that is answered already."""
    unread_seconds: float = _UNREAD_SECONDS
    """For a client to take what its transport holds, two pieces at most."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._most, self.limit_concurrency = self.limit_concurrency, None
        self._answers = self.app
        self._deadline: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None
        self._in_head = self._in_request = True
        self._moved = False
        self._idle_bytes = 0
        """Without a piece of a body, or the end of a head."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self._await_rest()

    def connection_lost(self, exc: Exception | None) -> None:
        self._have_all()
        self._is_read()
        super().connection_lost(exc)

    # ------------------------------------------------------------------ what comes

    def data_received(self, data: bytes) -> None:
        self._moved = False
        super().data_received(data)
        self._idle_bytes = 0 if self._moved else self._idle_bytes + len(data)
        if self._in_request:
            if self._idle_bytes > _MOST_BYTES:
                self._give_up()
        elif self._is_idle():
            # Empty lines: uvicorn's own deadline for the next request is gone with them.
            self._await_rest()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = self._in_request = True
        self._idle_bytes = 0
        self._await_rest()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._moved = True
        self._have_all()
        if not self.flow.write_paused:
            self._is_read()
        taken = max(len(self.connections), len(self.tasks))
        crowded = self._most is not None and taken >= self._most
        self.app = _crowded if crowded else self._answers
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_request = False
        self._moved = True
        self._have_all()
        super().on_message_complete()

    def _is_idle(self) -> bool:
        # Not once a websocket has taken the connection over.
        waits = self._is_answered() and self._deadline is None
        return waits and self.transport.get_protocol() is self

    def _is_answered(self) -> bool:
        return self.cycle is not None and self.cycle.response_complete  # type: ignore[redundant-expr] # None before the first request

    def _await_rest(self) -> None:
        self._have_all()
        self._deadline = self.loop.call_later(self.seconds, self._give_up)

    def _have_all(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._have_all()
        if not self.transport.is_closing():
            self.transport.close()
            self._await_reader()

    # ------------------------------------------------------------------ what goes

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_request and self._deadline is None and self._is_answered():
            self._await_rest()
        # Closing waits for what is unread, too.
        self._await_reader()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._is_read()
        if self._is_answered():
            self._await_reader()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is refused in the form of all refusals."""
        refusal = problem_at("", 400, msg, headers={"connection": "close"})
        lines = b"".join(b"%s: %s\r\n" % header for header in refusal.raw_headers)
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + lines + b"\r\n" + refusal.body)
        self.transport.close()
        self._await_reader()

    def _await_reader(self) -> None:
        if self._reading is None and self.transport.get_write_buffer_size():
            self._reading = self.loop.call_later(self.unread_seconds, self._drop)

    def _is_read(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _drop(self) -> None:
        self._reading = None
        if self.transport.get_write_buffer_size():
            # Not `close`, which waits for it to be read.
            self.transport.abort()


async def _crowded(scope: Scope, receive: Receive, send: Send) -> None:
    detail = "as many connections are open as may be"
    headers = {"retry-after": "1", "connection": "close"}
    await problem_at(scope["path"], 503, detail, headers=headers)(scope, receive, send)
