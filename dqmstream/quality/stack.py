"""Stacks: the bins of several MonitorElements of one shape, as arrays with one row for each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.booking import Axis, Category, Element, Profile
from dqmstream.quality.bands import Band

__all__ = [
    "BandStack",
    "PastStack",
    "ReferenceStack",
    "Stack",
    "per_element",
    "same_shape",
    "stack_cells",
    "stack_elements",
]

AnyT = TypeVar("AnyT", bound=np.generic)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    """Bins of n elements with the same axes and storage.

    Parameters
    ----------
    axes
        The axes all of them have.
    entries
        int64[n, extents...], flow bins included (underflow first, overflow last; a category axis
        has only a last bin, for all other codes).
    sums, squares
        float64[n, extents...] sums of weights or profile values, and of their squares; None for
        plain counts.
    profile
        Whether a bin shows the mean of its values rather than their sum.
    references
        The same elements when all was well, the reference of choice first; for an algorithm that
        compares with a partner (data with an emulator), the partner alone.
    bands
        What the elements look like in many good LSs: none or one.
    past
        The same elements in LSs before, the oldest first.
    lumisection
        Number of the LS they are of, or of the last one of several.
    luminosity
        Recorded in it, in /pb, where numbers of entries are to be compared by luminosity; else
        None.
    """

    axes: tuple[Axis, ...]
    entries: NDArray[np.int64]
    sums: NDArray[np.float64] | None = None
    squares: NDArray[np.float64] | None = None
    profile: bool = False
    references: tuple["ReferenceStack", ...] = ()
    bands: tuple["BandStack", ...] = ()
    past: tuple["PastStack", ...] = ()
    lumisection: int = 0
    luminosity: float | None = None

    def __len__(self) -> int:
        return len(self.entries)

    def rows(self, start: int, stop: int) -> "Stack":
        """The stack of some of its elements."""
        some = slice(start, stop)
        return Stack(
            axes=self.axes,
            entries=self.entries[some],
            sums=None if self.sums is None else self.sums[some],
            squares=None if self.squares is None else self.squares[some],
            profile=self.profile,
            references=tuple(
                ReferenceStack(stack=each.stack.rows(start, stop), scale=each.scale[some])
                for each in self.references
            ),
            bands=tuple(each.rows(start, stop) for each in self.bands),
            past=tuple(
                PastStack(lumisection=each.lumisection, stack=each.stack.rows(start, stop))
                for each in self.past
            ),
            lumisection=self.lumisection,
            luminosity=self.luminosity,
        )

    def row(self, index: int) -> "Stack":
        """The stack of one element of it."""
        return self.rows(index, index + 1)

    @property
    def inner(self) -> tuple[slice, ...]:
        """Index that leaves the flow bins out."""
        flow = (slice(0, -1) if isinstance(axis, Category) else slice(1, -1) for axis in self.axes)
        return (slice(None), *flow)

    @property
    def content(self) -> NDArray[np.float64]:
        """float64[n, extents...] as a plot shows them: counts, sums of weights, or means.

        A profile's mean is NaN in a bin without entries.
        """
        if self.sums is None:
            return self.entries.astype(np.float64)
        if not self.profile:
            return self.sums
        means = np.full(self.sums.shape, np.nan)
        np.divide(self.sums, self.entries, out=means, where=self.entries > 0)
        return means


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceStack:
    """The elements of a stack as they were when all was well.

    Parameters
    ----------
    stack
        n elements, of the axes and storage of those they are compared with.
    scale
        float64[n] by which contents of the reference are multiplied to be those expected: of equal
        entries, LSs or luminosity, or 1. A profile's means are never scaled.
    """

    stack: Stack
    scale: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class BandStack:
    """What good LSs look like: per bin a median and a range that most of them lie in.

    Parameters
    ----------
    centre, lower, upper
        float64[n, extents...] of content per unit: median, and the quantiles 0.1587 and 0.8413 of
        LSs, in which their own statistics are included. NaN where nothing is known.
    scale
        float64[n] units of the elements compared: entries, LSs, luminosity, or 1.
    members
        int64[n] LSs that the band was made of.
    statistical
        float64[n, extents...] variance per unit squared that counting alone gave the members, mean.
    usual
        float64[n, 3] mean, variance and third central moment, over the members themselves, of the
        sum of squares of pulls per degree of freedom (`usual_squares`); NaN where not known.
    """

    centre: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    statistical: NDArray[np.float64]
    scale: NDArray[np.float64]
    members: NDArray[np.int64]
    usual: NDArray[np.float64] | None = None

    @classmethod
    def of_one(cls, band: Band, scale: NDArray[np.float64], members: int) -> Self:
        """The same band, made of so many LSs, for all elements; `scale` is that of each."""

        def spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.broadcast_to(values, (len(scale), *values.shape))

        return cls(
            centre=spread(band.centre),
            lower=spread(band.lower),
            upper=spread(band.upper),
            statistical=spread(band.statistical),
            scale=scale,
            members=np.full(len(scale), members),
        )

    def rows(self, start: int, stop: int) -> "BandStack":
        """The bands of some elements of it."""
        some = slice(start, stop)
        return BandStack(
            centre=self.centre[some],
            lower=self.lower[some],
            upper=self.upper[some],
            statistical=self.statistical[some],
            scale=self.scale[some],
            members=self.members[some],
            usual=None if self.usual is None else self.usual[some],
        )

    def row(self, index: int) -> "BandStack":
        """The band of one element of it."""
        return self.rows(index, index + 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class PastStack:
    """The elements of a stack in an LS before."""

    lumisection: int
    stack: Stack


def same_shape(
    elements: Iterable[ElementLayout],
) -> list[tuple[ElementLayout, ...]]:
    """Elements in groups that can be stacked, in the order in which they come."""
    groups: dict[object, list[ElementLayout]] = {}
    for layout in elements:
        element = layout.element
        key = (isinstance(element, Profile), _axes(element), layout.planes, layout.bits)
        groups.setdefault(key, []).append(layout)
    return [tuple(group) for group in groups.values()]


def stack_elements(contents: Contents, group: Sequence[ElementLayout]) -> Stack:
    """The bins of a group of `same_shape`, taken out of the flat buffer."""
    first = group[0]
    size = first.planes * first.cells
    offsets = np.fromiter((layout.offset for layout in group), np.intp, len(group))
    taken = contents.cells[offsets[:, None] + np.arange(size)]
    return stack_cells(first, taken)


def stack_cells(layout: ElementLayout, cells: NDArray[np.int64]) -> Stack:
    """cells[n, planes * cells], each row stored as an element of this layout is."""
    planes = np.moveaxis(cells.reshape(len(cells), layout.planes, *layout.extents), 1, 0)
    weighted = layout.planes == 3
    return Stack(
        axes=_axes(layout.element),
        entries=planes[0],
        sums=np.ldexp(planes[1].astype(np.float64), -layout.bits) if weighted else None,
        squares=np.ldexp(planes[2].astype(np.float64), -layout.square_bits) if weighted else None,
        profile=isinstance(layout.element, Profile),
    )


def per_element(values: NDArray[AnyT]) -> NDArray[AnyT]:
    """values[n, bins...] as [n, all bins]: to reduce over the bins of each element."""
    return values.reshape(len(values), -1)


def _axes(element: Element) -> tuple[Axis, ...]:
    return getattr(element, "axes", ())
