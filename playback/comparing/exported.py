"""A result of what `dqmstream export` writes as Parquet: elements over a window of a run.

It has no single LSs, and of an element not how it is filled; bins, counts of what was in no bin,
values and errors are all there. Sums and sums of squares are made of values and errors again.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dqmstream.errors import SourceError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.identity import compact_ranges
from dqmstream.messages.booking import (
    Axis,
    Booking,
    Category,
    Element,
    Histogram,
    Integer,
    Profile,
    Regular,
    Scalar,
    Text,
    Variable,
)
from dqmstream.messages.histograms import ScalarValue
from playback.comparing.playing import result_of
from playback.comparing.results import Begun, Ended, LumisectionResult, ResultWriter

__all__ = ["is_export", "of_export"]

_METADATA: Final = b"dqmstream"
_LEAST: Final = -300
"""Exponent of a range: bookings take none much smaller."""
_SPARE: Final = 31
"""Sums of 32-bit many entries fit, so a range may be so many powers of two below a sum."""
_BINNED: Final = ("histogram", "profile")

Floats = NDArray[np.float64]


class _Words(msgspec.Struct, frozen=True):
    """Of the metadata what the columns do not have."""

    late: str | None = None
    as_of: str = ""


class _About(msgspec.Struct, frozen=True):
    elements: tuple[_Words, ...]


class _Planes(NamedTuple):
    """Entries, sums and sums of squares; one of them alone of counts."""

    counts: NDArray[np.int64]
    sums: Floats | None = None
    squares: Floats | None = None


def is_export(place: Path) -> bool:
    """Whether a file is one that `dqmstream export` wrote, or all Parquet files of a folder are."""
    files = _files(place)
    try:
        return bool(files) and all(_METADATA in (pq.read_schema(f).metadata or {}) for f in files)
    except (OSError, pa.ArrowException):
        return False


def _files(place: Path) -> list[Path]:
    """A gateway answers a request for some hundred elements: those of a run may be many files."""
    if place.is_dir():
        return sorted(place.glob("*.parquet"))
    return [place] if place.is_file() else []


def of_export(name: str, place: Path, writer: ResultWriter) -> None:
    """Write the result of an export, or of all that are in a folder.

    Raises
    ------
    SourceError
        With reason `bad_export` if it cannot be read, is of one element LS by LS, of several
        windows, or has an element twice.
    """
    try:
        _write(name, [pq.read_table(file) for file in _files(place)], writer)
    except (OSError, pa.ArrowException, msgspec.MsgspecError, KeyError, ValueError) as error:
        raise SourceError("bad_export", f"{name}: {error}") from error


def _write(name: str, tables: Sequence[pa.Table], writer: ResultWriter) -> None:
    if any("path" not in table.column_names for table in tables):
        msg = "it is of one element LS by LS, expected elements over a window: leave --each out"
        raise ValueError(msg)
    rows = [_row(table, number) for table in tables for number in range(table.num_rows)]
    twice = [
        place for place, n in Counter((r["workspace"], r["path"]) for r in rows).items() if n > 1
    ]
    if twice:
        msg = f"it has {len(twice)} elements more than once, {': '.join(min(twice))} among them"
        raise ValueError(msg)
    windows = {(row["run"], tuple(row["lumisections"])) for row in rows}
    if len(windows) != 1:
        msg = f"it is of {len(windows)} windows, expected one"
        raise ValueError(msg)
    ((run, covered),) = windows
    planes = [_planes(row) for row in rows]
    layouts = _layouts(rows, planes)
    begun = Begun(
        release=name,
        version="",
        hash="",
        recording="",
        run=run,
        events=False,
        declared=False,
        covers=tuple(covered),
    )
    writer.begin(begun, [layout.booking for layout in layouts.values()], ())
    contents = {workspace: Contents.empty(layout) for workspace, layout in layouts.items()}
    for row, own in zip(rows, planes, strict=True):
        _put(contents[row["workspace"]], row, own)
    writer.add(
        LumisectionResult(
            lumisection=0, contents=tuple(result_of(one) for _, one in sorted(contents.items()))
        )
    )
    notes = (f"an export of LS {compact_ranges(covered)}, summed", *_notes(tables))
    writer.end(Ended(notes=notes))


def _notes(tables: Sequence[pa.Table]) -> Sequence[str]:
    metadata = [table.schema.metadata[_METADATA] for table in tables]
    elements = [e for one in metadata for e in msgspec.json.decode(one, type=_About).elements]
    late = sorted({one.late for one in elements if one.late})
    moments = sorted({one.as_of for one in elements if one.as_of})
    return [
        *(f"events that came late for LS {one} are in it" for one in late),
        *(f"it is as of {one}" for one in moments),
    ]


def _row(table: pa.Table, number: int) -> dict[str, Any]:
    """A row, its bins as arrays."""
    large = ("counts", "values", "errors")
    row: dict[str, Any] = {
        name: table[name][number].as_py() for name in table.column_names if name not in large
    }
    for name in large:
        cells = table[name][number].values
        row[name] = None if cells is None else cells.to_numpy(zero_copy_only=False)
    return row


def _planes(row: Mapping[str, Any]) -> _Planes | None:
    """Cells in one row each; None of what has no bins."""
    if row["kind"] not in _BINNED:
        return None
    counts = np.asarray(row["counts"], np.int64)
    if row["storage"] == "count":
        return _Planes(counts)
    values, errors = (np.nan_to_num(np.asarray(row[n], np.float64)) for n in ("values", "errors"))
    if row["storage"] == "weighted":
        return _Planes(counts, values, errors**2)
    return _Planes(counts, values * counts, counts * (counts * errors**2 + values**2))


def _layouts(
    rows: Sequence[Mapping[str, Any]], planes: Sequence[_Planes | None]
) -> dict[str, Layout]:
    booked: dict[str, list[Element]] = {}
    for row, own in zip(rows, planes, strict=True):
        booked.setdefault(row["workspace"], []).append(_element(row, own))
    return {
        workspace: Layout(Booking(workspace=workspace, elements=tuple(elements)))
        for workspace, elements in sorted(booked.items())
    }


def _element(row: Mapping[str, Any], planes: _Planes | None) -> Element:
    path, title = row["path"], row["title"] or ""
    if planes is None:
        if row["kind"] == "text":
            return Text(path=path, title=title, value="")
        return Scalar(path=path, title=title, value="", combine="last")
    axes = tuple(map(_axis, row["axes"]))
    if planes.sums is None or planes.squares is None:
        return Histogram(path=path, title=title, axes=axes, fill=())
    largest = _range(planes.sums, planes.squares)
    both = (-largest, largest)
    if row["storage"] == "weighted":
        return Histogram(path=path, title=title, axes=axes, fill=(), weight_range=both)
    return Profile(path=path, title=title, axes=axes, fill=(), value="", value_range=both)


def _range(sums: Floats, squares: Floats) -> float:
    """The least range in whose fixed point all sums fit: the finer it is, the less is rounded."""
    exponents = [_LEAST]
    for cells, power in ((sums, 1), (squares, 2)):
        largest = float(np.abs(cells).max(initial=0.0))
        if largest > 0:
            exponents.append(math.ceil((math.log2(largest) - _SPARE) / power))
    return math.ldexp(1.0, max(exponents)) if len(exponents) > 1 else 1.0


def _axis(words: Mapping[str, Any]) -> Axis:
    edges = words["edges"]
    named: dict[str, Any] = {"label": words["label"] or "", "unit": words["unit"] or ""}
    match words["type"]:
        case "regular":
            return Regular(bins=words["bins"], lower=edges[0], upper=edges[-1], **named)
        case "variable":
            return Variable(edges=tuple(edges), **named)
        case "integer":
            return Integer(lower=int(edges[0]), upper=int(edges[-1]), **named)
        case "category":
            return Category(codes=tuple(words["codes"]), **named)
    msg = f"an axis of type {words['type']!r}"
    raise ValueError(msg)


def _put(contents: Contents, row: Mapping[str, Any], planes: _Planes | None) -> None:
    place = contents.layout[row["path"]]
    if row["invalid"]:
        contents.invalid[place.index] = row["invalid"]
    if planes is None:
        value = row["text"] if row["value"] is None else row["value"]
        if value is not None:
            contents.scalars[place.index] = ScalarValue(value=value)
        return
    if planes.counts.size != place.cells:
        msg = f"{row['path']}: {planes.counts.size} cells, its axes have {place.cells}"
        raise ValueError(msg)
    cells = contents.cells[place.offset : place.offset + place.size]
    cells[: place.cells] = planes.counts
    if planes.sums is not None and planes.squares is not None:
        cells[place.cells : 2 * place.cells] = np.rint(np.ldexp(planes.sums, place.bits))
        squares = np.rint(np.ldexp(planes.squares, place.square_bits))
        cells[2 * place.cells : 3 * place.cells] = squares
    cells[-2:] = row["nan"], row["outside"]
