"""Histograms in UHI's JSON form (schema 1), as boost-histogram, hist and others read it.

The numbers are those of the cells: counts stay integers, fixed-point sums become the floats they
stand for. Flow is kept; a category axis's last bin is UHI's flow bin of it.
"""

from typing import Any

import numpy as np

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.booking import (
    Axis,
    Category,
    Histogram,
    Integer,
    Profile,
    Regular,
    Variable,
)
from services.gateway.workspace_run import Covered

__all__ = ["uhi_histogram"]


def uhi_histogram(element: ElementLayout, contents: Contents, covered: Covered) -> dict[str, Any]:
    """A histogram or profile as a UHI document.

    Parameters
    ----------
    element, contents
        The element and the contents it lies in.
    covered
        Which LSs are summed: goes into the metadata, with the path.
    """
    booked = element.element
    first, last = covered.span
    axes = booked.axes if isinstance(booked, Histogram | Profile) else ()
    return {
        "uhi_schema": 1,
        "writer_info": {"dqmstream": {"path": booked.path}},
        "metadata": {
            "title": booked.title,
            "path": booked.path,
            "run": covered.run,
            "first_lumisection": first,
            "last_lumisection": last,
            "lumisections": len(covered.numbers),
            "nan": int(contents.cells[element.nan]),
            "outside": int(contents.cells[element.outside]),
        },
        "axes": [_axis(axis) for axis in axes],
        "storage": _storage(element, contents),
    }


def _axis(axis: Axis) -> dict[str, Any]:
    words = {"metadata": {"label": axis.label, "unit": axis.unit}}
    flow = {"underflow": True, "overflow": True, "circular": False}
    match axis:
        case Regular(bins=bins, lower=lower, upper=upper):
            return {
                "type": "regular",
                "bins": bins,
                "lower": lower,
                "upper": upper,
                **flow,
                **words,
            }
        case Integer(lower=lower, upper=upper):
            whole = {"type": "regular", "bins": upper - lower, "lower": lower, "upper": upper}
            return {**whole, **flow, **words}
        case Variable(edges=edges):
            return {"type": "variable", "edges": list(edges), **flow, **words}
        case Category(codes=codes):
            return {"type": "category_int", "categories": list(codes), "flow": True, **words}


def _storage(element: ElementLayout, contents: Contents) -> dict[str, Any]:
    whole = contents.cells[element.offset : element.nan]
    planes = whole.reshape((element.planes, *element.extents))
    if element.planes == 1:
        return {"type": "int", "values": planes[0].tolist()}
    entries = planes[0].astype(np.float64)
    sums = np.ldexp(planes[1].astype(np.float64), -element.bits)
    squares = np.ldexp(planes[2].astype(np.float64), -element.square_bits)
    if not isinstance(element.element, Profile):
        return {"type": "weighted", "values": sums.tolist(), "variances": squares.tolist()}
    filled = np.maximum(entries, 1.0)
    spread = np.maximum(squares - sums * sums / filled, 0.0)
    return {
        "type": "mean",
        "counts": entries.tolist(),
        "values": (sums / filled).tolist(),
        "variances": (spread / np.maximum(entries - 1.0, 1.0)).tolist(),
    }
