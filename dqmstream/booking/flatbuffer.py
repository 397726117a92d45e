"""One question to the metadata of an Arrow IPC message that pyarrow does not answer.

A compressed buffer claims a size that Arrow allocates before it looks at the bytes, so a body of
some hundred bytes could ask for all memory. The Flatbuffers tables read here are specified in
Arrow's ``Message.fbs``: Message (version, header_type, header, bodyLength, custom_metadata) and
RecordBatch (length, nodes, buffers, compression, variadicBufferCounts).
"""

import struct
from typing import Final

__all__ = ["is_compressed"]

_MESSAGE_HEADER: Final = 2
_BATCH_COMPRESSION: Final = 3


def is_compressed(metadata: bytes) -> bool:
    """Whether the record batch that `metadata` describes declares compressed buffers.

    Raises
    ------
    ValueError
        If the tables lead out of the bytes.
    """
    try:
        (message,) = struct.unpack_from("<I", metadata, 0)
        header = _field(metadata, message, _MESSAGE_HEADER)
        if header is None:
            raise ValueError("message has no header")
        (step,) = struct.unpack_from("<I", metadata, header)
        return _field(metadata, header + step, _BATCH_COMPRESSION) is not None
    except struct.error as error:
        msg = f"metadata of {len(metadata)} bytes is cut or broken: {error}"
        raise ValueError(msg) from error


def _field(raw: bytes, table: int, index: int) -> int | None:
    """Position of a table's field, None if the table does not have it."""
    (back,) = struct.unpack_from("<i", raw, table)
    vtable = table - back
    if vtable < 0:
        raise ValueError("a table lies before its bytes")
    (size,) = struct.unpack_from("<H", raw, vtable)
    entry = 4 + 2 * index
    if entry + 2 > size:
        return None
    (position,) = struct.unpack_from("<H", raw, vtable + entry)
    return table + position if position else None
