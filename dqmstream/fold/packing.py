"""Packed bytes of a control state: a version, then zstd. The same on every filler of a release."""

from typing import Final

import zstandard

from dqmstream.errors import MessageError

__all__ = ["pack", "unpack"]

_VERSION: Final = b"\x02"
"""Of the fields of the state as well: rises when a state of before means something else."""

_LEVEL: Final = 3
_LARGEST: Final = 1 << 30
"""Bytes unpacked: some hundred times what the most sources in the longest runs need."""


def pack(data: bytes) -> bytes:
    """Version and compressed bytes."""
    return _VERSION + zstandard.ZstdCompressor(level=_LEVEL).compress(data)


def unpack(packed: bytes) -> bytes:
    """What was packed.

    Raises
    ------
    MessageError
        With reason `bad_state`.
    """
    if packed[:1] != _VERSION:
        detail = (
            f"checkpoint state: version byte {packed[:1].hex() or 'missing'}, this release reads "
            f"{_VERSION.hex()}: begin a new epoch by a refill"
        )
        raise MessageError("bad_state", detail)
    try:
        size = zstandard.frame_content_size(packed[1:])
        if not 0 <= size <= _LARGEST:
            raise MessageError("bad_state", f"checkpoint state: claims {size} bytes")
        return zstandard.ZstdDecompressor().decompress(packed[1:])
    except zstandard.ZstdError as error:
        raise MessageError("bad_state", f"checkpoint state: {error}") from error
