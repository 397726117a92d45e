"""Plots of both sides over each other, and their difference below, as SVG. Pure.

Of elements in several dimensions the projections are drawn, one for each axis: what differs there
differs in the map too. What only cancels in every projection is told in words, with its bin.
"""

import math
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.element import MonitorElement, axis_edges
from dqmstream.histograms.ticks import linear_ticks, short_number
from dqmstream.messages.booking import Category, Profile
from playback.comparing.bookings import same_bins
from playback.comparing.difference import Drawn

__all__ = ["overlays"]

Floats = NDArray[np.float64]

_WIDTH, _LEFT, _RIGHT, _TOP = 460, 62, 14, 34
_PLOT, _BELOW, _GAP, _WORDS = 170, 52, 8, 36
_MOST_POINTS: Final = 1_500
_NAMES: Final = ("production", "candidate")


class _Side:
    """One axis of one side: edges, and what is drawn in each bin."""

    def __init__(self, element: MonitorElement, axis: int) -> None:
        values = np.nan_to_num(_projected(element, axis))
        edges = axis_edges(element.axes[axis])
        stride = -(-len(values) // _MOST_POINTS)
        self.values, self.edges = values[::stride], np.append(edges[:-1][::stride], edges[-1])
        self.label = element.axes[axis].label or f"axis {axis + 1}"
        self.unit = element.axes[axis].unit
        self.named = isinstance(element.axes[axis], Category)


def _projected(element: MonitorElement, axis: int) -> Floats:
    """Contents along one axis, without flow; of a profile in several dimensions its entries."""
    flat = isinstance(element.booked, Profile) and len(element.axes) > 1
    values = element.counts() if flat else element.values()
    others = tuple(number for number in range(values.ndim) if number != axis)
    return np.asarray(values.sum(axis=others) if others else values, np.float64)


def overlays(drawn: Drawn) -> Iterator[str]:
    """A picture for each axis of an element; of a number or a text none."""
    sides = (drawn.production, drawn.candidate)
    dimensions = max((len(one.axes) for one in sides if one is not None), default=0)
    for axis in range(dimensions):
        found = tuple(
            None if one is None or axis >= len(one.axes) else _Side(one, axis) for one in sides
        )
        same = False
        if drawn.production is not None and drawn.candidate is not None and all(found):
            same = same_bins(drawn.production.axes[axis], drawn.candidate.axes[axis])
        yield _picture(drawn.path, (found[0], found[1]), below=same)


def _picture(title: str, sides: tuple[_Side | None, _Side | None], *, below: bool) -> str:
    there = [one for one in sides if one is not None]
    low, high = min(one.edges[0] for one in there), max(one.edges[-1] for one in there)
    bottom = _range(np.concatenate([one.values for one in there]))
    across = _Scale(float(low), float(high), _LEFT, _WIDTH - _RIGHT)
    up = _Scale(*bottom, _TOP + _PLOT, _TOP)
    top = _TOP + _PLOT + _GAP
    height = top + (_BELOW if below else 0) + _WORDS
    words = ", ".join(name for name, one in zip(_NAMES, sides, strict=True) if one is not None)
    label = f"{title}: {words} along {there[0].label}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'role="img" class="overlay"><title>{escape(label)}</title>'
    ]
    parts += _frame(across, up, height)
    for number, one in enumerate(sides):
        if one is not None:
            path = _steps(one, across, up)
            parts.append(f'<path class="{_NAMES[number]}" d="{path}"/>')
            x = _LEFT + 8 + number * 110
            parts.append(
                f'<path class="{_NAMES[number]}" d="M{x} 20h22"/>'
                f'<text x="{x + 28}" y="24">{_NAMES[number]}</text>'
            )
    first, second = sides
    if below and first is not None and second is not None:
        parts += _difference(first, second, across, top)
    unit = f" [{there[0].unit}]" if there[0].unit else ""
    parts.append(
        f'<text x="{_WIDTH - _RIGHT}" y="{height - 6}" class="end">'
        f"{escape(there[0].label + unit)}</text></svg>"
    )
    return "".join(parts)


class _Scale:
    """Numbers to pixels."""

    def __init__(self, low: float, high: float, start: float, stop: float) -> None:
        self._low, self._start = low, start
        self._slope = (stop - start) / ((high - low) or 1.0)
        self.ticks = linear_ticks(low, high, max(2, int(abs(stop - start) // 60)))

    def __call__(self, value: float) -> float:
        return round(self._start + (value - self._low) * self._slope, 2)


def _range(values: Floats) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    low = min(0.0, float(finite.min())) if finite.size else 0.0
    high = max(0.0, float(finite.max())) if finite.size else 1.0
    room = 0.06 * (high - low) or 1.0
    return (low - room if low < 0 else low), high + room


def _steps(side: _Side, across: _Scale, up: _Scale) -> str:
    parts = [f"M{across(float(side.edges[0]))} {up(0.0)}"]
    for value, edge in zip(side.values, side.edges[1:], strict=True):
        parts.append(f"V{up(float(value))}H{across(float(edge))}")
    return "".join(parts) + f"V{up(0.0)}"


def _difference(first: _Side, second: _Side, across: _Scale, top: float) -> Iterator[str]:
    """Candidate minus production."""
    apart = second.values - first.values
    largest = float(np.abs(apart).max(initial=0.0)) or 1.0
    if not math.isfinite(largest):
        return
    up = _Scale(-largest, largest, top + _BELOW, top)
    yield f'<rect class="frame" x="{_LEFT}" y="{top}" width="{_WIDTH - _LEFT - _RIGHT}" '
    yield f'height="{_BELOW}"/>'
    bars = "".join(
        f"M{across(float((low + high) / 2))} {up(0.0)}V{up(float(value))}"
        for low, high, value in zip(first.edges[:-1], first.edges[1:], apart, strict=True)
        if value
    )
    yield f'<path class="apart" d="M{_LEFT} {up(0.0)}H{_WIDTH - _RIGHT}{bars}"/>'
    yield f'<text class="end" x="{_LEFT - 6}" y="{top + 9}">{short_number(largest)}</text>'
    yield f'<text class="end" x="{_LEFT - 6}" y="{top + _BELOW}">{short_number(-largest)}</text>'


def _frame(across: _Scale, up: _Scale, height: int) -> Iterator[str]:
    """With its numbers: those of the bins stand at the foot of the picture, which is so high."""
    yield f'<rect class="frame" x="{_LEFT}" y="{_TOP}" width="{_WIDTH - _LEFT - _RIGHT}" '
    yield f'height="{_PLOT}"/>'
    for tick in up.ticks:
        yield f'<text class="end" x="{_LEFT - 6}" y="{up(tick) + 4}">{short_number(tick)}</text>'
    for tick in across.ticks:
        x = across(tick)
        yield f'<text class="middle" x="{x}" y="{height - 20}">{short_number(tick)}</text>'
