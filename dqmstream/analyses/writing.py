"""Numbers into the elements of a workspace that an analysis fills: binned as fillers bin."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dqmstream.errors import BookingError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout, Layout, axis_bins
from dqmstream.messages.booking import (
    Axis,
    Category,
    Histogram,
    Integer,
    Profile,
    Regular,
    Scalar,
    Text,
    Variable,
)
from dqmstream.messages.histograms import ScalarValue

__all__ = ["ElementWriter", "bin_of"]

Array = NDArray[Any]


class ElementWriter:
    """The contents of one LS, written element by element.

    Parameters
    ----------
    layout
        Of the workspace; elements that nobody writes stay empty.
    """

    def __init__(self, layout: Layout) -> None:
        self.contents = Contents.empty(layout)

    def scalar(self, path: str, value: float) -> None:
        """The number of a Scalar. One that is not finite, or a sum outside its declared range,
        makes it invalid."""
        place = self._place(path, Scalar)
        assert isinstance(place.element, Scalar)  # noqa: S101 _place checked it
        bounds = place.element.value_range
        if not math.isfinite(value):
            self.invalid(path, f"the analysis found {value}")
        elif bounds is not None and not bounds[0] <= value <= bounds[1]:
            self.invalid(path, f"the analysis found {value}, expected {bounds[0]} to {bounds[1]}")
        elif bounds is not None:
            exact = round(math.ldexp(float(value), place.bits))
            self.contents.scalars[place.index] = ScalarValue(value=exact)
        else:
            number = int(value) if isinstance(value, int | np.integer) else float(value)
            self.contents.scalars[place.index] = ScalarValue(value=number)

    def text(self, path: str, value: str) -> None:
        """The string of a Text."""
        self.contents.scalars[self._place(path, Text).index] = ScalarValue(value=value)

    def fill(self, path: str, *coordinates: ArrayLike, weight: ArrayLike | None = None) -> None:
        """Add entries to a Histogram or a Profile.

        Parameters
        ----------
        coordinates
            For each axis float64[n] in its unit.
        weight
            float64[n] or one number: weights of a Histogram that has a `weight_range`, the averaged
            value of a Profile. Entries outside the declared range are counted as outside, such
            with a NaN as NaN.
        """
        place = self._place(path, Histogram | Profile)
        element = place.element
        assert isinstance(element, Histogram | Profile)  # noqa: S101 _place checked it
        if len(coordinates) != len(element.axes) or (place.planes == 1) != (weight is None):
            msg = (
                f"{path}: {len(coordinates)} coordinates for {len(element.axes)} axes, "
                f"{'no' if weight is None else 'a'} weight for {place.planes} planes of cells"
            )
            raise BookingError(msg)
        arrays = [np.atleast_1d(np.asarray(one, np.float64)) for one in coordinates]
        weights = np.asarray(0.0 if weight is None else weight, np.float64)
        values = np.broadcast_to(weights, arrays[0].shape)
        bad = np.isnan(np.stack([*arrays, values])).any(axis=0)
        outside = np.zeros(bad.shape, bool)
        bounds = element.value_range if isinstance(element, Profile) else element.weight_range
        if bounds is not None:
            outside = ~bad & ((values < bounds[0]) | (values > bounds[1]))
        good = ~(bad | outside)
        bins = [bin_of(axis, array[good]) for axis, array in zip(element.axes, arrays, strict=True)]
        cells = np.ravel_multi_index(tuple(bins), place.extents)
        self._count(place, cells, values[good])
        self.contents.cells[place.nan] += int(bad.sum())
        self.contents.cells[place.outside] += int(outside.sum())

    def cells(self, path: str, counts: ArrayLike) -> None:
        """All counts of an unweighted Histogram at once, flow bins included: int64 in the extents
        of its axes (`dqmstream.histograms.layout.axis_extent`)."""
        place = self._place(path, Histogram)
        numbers = np.asarray(counts)
        if place.planes != 1 or numbers.shape != place.extents:
            msg = f"{path}: counts {numbers.shape}, expected {place.extents} unweighted ones"
            raise BookingError(msg)
        self.contents.cells[place.offset : place.offset + place.cells] = numbers.ravel()

    def invalid(self, path: str, reason: str) -> None:
        """An element has nothing to show for this LS, and why."""
        self.contents.mark_invalid(self.contents.layout[path].index, reason[:300])

    def _place(self, path: str, kind: Any) -> ElementLayout:
        layout = self.contents.layout
        if path not in layout:
            msg = f"workspace {layout.workspace!r} has no element {path!r}"
            raise BookingError(msg)
        place = layout[path]
        if not isinstance(place.element, kind):
            msg = f"{path}: is a {type(place.element).__name__}, which is written in another way"
            raise BookingError(msg)
        return place

    def _count(self, place: ElementLayout, cells: Array, values: Array) -> None:
        size = place.cells
        planes = self.contents.cells[place.offset : place.offset + place.planes * size]
        planes = planes.reshape(place.planes, size)
        np.add.at(planes[0], cells, 1)
        if place.planes == 1:
            return
        for plane, numbers, bits in (
            (planes[1], values, place.bits),
            (planes[2], values * values, place.square_bits),
        ):
            np.add.at(plane, cells, np.rint(np.ldexp(numbers, bits)).astype(np.int64))


def bin_of(axis: Axis, values: Array) -> Array:
    """Index of the bin of each value with flow, as the filling kernel finds it: int64[n].

    Parameters
    ----------
    values
        float64[n] without NaN, in the axis's unit.
    """
    bins = axis_bins(axis)
    match axis:
        case Regular():
            # As boost-histogram: a fraction of the whole axis first, so that edges fall alike.
            place = (values - axis.lower) / (axis.upper - axis.lower) * bins
            found = np.clip(np.floor(place), -1, bins) + 1
        case Variable():
            found = np.searchsorted(np.asarray(axis.edges), values, side="right")
        case Integer():
            found = np.clip(np.floor(values) - axis.lower, -1, bins) + 1
        case Category():
            codes = np.asarray(axis.codes)
            matches = np.floor(values)[:, None] == codes[None, :]
            found = np.where(matches.any(axis=1), matches.argmax(axis=1), bins)
    return np.asarray(found).astype(np.int64)
