"""One client of the stream that costs next to nothing: frames are cut, and only their heads read.

A thousand of them must not be what is measured. A frame from the server is not masked (RFC 6455,
5.2), and begins a message: the gateway sends each whole, and compressed by itself (RFC 7692), as
browsers take it.
"""

import asyncio
import base64
import os
import re
import struct
import zlib
from collections.abc import Callable
from typing import Any, Final

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray

from dqmstream.client.stream import ChannelStates

__all__ = ["Client", "Tally"]

_HEAD: Final = re.compile(
    rb'\{"type":"(?:snapshot","channel":"([^"]*)","number":(\d+)'
    rb'|change","number":(\d+),"base":(\d+)),"sequence":(\d+)'
)
_NOW: Final = re.compile(rb'"now":\[?(\d+)')
_PULSE: Final = b"board/pulse/current"
_TEXT, _PING, _PONG = 1, 9, 10
_PLAIN, _DEFLATED = 0x80, 0xC0
_END: Final = b"\x00\x00\xff\xff"


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
        Whether it keeps the states, as programs do.
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
        """By the number of a channel, the sequence that it stands at."""
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
        self._pulse = b""
        self._states = ChannelStates()
        self._kept: dict[str, Any] = {}
        self._buffer = bytearray()

    @property
    def plots(self) -> int:
        """Plots that it has a state of."""
        return len(self.held) - (self._pulse in self.held)

    @property
    def states(self) -> dict[str, dict[str, list[Any]]]:
        """Cells by channel and array, of one that keeps them; None where they are undefined."""
        return {
            name: {array: _cells(values) for array, values in channel.arrays.items()}
            for name, channel in self._kept.items()
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 a TCP connection is one
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /api/v1/stream?batch=true HTTP/1.1\r\nHost: {self._host}\r\n"
            "Upgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n".encode()
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
            head, start, at = found
            if head == _DEFLATED | _TEXT:
                inflating = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
                self._take(inflating.decompress(self._buffer[start:at] + _END))
            elif head == _PLAIN | _TEXT:
                self._take(bytes(self._buffer[start:at]))
            elif head == _PLAIN | _PING:
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
            struct.pack("!BB", _PLAIN | code, 0x80 | size)
            if size < 126
            else struct.pack("!BBH", _PLAIN | code, 0xFE, size)
        )
        self.transport.write(head + bytes(4) + payload)

    def _take(self, message: bytes) -> None:
        tally = self._tally
        tally.messages += 1
        now = self._wall()
        for found in _HEAD.finditer(message):
            channel, began, went_on, base, sequence = found.groups()
            number = began or went_on
            at, before = int(sequence), self.held.get(number, 0)
            if base and int(base) != before:
                tally.gaps += 1
            self.held[number] = at
            if channel == _PULSE:
                self._pulse = number
            if number == self._pulse:
                self._look = at
                told = _NOW.search(message, found.end())
                if told is not None:
                    tally.looks[at] = int(told[1])
                continue
            tally.plots += 1
            if self.reads and before and at > self._look:
                tally.delays.append(now - tally.looks[self._look])
        if self.plots == len(self._paths):
            self.whole.set()
        if self.keeps:
            self._keep(orjson.loads(message))

    def _keep(self, message: dict[str, Any]) -> None:
        for one in message.get("messages", (message,)):
            if (channel := self._states.take(one)) is not None:
                self._kept[channel.name] = channel


def _cells(values: NDArray[Any]) -> list[Any]:
    return [None if np.isnan(value) else value for value in values.tolist()]


def _frame(buffer: bytearray, at: int) -> tuple[int, int, int] | None:
    """First byte of the frame that begins there, and where its payload starts and ends.

    None if it is not all there.
    """
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
    return buffer[at], start, start + size
