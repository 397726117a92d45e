"""What ROOT says of a bin, for numbers that are to be CMSSW's: content, error, centre, order.

CMSSW's quality tests ask ROOT's TH1, TH2, TProfile for these; the formulas here are of ROOT's
documentation of TH1::GetBinError, TProfile::GetBinError, TAxis::GetBinCenter and TH1::GetBin.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.layout import axis_bins
from dqmstream.messages.booking import Axis, Category, Integer
from dqmstream.quality.bins import bin_positions
from dqmstream.quality.stack import Stack, per_element

__all__ = [
    "as_columns",
    "root_centres",
    "root_content",
    "root_errors",
    "root_order",
    "root_spread",
    "shares",
    "with_underflow",
]

Floats = NDArray[np.float64]
AnyT = TypeVar("AnyT", bound=np.generic)


def root_content(stack: Stack) -> Floats:
    """float64[n, extents...]: contents, 0 in a bin of a profile without entries."""
    return np.nan_to_num(stack.content) if stack.profile else stack.content


def root_errors(stack: Stack) -> Floats:
    """float64[n, extents...]: what TH1::GetBinError and TProfile::GetBinError say.

    The square root of the sum of squared weights, which for counts is that of the counts; of a
    profile the error on the mean, spread / sqrt(entries), 0 without entries.
    """
    if stack.profile:
        entries = np.maximum(stack.entries, 1)
        return np.nan_to_num(root_spread(stack)) / np.sqrt(entries)
    squares = stack.content if stack.squares is None else stack.squares
    return np.sqrt(np.abs(squares))


def root_spread(stack: Stack) -> Floats:
    """float64[n, extents...]: RMS of the values in each bin of a profile, NaN without entries.

    sqrt(mean of squares - square of mean), what TProfile::GetBinError says with the option "s".
    NaN in all bins of a histogram: it does not know of one.
    """
    if not stack.profile or stack.squares is None:
        return np.full(stack.entries.shape, np.nan)
    squares = np.full(stack.entries.shape, np.nan)
    np.divide(stack.squares, stack.entries, out=squares, where=stack.entries > 0)
    return np.sqrt(np.abs(squares - stack.content**2))


def root_centres(axis: Axis) -> Floats:
    """float64[bins + 2]: TAxis::GetBinCenter with flow, which lies half a mean bin beyond."""
    centres = bin_positions(axis)
    if isinstance(axis, Category):
        return centres
    if isinstance(axis, Integer):
        lower, upper, half = axis.lower - 0.5, axis.upper - 0.5, 0.5
    else:
        edges = getattr(axis, "edges", ())
        lower, upper = (edges[0], edges[-1]) if edges else (axis.lower, axis.upper)  # type: ignore[union-attr]
        half = (upper - lower) / (2 * axis_bins(axis))
    centres[0], centres[-1] = lower - half, upper + half
    return centres


def root_order(stack: Stack, values: NDArray[AnyT]) -> NDArray[AnyT]:
    """values[n, extents...] as [n, cells] by TH1::GetBin: flow on both sides, x runs fastest."""
    padded = with_underflow(stack, values)
    return per_element(padded.transpose(0, *range(padded.ndim - 1, 0, -1)))


def with_underflow(stack: Stack, values: NDArray[AnyT]) -> NDArray[AnyT]:
    """values[n, extents...] with an underflow on every axis: an empty one of categories."""
    return np.pad(values, [(0, 0), *((int(isinstance(axis, Category)), 0) for axis in stack.axes)])


def shares(values: Floats, total: Floats) -> Floats:
    """values[n, bins...] over total[n]; 0 where that is 0."""
    wide = np.broadcast_to(as_columns(total, values.ndim), values.shape)
    return np.divide(values, wide, out=np.zeros(values.shape), where=wide != 0)


def as_columns(values: NDArray[AnyT], dimensions: int) -> NDArray[AnyT]:
    """values[n] as [n, 1, ...], to be used beside bins."""
    return values.reshape(-1, *[1] * (dimensions - 1))
