"""Messages kept whole: packed with the schema they were written with, read by the wire codec."""

from typing import TypeVar

import zstandard

from dqmstream.errors import StoreError
from dqmstream.messages.struct import Message
from dqmstream.messages.wire import CODEC

__all__ = ["pack", "unpack"]

_M = TypeVar("_M", bound=Message)
_LEVEL = 3


def pack(message: Message) -> dict[str, int | bytes]:
    """The columns `schema` and `body` of a message."""
    wired = CODEC.encode(message)
    body = zstandard.ZstdCompressor(level=_LEVEL).compress(wired.value)
    return {"schema": type(message).version, "body": body}


def unpack(kind: type[_M], schema: int, body: bytes) -> _M:
    """The message in the columns `schema` and `body`.

    Raises
    ------
    MessageError
        If it is not one, or of a schema that this release does not read.
    StoreError
        If the body is broken.
    """
    headers = (("type", kind.__name__.encode()), ("schema", str(schema).encode()))
    try:
        value = zstandard.ZstdDecompressor().decompress(body)
    except zstandard.ZstdError as error:
        msg = f"a stored {kind.__name__} cannot be unpacked: {error}"
        raise StoreError(msg) from error
    message = CODEC.decode(headers, value)
    if not isinstance(message, kind):
        msg = f"a stored {kind.__name__} turned out to be a {type(message).__name__}"
        raise StoreError(msg)
    return message
