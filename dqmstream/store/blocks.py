"""Blocks: int64 values as the store keeps them.

The bytes of all values are grouped by significance (all lowest bytes first, then all second ones,
...), groups that would be zero throughout are left out, and zstd packs the rest. Histogram cells
are small numbers, so nearly all of their bytes are zeros that lie together this way: against
zstd over plain int64 it took two thirds of the room and of the time (100 bins, Poisson contents
around 0.5, 20 and 3000 per bin).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dqmstream.errors import StoreError
from dqmstream.store.packing import packed, unpacked

__all__ = ["decode_block", "encode_block", "packed_lumisections", "unpacked_lumisections"]

_WIDTH = 8


def encode_block(values: NDArray[np.int64]) -> bytes:
    """Block of `values` in C order, whatever their shape."""
    flat = np.ascontiguousarray(values, "<i8").reshape(-1)
    used = (int(np.bitwise_or.reduce(flat.view("<u8"))).bit_length() + 7) // 8
    groups = np.ascontiguousarray(flat.view(np.uint8).reshape(-1, _WIDTH)[:, :used].T)
    return packed(groups.tobytes())


def decode_block(
    block: bytes, count: int, start: int = 0, stop: int | None = None
) -> NDArray[np.int64]:
    """Values [start, stop) of a block of `count` values.

    Returns
    -------
    int64[stop - start]

    Raises
    ------
    StoreError
        If the block is broken or holds another number of values.
    """
    stop = count if stop is None else stop
    raw = unpacked(block, count * _WIDTH)
    values = np.zeros(stop - start, "<i8")
    if count and len(raw) % count:
        msg = f"a block of {count} values has {len(raw)} bytes, expected a multiple"
        raise StoreError(msg)
    if raw:
        groups = np.frombuffer(raw, np.uint8).reshape(-1, count)
        values.view(np.uint8).reshape(-1, _WIDTH)[:, : len(groups)] = groups[:, start:stop].T
    return values.astype(np.int64, copy=False)


def packed_lumisections(lumisections: ArrayLike) -> bytes:
    """LSs, rising, as little-endian int32."""
    return np.asarray(lumisections, "<i4").tobytes()


def unpacked_lumisections(raw: bytes) -> NDArray[np.int64]:
    """What `packed_lumisections` packed: int64[n].

    Raises
    ------
    StoreError
        If it cannot be that.
    """
    if len(raw) % 4:
        msg = f"stored lumisections have {len(raw)} bytes, expected a multiple of 4"
        raise StoreError(msg)
    lumisections = np.frombuffer(raw, "<i4").astype(np.int64)
    if lumisections.size and (lumisections[0] < 0 or np.any(np.diff(lumisections) <= 0)):
        msg = f"stored lumisections {lumisections[:5].tolist()}... do not rise"
        raise StoreError(msg)
    return lumisections
