"""The filling kernel: all elements of a workspace from one batch, into the flat buffer.

The tables say what to do: one row of `FILL` for each element, one of `AXIS` for each of its axes,
one of `COLUMN` for each array of values, one of `ROWS` for each selection. Entries are taken in
blocks small enough for the first-level cache: a first loop computes the cell of each entry
without a branch, a second one counts. The order never matters: all sums are of integers.

Binning is boost-histogram's, to the last bit: a regular axis divides by its width and then
multiplies by its number of bins, so `x == upper` overflows and infinities do too. Unlike there, an
entry with a NaN goes to a counter of its own. Fractions on integer and category axes are cut down
to the integer below.

Tables, codes and kernels stand in one file because Numba's disk cache watches one file for each.
"""

from typing import Any, Final

import numpy as np
from numba.np.numpy_support import carray

from dqmstream.kernels.compile import kernel, spliced
from dqmstream.kernels.pointer import pointer

__all__ = [
    "AXIS",
    "CATEGORY",
    "COLUMN",
    "COLUMN_TYPES",
    "FILL",
    "INTEGER",
    "REGULAR",
    "ROWS",
    "SEVERAL_NAN",
    "VARIABLE",
    "fill",
]

REGULAR: Final = 0
VARIABLE: Final = 1
INTEGER: Final = 2
CATEGORY: Final = 3

AXIS: Final = np.dtype(
    [
        ("kind", np.int64),
        ("column", np.int64),
        ("bins", np.int64),
        ("lower", np.float64),
        ("width", np.float64),
        ("edges", np.int64),
        ("padded", np.int64),
        ("stride", np.int64),
        ("nan", np.int64),
    ]
)
"""`width` is upper - lower. At `edges` in the table of edges begin its edges or sorted codes,
`padded` by infinities to one less than a power of two, and then the bins of the codes. `stride`
is in cells; `nan` is what stands for NaN instead of a cell."""

FILL: Final = np.dtype(
    [
        ("axis", np.int64),
        ("axes", np.int64),
        ("rows", np.int64),
        ("value", np.int64),
        ("offset", np.int64),
        ("cells", np.int64),
        ("lower", np.float64),
        ("upper", np.float64),
        ("scale", np.float64),
        ("square_scale", np.float64),
    ]
)
"""`axis` is the first of `axes`; `rows` and `value` are -1 for none. The element's cells begin at
`offset`, `cells` to a plane. Values within [lower, upper] count `scale` units for each 1."""

COLUMN: Final = np.dtype([("address", np.uint64), ("type", np.int64), ("length", np.int64)])
ROWS: Final = np.dtype([("address", np.uint64), ("length", np.int64)])

_FLOAT64, _FLOAT32, _INT64, _INT32, _INT16, _UINT8 = range(6)

COLUMN_TYPES: Final = {
    np.dtype(np.float64): _FLOAT64,
    np.dtype(np.float32): _FLOAT32,
    np.dtype(np.int64): _INT64,
    np.dtype(np.int32): _INT32,
    np.dtype(np.int16): _INT16,
    np.dtype(np.uint8): _UINT8,
}
"""What the kernel reads as it is; other types are converted before, once for each batch."""

_BLOCK: Final = 1024
SEVERAL_NAN: Final = 2**28
"""Stands for NaN on one of several axes: more than any cell, and three of them fit 32 bits."""


@kernel
def _gather(source: Any, rows: Any, selected: bool, start: int, n: int, block: Any) -> None:
    # Slices begin at 0: an index that could be negative costs a test and the vector loop.
    if selected:
        chosen = rows[start : start + n]
        for j in range(n):
            block[j] = source[np.uint64(chosen[j])]
    else:
        part = source[start : start + n]
        for j in range(n):
            block[j] = part[j]


@kernel
def _load(column: Any, rows: Any, selected: bool, start: int, n: int, scratch: Any) -> Any:
    """Values of entries start to start + n as float64: a view where that is what they are."""
    kind = column.type
    address, length = pointer(column.address), column.length
    if kind == _FLOAT64:
        values = carray(address, (length,), np.float64)
        if not selected:
            return values[start : start + n]
        _gather(values, rows, selected, start, n, scratch)
    elif kind == _FLOAT32:
        _gather(carray(address, (length,), np.float32), rows, selected, start, n, scratch)
    elif kind == _INT64:
        _gather(carray(address, (length,), np.int64), rows, selected, start, n, scratch)
    elif kind == _INT32:
        _gather(carray(address, (length,), np.int32), rows, selected, start, n, scratch)
    elif kind == _INT16:
        _gather(carray(address, (length,), np.int16), rows, selected, start, n, scratch)
    else:
        _gather(carray(address, (length,), np.uint8), rows, selected, start, n, scratch)
    return scratch


@spliced
def _flow_cell(value: float, position: float, bins: float, nan: np.int32) -> np.int32:
    """Cell of an entry at `position` in bins from the lower edge: clamped to flow, NaN marked."""
    position = position if position < bins else bins
    position = position if position >= 0.0 else -1.0
    return nan if np.isnan(value) else np.int32(position) + np.int32(1)


@spliced
def _bin_regular(x: Any, n: int, axis: Any, cells: Any) -> None:
    bins, lower, width = np.float64(axis.bins), axis.lower, axis.width
    nan = np.int32(axis.nan)
    for j in range(n):
        cells[j] = _flow_cell(x[j], (x[j] - lower) / width * bins, bins, nan)


@kernel
def _bin_integer(x: Any, n: int, axis: Any, cells: Any) -> None:
    bins, lower = np.float64(axis.bins), axis.lower
    nan = np.int32(axis.nan)
    for j in range(n):
        cells[j] = _flow_cell(x[j], np.floor(x[j]) - lower, bins, nan)


@kernel
def _bin_listed(x: Any, n: int, axis: Any, edges: Any, cells: Any) -> None:
    """Variable and category axes: a search in the edges or codes, all entries a step at a time."""
    listed = edges[axis.edges : axis.edges + axis.padded]
    cells[:n] = 0
    bit = 0
    while (axis.padded >> bit) > 0:
        bit += 1
    while bit > 0:
        bit -= 1
        below = (1 << bit) - 1
        for j in range(n):
            # One bit of the rank; shifted, because a choice would become a branch to miss.
            above = np.int64(x[j] >= listed[np.uint64(cells[j] | below)])
            cells[j] |= above << bit
    if axis.kind == CATEGORY:
        _look_up(x, n, axis, edges, cells)
    most, nan = np.int32(axis.bins + 1), np.int32(axis.nan)
    for j in range(n):
        cells[j] = nan if np.isnan(x[j]) else min(cells[j], most)


@kernel
def _look_up(x: Any, n: int, axis: Any, edges: Any, ranks: Any) -> None:
    """Ranks among sorted codes to bins, the last one where the code is not listed."""
    codes = edges[axis.edges : axis.edges + axis.padded]
    order = edges[axis.edges + axis.padded : axis.edges + axis.padded + axis.bins]
    for j in range(n):
        rank = min(np.int64(ranks[j]), axis.bins)
        found = rank > 0 and codes[rank - 1] == np.floor(x[j])
        ranks[j] = np.int32(order[rank - 1]) if found else np.int32(axis.bins)


@kernel
def _bin(x: Any, n: int, axis: Any, edges: Any, cells: Any) -> None:
    """Bins on one axis, flow included, or what stands for NaN."""
    if axis.kind == REGULAR:
        _bin_regular(x, n, axis, cells)
    elif axis.kind == INTEGER:
        _bin_integer(x, n, axis, cells)
    else:
        _bin_listed(x, n, axis, edges, cells)


@kernel
def _add_axis(bins: Any, n: int, stride: int, cells: Any) -> None:
    step = np.int32(stride)
    for j in range(n):
        known = bins[j] < SEVERAL_NAN
        cells[j] += bins[j] * step if known else np.int32(SEVERAL_NAN)


@spliced
def _count(contents: Any, offset: int, cells: Any, n: int) -> None:
    begin = np.uint64(offset)
    for j in range(n):
        contents[begin + np.uint64(cells[j])] += 1


@kernel
def _accumulate(contents: Any, plan: Any, cells: Any, values: Any, n: int) -> None:
    """Entries, sum and sum of squares in fixed point; NaN and out of range to the counters."""
    plane = plan.cells
    lower, upper = plan.lower, plan.upper
    scale, square_scale = plan.scale, plan.square_scale
    first, second, third = plan.offset, plan.offset + plane, plan.offset + 2 * plane
    nan = plan.offset + 3 * plane
    for j in range(n):
        value, cell = values[j], np.int64(cells[j])
        if cell >= plane or np.isnan(value):
            contents[np.uint64(nan)] += 1
        elif value < lower or value > upper:
            contents[np.uint64(nan + 1)] += 1
        else:
            contents[np.uint64(first + cell)] += 1
            contents[np.uint64(second + cell)] += np.int64(np.rint(value * scale))
            contents[np.uint64(third + cell)] += np.int64(np.rint(value * value * square_scale))


@spliced
def _count_plain(contents: Any, plan: Any, axis: Any, column: Any, cells: Any) -> None:
    """The commonest element at once: counts on one regular axis, of a float64 column, all of it."""
    values = carray(pointer(column.address), (column.length,), np.float64)
    for start in range(0, column.length, _BLOCK):
        n = min(_BLOCK, column.length - start)
        _bin_regular(values[start : start + n], n, axis, cells)
        _count(contents, plan.offset, cells, n)


@kernel
def fill(
    contents: Any, fills: Any, axes: Any, edges: Any, columns: Any, selections: Any, every: Any
) -> None:
    """Fill all elements in the table.

    Parameters
    ----------
    contents
        int64[cells]: the flat buffer of the workspace, added to in place.
    fills, axes, edges
        `FILL[elements]`, `AXIS[axes of all]`, float64[edges of all].
    columns, selections
        `COLUMN[n]`, `ROWS[m]`: where the arrays of this batch lie. The caller holds them.
    every
        int64[0]: stands in for the rows of elements that take every entry.
    """
    scratch = np.empty(_BLOCK, np.float64)
    value_scratch = np.empty(_BLOCK, np.float64)
    cells = np.empty(_BLOCK, np.int32)
    bins = np.empty(_BLOCK, np.int32)
    for f in range(fills.size):
        plan = fills[f]
        axis = axes[plan.axis]
        column = columns[axis.column]
        selected = plan.rows >= 0
        plain = plan.axes == 1 and plan.value < 0 and not selected
        if plain and axis.kind == REGULAR and column.type == _FLOAT64:
            _count_plain(contents, plan, axis, column, cells)
            continue
        rows = every
        if selected:
            chosen = selections[plan.rows]
            entries = chosen.length
            rows = carray(pointer(chosen.address), (entries,), np.int64)
        else:
            entries = column.length
        for start in range(0, entries, _BLOCK):
            n = min(_BLOCK, entries - start)
            if plan.axes == 1:
                x = _load(column, rows, selected, start, n, scratch)
                _bin(x, n, axis, edges, cells)
            else:
                cells[:n] = 0
                for a in range(plan.axis, plan.axis + plan.axes):
                    x = _load(columns[axes[a].column], rows, selected, start, n, scratch)
                    _bin(x, n, axes[a], edges, bins)
                    _add_axis(bins, n, axes[a].stride, cells)
                for j in range(n):
                    cells[j] = min(cells[j], np.int32(plan.cells))
            if plan.value < 0:
                _count(contents, plan.offset, cells, n)
            else:
                values = _load(columns[plan.value], rows, selected, start, n, value_scratch)
                _accumulate(contents, plan, cells, values, n)
