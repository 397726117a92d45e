"""Elements as CSV: one line per bin, flow included, after comments that say what it is.

Lines that begin with `#` hold one JSON document per element. Axes a bin does not have are empty;
`low` and `high` are the bin's edges, infinite for flow; `bin` counts as ROOT does, 0 is underflow.
Scalars and texts have one line, with `value` only.
"""

import io
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from dqmstream.export.about import Exported, bin_names, filled_axes
from dqmstream.histograms.element import axis_edges
from dqmstream.messages.booking import Axis, Category

__all__ = ["csv_text"]

_MOST_AXES: Final = 3


def csv_text(exported: Sequence[Exported]) -> bytes:
    """The lines, UTF-8."""
    sink = io.BytesIO()
    for each in exported:
        sink.write(b"# " + msgspec.json.encode(each.words()) + b"\n")
    most = max((len(each.place.extents) for each in exported), default=1) or 1
    for number, each in enumerate(exported):
        options = csv.WriteOptions(include_header=number == 0, quoting_style="needed")
        csv.write_csv(_lines(each, min(most, _MOST_AXES)), sink, options)
    return sink.getvalue()


def _lines(exported: Exported, axes: int) -> pa.Table:
    element, shape = exported.element, exported.place.extents
    rows = int(np.prod(shape)) if shape else 1
    columns: dict[str, Any] = {"path": pa.repeat(pa.scalar(exported.path), rows)}
    for number in range(axes):
        columns |= _axis_columns(exported, number, shape, rows)
    if not exported.place.planes:
        value = element.value
        columns |= {
            "entries": pa.nulls(1, pa.int64()),
            "value": pa.array([None if value is None else str(value)]),
            "error": pa.nulls(1, pa.float64()),
        }
    else:
        values, errors = element.values(flow=True).ravel(), element.errors(flow=True).ravel()
        columns |= {
            "entries": pa.array(element.counts(flow=True).ravel()),
            "value": pa.array(values, from_pandas=True),
            "error": pa.array(errors, from_pandas=True),
        }
    return pa.table(columns)


def _axis_columns(
    exported: Exported, number: int, shape: tuple[int, ...], rows: int
) -> dict[str, Any]:
    names = (f"bin{number}", f"low{number}", f"high{number}", f"label{number}")
    if number >= len(shape):
        empty = pa.array([None] * rows)
        types = ("int64", "float64", "float64", "string")
        return {name: empty.cast(kind) for name, kind in zip(names, types, strict=True)}
    axis, fill = filled_axes(exported.place.element)[number]
    at = np.indices(shape)[number].ravel()
    bins, low, high = _bins(axis)
    words = list(_words(axis, exported.labels.get(fill, ()), len(bins)))
    labels = pa.DictionaryArray.from_arrays(pa.array(at.astype(np.int32)), pa.array(words))
    columns = (
        pa.array(bins[at]),
        pa.array(low[at], from_pandas=True),
        pa.array(high[at], from_pandas=True),
        labels.cast(pa.string()),
    )
    return dict(zip(names, columns, strict=True))


def _bins(axis: Axis) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Numbers and edges of an axis' cells, flow included."""
    edges = axis_edges(axis)
    if isinstance(axis, Category):
        none = np.full(len(edges), np.nan)
        return np.arange(1, len(edges) + 1), none, none
    low, high = np.append(-np.inf, edges), np.append(edges, np.inf)
    return np.arange(len(edges) + 1), low, high


def _words(axis: Axis, names: Sequence[str], cells: int) -> Iterator[str]:
    known = bin_names(axis, names)
    if isinstance(axis, Category):
        yield from known
        yield "other"
        return
    yield "underflow"
    yield from known or [""] * (cells - 2)
    yield "overflow"
