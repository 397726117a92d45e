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

from dqmstream.export.about import bin_names, filled_axes, storage_of, title_of
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import MonitorElement
from dqmstream.histograms.layout import ElementLayout, axis_bins
from dqmstream.messages.booking import Axis, Histogram, Integer, Profile, Variable
from services.gateway.records import Covered
from services.gateway.state import State
from services.gateway.windows import Window

__all__ = ["describe", "draw", "undrawn", "window_words"]

Labels = Mapping[str, Sequence[str]]
Array = NDArray[Any]


def describe(element: ElementLayout, workspace: str, labels: Labels) -> dict[str, Any]:
    """What an element is: everything that does not depend on its contents.

    An integer axis that is filled with a column of which the run's `labels` name the values has
    its bins named by them (bin of the integer i by the i-th): that is how HLT paths get names.
    """
    booked = element.element
    axes = filled_axes(booked)
    return {
        "path": booked.path,
        "workspace": workspace,
        "kind": booked.__struct_config__.tag,
        "storage": storage_of(element),
        "title": title_of(element),
        "description": booked.description,
        "draw": msgspec.to_builtins(booked.draw),
        "axes": [_axis(axis, labels.get(fill, ())) for axis, fill in axes[:2]],
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
    marks: Sequence[str] = (),
) -> State:
    """The state of a plot: `element`, `window` and `totals` in the header, and its arrays."""
    me = MonitorElement(contents, element)
    arrays = _arrays(me) if element.planes else {}
    header = {
        "element": describe(element, contents.layout.workspace, labels),
        "window": {**window_words(window, covered), "marks": list(marks)},
        "totals": {
            "entries": me.entries,
            "nan": me.nan,
            "outside": me.outside,
            "value": me.value,
            "invalid": me.invalid,
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


def _axis(axis: Axis, names: Sequence[str]) -> dict[str, Any]:
    words = {name: value for name, value in msgspec.to_builtins(axis).items() if value != ()}
    words["bins"] = axis_bins(axis)
    if isinstance(axis, Variable):
        words["lower"], words["upper"] = axis.edges[0], axis.edges[-1]
    if isinstance(axis, Integer) and (named := bin_names(axis, names)):
        words["labels"] = list(named)
    return words


def _arrays(element: MonitorElement) -> dict[str, Array]:
    values, storage = element.values(flow=True), storage_of(element.place)
    if values.ndim > 2:
        # Errors of a projection: independent bins add in squares.
        spread = np.sqrt((element.errors(flow=True) ** 2).sum(axis=2))
        values = values.sum(axis=2)
    elif storage != "count":
        spread = element.errors(flow=True)
    if storage == "count":
        return {"values": values.ravel().copy()}
    arrays = {"values": values.ravel(), "errors": spread.ravel()}
    if storage == "profile":
        arrays["entries"] = element.counts(flow=True).ravel().copy()
    return arrays
