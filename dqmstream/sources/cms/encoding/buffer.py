"""The bytes of one payload as it is written: counts, versions, texts and numbers, big-endian."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

from dqmstream.errors import SourceError
from dqmstream.sources.cms.classes.framing import COUNTED, LONG_TEXT, NEW_CLASS

__all__ = ["Buffer"]

_CLASS_SEEN: Final = 0x8000_0000
_TAG_OFFSET: Final = 2
"""A place in the buffer is told with this added, so that no tag is 0 or 1."""


class Buffer:
    """A growing payload."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._classes: dict[str, int] = {}

    def __bytes__(self) -> bytes:
        return bytes(self._bytes)

    def raw(self, block: bytes) -> None:
        """Bytes as they are."""
        self._bytes += block

    def u32(self, value: int) -> None:
        """How many there are."""
        self._bytes += value.to_bytes(4)

    def version(self, version: int, checksum: int = 0) -> None:
        """A class version, and the checksum of a class that has none."""
        self._bytes += version.to_bytes(2)
        if version == 0:
            self._bytes += checksum.to_bytes(4)

    def class_tag(self, name: str) -> None:
        """Which class the object has that comes next: its name once, then where that stands."""
        place = self._classes.get(name)
        if place is None:
            self._classes[name] = len(self._bytes)
            self._bytes += NEW_CLASS + name.encode() + b"\0"
        else:
            self.u32(_CLASS_SEEN | (place + _TAG_OFFSET))

    def text(self, value: bytes | str) -> None:
        """A string, its length before it."""
        text = value.encode() if isinstance(value, str) else value
        if len(text) < LONG_TEXT:
            self._bytes += bytes([len(text)]) + text
        else:
            self._bytes += bytes([LONG_TEXT]) + len(text).to_bytes(4) + text

    def numbers(self, code: str, values: Any, length: int) -> None:
        """Numbers side by side.

        Raises
        ------
        SourceError
            `class_value` if they are not `length` numbers that fit `code`.
        """
        try:
            array = np.asarray(values, dtype=f">{code}")
        except (TypeError, ValueError, OverflowError) as error:
            raise SourceError("class_value", f"{values!r:.100} as {code}: {error}") from error
        if array.shape != (length,):
            detail = f"numbers of shape {array.shape}, expected {length} of {code}"
            raise SourceError("class_value", detail)
        self._bytes += array.tobytes()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """A byte count of what is written inside."""
        start = len(self._bytes)
        self._bytes += bytes(4)
        yield
        struct.pack_into(">I", self._bytes, start, COUNTED + len(self._bytes) - start - 4)

    @contextmanager
    def headed(self, version: int, checksum: int = 0) -> Iterator[None]:
        """A byte count and a version before what is written inside."""
        with self.counted():
            self.version(version, checksum)
            yield
