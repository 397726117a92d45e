"""A MonitorElement for other libraries: boost-histogram objects and the UHI serialisation."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boost_histogram as bh
import numpy as np
from boost_histogram import serialization

from dqmstream.messages.booking import Axis, Category, Integer, Regular, Variable

if TYPE_CHECKING:
    from dqmstream.histograms.element import MonitorElement

__all__ = ["to_boost", "to_uhi"]


def to_boost(element: "MonitorElement") -> "bh.Histogram[Any]":
    """The element's bins, flow included, in a boost-histogram.

    Counts become storage Int64, weighted sums Weight, profiles Mean. A boost view is
    Fortran-ordered and ours in C order: they are assigned index by index, never by memory.
    """
    counts = element.counts(flow=True)
    if element.place.planes == 1:
        return _booked(element, bh.storage.Int64(), {"": counts})
    if element.weighted:
        variances = element.errors(flow=True) ** 2
        sums = {"value": element.values(flow=True), "variance": variances}
        return _booked(element, bh.storage.Weight(), sums)
    means = {
        "count": counts,
        "value": np.nan_to_num(element.values(flow=True)),
        "_sum_of_deltas_squared": np.nan_to_num(element.spreads(flow=True)) ** 2 * counts,
    }
    return _booked(element, bh.storage.Mean(), means)


def _booked(
    element: "MonitorElement", storage: Any, fields: Mapping[str, Any]
) -> "bh.Histogram[Any]":
    histogram: bh.Histogram[Any] = bh.Histogram(*map(_axis, element.axes), storage=storage)
    view: Any = histogram.view(flow=True)
    for field, values in fields.items():
        view[field or ...] = values
    return histogram


def to_uhi(element: "MonitorElement") -> dict[str, Any]:
    """The element as a histogram of the UHI schema, version 1, in plain JSON types.

    The variance of a single entry, which is undefined and which JSON cannot say, is written 0.
    What UHI has no field for stands in the metadata.
    """
    uhi: dict[str, Any] = _plain(
        serialization.remove_writer_info(serialization.to_uhi(to_boost(element)))
    )
    for axis, booked in zip(uhi["axes"], element.axes, strict=True):
        axis["metadata"] = _axis_metadata(booked)
    uhi["writer_info"] = {"dqmstream": {"booking": element.contents.layout.hash}}
    uhi["metadata"] = {
        "path": element.path,
        "workspace": element.contents.layout.workspace,
        "title": element.booked.title,
        "entries": element.entries,
        "nan": element.nan,
        "outside": element.outside,
        "invalid": element.invalid,
    }
    return uhi


def _axis(axis: Axis) -> Any:
    label = f"{axis.label} [{axis.unit}]" if axis.unit else axis.label
    match axis:
        case Regular():
            return bh.axis.Regular(axis.bins, axis.lower, axis.upper, metadata=label)
        case Variable():
            return bh.axis.Variable(axis.edges, metadata=label)
        case Integer():
            return bh.axis.Integer(axis.lower, axis.upper, metadata=label)
        case Category():
            return bh.axis.IntCategory(axis.codes, metadata=label)


def _axis_metadata(axis: Axis) -> dict[str, str]:
    labels = axis.labels if isinstance(axis, Integer | Category) else ()
    words = {"label": axis.label, "unit": axis.unit, "labels": "\n".join(labels)}
    return {name: word for name, word in words.items() if word}


def _plain(value: Any) -> Any:
    """NumPy values as JSON types."""
    match value:
        case dict():
            return {name: _plain(part) for name, part in value.items()}
        case np.ndarray():
            return (np.nan_to_num(value) + 0 if value.dtype.kind == "f" else value).tolist()
        case list():
            return [_plain(part) for part in value]
        case np.generic():
            return value.item()
        case _:
            return value
