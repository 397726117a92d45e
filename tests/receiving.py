"""A webhook's receiver that fails in every way there is, and remembers all that came in."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from dqmstream.notifications.signature import verify

__all__ = ["SECRET", "Fault", "FaultyReceiver", "Request"]

SECRET: Final = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="  # noqa: S105 of tests
Fault = Literal[
    "none", "500", "429", "400", "hang", "reset", "deaf", "slow", "cut", "redirect", "huge", "junk"
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request that came in whole."""

    path: str
    headers: dict[str, str]
    body: bytes
    fault: Fault

    @property
    def document(self) -> dict[str, Any]:
        """Its JSON."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def keys(self) -> list[str]:
        """Keys of what it tells."""
        return [each["key"] for each in self.document["notifications"]]


@dataclass(slots=True)
class FaultyReceiver:
    """Listens on a port of its own.

    `choose` says how the next request is answered; it is asked with the request, or with None
    before anything is read.
    """

    choose: Callable[[Request | None], Fault] = lambda _: "none"
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    elsewhere: str = "http://127.0.0.1:9/"
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _let_go: asyncio.Event = field(default_factory=asyncio.Event)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/dqm"

    @property
    def arrived(self) -> Counter[str]:
        """Keys of what it took, and how often."""
        taken = [each for each in self.requests if each.fault in {"none", "slow"}]
        return Counter(key for each in taken for key in each.keys)

    @classmethod
    @asynccontextmanager
    async def listening(
        cls, choose: Callable[[Request | None], Fault] = lambda _: "none", port: int = 0
    ) -> AsyncIterator["FaultyReceiver"]:
        """A receiver for the length of the block."""
        made = cls(choose)
        server = await asyncio.start_server(made._serve, "127.0.0.1", port)
        made.port = server.sockets[0].getsockname()[1]
        try:
            yield made
        finally:
            made._let_go.set()
            server.close()
            await server.wait_closed()
            # None is left to a loop that ends: a connection that nobody closed fails a later test.
            for writer in tuple(made._open):
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()

    async def until(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait until something holds; looks after each request."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            while not self._let_go.is_set():
                if self.choose(None) == "deaf":
                    writer.transport.abort()
                    self._changed.set()
                    return
                request = await self._read(reader)
                await self._answer(request, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self._open.discard(writer)
            # Who waits looks again, also where a client left before it was answered.
            self._changed.set()

    async def _read(self, reader: asyncio.StreamReader) -> Request:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (one.split(": ", 1) for one in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        bare = Request(path=first.split(" ")[1], headers=headers, body=body, fault="none")
        request = Request(path=bare.path, headers=headers, body=body, fault=self.choose(bare))
        self.requests.append(request)
        return request

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        match request.fault:
            case "none":
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            case "500" | "400":
                status = request.fault.encode()
                writer.write(b"HTTP/1.1 " + status + b" No\r\nContent-Length: 2\r\n\r\nno")
            case "429":
                writer.write(b"HTTP/1.1 429 No\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")
            case "redirect":
                to = self.elsewhere.encode()
                writer.write(
                    b"HTTP/1.1 307 Elsewhere\r\nLocation: " + to + b"\r\nContent-Length: 0\r\n\r\n"
                )
            case "reset" | "deaf":
                writer.transport.abort()
            case "hang":
                self._changed.set()
                await self._let_go.wait()
            case "slow":
                for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok":
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(0.002)
            case "cut":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok")
                await writer.drain()
                writer.close()
            case "huge":
                writer.write(b"HTTP/1.1 500 No\r\nContent-Length: 1000000\r\n\r\n" + bytes(200_000))
            case "junk":
                writer.write(b"\x00\xff nonsense\r\n\r\n")
        if not writer.is_closing():
            await writer.drain()
        self._changed.set()
        if request.fault in {"junk", "huge", "cut"}:
            writer.close()
            raise ConnectionResetError

    def verified(self, now: float, tolerance: float = 300.0) -> bool:
        """Whether all that came in was signed, each with its id, not longer ago than so."""
        return all(
            verify(SECRET, each.headers, each.body, now=now, tolerance=tolerance)
            == each.document["id"]
            for each in self.requests
        )
