"""A MonitorElement as a plain dictionary to draw from."""

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.element import axis_edges
from dqmstream.histograms.layout import axis_bins
from dqmstream.messages.booking import Axis, Category, Integer, Profile

if TYPE_CHECKING:
    from dqmstream.histograms.element import MonitorElement

__all__ = ["to_plot"]


def to_plot(element: "MonitorElement") -> dict[str, Any]:
    """What is needed to draw an element, as JSON types.

    `values`, and of weighted ones and profiles `errors` and `counts`, are flat lists in C order
    over the bins without flow; NaN is None, counts are integers. `flow` has for each axis the
    entries below and above it (of a category axis: 0, and those of other codes), whatever the
    other axes say.
    """
    booked = element.booked
    plot: dict[str, Any] = {
        "path": element.path,
        "kind": booked.__struct_config__.tag,
        "title": booked.title,
        "description": booked.description,
        "draw": msgspec.to_builtins(booked.draw),
        "axes": [_axis(axis) for axis in element.axes],
        "entries": element.entries,
        "nan": element.nan,
        "outside": element.outside,
        "invalid": element.invalid,
        "value": element.value,
    }
    if not element.axes:
        return plot
    plot["values"] = _numbers(element.values())
    if element.weighted or isinstance(booked, Profile):
        plot["errors"] = _numbers(element.errors())
        plot["counts"] = _numbers(element.counts())
    plot["flow"] = _flow(element)
    axes = range(len(element.axes))
    plot["mean"] = _numbers(np.array([element.mean(axis) for axis in axes]))
    plot["std"] = _numbers(np.array([element.std(axis) for axis in axes]))
    return plot


def _axis(axis: Axis) -> dict[str, Any]:
    return {
        "type": axis.__struct_config__.tag,
        "label": axis.label,
        "unit": axis.unit,
        "bins": axis_bins(axis),
        "edges": axis_edges(axis).tolist(),
        "labels": _labels(axis),
    }


def _labels(axis: Axis) -> list[str]:
    if isinstance(axis, Category) and not axis.labels:
        return [str(code) for code in axis.codes]
    return list(axis.labels) if isinstance(axis, Integer | Category) else []


def _flow(element: "MonitorElement") -> list[list[int]]:
    counts = element.counts(flow=True)
    sides = []
    for number, axis in enumerate(element.axes):
        along = counts.sum(axis=tuple(other for other in range(counts.ndim) if other != number))
        below = 0 if isinstance(axis, Category) else int(along[0])
        sides.append([below, int(along[-1])])
    return sides


def _numbers(values: NDArray[Any]) -> list[Any]:
    flat = values.ravel()
    if flat.dtype.kind != "f":
        return list(flat.tolist())
    return [None if np.isnan(value) else value for value in flat.tolist()]
