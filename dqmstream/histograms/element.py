"""One MonitorElement as seen in some contents: its numbers, with flow or without.

All numbers come from the integers of the flat buffer. Let n, S and Q be entries, sum and sum of
squares of a bin:

- counts: value n, error sqrt(n);
- weighted: value S, error sqrt(Q);
- profile: value S/n, spread sqrt(Q/n - (S/n)^2), error spread/sqrt(n); NaN where n is 0.

Mean and standard deviation along an axis take each bin at its centre (an integer axis at the
integer itself), without flow: sum(v c)/sum(v) and sqrt(sum(v (c - mean)^2)/sum(v)), where v are
the values, or the entries of a profile. ROOT's are from the unbinned values and differ by up to
the width of a bin.
"""

import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.booking import (
    Axis,
    Category,
    Element,
    Histogram,
    Integer,
    Profile,
    Regular,
    Scalar,
    Variable,
)

if TYPE_CHECKING:
    import boost_histogram as bh

__all__ = ["MonitorElement", "axis_centres", "axis_edges"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class MonitorElement:
    """A view of one element; it shares the cells of `contents` and changes with them.

    Parameters
    ----------
    contents
        Of a workspace over some window.
    place
        The element's place in the contents' layout.
    """

    __slots__ = ("_cells", "contents", "place")

    def __init__(self, contents: Contents, place: ElementLayout) -> None:
        self.contents = contents
        self.place = place
        self._cells = contents.cells[place.offset : place.offset + place.size]

    @classmethod
    def at(cls, contents: Contents, path: str) -> Self:
        """The element booked at `path`; KeyError if there is none."""
        return cls(contents, contents.layout[path])

    @property
    def booked(self) -> Element:
        """The declaration."""
        return self.place.element

    @property
    def path(self) -> str:
        return self.booked.path

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes of a histogram or profile; none of a scalar or text."""
        return self.booked.axes if isinstance(self.booked, Histogram | Profile) else ()

    @property
    def weighted(self) -> bool:
        """Whether its bins hold sums of weights."""
        return isinstance(self.booked, Histogram) and self.place.planes > 1

    @property
    def invalid(self) -> str:
        """Why it could not be filled in all of the window; empty if it could."""
        return self.contents.invalid.get(self.place.index, "")

    @property
    def entries(self) -> int:
        """Entries in all bins, flow included; `nan` and `outside` ones are in none."""
        return int(self._cells[: self.place.cells].sum())

    @property
    def nan(self) -> int:
        """Entries with a NaN fill, weight or profile value."""
        return int(self._cells[-2]) if self.axes else 0

    @property
    def outside(self) -> int:
        """Entries whose weight or profile value was out of its declared range."""
        return int(self._cells[-1]) if self.axes else 0

    @property
    def value(self) -> int | float | str | None:
        """Value of a scalar or text; None while it has none."""
        found = self.contents.scalars.get(self.place.index)
        if found is None or isinstance(found.value, str):
            return None if found is None else found.value
        if isinstance(self.booked, Scalar) and self.booked.value_range is not None:
            return math.ldexp(found.value, -self.place.bits)
        return found.value

    def counts(self, *, flow: bool = False) -> Counts:
        """Entries of each bin: int64 over the axes, in C order."""
        return self._trim(self._plane(0), flow=flow)

    def values(self, *, flow: bool = False) -> Counts | Floats:
        """What is drawn: int64 counts, float64 sums of weights, or float64 means of a profile."""
        if self.place.planes == 1:
            return self.counts(flow=flow)
        sums: Floats = self._trim(self._sums(), flow=flow)
        if self.weighted:
            return sums
        return _divide(sums, self.counts(flow=flow))

    def errors(self, *, flow: bool = False) -> Floats:
        """Standard error of each of `values`."""
        counts = self.counts(flow=flow)
        if self.place.planes == 1:
            return np.sqrt(counts.astype(np.float64))
        if self.weighted:
            squares: Floats = self._trim(self._squares(), flow=flow)
            return np.sqrt(squares)
        return _divide(self.spreads(flow=flow), np.sqrt(counts))

    def spreads(self, *, flow: bool = False) -> Floats:
        """Standard deviation of the values in each bin of a profile."""
        if not isinstance(self.booked, Profile):
            msg = f"{self.path} is a {type(self.booked).__name__}, only a Profile has spreads"
            raise TypeError(msg)
        counts = self.counts(flow=flow)
        mean = _divide(self._trim(self._sums(), flow=flow), counts)
        squares = _divide(self._trim(self._squares(), flow=flow), counts)
        # Fixed point may leave a variance of 0 a little below it.
        variance: Floats = np.maximum(squares - mean * mean, 0.0)
        return np.sqrt(variance)

    def mean(self, axis: int = 0) -> float:
        """Mean along an axis, in its unit; NaN without entries or along a category axis."""
        weights, centres = self._projected(axis)
        return float(_divide(np.dot(weights, centres), np.sum(weights)))

    def std(self, axis: int = 0) -> float:
        """Standard deviation along an axis, in its unit; NaN where the mean is."""
        weights, centres = self._projected(axis)
        moment = np.dot(weights, (centres - self.mean(axis)) ** 2)
        return math.sqrt(max(float(_divide(moment, np.sum(weights))), 0.0))

    def to_boost(self) -> "bh.Histogram[Any]":
        """A boost-histogram with the same bins: storage Int64, Weight or Mean."""
        from dqmstream.histograms.interchange import to_boost  # noqa: PLC0415 loads boost

        return to_boost(self)

    def to_uhi(self) -> dict[str, Any]:
        """The element in the UHI serialisation, as JSON types."""
        from dqmstream.histograms.interchange import to_uhi  # noqa: PLC0415 loads boost

        return to_uhi(self)

    def to_plot(self) -> dict[str, Any]:
        """What is needed to draw it, as JSON types; integers stay integers."""
        from dqmstream.histograms.plot import to_plot  # noqa: PLC0415 only for drawing

        return to_plot(self)

    def _plane(self, number: int) -> Counts:
        if not self.axes:
            msg = f"{self.path} is a {type(self.booked).__name__}: it has no bins"
            raise TypeError(msg)
        size = self.place.cells
        return self._cells[number * size : (number + 1) * size].reshape(self.place.extents)

    def _sums(self) -> Floats:
        return np.ldexp(self._plane(1).astype(np.float64), -self.place.bits)

    def _squares(self) -> Floats:
        return np.ldexp(self._plane(2).astype(np.float64), -self.place.square_bits)

    def _trim(self, cells: NDArray[Any], *, flow: bool) -> NDArray[Any]:
        if flow:
            return cells
        return cells[
            tuple(
                slice(0, -1) if isinstance(axis, Category) else slice(1, -1) for axis in self.axes
            )
        ]

    def _projected(self, axis: int) -> tuple[Floats, Floats]:
        """Values (entries of a profile) along one axis, and the bins' centres."""
        values = self.counts() if isinstance(self.booked, Profile) else self.values()
        others = tuple(number for number in range(values.ndim) if number != axis)
        return values.sum(axis=others).astype(np.float64), axis_centres(self.axes[axis])


def axis_edges(axis: Axis) -> Floats:
    """Edges of the bins without flow: float64[bins + 1]; of a category axis 0, 1, 2, ..."""
    match axis:
        case Regular():
            # Not linspace: it can miss the upper edge by one unit in the last place.
            steps = np.arange(axis.bins + 1) / axis.bins
            return axis.lower * (1 - steps) + axis.upper * steps
        case Variable():
            return np.array(axis.edges)
        case Integer():
            return np.arange(axis.lower, axis.upper + 1, dtype=np.float64)
        case Category():
            return np.arange(len(axis.codes) + 1, dtype=np.float64)


def axis_centres(axis: Axis) -> Floats:
    """Where the bins of an axis stand: middles, the integers themselves, NaN for categories."""
    edges = axis_edges(axis)
    match axis:
        case Integer():
            return edges[:-1]
        case Category():
            return np.full(len(axis.codes), np.nan)
        case _:
            return (edges[:-1] + edges[1:]) / 2


def _divide(a: Any, b: Any) -> Floats:
    """a / b, NaN where b is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(b == 0, np.nan, np.divide(a, b)), np.float64)
