"""Framing: a file of messages back to back, cut by the size each message states."""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from dqmstream.errors import SourceError
from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.messages import EVENT, INIT, MIN_SIZES, PROTOCOL_VERSION

__all__ = ["Frame", "FrameReader", "peek_file", "peek_lumisection"]

_HEADER = struct.Struct("<BI")
_EVENT_ID = struct.Struct("<BIBIQI")
_BLOCK = 1 << 20
_ADLER_BASE = 65521
_PEEKED_EVENTS = 32
_PEEKED_FRAMES = 128


class Frame(NamedTuple):
    """One whole message as it is in the file."""

    code: int
    offset: int
    message: bytes


class FrameReader:
    """Frames of one file in order; stops where a size cannot be trusted.

    There is no mark between messages to find again, so nothing behind an untrustworthy size is
    guessed at: it is counted as `unreadable_bytes`, and `fault` says why.

    Parameters
    ----------
    stream
        The file, at its start. Read once, in order, one message at a time.
    size
        Bytes of the file.
    limits
        `max_message_bytes` counts.
    """

    def __init__(self, stream: BinaryIO, size: int, limits: Limits) -> None:
        self._stream = stream
        self._limits = limits
        self.size = size
        self.offset = 0
        """Byte where the next message begins: all before it was handed out."""
        self.fault: SourceError | None = None
        self.first_size = 0
        """Bytes of the first message."""
        self.checksum_after_first = zlib.adler32(b"")
        """Adler-32 of everything read after the first message."""
        self._checksum_of_first = zlib.adler32(b"")
        self._bytes_after_first = 0
        self._abandoned = False

    def __iter__(self) -> Iterator[Frame]:
        while not self._abandoned and self.offset < self.size:
            message = self._stream.read(_HEADER.size)
            try:
                code, size = self._checked_header(message)
                message += self._stream.read(size - len(message))
                if len(message) != size:
                    raise self._truncated(size, len(message))
            except SourceError as error:
                self.fault = error
                return
            finally:
                self._sum(message)
            start = self.offset
            self.offset += size
            self.first_size = self.first_size or size
            yield Frame(code, start, message)

    @property
    def unreadable_bytes(self) -> int:
        """Bytes from the first message that could not be framed to the end of the file."""
        return self.size - self.offset

    def abandon(self, frame: Frame) -> None:
        """Give up at `frame`: it and everything behind it become unreadable."""
        self.offset = frame.offset
        self._abandoned = True

    def drain(self) -> None:
        """Read what is left, for the checksums only."""
        while block := self._stream.read(_BLOCK):
            self._sum(block)

    @property
    def checksum(self) -> int:
        """Adler-32 of everything read."""
        return _joint_adler32(
            self._checksum_of_first, self.checksum_after_first, self._bytes_after_first
        )

    def _sum(self, block: bytes) -> None:
        if self.first_size:
            self.checksum_after_first = zlib.adler32(block, self.checksum_after_first)
            self._bytes_after_first += len(block)
        else:
            self._checksum_of_first = zlib.adler32(block, self._checksum_of_first)

    def _truncated(self, expected: int, found: int) -> SourceError:
        detail = f"message of {expected} bytes at byte {self.offset}, {found} are left in the file"
        return SourceError("truncated_message", detail)

    def _checked_header(self, head: bytes) -> tuple[int, int]:
        if self.offset == 0 and head[:1] != bytes([INIT]):
            detail = f"expected an INIT message (code {INIT}) first, the file begins with {head!r}"
            raise SourceError("init_missing", detail)
        if len(head) < _HEADER.size:
            raise self._truncated(_HEADER.size, len(head))
        code, size = _HEADER.unpack(head)
        smallest = MIN_SIZES.get(code, _HEADER.size)
        if not smallest <= size <= self._limits.max_message_bytes:
            detail = (
                f"message of code {code} at byte {self.offset} says {size} bytes, expected "
                f"{smallest} to {self._limits.max_message_bytes}"
            )
            raise SourceError("message_size", detail)
        if self.offset + size > self.size:
            raise self._truncated(size, self.size - self.offset)
        return code, size


def _joint_adler32(first: int, second: int, second_bytes: int) -> int:
    """Adler-32 of two blocks one after the other, from those of each (RFC 1950, 8.2)."""
    low = ((first & 0xFFFF) + (second & 0xFFFF) - 1) % _ADLER_BASE
    high = (first >> 16) + (second >> 16) + second_bytes * ((first & 0xFFFF) - 1)
    return high % _ADLER_BASE << 16 | low


def peek_lumisection(stream: BinaryIO, size: int, limits: Limits) -> LumisectionId | None:
    """Run and lumisection that most of the first events say, looking at headers only.

    A majority, because headers carry no checksum: one flipped bit in the first event must not
    make all others look foreign. None when the file shows no event.

    Parameters
    ----------
    stream
        The file, seekable; its position is left anywhere.
    size
        Bytes of the file.
    limits
        `max_message_bytes` counts.
    """
    seen: Counter[LumisectionId] = Counter()
    offset = 0
    for _ in range(_PEEKED_FRAMES):
        stream.seek(offset)
        head = stream.read(_EVENT_ID.size)
        if len(head) < _EVENT_ID.size or seen.total() >= _PEEKED_EVENTS:
            break
        code, length, version, run, event, lumisection = _EVENT_ID.unpack(head)
        smallest = MIN_SIZES.get(code, _HEADER.size)
        if not smallest <= length <= min(limits.max_message_bytes, size - offset):
            break
        if code == EVENT and version == PROTOCOL_VERSION and (run, lumisection, event) != (0, 0, 0):
            seen[LumisectionId(run, lumisection)] += 1
        offset += length
    return seen.most_common(1)[0][0] if seen else None


def peek_file(path: Path, limits: Limits) -> LumisectionId | None:
    """Run and lumisection of a data file, as `peek_lumisection` of the open file.

    Raises
    ------
    SourceError
        `file_unreadable`.
    """
    try:
        with path.open("rb") as stream:
            return peek_lumisection(stream, path.stat().st_size, limits)
    except OSError as error:
        raise SourceError("file_unreadable", f"{path}: {error}") from error
