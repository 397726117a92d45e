"""Copying what a walk has found, into native byte order."""

from typing import Any, Final

import numpy as np

from dqmstream.kernels.compile import lean_kernel
from dqmstream.kernels.payload.buffer import u16, u32

__all__ = ["copy_records", "count_records"]

_ALL_BITS: Final = 0xFF


@lean_kernel
def count_records(records: Any, items: Any, objects: Any) -> None:
    """How much there will be to copy.

    Parameters
    ----------
    records
        int64[records, RECORD_FIELDS] of the walk.
    items, objects
        int64[leaves], int64[groups], zeros: become items of each leaf, and objects that each
        group has counts for.
    """
    for r in range(records.shape[0]):
        target = records[r, 0]
        if target >= 0:
            items[target] += records[r, 2]
        else:
            objects[-1 - target] += records[r, 2]


@lean_kernel
def _copy_items(
    b: Any,
    source: int,
    n: int,
    stride: int,
    size: int,
    length: int,
    arena: Any,
    halves: Any,
    words: Any,
    doubles: Any,
    to: int,
) -> None:
    """Copy n items of `length` numbers of `size` bytes, each in native byte order."""
    if stride == size * length:
        n, length = 1, n * length
    place = to // size
    for i in range(n):
        at = source + i * stride
        if size == 4:
            for k in range(length):
                words[np.uint64(place + k)] = u32(b, at + 4 * k)
        elif size == 1:
            for k in range(length):
                arena[np.uint64(place + k)] = b[np.uint64(at + k)]
        elif size == 2:
            for k in range(length):
                halves[np.uint64(place + k)] = u16(b, at + 2 * k)
        else:
            for k in range(length):
                high, low = u32(b, at + 8 * k), u32(b, at + 8 * k + 4)
                doubles[np.uint64(place + k)] = high << 32 | low
        place += length


@lean_kernel
def copy_records(
    b: Any,
    records: Any,
    leaves: Any,
    arena: Any,
    halves: Any,
    words: Any,
    doubles: Any,
    at: Any,
    counts: Any,
    counted: Any,
) -> None:
    """Copy all items into native byte order, and write out the counts.

    Parameters
    ----------
    b
        uint8[bytes] of all payloads.
    records, leaves
        int64[records, RECORD_FIELDS] of the walk, `LEAF[n]`.
    arena, halves, words, doubles
        The same memory as uint8, uint16, uint32, int64.
    at
        int64[leaves]: byte of the arena where the next item of each leaf goes; multiples of 8.
    counts, counted
        int64[objects of all groups], and int64[groups] where in it the next count goes.
    """
    for r in range(records.shape[0]):
        target, source, n, stride = records[r, 0], records[r, 1], records[r, 2], records[r, 3]
        if target < 0:
            first = counted[-1 - target]
            counted[-1 - target] = first + n
            for k in range(n):
                counts[np.uint64(first + k)] = source
            continue
        size, length = leaves[target].size, leaves[target].length
        to = at[target]
        at[target] = to + n * size * length
        if source < 0:
            for k in range(n * size * length):
                arena[np.uint64(to + k)] = _ALL_BITS
        else:
            _copy_items(b, source, n, stride, size, length, arena, halves, words, doubles, to)
