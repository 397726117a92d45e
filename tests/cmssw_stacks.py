"""Stacks with flow, and of means with a spread, for cases computed by hand."""

import numpy as np
from numpy.typing import ArrayLike

from dqmstream.messages.booking import Axis, Integer
from dqmstream.quality.stack import Stack


def cells_stack(cells: ArrayLike, axis: Axis | None = None, **planes: ArrayLike) -> Stack:
    """One element in one dimension of these cells, flow included; sums and squares if given."""
    entries = np.asarray([cells], np.int64)
    return Stack(
        axes=(axis or Integer(lower=0, upper=entries.shape[1] - 2),),
        entries=entries,
        **{name: np.asarray([values], float) for name, values in planes.items()},  # type: ignore[arg-type]
    )


def means_stack(entries: ArrayLike, means: ArrayLike, spreads: ArrayLike = 0.0) -> Stack:
    """One profile with these means, and values that far to both sides of them; without flow."""
    number, mean = np.asarray(entries, np.int64), np.asarray(means, float)
    squares = number * (mean**2 + np.asarray(spreads, float) ** 2)
    axes = tuple(Integer(lower=0, upper=bins) for bins in number.shape)
    entries, sums, squares = (np.pad(plane, 1)[None] for plane in (number, number * mean, squares))
    return Stack(axes=axes, entries=entries, sums=sums, squares=squares, profile=True)
