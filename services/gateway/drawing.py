"""A MonitorElement as something that can be drawn: what it is, totals, and arrays of cells.

Arrays are in C order over `shape`, the extents of the axes with flow (regular, variable and
integer axes: underflow first, overflow last; category axes: all other codes last):

- counts: `values` int64;
- weighted: `values` float64 (sums of weights), `errors` (root of the sum of squared weights);
- profile: `entries` int64, `values` float64 (mean, NaN where empty), `errors` (of the mean).

A 3D histogram is drawn as its projection on the first two axes, and says so.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout, axis_bins
from dqmstream.messages.booking import Axis, Histogram, Integer, Profile, Variable
from services.gateway.hub import State
from services.gateway.windows import Window
from services.gateway.workspace_run import Covered

__all__ = ["describe", "draw", "undrawn", "window_words"]

Labels = Mapping[str, Sequence[str]]
Array = NDArray[Any]


def describe(element: ElementLayout, workspace: str, labels: Labels) -> dict[str, Any]:
    """What an element is: everything that does not depend on its contents.

    An integer axis whose `label` is a key of the run's `labels` has its bins named by them (bin of
    the integer i by the i-th of them): that is how HLT paths get their names.
    """
    booked = element.element
    axes = booked.axes if isinstance(booked, Histogram | Profile) else ()
    return {
        "path": booked.path,
        "workspace": workspace,
        "kind": booked.__struct_config__.tag,
        "storage": _storage(element),
        "title": booked.title or booked.path.rsplit("/", 1)[-1],
        "description": booked.description,
        "draw": msgspec.to_builtins(booked.draw),
        "axes": [_axis(axis, labels) for axis in axes[:2]],
        "shape": list(element.extents[:2]),
        "projected": len(axes) > 2,
        "cells": element.size,
        "value_axis": _value_axis(booked),
    }


def draw(
    element: ElementLayout,
    contents: Contents,
    *,
    labels: Labels,
    covered: Covered,
    window: Window,
) -> State:
    """The state of a plot: `element`, `window` and `totals` in the header, and its arrays."""
    scalar = contents.scalars.get(element.index)
    arrays = _arrays(element, contents.cells) if element.planes else {}
    header = {
        "element": describe(element, contents.layout.workspace, labels),
        "window": window_words(window, covered),
        "totals": {
            "entries": _entries(element, contents.cells),
            "nan": int(contents.cells[element.nan]) if element.planes else 0,
            "outside": int(contents.cells[element.outside]) if element.planes else 0,
            "value": None if scalar is None else scalar.value,
            "invalid": contents.invalid.get(element.index, ""),
        },
        "problem": "",
    }
    return State(header=header, arrays=arrays)


def undrawn(description: dict[str, Any] | None, window: Window, problem: str) -> State:
    """The state of a plot that has no contents (yet), and why."""
    header = {
        "element": description,
        "window": {"word": window.word},
        "totals": None,
        "problem": problem,
    }
    return State(header=header)


def window_words(window: Window, covered: Covered) -> dict[str, Any]:
    """What a plot says of its window: the run and LS range are printed on every plot."""
    first, last = covered.span
    return {
        "word": window.word,
        "run": covered.run,
        "first": first,
        "last": last,
        "lumisections": len(covered.numbers),
        "closed": covered.closed,
        "complete": covered.complete,
        "whole": covered.whole,
        "late_events": covered.late_events,
    }


def _storage(element: ElementLayout) -> str:
    if not element.planes:
        return "value"
    if isinstance(element.element, Profile):
        return "profile"
    return "count" if element.planes == 1 else "weighted"


def _value_axis(booked: object) -> str:
    match booked:
        case Profile():
            return booked.value
        case Histogram() if booked.weight:
            return f"sum of {booked.weight}"
        case Histogram():
            return "entries"
        case _:
            return ""


def _axis(axis: Axis, labels: Labels) -> dict[str, Any]:
    words = {name: value for name, value in msgspec.to_builtins(axis).items() if value != ()}
    words["bins"] = axis_bins(axis)
    if isinstance(axis, Variable):
        words["lower"], words["upper"] = axis.edges[0], axis.edges[-1]
    if isinstance(axis, Integer) and not axis.labels and axis.label in labels:
        names = labels[axis.label]
        words["labels"] = [
            names[code] if 0 <= code < len(names) else str(code)
            for code in range(axis.lower, axis.upper)
        ]
    return words


def _planes(element: ElementLayout, cells: Array) -> list[Array]:
    """Planes of an element, each over the first two axes, flattened."""
    whole = cells[element.offset : element.nan].reshape((element.planes, *element.extents))
    if len(element.extents) > 2:
        whole = whole.sum(axis=tuple(range(3, whole.ndim)))
    return [plane.ravel() for plane in whole]


def _arrays(element: ElementLayout, cells: Array) -> dict[str, Array]:
    planes = _planes(element, cells)
    if len(planes) == 1:
        return {"values": planes[0].copy()}
    entries = planes[0].copy()
    sums = np.ldexp(planes[1].astype(np.float64), -element.bits)
    squares = np.ldexp(planes[2].astype(np.float64), -element.square_bits)
    if not isinstance(element.element, Profile):
        return {"values": sums, "errors": np.sqrt(squares)}
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sums / entries
        spread = np.maximum(squares / entries - mean * mean, 0.0)
        return {"entries": entries, "values": mean, "errors": np.sqrt(spread / entries)}


def _entries(element: ElementLayout, cells: Array) -> int:
    """Entries of an element, flow included."""
    return int(cells[element.offset : element.offset + element.cells].sum())
