"""Event payloads: four ways of storing them, expanded within bounds.

A bare zlib stream, `XZ\\0\\0` and an .xz stream, `ZS\\0\\0` and a zstd frame, or plain bytes.
Facts: CMSSW `IOPool/Streamer/src/StreamSerializer.cc` and `StreamerInputSource.cc`.
"""

import enum
import io
import lzma
import zlib
from typing import NamedTuple

import zstandard

from dqmstream.errors import SourceError
from dqmstream.sources.cms.limits import Limits

__all__ = ["Compression", "StoredPayload", "compress", "compression_of", "expand"]

_LZMA_TAG = b"XZ\0\0"
_ZSTD_TAG = b"ZS\0\0"
_ZLIB_FIRST_BYTE = b"\x78"
# 78 once meant "not compressed", and readers of CMSSW still take it so.
_PLAIN_SIZES = frozenset({0, 78})
_BLOCK = 1 << 20


class Compression(enum.StrEnum):
    """How a payload is stored."""

    ZLIB = "zlib"
    LZMA = "lzma"
    ZSTD = "zstd"
    UNCOMPRESSED = "uncompressed"


class StoredPayload(NamedTuple):
    """Bytes for an EVENT message, and what its original-size field must say."""

    payload: bytes
    original_size: int


def compression_of(payload: bytes, original_size: int) -> Compression:
    """How `payload` is stored, told from its first bytes and the original-size field.

    A writer asked for a level above its algorithm's maximum stores plain bytes and yet gives
    their size; that is recognised when neither a tag nor zlib's first byte is there.

    Raises
    ------
    SourceError
        `payload_compression` when the bytes begin as none of the four.
    """
    if original_size in _PLAIN_SIZES:
        return Compression.UNCOMPRESSED
    if payload[:4] == _LZMA_TAG:
        return Compression.LZMA
    if payload[:4] == _ZSTD_TAG:
        return Compression.ZSTD
    if payload[:1] == _ZLIB_FIRST_BYTE:
        return Compression.ZLIB
    if len(payload) == original_size:
        return Compression.UNCOMPRESSED
    detail = (
        f"payload of {len(payload)} bytes begins with {payload[:4]!r}: neither zlib, LZMA, zstd, "
        f"nor plain bytes of the original size {original_size}"
    )
    raise SourceError("payload_compression", detail)


def expand(payload: bytes, original_size: int, limits: Limits) -> bytes:
    """Payload before compression; at most one byte more than `original_size` is ever made.

    Parameters
    ----------
    payload
        As stored in the EVENT message.
    original_size
        Field 7 of the message, in bytes; 0 or 78: not compressed.
    limits
        `max_original_bytes` counts.

    Raises
    ------
    SourceError
        `payload_compression`, `payload_too_large`, `payload_corrupt` or `payload_size`.
    """
    if original_size > limits.max_original_bytes:
        detail = f"original size {original_size}, at most {limits.max_original_bytes} is expanded"
        raise SourceError("payload_too_large", detail)
    compression = compression_of(payload, original_size)
    if compression is Compression.UNCOMPRESSED:
        return payload
    try:
        expanded = _expand(compression, payload, original_size + 1, limits)
    except (zlib.error, lzma.LZMAError, zstandard.ZstdError, EOFError) as error:
        detail = f"{compression} payload of {len(payload)} bytes: {error}"
        raise SourceError("payload_corrupt", detail) from error
    if len(expanded) != original_size:
        came = "more" if len(expanded) > original_size else f"{len(expanded)}"
        detail = f"{compression} payload holds {came}, header says {original_size} bytes"
        raise SourceError("payload_size", detail)
    return expanded


def _expand(compression: Compression, payload: bytes, at_most: int, limits: Limits) -> bytes:
    if compression is Compression.ZSTD:
        return _expand_zstd(payload[len(_ZSTD_TAG) :], at_most, limits)
    stream: zlib._Decompress | lzma.LZMADecompressor
    if compression is Compression.ZLIB:
        stream = zlib.decompressobj()
        body = payload
    else:
        stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=limits.max_original_bytes)
        body = payload[len(_LZMA_TAG) :]
    expanded = stream.decompress(body, at_most)
    if len(expanded) < at_most and not stream.eof:
        msg = f"stream ends after {len(expanded)} bytes without its end mark"
        raise EOFError(msg)
    if stream.unused_data:
        msg = f"{len(stream.unused_data)} bytes follow the end of the stream"
        raise EOFError(msg)
    return expanded


def _expand_zstd(frame: bytes, at_most: int, limits: Limits) -> bytes:
    # Read in blocks: asked for all at once, the library allocates what the header claims.
    decompressor = zstandard.ZstdDecompressor(max_window_size=limits.max_original_bytes)
    blocks = io.BytesIO()
    with decompressor.stream_reader(frame) as reader:
        while block := reader.read(min(_BLOCK, at_most - blocks.tell())):
            blocks.write(block)
    return blocks.getvalue()


def compress(raw: bytes, compression: Compression, level: int = 1) -> StoredPayload:
    """Store `raw` as the chosen compression does.

    Sizes 0 and 78 mean "not compressed" in the header, so payloads of just these sizes are
    stored plain whatever was chosen.
    """
    if compression is Compression.UNCOMPRESSED or len(raw) in _PLAIN_SIZES:
        return StoredPayload(raw, 0)
    if compression is Compression.ZLIB:
        return StoredPayload(zlib.compress(raw, level), len(raw))
    if compression is Compression.LZMA:
        packed = lzma.compress(raw, lzma.FORMAT_XZ, check=lzma.CHECK_NONE, preset=level)
        return StoredPayload(_LZMA_TAG + packed, len(raw))
    return StoredPayload(
        _ZSTD_TAG + zstandard.ZstdCompressor(level=level).compress(raw),
        len(raw),
    )
