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
_MOST_ANSWERS: Final = 8_192
_LARGEST: Final = 256 << 10
_LONGEST_KEY: Final = 4 << 10
_OVERHEAD: Final = 1 << 10
"""What an answer takes besides its bytes: objects, and their places in tables."""

_Key = tuple[str, bytes, bytes]
_Headers = list[tuple[bytes, bytes]]


class _Answer(NamedTuple):
    """An answer, with the state of the view before it was made, and when that was.

    One of status 304 says only which tag is in force: who holds another one needs the contents.
    """

    changes: int
    made: float
    route: Any
    status: int
    headers: _Headers
    tag: bytes
    body: bytes

    def size(self, key: _Key) -> int:
        """Bytes that it takes in memory, about; with its key."""
        path, query, accept = key
        named = sum(len(name) + len(value) for name, value in self.headers)
        return _OVERHEAD + len(path) + len(query) + len(accept) + named + len(self.body)


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
        self.bytes = 0
        """That are kept, with all that belongs to them."""
        self._making: dict[tuple[_Key, bool], asyncio.Event] = {}

    def __len__(self) -> int:
        return len(self._answers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = _asked(scope)
        if asked is None:
            await self._app(scope, receive, send)
            return
        key, held = asked
        answer = self._find(key, held)
        making = self._making.get((key, bool(held)))
        if answer is None and making is not None:
            await making.wait()
            answer = self._find(key, held)
        if answer is None:
            await self._make(key, held, scope, receive, send)
        else:
            await _send(answer, held, scope, send)

    def _find(self, key: _Key, held: bytes) -> _Answer | None:
        """The answer to a request, if there is one that still holds."""
        found = self._answers.get(key)
        if found is None or found.changes != self._view.changes:
            return None
        if self._clock.monotonic() - found.made >= _SECONDS:
            return None
        if found.status == 304 and not _has(held, found.tag):
            return None
        self._answers.move_to_end(key)
        return found

    async def _make(
        self, key: _Key, held: bytes, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Let a route answer, and keep what it says.

        An older answer is asked for by its tag: where nothing has changed, nothing is read anew.
        """
        turn = key, bool(held)
        if turn in self._making:  # one that waited in vain does not make others wait
            await self._app(scope, receive, send)
            return
        made = self._making[turn] = asyncio.Event()
        older = self._answers.get(key)
        if older is not None and older.status == 200 and older.tag and not held:
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
                    await _send(answer, held, scope, send)
                    return
                tag = next((value for name, value in headers if name == b"etag"), b"")
                body, route = message.get("body", b""), scope.get("route")
                if status == 200 or tag:
                    self._keep(key, _Answer(changes, now, route, status, headers, tag, body))
                made.set()
            else:
                started = None
            await send(message)

        try:
            await self._app(scope, receive, kept)
        finally:
            del self._making[turn]
            made.set()

    def _keep(self, key: _Key, answer: _Answer) -> None:
        if len(answer.body) > _LARGEST:
            return
        before = self._answers.get(key)
        if answer.status == 304 and before is not None and before.tag == answer.tag:
            # The contents that are kept are what has not changed.
            answer = before._replace(changes=answer.changes, made=answer.made)
        self._drop(key)
        self._answers[key] = answer
        self.bytes += answer.size(key)
        while self.bytes > _MOST_BYTES or len(self._answers) > _MOST_ANSWERS:
            self._drop(next(iter(self._answers)))

    def _drop(self, key: _Key) -> None:
        gone = self._answers.pop(key, None)
        if gone is not None:
            self.bytes -= gone.size(key)


def _asked(scope: Scope) -> tuple[_Key, bytes] | None:
    """What is asked for, and the tags that are held; None if the answer is not kept.

    Tags are no part of the key: each client may hold another one.
    """
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
    key = path, scope["query_string"], accept
    return (key, held) if sum(map(len, key)) <= _LONGEST_KEY else None


def _has(held: bytes, tag: bytes) -> bool:
    return bool(held) and tag in {each.strip().removeprefix(b"W/") for each in held.split(b",")}


async def _send(answer: _Answer, held: bytes, scope: Scope, send: Send) -> None:
    # The route is what requests are counted by.
    scope["route"] = answer.route
    if _has(held, answer.tag):
        status, headers, body = 304, [(b"etag", answer.tag)], b""
    else:
        # A copy: those before put headers of their own on it.
        status, headers, body = answer.status, list(answer.headers), answer.body
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
