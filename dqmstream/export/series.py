"""One element over many lumisections (LSs), and pieces of it as arrays with a row per LS."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqmstream.export.about import About, element_words
from dqmstream.histograms.element import axis_edges
from dqmstream.histograms.layout import ElementLayout, axis_bins
from dqmstream.messages.booking import Category, Histogram, Profile

__all__ = ["Piece", "Series"]


class Piece(NamedTuple):
    """Some LSs: int64[n] numbers, bool[n] flags, int64[n, element.size] cells."""

    lumisections: NDArray[np.int64]
    closed: NDArray[np.bool_]
    complete: NDArray[np.bool_]
    cells: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """What is written: an element with bins, over the LSs that `about` covers.

    Parameters
    ----------
    place, workspace, labels
        The element, and the run's names of the values of columns.
    about
        The LSs; as many rows come as it names.
    flow
        Whether the flow is part of each row.
    """

    place: ElementLayout
    workspace: str
    about: About
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    flow: bool = True

    @property
    def rows(self) -> int:
        return len(self.about.lumisections)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row."""
        if self.flow:
            return self.place.extents
        return tuple(axis_bins(axis) for axis in self._booked.axes)

    @property
    def columns(self) -> dict[str, str]:
        """Names and dtypes of the arrays with bins."""
        summed = {"values": "<f8", "errors": "<f8"} if self.place.planes > 1 else {}
        return {"counts": "<i8", **summed}

    @property
    def edges(self) -> list[NDArray[np.float64]]:
        return [axis_edges(axis) for axis in self._booked.axes]

    def words(self) -> dict[str, Any]:
        """What it is and what it covers, as JSON types."""
        words = element_words(self.place, self.workspace, self.labels)
        return {**words, "shape": list(self.shape), "with_flow": self.flow, **self.about.words()}

    def numbers(self, piece: Piece) -> dict[str, NDArray[Any]]:
        """The arrays with bins of a piece, by the formulas of `dqmstream.histograms.element`."""
        place = self.place
        planes = piece.cells[:, : place.planes * place.cells]
        planes = planes.reshape(len(planes), place.planes, *place.extents)
        if not self.flow:
            planes = planes[(slice(None), slice(None), *map(_inside, self._booked.axes))]
        counts = np.ascontiguousarray(planes[:, 0])
        if place.planes == 1:
            return {"counts": counts}
        sums = np.ldexp(planes[:, 1].astype(np.float64), -place.bits)
        squares = np.ldexp(planes[:, 2].astype(np.float64), -place.square_bits)
        if not isinstance(self._booked, Profile):
            return {"counts": counts, "values": sums, "errors": np.sqrt(squares)}
        with np.errstate(divide="ignore", invalid="ignore"):
            means = np.where(counts == 0, np.nan, sums / counts)
            variance = np.maximum(squares / counts - means * means, 0.0)
            errors = np.where(counts == 0, np.nan, np.sqrt(variance) / np.sqrt(counts))
        return {"counts": counts, "values": means, "errors": errors}

    @property
    def _booked(self) -> Histogram | Profile:
        booked = self.place.element
        if not isinstance(booked, Histogram | Profile):
            msg = f"{booked.path} is a {type(booked).__name__}: it has no bins"
            raise TypeError(msg)
        return booked


def _inside(axis: object) -> slice:
    return slice(0, -1) if isinstance(axis, Category) else slice(1, -1)
