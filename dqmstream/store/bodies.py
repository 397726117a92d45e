"""Messages kept whole: packed with the schema they were written with, read by the wire codec."""

from typing import Final, TypeVar

from dqmstream.errors import MessageError, StoreError
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.struct import Message
from dqmstream.messages.wire import CODEC
from dqmstream.store.packing import packed, unpacked

__all__ = ["pack", "unpack"]

_M = TypeVar("_M", bound=Message)
_LARGEST: Final = 2**31


def pack(message: Message) -> dict[str, int | bytes]:
    """The columns `schema` and `body` of a message."""
    packing = packed if _is_packed(type(message)) else bytes
    return {"schema": type(message).version, "body": packing(CODEC.body(message))}


def unpack(kind: type[_M], schema: int, body: bytes) -> _M:
    """The message in the columns `schema` and `body`.

    Raises
    ------
    StoreError
        If it is broken, or of a schema that this release does not read.
    """
    headers = (("type", kind.__name__.encode()), ("schema", str(schema).encode()))
    value = unpacked(body, _LARGEST) if _is_packed(kind) else body
    try:
        message = CODEC.decode(headers, value)
    except MessageError as error:
        msg = f"a stored {kind.__name__} cannot be read: {error}"
        raise StoreError(msg) from error
    if not isinstance(message, kind):
        msg = f"a stored {kind.__name__} turned out to be a {type(message).__name__}"
        raise StoreError(msg)
    return message


def _is_packed(kind: type[Message]) -> bool:
    """Whether bodies are packed: most of a HistogramSet already is."""
    return kind is not HistogramSet
