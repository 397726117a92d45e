"""Histograms in tables: CSV, Parquet, and pages of DIALS in JSON. A row is one histogram.

Columns are known by the names that CMS's tables have (`fromrun`, `fromlumi`, `hname`, `histo`,
`Xbins`, ...; `run`, `lumi`, `bin_0`, ... ; `title`, `data`, `x_bin`, ...), whatever their case, or
by what the description says. `metype` is CMSSW's kind (DQMServices/Core, MonitorElement::Kind): 10
and 11 are profiles, of which a table has one number a bin: the mean, unless the numbers are whole
and come to the entries of the row. Then they are sums of ones, as in CMS's maps of clusters, and
count.

Bins come with flow or without; which it is, their number says. With flow they are numbered as ROOT
does, x running fastest; in two dimensions without flow y runs fastest, as numpy flattens them; and
nested lists have a row for each bin of y, as pictures do.
"""

import csv
import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np

from dqmstream.errors import SourceError
from dqmstream.messages.booking import Axis, Regular
from dqmstream.sources.histograms.describe import Dataset, Description
from dqmstream.sources.histograms.histogram import (
    Bins,
    Found,
    ImportedHistogram,
    Kind,
    Rejected,
    notes_of,
    with_flow,
)
from dqmstream.sources.histograms.room import Room

__all__ = ["read_csv", "read_json", "read_parquet"]

_KNOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "run": ("fromrun", "run", "run_number"),
    "lumisection": ("fromlumi", "lumi", "ls", "lumisection", "ls_number"),
    "name": ("hname", "me", "title", "path", "name"),
    "bins": ("histo", "data"),
    "kind": ("metype",),
    "entries": ("entries",),
    "x_bins": ("xbins", "x_bin"),
    "x_min": ("xmin", "x_min"),
    "x_max": ("xmax", "x_max"),
    "y_bins": ("ybins", "y_bin"),
    "y_min": ("ymin", "y_min"),
    "y_max": ("ymax", "y_max"),
}
_NEEDED: Final = ("lumisection", "name", "x_bins", "x_min", "x_max")
_ONE_BIN: Final = re.compile(r"bin_\d+")
_PROFILES: Final = (10, 11)
_TWO_DIMENSIONS: Final = (6, 7, 8, 11)
_LONGEST_FIELD: Final = 1 << 27
_LONGEST_LINE: Final = 1 << 28
_ROWS_AT_ONCE: Final = 64
_OBJECTS_OF_A_BYTE: Final = 16


def read_csv(path: Path, source: str, description: Description, room: Room) -> Iterator[Found]:
    """Histograms of a CSV file, which may be packed by gzip. SourceError if it is none."""
    csv.field_size_limit(_LONGEST_FIELD)
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8", newline="") as file:
            lines = csv.reader(_bounded(file, path, room))
            header = next(lines, [])
            # Some tables name a column twice; the first is as good as the others.
            places = {name: place for place, name in reversed(list(enumerate(header)))}
            columns = _Columns(places, description, path)
            for number, line in enumerate(lines, 1):
                if len(line) != len(header):
                    yield Rejected(
                        reason="bad_row",
                        detail=f"row {number} has {len(line)} fields, the header {len(header)}",
                        source=source,
                    )
                    continue
                row = {name: line[place] for name, place in places.items()}
                yield columns.histogram(row, source, f"row {number}")
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError("file_unreadable", f"{path} as CSV: {error}") from error


def _bounded(file: TextIO, path: Path, room: Room) -> Iterator[str]:
    """Lines. Rows go one by one, and what is kept of them is counted; but one may be endless."""
    longest = min(_LONGEST_LINE, room.most)
    while line := file.readline(longest + 1):
        if len(line) > longest:
            detail = f"{path}: a line of more than {longest} characters"
            raise SourceError("file_too_large", detail)
        yield line


def read_parquet(path: Path, source: str, description: Description, room: Room) -> Iterator[Found]:
    """Histograms of a Parquet file. SourceError if it is none."""
    import pyarrow as pa  # noqa: PLC0415 only for this format
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with pq.ParquetFile(path) as file:
            columns = _Columns(dict.fromkeys(file.schema_arrow.names), description, path)
            number = 0
            # Page by page, keeping nothing. It finds what of the footer is broken; looking at a
            # broken column below would end the process: pyarrow lets the exception through.
            file.scan_contents()
            for group in range(file.metadata.num_row_groups):
                room.check(path, _unpacked(file.metadata.row_group(group)), f"row group {group}")
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    number += 1
                    yield columns.histogram(row, source, f"row {number}")
    except (OSError, pa.ArrowException) as error:
        raise SourceError("file_unreadable", f"{path} as Parquet: {error}") from error


def _unpacked(group: Any) -> int:
    """Bytes of a row group: as it says, or 8 for each of its numbers, many of which may be packed
    as one."""
    columns = (group.column(place) for place in range(group.num_columns))
    return sum(max(one.total_uncompressed_size, 8 * one.num_values) for one in columns)


def read_json(path: Path, source: str, description: Description, room: Room) -> Iterator[Found]:
    """Histograms of a page of DIALS: `results`, each with its bins. SourceError if it is none."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            # A number of two characters becomes an object of 24 bytes, in a list of 8 each.
            raw = file.read(room.most // _OBJECTS_OF_A_BYTE + 1)
            room.check(path, len(raw) * _OBJECTS_OF_A_BYTE)
        page = json.loads(raw)
    except (OSError, EOFError, ValueError, RecursionError) as error:
        raise SourceError("file_unreadable", f"{path} as JSON: {error}") from error
    rows = page.get("results") if isinstance(page, dict) else page
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SourceError("not_a_table", f"{path}: expected a list of histograms, or `results`")
    for number, row in enumerate(rows, 1):
        names = dict.fromkeys(row)
        yield _Columns(names, description, path).histogram(row, source, f"row {number}")


class _Columns:
    """Which column means what."""

    def __init__(self, names: Mapping[str, object], description: Description, path: Path) -> None:
        self._description = description
        self._names: dict[str, str] = {}
        lower = {name.lower(): name for name in reversed(list(names))}
        for meaning, known in _KNOWN.items():
            said = description.columns.get(meaning)
            if said is not None and said not in names:
                detail = f"{path}: no column {said!r} for {meaning}, there are {_some(names)}"
                raise SourceError("column_missing", detail)
            found = said or next((lower[name] for name in known if name in lower), None)
            if found is not None:
                self._names[meaning] = found
        single = [name for name in names if _ONE_BIN.fullmatch(name)]
        self._single = sorted(single, key=lambda name: int(name.removeprefix("bin_")))
        missing = [meaning for meaning in _NEEDED if meaning not in self._names]
        if "bins" not in self._names and not self._single:
            missing.append("bins")
        if "run" not in self._names and description.run is None:
            detail = f"{path}: no column names the run: say it (--run), or which column it is"
            raise SourceError("run_unknown", detail)
        if missing:
            detail = (
                f"{path}: no column is known for {', '.join(missing)}: say which (--column "
                f"{missing[0]}=NAME); there are {_some(names)}"
            )
            raise SourceError("column_missing", detail)

    def histogram(self, row: Mapping[str, Any], source: str, where: str) -> Found:
        """The histogram of a row."""
        run = lumisection = -1
        path = ""
        try:
            run = self._run(row)
            lumisection = _whole(row[self._names["lumisection"]], "lumisection")
            name = str(row[self._names["name"]])
            said = self._description.dataset(name)
            path = said.path or name
            return self._read(row, said, (run, lumisection, path, name), source, where)
        # Arithmetic: numbers of hundreds of digits. Recursion: lists of lists of lists.
        except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError) as error:
            return Rejected(
                reason="bad_row",
                detail=f"{where}: {error}",
                source=source,
                run=run,
                lumisection=lumisection,
                path=path,
            )

    def _run(self, row: Mapping[str, Any]) -> int:
        if "run" in self._names:
            return _whole(row[self._names["run"]], "run")
        assert self._description.run is not None  # noqa: S101 checked at the start
        return self._description.run

    def _read(
        self,
        row: Mapping[str, Any],
        said: Dataset,
        place: tuple[int, int, str, str],
        source: str,
        where: str,
    ) -> ImportedHistogram:
        code = _whole(row[self._names["kind"]], "metype") if "kind" in self._names else None
        axes = tuple(words.axis() for words in said.axes) or self._axes(row, code)
        values, flow = _shaped(self._bins(row), axes)
        entries = float(row[self._names["entries"]]) if "entries" in self._names else None
        means = said.values == "means" or (
            not said.values and code in _PROFILES and not _counts(values, entries)
        )
        kind: Kind = "means" if means else "values"
        run, lumisection, path, name = place
        return ImportedHistogram(
            run=run,
            lumisection=lumisection,
            path=path,
            title=said.title or name,
            axes=axes,
            kind=kind,
            values=values,
            entries=entries,
            flow_known=flow,
            notes=notes_of(lumisection),
            source=source,
            where=where,
        )

    def _bins(self, row: Mapping[str, Any]) -> Bins:
        if "bins" not in self._names:
            return np.array([float(row[name]) for name in self._single])
        value = row[self._names["bins"]]
        return np.array(json.loads(value) if isinstance(value, str) else value, np.float64)

    def _axes(self, row: Mapping[str, Any], code: int | None) -> tuple[Axis, ...]:
        first = self._axis(row, "x")
        y_bins = _whole(row[self._names["y_bins"]], "y_bins") if "y_bins" in self._names else 0
        # Tables of one-dimensional histograms have 0 or 1 bin in y.
        if y_bins > 1 or (y_bins and code in _TWO_DIMENSIONS):
            return (first, self._axis(row, "y"))
        return (first,)

    def _axis(self, row: Mapping[str, Any], letter: str) -> Axis:
        return Regular(
            bins=_whole(row[self._names[f"{letter}_bins"]], f"{letter}_bins"),
            lower=float(row[self._names[f"{letter}_min"]]),
            upper=float(row[self._names[f"{letter}_max"]]),
        )


def _shaped(cells: Bins, axes: tuple[Axis, ...]) -> tuple[Bins, bool]:
    """Cells over the axes with flow, and whether the table had the flow."""
    bins = [axis.bins for axis in axes if isinstance(axis, Regular)]
    full = [number + 2 for number in bins]
    if cells.ndim == 2 and cells.shape == tuple(reversed(bins)):
        return with_flow(cells.T), False
    if cells.ndim == 1 and cells.size == np.prod(full):
        return cells.reshape(tuple(reversed(full))).T, True
    if cells.ndim == 1 and cells.size == np.prod(bins):
        return with_flow(cells.reshape(bins)), False
    sizes = " x ".join(map(str, bins))
    msg = f"{list(cells.shape)} bins for axes of {sizes}, with or without flow"
    raise ValueError(msg)


def _counts(cells: Bins, entries: float | None) -> bool:
    """Whether the numbers of a profile count its entries: means would not come to as many."""
    return bool(np.array_equal(cells, np.rint(cells))) and cells.sum() == entries


def _whole(value: Any, what: str) -> int:
    number = float(value)
    if not number.is_integer():
        msg = f"{what} is {value!r}, expected a whole number"
        raise ValueError(msg)
    return int(number)


def _some(names: Iterable[str]) -> str:
    shown = list(names)[:20]
    return ", ".join(repr(name) for name in shown)
