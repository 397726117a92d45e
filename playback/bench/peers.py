"""What the filling kernel is compared with: loops over peers' histograms, and plain Numba loops."""

from collections.abc import Sequence
from typing import Any, Final

import boost_histogram as bh
import numba
import numpy as np
from numpy.typing import NDArray

from dqmstream.messages.booking import Regular

__all__ = ["BoostLoop", "HandLoop", "Increments", "NumpyLoop"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

_LIMIT_ENTRIES: Final = 100_000
_LIMIT_BINS: Final = 100


class BoostLoop:
    """One boost-histogram for each element, filled one after the other from Python.

    Parameters
    ----------
    axes
        One for each element.
    columns
        Which column each element is filled from.
    """

    def __init__(self, axes: Sequence[Regular], columns: Sequence[int]) -> None:
        self.histograms = [
            bh.Histogram(
                bh.axis.Regular(axis.bins, axis.lower, axis.upper), storage=bh.storage.Int64()
            )
            for axis in axes
        ]
        self._columns = columns

    def fill(self, batch: Sequence[Floats]) -> None:
        for histogram, column in zip(self.histograms, self._columns, strict=True):
            histogram.fill(batch[column])


class NumpyLoop:
    """One `numpy.histogram` call for each element, summed up; it drops flow."""

    def __init__(self, axes: Sequence[Regular], columns: Sequence[int]) -> None:
        self._ranges = [(axis.bins, (axis.lower, axis.upper)) for axis in axes]
        self._columns = columns
        self.counts = [np.zeros(axis.bins, np.int64) for axis in axes]

    def fill(self, batch: Sequence[Floats]) -> None:
        for index, ((bins, limits), column) in enumerate(
            zip(self._ranges, self._columns, strict=True)
        ):
            self.counts[index] += np.histogram(batch[column], bins, limits)[0]


class HandLoop:
    """One histogram filled by the loop one would write by hand, with our rules of flow and NaN."""

    def __init__(self, axis: Regular) -> None:
        self._axis = axis
        self.counts = np.zeros(axis.bins + 3, np.int64)

    def fill(self, values: Floats) -> None:
        axis = self._axis
        _fill_by_hand(self.counts, values, axis.lower, axis.upper - axis.lower, axis.bins)


class Increments:
    """The limit: counts in the first-level cache incremented at bins that are known already."""

    entries = _LIMIT_ENTRIES

    def __init__(self, rng: np.random.Generator) -> None:
        self.counts = np.zeros(_LIMIT_BINS, np.int64)
        self._bins = rng.integers(0, _LIMIT_BINS, _LIMIT_ENTRIES).astype(np.uint8)

    def run(self) -> None:
        _increment(self.counts, self._bins)


def _compiled(function: Any) -> Any:
    return numba.njit(nogil=True)(function)


@_compiled
def _fill_by_hand(counts: Any, values: Any, lower: float, width: float, bins: int) -> None:
    for value in values:
        if np.isnan(value):
            counts[bins + 2] += 1
            continue
        position = (value - lower) / width
        if position >= 1.0:
            counts[bins + 1] += 1
        elif position >= 0.0:
            counts[int(position * bins) + 1] += 1
        else:
            counts[0] += 1


@_compiled
def _increment(counts: Any, bins: Any) -> None:
    for index in bins:
        counts[index] += 1
