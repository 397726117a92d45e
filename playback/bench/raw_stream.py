"""One client of the stream that costs next to nothing: frames are cut, and only their heads read.

A thousand of them must not be what is measured. A frame from the server is not masked (RFC 6455,
5.2), and begins a message: the gateway sends each whole.
"""

import asyncio
import base64
import os
import re
import struct
from collections.abc import Callable
from typing import Any, Final

import msgspec
import orjson

__all__ = ["Client", "Tally"]

_HEAD: Final = re.compile(
    rb'\{"type":"(snapshot|change)","channel":"([^"]*)",(?:"base":(\d+),)?"sequence":(\d+)'
)
_NOW: Final = re.compile(rb'"now":(\d+)')
_PULSE: Final = b"board/pulse/current"
_TEXT, _PING, _PONG = 1, 9, 10


class Tally:
    """What the clients of one process got together since it was begun.

    `looks` are the sequences of pulses and the wall clock of the look that each is of, `delays`
    nanoseconds from a look to its plots on the socket, of clients that read.
    """

    def __init__(self) -> None:
        self.looks: dict[int, int] = {}
        self.gaps = 0
        self.closed = 0
        self.begin()

    def begin(self) -> None:
        """From here on."""
        self.delays: list[int] = []
        self.bytes = 0
        self.messages = 0
        self.plots = 0


class Client(asyncio.Protocol):
    """Watches plots and the pulse, and checks that each change is of the state that it has.

    Parameters
    ----------
    wall
        Nanoseconds since 1970, on the clock of the gateway's machine.
    reads
        Whether its delays count: one that stalls has none to speak of.
    keeps
        Whether it keeps the states, as a page does.
    """

    def __init__(
        self,
        host: str,
        paths: list[str],
        tally: Tally,
        wall: Callable[[], int],
        *,
        reads: bool,
        keeps: bool,
    ) -> None:
        self.held: dict[bytes, int] = {}
        self.states: dict[str, dict[str, Any]] = {}
        self.transport: asyncio.Transport | None = None
        self._host = host
        self._paths = paths
        self._tally = tally
        self._wall = wall
        self.reads = reads
        self.keeps = keeps
        self.whole = asyncio.Event()
        """Set when it has a state of every plot, or was sent away."""
        self._open = False
        self._look = 0
        self._buffer = bytearray()

    @property
    def plots(self) -> int:
        """Plots that it has a state of."""
        return len(self.held) - (_PULSE in self.held)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 a TCP connection is one
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /api/v1/stream?batch=true HTTP/1.1\r\nHost: {self._host}\r\n"
            "Upgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 asyncio's
        self._tally.closed += 1
        self.transport = None
        self.whole.set()

    def data_received(self, data: bytes) -> None:
        self._tally.bytes += len(data)
        self._buffer += data
        if not self._open and not self._opened():
            return
        at = 0
        while (found := _frame(self._buffer, at)) is not None:
            code, start, at = found
            if code == _TEXT:
                self._take(bytes(self._buffer[start:at]))
            elif code == _PING:
                self._send(_PONG, bytes(self._buffer[start:at]))
        del self._buffer[:at]

    def _opened(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self._buffer[:end])
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            msg = f"the stream answered {head[:80]!r}"
            raise ConnectionError(msg)
        del self._buffer[: end + 4]
        self._open = True
        request = {"type": "subscribe", "id": "a", "paths": self._paths, "window": "run"}
        self._send(_TEXT, msgspec.json.encode({**request, "boards": ["pulse"]}))
        return True

    def _send(self, code: int, payload: bytes) -> None:
        """A masked frame; the mask may be zero."""
        if self.transport is None:
            return
        size = len(payload)
        head = (
            struct.pack("!BB", 0x80 | code, 0x80 | size)
            if size < 126
            else struct.pack("!BBH", 0x80 | code, 0xFE, size)
        )
        self.transport.write(head + bytes(4) + payload)

    def _take(self, message: bytes) -> None:
        tally = self._tally
        tally.messages += 1
        now = self._wall()
        for found in _HEAD.finditer(message):
            kind, channel, base, sequence = found.groups()
            number, before = int(sequence), self.held.get(channel, 0)
            if kind == b"change" and int(base) != before:
                tally.gaps += 1
            self.held[channel] = number
            if channel == _PULSE:
                self._look = number
                told = _NOW.search(message, found.end())
                if told is not None:
                    tally.looks[number] = int(told[1])
                continue
            tally.plots += 1
            if self.reads and before and number > self._look:
                tally.delays.append(now - tally.looks[self._look])
        if self.plots == len(self._paths):
            self.whole.set()
        if self.keeps:
            self._keep(orjson.loads(message))

    def _keep(self, message: dict[str, Any]) -> None:
        if message["type"] == "batch":
            for one in message["messages"]:
                self._keep(one)
        elif message["type"] == "snapshot":
            self.states[message["channel"]] = message
        elif message["type"] == "change":
            held = self.states[message["channel"]]
            held["header"] |= message.get("header", {})
            for name, cells in message.get("arrays", {}).items():
                for at, to in zip(cells["at"], cells["to"], strict=True):
                    held["arrays"][name][at] = to


def _frame(buffer: bytearray, at: int) -> tuple[int, int, int] | None:
    """Code of the frame that begins there, and where its payload starts and ends; None if it is
    not all there."""
    if len(buffer) < at + 2:
        return None
    size, start = buffer[at + 1], at + 2
    if size == 126:
        if len(buffer) < at + 4:
            return None
        (size,) = struct.unpack_from("!H", buffer, at + 2)
        start = at + 4
    elif size == 127:
        if len(buffer) < at + 10:
            return None
        (size,) = struct.unpack_from("!Q", buffer, at + 2)
        start = at + 10
    if len(buffer) < start + size:
        return None
    return buffer[at] & 0x0F, start, start + size
