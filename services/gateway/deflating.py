"""Messages of the stream are compressed once for all clients that are sent the same.

With `permessage-deflate` (RFC 7692) a server may agree to begin each message anew. Its compressed
bytes then are the same on every connection, and can be kept. What a client sends is read within
the bound of its size, and nothing is kept of it either.
"""

import zlib
from collections.abc import Sequence
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.extensions.base import Extension
from websockets.extensions.permessage_deflate import (
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import Frame, Opcode
from websockets.typing import ExtensionParameter

__all__ = ["Deflated", "StreamProtocol", "deflating"]

_LEVEL: Final = 4
"""Of zlib: 6 takes twice the time for 4 % less."""
_LEAST_BYTES: Final = 128
"""Below it a message is sent as it is: compressing saves nothing."""
_KEPT: Final = 32
_END: Final = b"\x00\x00\xff\xff"


class Deflated:
    """The newest messages that were compressed, by what is in them."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, bytes], bytes] = {}

    def of(self, data: bytes, window_bits: int) -> bytes:
        """A whole message as RFC 7692, 7.2.1 has it."""
        key = (window_bits, data)
        found = self._kept.get(key)
        if found is None:
            encoder = zlib.compressobj(_LEVEL, wbits=-window_bits)
            found = encoder.compress(data) + encoder.flush(zlib.Z_SYNC_FLUSH)
            found = self._kept[key] = found.removesuffix(_END)
            if len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]
        return found


class _Shared(PerMessageDeflate):
    """The extension on one connection, which compresses with what all have."""

    def __init__(self, agreed: PerMessageDeflate, deflated: Deflated) -> None:
        super().__init__(
            agreed.remote_no_context_takeover,
            agreed.local_no_context_takeover,
            agreed.remote_max_window_bits,
            agreed.local_max_window_bits,
        )
        self._deflated = deflated

    def encode(self, frame: Frame) -> Frame:
        whole = frame.fin and frame.opcode in {Opcode.TEXT, Opcode.BINARY}
        if not whole or len(frame.data) < _LEAST_BYTES:
            return frame
        data = self._deflated.of(bytes(frame.data), self.local_max_window_bits)
        return Frame(frame.opcode, data, rsv1=True)


class _Factory(ServerPerMessageDeflateFactory):
    def __init__(self, deflated: Deflated) -> None:
        super().__init__(server_no_context_takeover=True, client_no_context_takeover=True)
        self._deflated = deflated

    def process_request_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[Extension]
    ) -> tuple[list[ExtensionParameter], PerMessageDeflate]:
        answer, agreed = super().process_request_params(params, accepted_extensions)
        return answer, _Shared(agreed, self._deflated)


class StreamProtocol(WebSocketsSansIOProtocol):
    """A websocket whose compressed messages are those of all others of the same server."""

    deflated: Deflated

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn.available_extensions = [_Factory(self.deflated)]


def deflating() -> type[StreamProtocol]:
    """The protocol of the websockets of one server."""
    return type("OneServersStream", (StreamProtocol,), {"deflated": Deflated()})
