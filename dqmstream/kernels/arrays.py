"""Where the arrays of one batch lie: the tables of addresses that the kernel reads."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqmstream.kernels.filling import COLUMN, COLUMN_TYPES, ROWS

__all__ = ["Table", "column_table", "row_table"]

Array = NDArray[Any]

_PACKED_SIZE: Final = 1500
"""Below so many values to an array, copying them is quicker than asking for their address."""

_FLOAT64: Final = COLUMN_TYPES[np.dtype(np.float64)]


class Table(NamedTuple):
    """Rows of `COLUMN` or `ROWS`, and the arrays they point into: keep both while it is read."""

    rows: Array
    arrays: Sequence[Array]


def column_table(arrays: Sequence[Array]) -> Table:
    """Values of all columns; types the kernel does not read become float64."""
    table = np.empty(len(arrays), COLUMN)
    sizes = np.array([array.size for array in arrays], np.int64)
    if _is_small(sizes):
        packed = np.concatenate(arrays, dtype=np.float64, casting="unsafe")
        _point_into(table, packed, sizes)
        table["type"] = _FLOAT64
        return Table(table, [packed])
    native = [_native(array) for array in arrays]
    table["address"] = [_address(array) for array in native]
    table["length"] = sizes
    table["type"] = [COLUMN_TYPES[array.dtype] for array in native]
    return Table(table, native)


def row_table(arrays: Sequence[Array]) -> Table:
    """Rows of all selections, each int64[selected]."""
    table = np.empty(len(arrays), ROWS)
    sizes = np.array([array.size for array in arrays], np.int64)
    if _is_small(sizes):
        packed = np.concatenate(arrays, dtype=np.int64)
        _point_into(table, packed, sizes)
        return Table(table, [packed])
    table["address"] = [_address(array) for array in arrays]
    table["length"] = sizes
    return Table(table, arrays)


def _is_small(sizes: NDArray[np.int64]) -> bool:
    return sizes.size > 0 and int(sizes.sum()) <= _PACKED_SIZE * sizes.size


def _point_into(table: Array, packed: Array, sizes: NDArray[np.int64]) -> None:
    table["length"] = sizes
    table["address"] = _address(packed) + (sizes.cumsum() - sizes) * packed.itemsize


def _native(array: Array) -> Array:
    if array.dtype == np.bool_:
        array = array.view(np.uint8)
    elif array.dtype not in COLUMN_TYPES:
        array = array.astype(np.float64)
    return np.ascontiguousarray(array)


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
