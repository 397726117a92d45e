"""Fewer bins of an element: bins merged, axes summed over, ranges cut out. Exact, flow included.

What comes out is an element of its own, with a declaration and a layout, so that all that reads
elements reads it: profiles stay profiles, as entries, sums and sums of squares add up bin by bin.
Entries are never lost: what a range leaves out of an axis that stays goes to that axis' flow, and
what a range leaves out of an axis that is summed over is left out because it was asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from dqmstream.errors import WindowError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import axis_edges
from dqmstream.histograms.layout import ElementLayout, Layout, axis_bins, axis_extent
from dqmstream.messages.booking import (
    Axis,
    Booking,
    Category,
    Histogram,
    Integer,
    Profile,
    Regular,
    Variable,
)

__all__ = ["Reshape", "ReshapeError", "Reshaped"]

Cells = NDArray[np.int64]


class ReshapeError(WindowError):
    """An element has not the axes or bins that a reshape asks for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reshape:
    """What to make of the bins of an element.

    Parameters
    ----------
    axes
        Axes that stay, in the order they shall have, numbered from 0; None keeps all.
    ranges
        By axis, its first and last bin that count, numbered from 1 and both included. Of an axis
        that stays, the others go to the flow; of an axis that is summed over, they are left out
        (without a range an axis is summed over flow and all).
    rebin
        How many bins become one, by axis that stays; missing ones stay as they are.
    """

    axes: tuple[int, ...] | None = None
    ranges: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    rebin: tuple[int, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether everything stays as it is."""
        return self.axes is None and not self.ranges and all(n == 1 for n in self.rebin)

    @property
    def word(self) -> str:
        """What is done, in words: empty for nothing."""
        words = [] if self.axes is None else [f"onto axes {','.join(map(str, self.axes))}"]
        words += [f"axis {axis} bins {a}-{b}" for axis, (a, b) in sorted(self.ranges.items())]
        if any(n != 1 for n in self.rebin):
            words.append(f"rebin {','.join(map(str, self.rebin))}")
        return "; ".join(words)

    def of(self, element: ElementLayout, workspace: str) -> "Reshaped":
        """The reshape of one element.

        Raises
        ------
        ReshapeError
            Naming the path, what was asked, and what the element has.
        """
        return Reshaped(self, element, workspace)


class Reshaped:
    """An element after a reshape: `layout` is its own, of a booking with nothing else in it."""

    def __init__(self, reshape: Reshape, element: ElementLayout, workspace: str) -> None:
        booked = element.element
        if not isinstance(booked, Histogram | Profile):
            msg = f"{booked.path} is a {type(booked).__name__}: it has no bins to reshape"
            raise ReshapeError(msg)
        self._reshape = reshape
        self._before = element
        count = len(booked.axes)
        self._kept = tuple(range(count)) if reshape.axes is None else reshape.axes
        self._factors = reshape.rebin + (1,) * (len(self._kept) - len(reshape.rebin))
        self._check(booked.axes, booked.path)
        # Cropped along all axes first, then summed over those that go, then merged.
        axes = tuple(
            _merged(self._cropped(booked.axes[at], at), factor, booked.path)
            for at, factor in zip(self._kept, self._factors, strict=True)
        )
        # What is filled elsewhere has no expressions.
        fill = tuple(booked.fill[at] for at in self._kept) if booked.fill else ()
        changed = msgspec.structs.replace(booked, axes=axes, fill=fill)
        self.layout = Layout(Booking(workspace=workspace, elements=(changed,)))
        self.element = self.layout.elements[0]

    def contents(self, contents: Contents) -> Contents:
        """The same contents with fewer bins.

        Parameters
        ----------
        contents
            Of the element alone.

        Raises
        ------
        WindowError
            If a fixed-point sum could overflow.
        """
        cells = self.cells(contents.cells[np.newaxis])[0]
        result = Contents.empty(self.layout)
        # Adding checks that no fixed-point sum can have overflowed.
        result.add(Contents(self.layout, cells, contents.scalars, contents.invalid))
        return result

    def cells(self, cells: Cells) -> Cells:
        """The element's cells in several LSs: int64[n, size before] to int64[n, size after]."""
        before, after = self._before, self.element
        count = len(cells)
        bins = cells[:, : before.planes * before.cells]
        planes: Cells = bins.reshape(count, before.planes, *before.extents)
        axes = self._axes()
        for at, axis in enumerate(axes):
            if at in self._reshape.ranges:
                planes = _crop(
                    planes, at + 2, axis, self._reshape.ranges[at], keep_rest=at in self._kept
                )
        gone = tuple(at + 2 for at in range(len(axes)) if at not in self._kept)
        planes = planes.sum(axis=gone) if gone else planes
        left = [at for at in range(len(axes)) if at in self._kept]
        planes = planes.transpose(0, 1, *(2 + left.index(at) for at in self._kept))
        for place, (at, factor) in enumerate(zip(self._kept, self._factors, strict=True)):
            if factor != 1:
                planes = _merge(planes, place + 2, axis_bins(self._cropped(axes[at], at)), factor)
        result = np.empty((count, after.size), np.int64)
        result[:, : after.planes * after.cells] = planes.reshape(count, -1)
        result[:, after.planes * after.cells :] = cells[:, before.planes * before.cells :]
        return result

    def _axes(self) -> tuple[Axis, ...]:
        booked = self._before.element
        return booked.axes if isinstance(booked, Histogram | Profile) else ()

    def _cropped(self, axis: Axis, at: int) -> Axis:
        chosen = self._reshape.ranges.get(at)
        return axis if chosen is None else _cut(axis, *chosen)

    def _check(self, axes: Sequence[Axis], path: str) -> None:
        wrong = [at for at in (*self._kept, *self._reshape.ranges) if not 0 <= at < len(axes)]
        if wrong or not self._kept or len(set(self._kept)) != len(self._kept):
            msg = (
                f"{path} has axes 0 to {len(axes) - 1}: axes {list(self._kept)} and ranges of "
                f"{sorted(self._reshape.ranges)} asked for, expected some of them, each once"
            )
            raise ReshapeError(msg)
        if len(self._factors) != len(self._kept):
            msg = f"{path}: {len(self._reshape.rebin)} rebin factors for {len(self._kept)} axes"
            raise ReshapeError(msg)
        for at, (first, last) in self._reshape.ranges.items():
            bins = axis_bins(axes[at])
            if not 1 <= first <= last <= bins:
                msg = f"{path}: bins {first}-{last} of axis {at}, expected 1 <= a <= b <= {bins}"
                raise ReshapeError(msg)


def _cut(axis: Axis, first: int, last: int) -> Axis:
    """The axis of bins `first` to `last`."""
    match axis:
        case Regular():
            edges = axis_edges(axis)
            return msgspec.structs.replace(
                axis, bins=last - first + 1, lower=float(edges[first - 1]), upper=float(edges[last])
            )
        case Variable():
            return msgspec.structs.replace(axis, edges=axis.edges[first - 1 : last + 1])
        case Integer():
            return msgspec.structs.replace(
                axis,
                lower=axis.lower + first - 1,
                upper=axis.lower + last,
                labels=axis.labels[first - 1 : last],
            )
        case Category():
            return msgspec.structs.replace(
                axis, codes=axis.codes[first - 1 : last], labels=axis.labels[first - 1 : last]
            )


def _merged(axis: Axis, factor: int, path: str) -> Axis:
    """The axis on which each `factor` neighbouring bins are one."""
    bins = axis_bins(axis)
    if factor < 1 or bins % factor:
        possible = [n for n in range(1, bins + 1) if bins % n == 0]
        msg = f"{path}: rebin by {factor}, expected a divisor of {bins} bins: {possible[:20]}"
        raise ReshapeError(msg)
    if factor == 1:
        return axis
    match axis:
        case Regular():
            return msgspec.structs.replace(axis, bins=bins // factor)
        case Variable():
            return msgspec.structs.replace(axis, edges=axis.edges[::factor])
        case Integer():
            return Regular(
                bins=bins // factor,
                lower=float(axis.lower),
                upper=float(axis.upper),
                label=axis.label,
                unit=axis.unit,
            )
        case Category():
            msg = f"{path}: rebin by {factor} of a category axis, whose bins are no neighbours"
            raise ReshapeError(msg)


def _crop(planes: Cells, at: int, axis: Axis, chosen: tuple[int, int], *, keep_rest: bool) -> Cells:
    """Bins `chosen` of array axis `at`; with `keep_rest` the others are in the flow."""
    first, last = chosen
    under = 0 if isinstance(axis, Category) else 1
    start, stop = first - 1 + under, last + under
    extent = axis_extent(axis)
    inside = _part(planes, at, start, stop)
    if not keep_rest:
        return inside
    below = _part(planes, at, 0, start).sum(axis=at, keepdims=True)
    above = _part(planes, at, stop, extent).sum(axis=at, keepdims=True)
    # A category axis has one flow bin, the last: all other codes.
    parts = (inside, below + above) if isinstance(axis, Category) else (below, inside, above)
    return np.concatenate(parts, axis=at)


def _merge(planes: Cells, at: int, bins: int, factor: int) -> Cells:
    """Each `factor` bins of array axis `at` summed; its first and last cell are flow."""
    under, over = _part(planes, at, 0, 1), _part(planes, at, bins + 1, bins + 2)
    inside = _part(planes, at, 1, bins + 1)
    shape = inside.shape
    grouped = inside.reshape(*shape[:at], bins // factor, factor, *shape[at + 1 :]).sum(axis=at + 1)
    return np.concatenate((under, grouped, over), axis=at)


def _part(planes: Cells, at: int, start: int, stop: int) -> Cells:
    return planes[(slice(None),) * at + (slice(start, stop),)]
