"""Where blocks of bins lie, and sums over them and over those around them.

Of the region of an element that is cut into blocks; a block's number runs from 0 along each axis.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LONE",
    "Ranges",
    "Side",
    "cmssw_squares",
    "cmssw_widths",
    "cmssw_windows",
    "in_all_bins",
    "in_first_bins",
    "plain_blocks",
    "range_sums",
    "windows",
]

Floats = NDArray[np.float64]
Ranges = tuple[NDArray[np.intp], NDArray[np.intp]]
"""First bins and ends of ranges; those with a first at or after the end are empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One axis of the region: its first bin from 0, its bins, and blocks of `width` bins.

    Up to `reach` blocks on each side of one are its neighbours.
    """

    first: int
    bins: int
    blocks: int
    width: int
    reach: int


LONE: Final = Side(first=0, bins=1, blocks=1, width=1, reach=0)
"""An axis of one bin."""


def plain_blocks(side: Side) -> Ranges:
    lower = side.first + np.arange(side.blocks) * side.width
    return lower, lower + side.width


def windows(side: Side) -> Ranges:
    """Blocks of the window around each, cut at the edges."""
    index = np.arange(side.blocks)
    return np.maximum(index - side.reach, 0), np.minimum(index + side.reach + 1, side.blocks)


def cmssw_windows(side: Side) -> Ranges:
    """Bins of CMSSW's window: one more than its blocks have, where there is one."""
    index, end = np.arange(side.blocks), side.first + side.bins
    lower = side.first + np.maximum(index - side.reach, 0) * side.width
    upper = side.first + (index + 1 + side.reach) * side.width + 1
    return lower, np.minimum(upper, end)


def cmssw_widths(side: Side) -> NDArray[np.intp]:
    """Blocks in the window as CMSSW counts them."""
    index, reach = np.arange(side.blocks), side.reach
    low, high = reach + index + 1, side.blocks - index + reach
    inside = np.where(reach > side.blocks - (index + 1), high, 2 * reach + 1)
    return np.where(reach > index, low, inside)


def cmssw_squares(content: Floats, sides: tuple[Side, Side], mean: Floats) -> Floats:
    """Sum of (mean - block)^2 over CMSSW's window for it.

    Blocks have a bin more in each direction; beyond the lower edge the first one stands again, and
    beyond the upper one an empty one.
    """
    tables, around, cells = [], [], 1
    for side in sides:
        end = side.first + side.bins
        block = np.maximum(np.arange(-side.reach, side.blocks + side.reach), 0)
        lower = np.minimum(side.first + block * side.width, end)
        tables.append((lower, np.minimum(lower + side.width + 1, end)))
        index = np.arange(side.blocks)
        around.append((index, index + 2 * side.reach + 1))
        cells *= 2 * side.reach + 1
    blocks = range_sums(content, *tables)
    once, twice = range_sums(blocks, *around), range_sums(blocks**2, *around)
    return cells * mean**2 - 2 * mean * once + twice


def range_sums(values: Floats, *ranges: Ranges) -> Floats:
    """float64[n, ranges...]: sums over the bins of some ranges along each axis."""
    for axis, (lower, upper) in enumerate(ranges, start=1):
        before = np.zeros((*values.shape[:axis], 1, *values.shape[axis + 1 :]))
        running = np.concatenate([before, np.cumsum(values, axis=axis)], axis=axis)
        values = np.take(running, upper, axis=axis) - np.take(running, lower, axis=axis)
    return values


def in_all_bins(values: Floats, sides: tuple[Side, Side], shape: tuple[int, ...]) -> Floats:
    """Values of blocks in all of their bins, 0 elsewhere."""
    found = np.zeros(shape)
    x, y = sides
    in_x, in_y = (slice(side.first, side.first + side.blocks * side.width) for side in (x, y))
    found[:, in_x, in_y] = np.repeat(np.repeat(values, x.width, axis=1), y.width, axis=2)
    return found


def in_first_bins(values: Floats, sides: tuple[Side, Side], shape: tuple[int, ...]) -> Floats:
    """Values of blocks in the first of their bins: each block is listed once."""
    found = np.zeros(shape)
    x, y = (side.first + np.arange(side.blocks) * side.width for side in sides)
    found[:, x[:, None], y] = values
    return found
