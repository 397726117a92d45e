"""Copying what a walk has found, into native byte order."""

from typing import Any, Final

import numpy as np

from dqmstream.kernels.compile import kernel

__all__ = ["copy_records", "count_records"]

_ALL_BITS: Final = 0xFF


@kernel
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


@kernel
def copy_records(
    b: Any, records: Any, leaves: Any, arena: Any, at: Any, counts: Any, counted: Any
) -> None:
    """Copy bytes of all items as they are, and write out the counts.

    Parameters
    ----------
    b
        uint8[bytes] of all payloads.
    records, leaves
        int64[records, RECORD_FIELDS] of the walk, `LEAF[n]`.
    arena, at
        uint8[bytes], and int64[leaves] where in it the next item of each leaf goes.
    counts, counted
        int64[objects of all groups], and int64[groups] where in it the next count goes.
    """
    for r in range(records.shape[0]):
        target, source, n, stride = records[r, 0], records[r, 1], records[r, 2], records[r, 3]
        if target < 0:
            group = -1 - target
            first = counted[group]
            counts[first : first + n] = source
            counted[group] = first + n
            continue
        size = leaves[target].size * leaves[target].length
        to = at[target]
        at[target] = to + n * size
        if source < 0:
            arena[to : to + n * size] = _ALL_BITS
        elif stride == size:
            arena[to : to + n * size] = b[source : source + n * size]
        else:
            for i in range(n):
                begin = source + i * stride
                for byte in range(size):
                    arena[np.uint64(to + i * size + byte)] = b[np.uint64(begin + byte)]
