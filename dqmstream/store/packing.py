"""zstd for the store: one compressor per thread, as making one costs more than a small message."""

import threading
from typing import Final

import zstandard

from dqmstream.errors import StoreError

__all__ = ["packed", "unpacked"]

_LEVEL: Final = 1


class _OfThread(threading.local):
    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


_ZSTD: Final = _OfThread()


def packed(raw: bytes) -> bytes:
    """One zstd frame that states its size."""
    return _ZSTD.compressor.compress(raw)


def unpacked(frame: bytes, most: int) -> bytes:
    """What `packed` packed.

    Raises
    ------
    StoreError
        If it is broken, or claims more than `most` bytes.
    """
    try:
        # Asked before unpacking: a broken header must not reserve memory for what it claims.
        claimed = zstandard.frame_content_size(frame)
        if not 0 <= claimed <= most:
            msg = f"something stored claims to be {claimed} bytes, expected at most {most}"
            raise StoreError(msg)
        return _ZSTD.decompressor.decompress(frame)
    except zstandard.ZstdError as error:
        msg = f"something stored cannot be unpacked: {error}"
        raise StoreError(msg) from error
