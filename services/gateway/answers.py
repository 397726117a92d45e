"""Answers that are asked for again and again, kept while what they are made from has not changed.

Before any route: a program that polls one plot, or a hundred that poll the same one, cost a look
into a table. An answer is kept for the state of the live view it was made in, and at most for a
second, as the store changes a little after the view. Of requests for one thing that come together
the first makes the answer, the others wait for it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dqmstream.clock import Clock
from services.gateway.live import LiveView

__all__ = ["AnswerCache"]

_SECONDS: Final = 1.0
_MOST_BYTES: Final = 32 << 20
_LARGEST: Final = 256 << 10

_Key = tuple[str, bytes, bytes, bytes]
_Headers = list[tuple[bytes, bytes]]


class _Answer(NamedTuple):
    """An answer, with the state of the view before it was made, and when that was."""

    changes: int
    made: float
    route: Any
    status: int
    headers: _Headers
    tag: bytes
    body: bytes


class AnswerCache:
    """Answers of contents, kept in bounded memory.

    Parameters
    ----------
    app
        What answers. Callers have been let in before: an answer is the same for all of them.
    view
        Whose changes make answers void.
    clock
        Where time comes from.
    """

    def __init__(self, app: ASGIApp, view: LiveView, clock: Clock) -> None:
        self._app = app
        self._view = view
        self._clock = clock
        self._answers: OrderedDict[_Key, _Answer] = OrderedDict()
        self._bytes = 0
        self._making: dict[_Key, asyncio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = _asked(scope)
        if key is None:
            await self._app(scope, receive, send)
            return
        answer = self._find(key)
        making = self._making.get(key)
        if answer is None and making is not None:
            await making.wait()
            answer = self._find(key)
        if answer is None:
            await self._make(key, scope, receive, send)
        else:
            await _send(answer, key, scope, send)

    def _find(self, key: _Key) -> _Answer | None:
        """The answer to a request, if there is one that still holds."""
        path, query, accept, held = key
        found = self._holding((path, query, accept, b"")) if held else None
        return found or self._holding(key)

    def _holding(self, key: _Key) -> _Answer | None:
        found = self._answers.get(key)
        if found is None or found.changes != self._view.changes:
            return None
        if self._clock.monotonic() - found.made >= _SECONDS:
            return None
        self._answers.move_to_end(key)
        return found

    async def _make(self, key: _Key, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a route answer, and keep what it says.

        An older answer is asked for by its tag: where nothing has changed, nothing is read anew.
        """
        if key in self._making:  # one that waited in vain does not make others wait
            await self._app(scope, receive, send)
            return
        made = self._making[key] = asyncio.Event()
        older = self._answers.get(key)
        if older is not None and older.status == 200 and older.tag and not key[3]:
            scope["headers"] = [*scope["headers"], (b"if-none-match", older.tag)]
        else:
            older = None
        # As it was before: what changes while the answer is made makes it void.
        changes, now = self._view.changes, self._clock.monotonic()
        started: tuple[int, _Headers] | None = None

        async def kept(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                status = message["status"]
                started = (status, list(message["headers"])) if status in {200, 304} else None
                if older is not None and status == 304:
                    return
            elif started is not None and not message.get("more_body"):
                status, headers = started
                if older is not None and status == 304:
                    answer = older._replace(changes=changes, made=now)
                    self._keep(key, answer)
                    made.set()
                    await _send(answer, key, scope, send)
                    return
                tag = next((value for name, value in headers if name == b"etag"), b"")
                body, route = message.get("body", b""), scope.get("route")
                self._keep(key, _Answer(changes, now, route, status, headers, tag, body))
                made.set()
            else:
                started = None
            await send(message)

        try:
            await self._app(scope, receive, kept)
        finally:
            del self._making[key]
            made.set()

    def _keep(self, key: _Key, answer: _Answer) -> None:
        if len(answer.body) > _LARGEST:
            return
        self._drop(key)
        self._answers[key] = answer
        self._bytes += len(answer.body)
        while self._bytes > _MOST_BYTES:
            self._drop(next(iter(self._answers)))

    def _drop(self, key: _Key) -> None:
        gone = self._answers.pop(key, None)
        if gone is not None:
            self._bytes -= len(gone.body)


def _asked(scope: Scope) -> _Key | None:
    """What is asked for; None for requests whose answers are not kept."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    path: str = scope["path"]
    if not path.startswith("/api/v1/runs/") or "/contents" not in path:
        return None
    accept = held = b""
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    for name, value in headers:
        if name == b"accept":
            # As Starlette reads them, the first of several counts.
            accept = accept or value
        elif name == b"if-none-match":
            held = held or value
    return path, scope["query_string"], accept, held


async def _send(answer: _Answer, key: _Key, scope: Scope, send: Send) -> None:
    # The route is what requests are counted by.
    scope["route"] = answer.route
    held = key[3]
    if held and answer.tag in {each.strip().removeprefix(b"W/") for each in held.split(b",")}:
        status, headers, body = 304, [(b"etag", answer.tag)], b""
    else:
        # A copy: those before put headers of their own on it.
        status, headers, body = answer.status, list(answer.headers), answer.body
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
