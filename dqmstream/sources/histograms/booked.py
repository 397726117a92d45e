"""How a path is booked in a run: its kind and range are those that hold all that came."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from dqmstream.errors import BookingError
from dqmstream.histograms.layout import fixed_point_bits
from dqmstream.messages.booking import Draw, Histogram, Profile
from dqmstream.sources.histograms.histogram import Bins, ImportedHistogram

__all__ = ["booked_as", "counts_of", "is_whole"]

_LEAST_EXPONENT: Final = -300
"""Of a range, in powers of two: bookings take none much smaller, and all below is 0 in it."""


def booked_as(path: str, histograms: Sequence[ImportedHistogram]) -> Histogram | Profile:
    """How a path is booked in a run."""
    first = histograms[0]
    if first.kind == "values":
        if all(is_whole(one.values) for one in histograms):
            return counts_of(first, path)
        lowest = min(float(one.values.min()) for one in histograms)
        largest = _power_of_two(max(map(_largest_weight, histograms)))
        return Histogram(
            path=path,
            title=first.title,
            axes=first.axes,
            fill=(),
            weight_range=(-largest if lowest < 0 else 0.0, largest),
            draw=Draw(),
        )
    return Profile(
        path=path,
        title=first.title,
        axes=first.axes,
        fill=(),
        value="",
        value_range=_value_range(histograms),
    )


def _value_range(histograms: Sequence[ImportedHistogram]) -> tuple[float, float]:
    """The declared range, if all have one and it is the same; else one that holds what came."""
    declared = {one.value_range for one in histograms}
    if len(declared) == 1 and (only := declared.pop()) is not None and _sane(*only):
        return only
    largest = 0.0
    for one in histograms:
        if one.kind == "means":
            largest = max(largest, float(np.abs(one.values).max()))
        elif one.squares is not None:
            # No value can be further from 0 than the root of the sum of all squares.
            largest = max(largest, math.sqrt(float(one.squares.max())))
        else:
            largest = max(largest, float(np.abs(one.values).max()))
    return -_power_of_two(largest), _power_of_two(largest)


def _sane(lower: float, upper: float) -> bool:
    try:
        fixed_point_bits(lower, upper)
    except BookingError:
        return False
    return True


def _largest_weight(one: ImportedHistogram) -> float:
    """What no weight was further from 0 than: neither a bin's sum, if all were of one sign, nor
    the root of its sum of squares."""
    largest = float(np.abs(one.values).max())
    if one.squares is None:
        return largest
    return max(largest, math.sqrt(float(one.squares.max())))


def _power_of_two(value: float) -> float:
    """The least power of two that is not below a value; 1 for 0."""
    return 2.0 ** max(math.ceil(math.log2(value)), _LEAST_EXPONENT) if value > 0 else 1.0


def counts_of(one: ImportedHistogram, path: str) -> Histogram:
    return Histogram(path=path, title=one.title, axes=one.axes, fill=())


def is_whole(cells: Bins) -> bool:
    return bool((cells == np.rint(cells)).all())
