"""Bins of an axis: where they lie, how wide they are, what a shifter calls them."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dqmstream.messages.booking import Axis, Category, Integer, Regular, Variable

__all__ = ["bin_label", "bin_positions", "bin_widths"]


def bin_positions(axis: Axis) -> NDArray[np.float64]:
    """Where the entries of each bin lie, flow included: -inf for underflow, +inf for overflow.

    The centre of regular and variable bins, the value itself of integer ones, the code of
    categories, in the axis's unit.
    """
    match axis:
        case Category():
            return np.array([*axis.codes, np.nan], dtype=np.float64)
        case Integer():
            middle = np.arange(axis.lower, axis.upper, dtype=np.float64)
        case Regular() | Variable():
            edges = _edges(axis)
            middle = (edges[:-1] + edges[1:]) / 2
    return np.concatenate([[-np.inf], middle, [np.inf]])


def bin_widths(axis: Axis) -> NDArray[np.float64]:
    """Widths without flow, in the axis's unit; 0 where a bin holds one exact value."""
    match axis:
        case Category():
            return np.zeros(len(axis.codes))
        case Integer():
            return np.zeros(axis.upper - axis.lower)
        case Regular() | Variable():
            return np.diff(_edges(axis))


def bin_label(axes: Sequence[Axis], bins: Sequence[int]) -> str:
    """A bin as a shifter reads it; `bins` are 0-based without flow, -1 is underflow."""
    return ", ".join(_label(axis, index) for axis, index in zip(axes, bins, strict=True))


def _label(axis: Axis, index: int) -> str:
    name = "underflow" if index < 0 else _bin_names(axis)[index]
    return f"{axis.label} {name}".strip()


@lru_cache(maxsize=500)
def _bin_names(axis: Axis) -> list[str]:
    """Names of the bins from the first on, the last flow bin included."""
    match axis:
        case Category():
            return [*(axis.labels or map(str, axis.codes)), "other"]
        case Integer():
            return [*(axis.labels or map(str, range(axis.lower, axis.upper))), "overflow"]
        case Regular() | Variable():
            unit = f" {axis.unit}" if axis.unit else ""
            bins = pairwise(_edges(axis))
            return [*(f"{lower:.4g} to {upper:.4g}{unit}" for lower, upper in bins), "overflow"]


def _edges(axis: Regular | Variable) -> NDArray[np.float64]:
    if isinstance(axis, Variable):
        return np.array(axis.edges, dtype=np.float64)
    return np.linspace(axis.lower, axis.upper, axis.bins + 1)
