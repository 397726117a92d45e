"""Quantiles of binned contents: where a fraction of the entries lies below."""

import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.element import axis_edges
from dqmstream.messages.booking import Axis, Category, Integer

__all__ = ["binned_quantile", "quantile_edges"]

Floats = NDArray[np.float64]


def quantile_edges(axis: Axis) -> Floats | None:
    """Edges between which quantiles along an axis are interpolated: float64[bins + 1].

    Those of the bins; of an integer axis half a unit below, so that a bin's middle is its integer,
    as it is for means. None for categories, which have no order.
    """
    match axis:
        case Category():
            return None
        case Integer():
            return axis_edges(axis) - 0.5
        case _:
            return axis_edges(axis)


def binned_quantile(edges: Floats, contents: Floats, fraction: float) -> Floats:
    """The quantile of each of n rows of bins; NaN of a row without entries.

    Let c_k be the content of bin k, C_k the sum of those up to it and N of all. The quantile lies
    in the first bin with c_k > 0 and C_k >= fraction N, its entries spread evenly over it::

        edge_k + (fraction N - C_(k-1)) / c_k (edge_(k+1) - edge_k)

    So 0 is the lower edge of the first bin with entries and 1 the upper edge of the last one, and
    it differs from the unbinned quantile by less than the width of a bin. Bins are without flow:
    what is below or above the axis is not counted, as it is not for means. A row with a negative
    content (of negative weights) has no quantiles: NaN.

    Parameters
    ----------
    edges
        float64[bins + 1], rising.
    contents
        float64[n, bins], entries or sums of weights without flow.
    fraction
        From 0 to 1; 0.5 is the median.

    Raises
    ------
    ValueError
        If the fraction is not from 0 to 1.
    """
    if not 0 <= fraction <= 1:
        msg = f"quantile of the fraction {fraction}, expected one from 0 to 1"
        raise ValueError(msg)
    up_to = np.cumsum(contents, axis=1)
    total = up_to[:, -1:]
    wanted = fraction * total
    # Contents are whole numbers of a fixed point: cumulative sums of them are exact.
    at = np.argmax((up_to >= wanted) & (contents > 0), axis=1)
    rows = np.arange(len(contents))
    own, here = contents[rows, at], edges[at]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (wanted[:, 0] - (up_to[rows, at] - own)) / own
    known = (total[:, 0] > 0) & (contents >= 0).all(axis=1)
    found: Floats = here + np.clip(share, 0.0, 1.0) * (edges[at + 1] - here)
    return np.where(known, found, np.nan)
