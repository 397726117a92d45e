"""Answers in text, compressed for who takes that: once for all who are sent the same.

Starlette's own middleware is not used: it compresses each answer anew, also those that are kept,
and whatever is not on its list, such as ROOT files and Parquet; and it leaves the strong ETag of
other bytes on it.
"""

import asyncio
import zlib
from collections import OrderedDict
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.formats.encoding import Encoding

__all__ = ["CompressedAnswers", "Kept", "takes_gzip"]

_LEVEL: Final = 5
_LEAST: Final = 1_000
"""Bytes; below it an answer is one packet anyway."""
_AT_ONCE: Final = 16 << 10
"""Bytes that the event loop compresses itself, in less time than a thread takes to begin."""
_LARGEST_KEPT: Final = 4 << 20
_MOST_BYTES: Final = 32 << 20
_GZIP: Final = 31
"""For zlib: a gzip header, and the largest window."""
_TEXTS: Final = frozenset({"application/json", "application/javascript", "application/xml"})


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header takes gzip (RFC 9110, 12.5.3): `*` means it unless it is
    named, and a weight of 0 refuses."""
    takes = {"gzip": False, "*": False}
    for part in accepted.lower().split(","):
        name, *parameters = (word.strip() for word in part.split(";"))
        name = "gzip" if name == "x-gzip" else name
        if name not in takes:
            continue
        weights = (word.partition("=") for word in parameters)
        refused = any(key.strip() == "q" and not _is_above_0(value) for key, _, value in weights)
        if name == "gzip":
            return not refused
        takes[name] = not refused
    return takes["*"]


def _is_above_0(weight: str) -> bool:
    try:
        return float(weight) > 0
    except ValueError:
        return False


class Kept:
    """Bodies that were compressed lately, by what is in them.

    Parameters
    ----------
    most
        Bytes that they take together, as they came and compressed.
    """

    def __init__(self, most: int = _MOST_BYTES) -> None:
        self._most = most
        self._found: OrderedDict[bytes, bytes] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._found)

    def of(self, body: bytes) -> bytes | None:
        """A body compressed; itself if that saves nothing, None if it is not kept."""
        found = self._found.get(body)
        if found is not None:
            self._found.move_to_end(body)
        return found

    def keep(self, body: bytes, packed: bytes) -> None:
        """Keep one; those go that nobody has asked for the longest."""
        if body not in self._found:
            self.bytes += len(body) + len(packed)
        self._found[body] = packed
        while self.bytes > self._most:
            gone = self._found.popitem(last=False)
            self.bytes -= sum(map(len, gone))


class CompressedAnswers:
    """Compresses whole answers in text.

    What comes in pieces, what is compressed already, and parts of files go on as they are. So does
    what nobody may store: it holds a secret, and the length of what is compressed tells of it.

    Parameters
    ----------
    app
        What answers.
    encoding
        What compresses large bodies, on threads.
    """

    def __init__(self, app: ASGIApp, encoding: Encoding) -> None:
        self._app = app
        self._encoding = encoding
        self._making: dict[bytes, asyncio.Event] = {}
        self._kept = Kept()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope)
        takes = takes_gzip(",".join(asked.getlist("accept-encoding")))
        waiting: Message | None = None

        async def compressed(message: Message) -> None:
            nonlocal waiting
            if message["type"] == "http.response.start":
                if _is_text(message):
                    waiting = message  # until its body is there
                    return
                if message["status"] == 304:
                    message = _as_held(message, asked)
            elif waiting is not None:
                begun, waiting = waiting, None
                body = bytes(message.get("body", b""))
                if len(body) >= _LEAST and not message.get("more_body"):
                    packed = await self._packed(body) if takes else body
                    begun = _varied(begun, packed, is_packed=packed is not body)
                    message = {**message, "body": packed}
                await send(begun)
            await send(message)

        await self._app(scope, receive, compressed)

    async def _packed(self, body: bytes) -> bytes:
        """A body compressed; itself if that saves nothing."""
        if len(body) > _LARGEST_KEPT:
            return await self._encoding.run(_pack, body)
        while (found := self._kept.of(body)) is None:
            making = self._making.get(body)
            if making is None:
                return await self._make(body)
            # In vain if who made it left: then one of those who wait does.
            await making.wait()
        return found

    async def _make(self, body: bytes) -> bytes:
        if len(body) <= _AT_ONCE:
            packed = _pack(body)
        else:
            made = self._making[body] = asyncio.Event()
            try:
                packed = await self._encoding.run(_pack, body)
            finally:
                del self._making[body]
                made.set()
        self._kept.keep(body, packed)
        return packed


def _pack(body: bytes) -> bytes:
    packed = zlib.compress(body, _LEVEL, _GZIP)
    return packed if len(packed) < len(body) else body


def _is_text(start: Message) -> bool:
    """Whether an answer is a whole text, not compressed, that may be stored."""
    headers = Headers(raw=start["headers"])
    if start["status"] == 206 or "content-encoding" in headers:
        return False
    if "no-store" in headers.get("cache-control", ""):
        return False
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_text = kind.startswith("text/") and kind != "text/event-stream"
    return is_text or kind in _TEXTS or kind.endswith(("+json", "+xml"))


def _varied(start: Message, body: bytes, *, is_packed: bool) -> Message:
    headers = MutableHeaders(raw=list(start["headers"]))
    if "accept-encoding" not in headers.get("vary", "").lower():
        headers.add_vary_header("accept-encoding")
    if is_packed:
        headers["content-encoding"] = "gzip"
        headers["content-length"] = str(len(body))
        if headers.get("etag", "W/").startswith('"'):
            # The same contents in other bytes: equal as far as a weak tag says.
            headers["etag"] = f"W/{headers['etag']}"
    return {**start, "headers": headers.raw}


def _as_held(start: Message, asked: Headers) -> Message:
    """That nothing has changed, with the tag as the client holds it: weak if it came compressed.

    By another one it would not find what it has stored (RFC 9111, 4.3.4).
    """
    headers = MutableHeaders(raw=list(start["headers"]))
    tag = headers.get("etag", "")
    held = {each.strip() for each in asked.get("if-none-match", "").split(",")}
    if tag not in held and f"W/{tag}" in held:
        headers["etag"] = f"W/{tag}"
    return {**start, "headers": headers.raw}
