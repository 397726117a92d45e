"""How one record lies in a file of the embedded log.

A frame, little-endian::

    0   magic         4 bytes  b"DQR1"
    4   checksum      u32      CRC-32 of everything after it
    8   length        u32      bytes of the whole frame
    12  offset        u64
    20  timestamp     i64      nanoseconds since 1970
    28  key bytes     i32      -1: no key
    32  value bytes   i32      -1: a tombstone
    36  header bytes  u32      0: no headers
    40  key, headers (MessagePack array of [name, bytes]), value
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias
from zlib import crc32

import msgspec

from dqmstream.transport.log import Record

__all__ = ["HEADER_BYTES", "MAGIC", "BrokenFrameError", "Frame", "decode", "encode", "frames"]

MAGIC = b"DQR1"
_PREFIX = struct.Struct("<4sI")
_META = struct.Struct("<IQqiiI")
_HEADER = struct.Struct("<4sIIQqiiI")
HEADER_BYTES = _HEADER.size
_NO_CHECKSUM = _PREFIX.size

_Headers: TypeAlias = tuple[tuple[str, bytes], ...]
_encode_headers = msgspec.msgpack.Encoder().encode
_decode_headers = msgspec.msgpack.Decoder(_Headers).decode


class BrokenFrameError(Exception):
    """No intact frame begins at `position`; becomes a LogError with the file's name.

    `torn` says that what is there is the beginning of a frame, cut off by the end of the file.
    """

    def __init__(self, position: int, reason: str, *, torn: bool = False) -> None:
        super().__init__(f"{reason} at byte {position}")
        self.position = position
        self.reason = reason
        self.torn = torn


class Frame(NamedTuple):
    """Where a record lies, read from its header alone."""

    position: int
    length: int
    offset: int
    timestamp: int
    key_bytes: int
    value_bytes: int

    @property
    def end(self) -> int:
        return self.position + self.length

    @property
    def tombstone(self) -> bool:
        return self.value_bytes < 0

    def key(self, view: memoryview) -> bytes | None:
        """The record's key out of the file the frame lies in."""
        if self.key_bytes < 0:
            return None
        begin = self.position + HEADER_BYTES
        return bytes(view[begin : begin + self.key_bytes])


def encode(record: Record) -> tuple[bytes, bytes]:
    """A record as (header, key and headers; value): the value is not copied."""
    key, value = record.key, record.value
    headers = _encode_headers(record.headers) if record.headers else b""
    key_bytes = -1 if key is None else len(key)
    value_bytes = -1 if value is None else len(value)
    key, value = key or b"", value or b""
    length = HEADER_BYTES + len(key) + len(headers) + len(value)
    meta = _META.pack(length, record.offset, record.timestamp, key_bytes, value_bytes, len(headers))
    meta += key + headers
    return _PREFIX.pack(MAGIC, crc32(value, crc32(meta))) + meta, value


def _header(view: memoryview, position: int) -> tuple[int, int, int, int, int, int, int]:
    """Checksum, length, offset, timestamp, key, value and header bytes of the frame there."""
    if len(view) - position < HEADER_BYTES:
        raise BrokenFrameError(position, "frame is cut off in its header", torn=True)
    magic, checksum, length, offset, timestamp, key_bytes, value_bytes, header_bytes = (
        _HEADER.unpack_from(view, position)
    )
    if magic != MAGIC:
        raise BrokenFrameError(position, f"expected {MAGIC!r}, found {magic!r}")
    if length != HEADER_BYTES + max(key_bytes, 0) + max(value_bytes, 0) + header_bytes:
        raise BrokenFrameError(position, "frame has lengths that do not add up")
    if position + length > len(view):
        raise BrokenFrameError(position, "frame is cut off", torn=True)
    return checksum, length, offset, timestamp, key_bytes, value_bytes, header_bytes


def _check(view: memoryview, position: int, length: int, checksum: int) -> None:
    if crc32(view[position + _NO_CHECKSUM : position + length]) != checksum:
        raise BrokenFrameError(position, "frame has a wrong checksum")


def frames(view: memoryview, position: int = 0, *, verify: bool) -> Iterator[Frame]:
    """Frames from `position` to the end of the file.

    Parameters
    ----------
    view
        The file, from its first byte.
    verify
        Whether checksums are checked; else only the headers are touched.

    Raises
    ------
    BrokenFrameError
        At the first frame that is not intact.
    """
    while position < len(view):
        checksum, length, offset, timestamp, key_bytes, value_bytes, _ = _header(view, position)
        if verify:
            _check(view, position, length, checksum)
        yield Frame(position, length, offset, timestamp, key_bytes, value_bytes)
        position += length


def decode(view: memoryview, position: int, topic: str, partition: int) -> tuple[Record, int]:
    """The record at `position`, checked, and the position after it."""
    checksum, length, offset, timestamp, key_bytes, value_bytes, header_bytes = _header(
        view, position
    )
    _check(view, position, length, checksum)
    end = position + length
    headers_at = position + HEADER_BYTES + max(key_bytes, 0)
    value_at = headers_at + header_bytes
    record = Record(
        topic,
        partition,
        offset,
        timestamp,
        None if key_bytes < 0 else bytes(view[headers_at - key_bytes : headers_at]),
        None if value_bytes < 0 else bytes(view[value_at:end]),
        _decode_headers(view[headers_at:value_at]) if header_bytes else (),
    )
    return record, end
