"""Checks of axes: how many, their bins, and that all numbers make sense."""

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Final

from dqmstream.errors import BookingError
from dqmstream.histograms.layout import axis_bins, axis_extent
from dqmstream.messages.booking import Axis, Category, Integer, Regular, Variable

__all__ = ["MAX_BINS", "MAX_ELEMENT_CELLS", "check_axes"]

MAX_BINS: Final = 10_000
MAX_ELEMENT_CELLS: Final = 4_000_000
_MAX_INTEGER: Final = 2**31
"""Codes and integer bounds stay below it, as in boost-histogram."""


def check_axes(axes: Sequence[Axis], *, most: int) -> None:
    """Refuse axes that cannot be those of one element, of at most so many.

    Raises
    ------
    BookingError
        Naming the axis by its number, and why.
    """
    if not 1 <= len(axes) <= most:
        msg = f"{len(axes)} axes, expected 1 to {most}"
        raise BookingError(msg)
    for number, axis in enumerate(axes):
        try:
            _check_axis(axis)
        except BookingError as error:
            msg = f"axis {number}: {error}"
            raise BookingError(msg) from None
    cells = math.prod(map(axis_extent, axes))
    if cells > MAX_ELEMENT_CELLS:
        msg = f"{cells} bins with flow, at most {MAX_ELEMENT_CELLS}"
        raise BookingError(msg)


def _check_axis(axis: Axis) -> None:
    bins = axis_bins(axis)
    if not 1 <= bins <= MAX_BINS:
        msg = f"{bins} bins, expected 1 to {MAX_BINS}"
        raise BookingError(msg)
    match axis:
        case Regular():
            _check_interval(axis.lower, axis.upper)
        case Variable():
            _check_edges(axis.edges)
        case Integer():
            _check_whole((axis.lower, axis.upper))
            _check_labels(axis.labels, bins)
        case Category():
            _check_whole(axis.codes)
            _check_labels(axis.labels, bins)
            if len(set(axis.codes)) != bins:
                msg = "a code is listed twice"
                raise BookingError(msg)


def _check_interval(lower: float, upper: float) -> None:
    # A width that overflows or vanishes would put every entry in one bin.
    if not (lower < upper and 0 < upper - lower < math.inf):
        msg = f"[{lower}, {upper}) is not a finite, rising interval"
        raise BookingError(msg)


def _check_edges(edges: Sequence[float]) -> None:
    if not all(map(math.isfinite, edges)):
        msg = "an edge is not finite"
        raise BookingError(msg)
    for left, right in itertools.pairwise(edges):
        if not left < right:
            msg = f"edges must rise, {right} follows {left}"
            raise BookingError(msg)


def _check_whole(numbers: Iterable[int]) -> None:
    for number in numbers:
        if abs(number) >= _MAX_INTEGER:
            msg = f"{number} is beyond 2**31"
            raise BookingError(msg)


def _check_labels(labels: Sequence[str], bins: int) -> None:
    if labels and len(labels) != bins:
        msg = f"{len(labels)} labels for {bins} bins"
        raise BookingError(msg)
