"""A plot as a PNG or SVG: for wikis, logbooks and mail. The page draws its own, from the same
states."""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from dqmstream.histograms.ticks import linear_ticks, log_ticks, short_number
from services.gateway.formats.surfaces import PixelSurface, Surface, VectorSurface
from services.gateway.palette import FRAME, LINE, MUTED, heat_colours
from services.gateway.state import State

__all__ = ["edges_of", "render", "render_svg"]

_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 18, 48, 62
_BAR: Final = 64
_MOST_LABELS: Final = 24

Numbers = NDArray[np.float64]


class _Scale:
    """Numbers to pixels along one direction, linear or logarithmic."""

    def __init__(self, low: float, high: float, start: int, stop: int, *, log: bool) -> None:
        self.log = log
        self._low, self._high = (math.log10(low), math.log10(high)) if log else (low, high)
        self._start, self._stop = start, stop
        self.ticks = (
            log_ticks(low, high) if log else linear_ticks(low, high, abs(stop - start) // 60)
        )

    def __call__(self, value: float) -> float:
        if self.log:
            value = math.log10(value) if value > 0 else self._low
        share = (value - self._low) / ((self._high - self._low) or 1.0)
        return self._start + min(max(share, -0.01), 1.01) * (self._stop - self._start)


def render(state: State, width: int, height: int) -> bytes:
    """The picture of a plot's state (`services.gateway.drawing`), as PNG."""
    return _painted(state, PixelSurface(width, height), width, height)


def render_svg(state: State, width: int, height: int) -> bytes:
    """The same as SVG; its metadata has all the plot says, as JSON."""
    header = dict(state.header)
    title = f"{header['element']['title']}, run {header['window']['run']}"
    about = orjson.dumps(header, option=orjson.OPT_NON_STR_KEYS).decode()
    return _painted(state, VectorSurface(width, height, title=title, about=about), width, height)


def _painted(state: State, surface: Surface, width: int, height: int) -> bytes:
    canvas = _Canvas(state, surface, width, height)
    header = state.header
    element = header["element"]
    canvas.text((12, 9), element["title"], size=15)
    canvas.footer(header)
    if element["kind"] in {"scalar", "text"}:
        canvas.word(header["totals"]["value"])
    elif len(element["shape"]) == 2:
        canvas.map(element, state.arrays)
    else:
        canvas.line(element, state.arrays)
    return surface.finished()


class _Canvas:
    """One picture while it is drawn."""

    def __init__(self, state: State, surface: Surface, width: int, height: int) -> None:
        self._surface = surface
        self.text = surface.text
        self._width, self._height = width, height
        bar = _BAR if len(state.header["element"]["shape"]) == 2 else 0
        self._box = (_LEFT, _TOP, width - _RIGHT - bar, height - _BOTTOM)

    def footer(self, header: dict[str, Any] | Any) -> None:
        """Run and LS range, entries, and whatever is in no bin: never left out."""
        window, totals = header["window"], header["totals"]
        span = f"LS {window['first']}"
        if window["last"] != window["first"]:
            span = f"LS {window['first']}-{window['last']} ({window['lumisections']} LS)"
        words = [f"Run {window['run']}", span, f"entries {totals['entries']}"]
        words += [f"{name} {totals[name]}" for name in ("nan", "outside") if totals[name]]
        words += ["open"] if not window["closed"] else []
        words += [_late_words(window)] if window["late_events"] else []
        words += [f"as of {window['as_of']}"] if window.get("as_of") else []
        words += list(window.get("marks", ()))
        words += [f"INVALID: {totals['invalid']}"] if totals["invalid"] else []
        at = (self._width - 12, self._height - 8)
        self.text(at, "   ".join(words), anchor="rd", colour=MUTED)

    def word(self, value: object) -> None:
        """A scalar's or text's value, large."""
        shown = "no value" if value is None else str(value)[:80]
        self.text((self._width / 2, self._height / 2), shown, size=34, anchor="mm")

    def line(self, element: dict[str, Any], arrays: Any) -> None:
        """One axis: steps of counts, or points with errors."""
        axis = element["axes"][0]
        values = _inside(np.asarray(arrays["values"], np.float64), [axis], element["shape"])
        errors = arrays.get("errors")
        spread = None
        if errors is not None:
            spread = _inside(np.asarray(errors, np.float64), [axis], element["shape"])
        edges = edges_of(axis)
        across = self._across(axis, edges, element["draw"]["log_x"])
        up = self._up(values, spread, element)
        self._frame(across, up, axis, element["value_axis"])
        if spread is None:
            base = up(0.0)
            for low, high, value in zip(edges[:-1], edges[1:], values, strict=True):
                if value:
                    ends = sorted((up(value), base))
                    self._surface.box((across(low), ends[0], across(high), ends[1]), LINE)
            return
        for low, high, value, error in zip(edges[:-1], edges[1:], values, spread, strict=True):
            if math.isfinite(value):
                x, y = (across(low) + across(high)) / 2, up(value)
                self._surface.line((across(low), y, across(high), y), LINE, width=2)
                self._surface.line((x, up(value - error), x, up(value + error)), LINE)

    def map(self, element: dict[str, Any], arrays: Any) -> None:
        """Two axes: colours for values, with their scale at the side."""
        first, second = element["axes"]
        values = _inside(
            np.asarray(arrays["values"], np.float64), [first, second], element["shape"]
        )
        if element["storage"] == "count":
            values[values == 0] = np.nan
        left, top, right, bottom = self._box
        shown = values[np.isfinite(values)]
        low, high = (float(shown.min()), float(shown.max())) if shown.size else (0.0, 1.0)
        log = bool(element["draw"]["log_z"]) and low > 0
        low = low if log or element["storage"] == "profile" else min(0.0, low)
        high = high if high > low else low + 1.0
        scaled = (
            np.log10(values / low) / math.log10(high / low)
            if log
            else ((values - low) / (high - low))
        )
        across = self._across(first, edges_of(first), False)
        up = _Scale(edges_of(second)[0], edges_of(second)[-1], bottom, top, log=False)
        colours = heat_colours(scaled.T[::-1])
        columns, rows = (
            _pixels(edges_of(first), right - left),
            _pixels(edges_of(second), bottom - top),
        )
        picture = colours[(len(colours) - 1 - rows)[::-1]][:, columns]
        self._surface.picture((left, top), picture)
        self._frame(across, up, first, _named(second), second)
        self._scale_bar(low, high, log=log)

    def _scale_bar(self, low: float, high: float, *, log: bool) -> None:
        _, top, right, bottom = self._box
        fractions = np.linspace(1, 0, bottom - top)[:, np.newaxis].repeat(14, axis=1)
        self._surface.picture((right + 10, top), heat_colours(fractions))
        scale = _Scale(low, high, bottom, top, log=log)
        for tick in scale.ticks:
            self.text((right + 28, scale(tick)), short_number(tick), anchor="lm", colour=MUTED)

    def _across(self, axis: dict[str, Any], edges: Numbers, log: bool) -> _Scale:
        left, _, right, _ = self._box
        return _Scale(edges[0], edges[-1], left, right, log=log and edges[0] > 0 and bool(axis))

    def _up(self, values: Numbers, errors: Numbers | None, element: dict[str, Any]) -> _Scale:
        _, top, _, bottom = self._box
        low, high = values - (0 if errors is None else errors), values
        high = values + (0 if errors is None else errors)
        finite = np.isfinite(values)
        if not finite.any():
            return _Scale(0.0, 1.0, bottom, top, log=False)
        smallest, largest = float(low[finite].min()), float(high[finite].max())
        positive = values[finite & (values > 0)]
        if element["draw"]["log_y"] and positive.size:
            return _Scale(
                float(positive.min()) * 0.5, max(largest, 1.0) * 1.5, bottom, top, log=True
            )
        if element["storage"] != "profile":
            smallest = min(0.0, smallest)
        room = (largest - smallest) * 0.06 or max(abs(largest) * 0.1, 1.0)
        floor = smallest if smallest == 0 else smallest - room
        return _Scale(floor, largest + room, bottom, top, log=False)

    def _frame(
        self,
        across: _Scale,
        up: _Scale,
        axis: dict[str, Any],
        value_axis: str,
        second: dict[str, Any] | None = None,
    ) -> None:
        left, top, right, bottom = self._box
        for x, name in _marks(axis, across, (right - left) // 48):
            self._surface.line((x, bottom, x, bottom + 4), MUTED)
            self.text((x, bottom + 6), name[:14], anchor="ma", colour=MUTED)
        for y, name in _marks(second or {}, up, (bottom - top) // 18):
            self._surface.line((left - 4, y, left, y), MUTED)
            self.text((left - 7, y), name[:9], anchor="rm", colour=MUTED)
            if second is None:
                self._surface.line((left, y, right, y), FRAME)
        self._surface.frame((left, top, right, bottom), MUTED)
        self.text((right, bottom + 22), _named(axis), anchor="ra")
        self.text((left, top - 4), value_axis, anchor="ld", colour=MUTED, size=10)


def _late_words(window: Mapping[str, Any]) -> str:
    """Late events are in the numbers only if that was asked for, and then it is said."""
    added = " (added)" if window.get("late") is not None else ""
    return f"late {window['late_events']}{added}"


def _marks(axis: dict[str, Any], scale: _Scale, most: int) -> list[tuple[float, str]]:
    """Places and words of ticks: names of bins where the axis has them, else round numbers."""
    labels = axis.get("labels")
    if labels and len(labels) <= min(_MOST_LABELS, max(1, most)):
        edges = edges_of(axis)
        return [
            ((scale(low) + scale(high)) / 2, name)
            for low, high, name in zip(edges[:-1], edges[1:], labels, strict=True)
        ]
    return [(scale(tick), short_number(tick)) for tick in scale.ticks]


def _named(axis: dict[str, Any]) -> str:
    return f"{axis['label']} [{axis['unit']}]" if axis["unit"] else str(axis["label"])


def edges_of(axis: dict[str, Any]) -> Numbers:
    """Edges of the bins without flow; categories lie at 0, 1, 2, ..."""
    if "edges" in axis:
        return np.asarray(axis["edges"], np.float64)
    if "codes" in axis:
        return np.arange(axis["bins"] + 1, dtype=np.float64)
    return np.linspace(axis["lower"], axis["upper"], axis["bins"] + 1)


def _inside(flat: Numbers, axes: list[dict[str, Any]], shape: list[int]) -> Numbers:
    """Values of the bins without flow, float64 over the axes."""
    slices = tuple(
        slice(0, axis["bins"]) if "codes" in axis else slice(1, 1 + axis["bins"]) for axis in axes
    )
    return flat.reshape(shape)[slices].astype(np.float64)


def _pixels(edges: Numbers, pixels: int) -> NDArray[np.int64]:
    """Which bin each of `pixels` lies in."""
    centres = edges[0] + (np.arange(pixels) + 0.5) / pixels * (edges[-1] - edges[0])
    at: NDArray[np.int64] = np.searchsorted(edges, centres, side="right") - 1
    return at.clip(0, len(edges) - 2)
