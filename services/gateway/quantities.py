"""One number per lumisection of an element: what a trend shows."""

import math
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from dqmstream.conditions.units import LUMISECTION_SECONDS
from dqmstream.histograms.element import axis_centres
from dqmstream.histograms.layout import ElementLayout, axis_bins
from dqmstream.histograms.quantiles import binned_quantile, quantile_edges
from dqmstream.messages.booking import Histogram, Profile, Scalar
from dqmstream.messages.histograms import ScalarValue
from dqmstream.messages.operations import Conditions

__all__ = [
    "QUANTITY",
    "Against",
    "Quantity",
    "condition_of",
    "live_seconds",
    "quantity_of",
    "scalar_number",
]

Quantity = str
"""A word that `QUANTITY` matches; `quantile:0.9` is where nine tenths of the entries lie below."""

QUANTITY: Final = (
    r"^(entries|mean|rms|error|nan|outside|rate|median|quantile:(0(\.[0-9]{1,6})?|1(\.0{1,6})?))$"
)

Against = Literal[
    "lumisection", "pileup", "luminosity", "delivered", "recorded", "prescale_index", "fill"
]

Cells = NDArray[np.int64]
Numbers = NDArray[np.float64]


def condition_of(conditions: Conditions | None, against: Against) -> float | None:
    """The x of an LS in a trend against one of its conditions; None if that is not known."""
    if conditions is None or against == "lumisection":
        return None
    value: float | None = getattr(conditions, against)
    return value


def live_seconds(conditions: Conditions | None) -> float | None:
    """How long data were taken in an LS, in seconds; None where that is not known, or is nothing.

    The length of an LS, 23.31 s, times recorded/delivered luminosity: the live fraction.
    """
    if conditions is None or not conditions.delivered or not conditions.recorded:
        return None
    fraction = conditions.recorded / conditions.delivered
    return LUMISECTION_SECONDS * fraction if fraction > 0 else None


def scalar_number(element: ElementLayout, value: ScalarValue) -> float | str:
    """The value of a scalar or text as people read it: sums are kept in fixed point."""
    booked = element.element
    if isinstance(value.value, str) or not isinstance(booked, Scalar) or not booked.value_range:
        return value.value
    return math.ldexp(value.value, -element.bits)


def quantity_of(element: ElementLayout, cells: Cells, quantity: Quantity) -> Numbers:
    """The quantity in each of n LSs; NaN where it is undefined.

    `mean` and `rms` are of the first axis over the bins without flow (histograms), or of the
    profiled value over all entries (profiles). `error` is that of the mean, rms/sqrt(n): n entries,
    of weighted histograms the effective ones, (sum of weights)^2/(sum of their squares). `median`
    and `quantile:...` are those of the first axis of a histogram, interpolated within a bin
    (`binned_quantile`), without flow as the mean; a profile keeps none of its value. Of a `rate`
    these are the entries, which whoever knows the live time divides.

    Parameters
    ----------
    element
        Where the element's cells are.
    cells
        int64[n, element.size], the element's cells in each LS.
    quantity
        Which number.
    """
    n = cells.shape[0]
    match quantity:
        case "nan" | "outside":
            at = (element.nan if quantity == "nan" else element.outside) - element.offset
            return np.asarray(cells[:, at], np.float64)
        case "entries" | "rate":
            return np.asarray(cells[:, : element.cells].sum(axis=1), np.float64)
        case "median":
            return _quantile(element, cells, 0.5)
        case _ if quantity.startswith("quantile:"):
            return _quantile(element, cells, float(quantity.removeprefix("quantile:")))
        case _:
            moments = _moments(element, cells)
    if moments is None:
        return np.full(n, np.nan)
    total, first, second, effective = moments
    with np.errstate(divide="ignore", invalid="ignore"):
        mean: Numbers = first / total
        rms: Numbers = np.sqrt(np.maximum(second / total - mean * mean, 0.0))
        error: Numbers = rms / np.sqrt(effective)
    return {"mean": mean, "rms": rms, "error": error}[quantity]


def _moments(
    element: ElementLayout, cells: Cells
) -> tuple[Numbers, Numbers, Numbers, Numbers] | None:
    """Sum of weights, of weight times value, and of weight times value squared, per LS; and how
    many entries of equal weight would have the same error."""
    booked = element.element
    planes = cells[:, : element.planes * element.cells]
    if isinstance(booked, Profile):
        by_plane = planes.reshape(len(cells), 3, -1).sum(axis=2).astype(np.float64)
        return (
            by_plane[:, 0],
            np.ldexp(by_plane[:, 1], -element.bits),
            np.ldexp(by_plane[:, 2], -element.square_bits),
            by_plane[:, 0],
        )
    if not isinstance(booked, Histogram):
        return None
    centres = axis_centres(booked.axes[0])
    inside = _first_axis(element, booked, cells)
    weights = np.ldexp(inside[:, 1 if element.planes == 3 else 0], -element.bits)
    total = weights.sum(axis=1)
    effective = total
    if element.planes == 3:
        with np.errstate(divide="ignore", invalid="ignore"):
            effective = total**2 / np.ldexp(inside[:, 2].sum(axis=1), -element.square_bits)
    return total, weights @ centres, weights @ (centres * centres), effective


def _quantile(element: ElementLayout, cells: Cells, fraction: float) -> Numbers:
    """Along the first axis of a histogram; NaN of what has none."""
    booked = element.element
    edges = quantile_edges(booked.axes[0]) if isinstance(booked, Histogram) else None
    if edges is None or not isinstance(booked, Histogram):
        return np.full(len(cells), np.nan)
    # In units of the fixed point: what they are does not matter, and sums of them are exact.
    weights = _first_axis(element, booked, cells)[:, 1 if element.planes == 3 else 0]
    return binned_quantile(edges, weights, fraction)


def _first_axis(element: ElementLayout, booked: Histogram, cells: Cells) -> Numbers:
    """Summed over the other axes, flow and all: float64[n, planes, bins of the first].

    Counts are the only plane; of weighted ones the second plane holds the sums of weights.
    """
    planes = cells[:, : element.planes * element.cells]
    by_plane = planes.reshape(len(cells), element.planes, element.extents[0], -1).sum(axis=3)
    # A category axis has no underflow, and its bins no places: nothing of it is asked for.
    return np.asarray(by_plane[:, :, 1 : 1 + axis_bins(booked.axes[0])], np.float64)
