"""A workspace's elements as the tables of the filling kernel."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqmstream.booking.fill import fill_of
from dqmstream.booking.program import Program
from dqmstream.histograms.layout import ElementLayout, Layout, axis_bins
from dqmstream.kernels.filling import (
    AXIS,
    CATEGORY,
    FILL,
    INTEGER,
    REGULAR,
    SEVERAL_NAN,
    VARIABLE,
)
from dqmstream.messages.booking import (
    Axis,
    Category,
    Histogram,
    Integer,
    Profile,
    Regular,
    Variable,
)

__all__ = ["Plan", "Slots", "plan_of"]


class Slots:
    """Slots of a program that the kernel reads, numbered from 0 in the order they were asked."""

    def __init__(self) -> None:
        self.slots: list[int] = []
        self._numbers: dict[int, int] = {}

    def number(self, slot: int) -> int:
        """Number of a slot, the same each time."""
        if slot not in self._numbers:
            self._numbers[slot] = len(self.slots)
            self.slots.append(slot)
        return self._numbers[slot]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All elements with axes of one layout.

    Row i of `fills` fills element `elements[i]` and reads the program's slots `needs[i]`. `columns`
    and `rows` are the slots behind the numbers in the tables: values, and rows of selections.
    """

    fills: NDArray[Any]
    axes: NDArray[Any]
    edges: NDArray[np.float64]
    elements: tuple[int, ...]
    needs: tuple[tuple[int, ...], ...]
    columns: tuple[int, ...]
    rows: tuple[int, ...]


def plan_of(layout: Layout, program: Program) -> Plan:
    """Tables for a layout; its expressions are added to `program`."""
    columns, rows = Slots(), Slots()
    fills: list[tuple[Any, ...]] = []
    axes: list[tuple[Any, ...]] = []
    edges: list[float] = []
    elements: list[int] = []
    needs: list[tuple[int, ...]] = []
    for place in layout:
        element = place.element
        if not isinstance(element, Histogram | Profile):
            continue
        fill = fill_of(element)
        slots = [program.add(node, fill.level) for node in fill.axes]
        value = None if fill.value is None else program.add(fill.value, fill.level)
        chosen = None
        if fill.select is not None:
            chosen = program.add_rows(program.add(fill.select, fill.level))
        fills.append(
            (
                len(axes),
                len(slots),
                -1 if chosen is None else rows.number(chosen),
                -1 if value is None else columns.number(value),
                place.offset,
                place.cells,
                *_range_of(place),
            )
        )
        strides = _strides(place.extents)
        for axis, slot, stride in zip(element.axes, slots, strides, strict=True):
            nan = place.cells if len(slots) == 1 else SEVERAL_NAN
            axes.append((*_axis(axis, columns.number(slot), edges), stride, nan))
        elements.append(place.index)
        needs.append(tuple(s for s in (*slots, value, chosen) if s is not None))
    return Plan(
        fills=np.array(fills, FILL),
        axes=np.array(axes, AXIS),
        edges=np.array(edges, np.float64),
        elements=tuple(elements),
        needs=tuple(needs),
        columns=tuple(columns.slots),
        rows=tuple(rows.slots),
    )


def _range_of(place: ElementLayout) -> tuple[float, float, float, float]:
    """Declared range of weights or values, and the units of its sums: see the layout."""
    match place.element:
        case Histogram(weight_range=(lower, upper)) | Profile(value_range=(lower, upper)):
            return lower, upper, 2.0**place.bits, 2.0**place.square_bits
        case _:
            return 0.0, 0.0, 0.0, 0.0


def _strides(extents: tuple[int, ...]) -> Iterable[int]:
    """Cells from one bin to the next on each axis, in C order."""
    return [int(np.prod(extents[axis + 1 :])) for axis in range(len(extents))]


def _axis(
    axis: Axis, column: int, edges: list[float]
) -> tuple[int, int, int, float, float, int, int]:
    """An axis's row up to its edges, which are added to `edges`."""
    begin, bins = len(edges), axis_bins(axis)
    match axis:
        case Regular():
            return REGULAR, column, bins, axis.lower, axis.upper - axis.lower, begin, 0
        case Integer():
            return INTEGER, column, bins, float(axis.lower), 0.0, begin, 0
        case Variable():
            edges.extend(_padded(axis.edges))
            return VARIABLE, column, bins, 0.0, 0.0, begin, len(edges) - begin
        case Category():
            order = sorted(range(bins), key=lambda index: axis.codes[index])
            edges.extend(_padded([float(axis.codes[index]) for index in order]))
            padded = len(edges) - begin
            edges.extend(map(float, order))
            return CATEGORY, column, bins, 0.0, 0.0, begin, padded


def _padded(values: Sequence[float]) -> list[float]:
    """Infinities added until a search can halve without a remainder."""
    full = 2 ** len(values).bit_length() - 1
    return [*values, *[math.inf] * (full - len(values))]
