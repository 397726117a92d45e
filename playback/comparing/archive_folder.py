"""A result of the archive of a run, as `dqmstream store archive` writes it: all that it holds."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dqmstream.errors import SourceError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking, Element
from dqmstream.messages.histograms import ScalarValue
from dqmstream.messages.quality import QualityReport, QualityReports
from playback.comparing.playing import result_of
from playback.comparing.results import (
    Begun,
    DeclaredTest,
    Ended,
    LumisectionResult,
    ResultWriter,
)

__all__ = ["is_archive", "of_archive", "tests_of"]

_RUN: Final = "run.json"
_FILES: Final = ("elements", "contents", "reports", "lumisections")


class _Run(msgspec.Struct, frozen=True):
    run: int


def is_archive(folder: Path) -> bool:
    """Whether a folder is an archive, whole or not."""
    return (folder / "elements.parquet").is_file() or (folder / _RUN).is_file()


def of_archive(name: str, folder: Path, writer: ResultWriter) -> None:
    """Write the result of an archive.

    Raises
    ------
    SourceError
        With reason `bad_archive` if a file is missing or cannot be read, or it has several sets.
    """
    try:
        run = msgspec.json.decode((folder / _RUN).read_bytes(), type=_Run).run
        tables = {one: pq.read_table(folder / f"{one}.parquet") for one in _FILES}
        _write(name, run, tables, writer)
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise SourceError("bad_archive", f"{name}: {folder}: {error}") from error


def _write(name: str, run: int, tables: dict[str, pa.Table], writer: ResultWriter) -> None:
    elements = tables["elements"].to_pylist()
    sets = sorted({one["set"] for one in elements})
    if len(sets) != 1:
        detail = f"{name}: has sets {', '.join(sets) or 'none'}, expected one"
        raise SourceError("bad_archive", detail)
    layouts = _layouts(elements)
    contents = _contents(tables["contents"], layouts)
    reports = _reports(tables["reports"], run, sets[0])
    events = _events(tables["lumisections"])
    begun = Begun(release=name, version="", hash=sets[0], recording="", run=run, events=False)
    writer.begin(begun, [layout.booking for layout in layouts.values()], tests_of(reports))
    for number in sorted(contents):
        seen, selected = events.get(number, (0, 0))
        writer.add(
            LumisectionResult(
                lumisection=number,
                seen=seen,
                selected=selected,
                contents=tuple(result_of(one) for _, one in sorted(contents[number].items())),
                reports=tuple(reports.get(number, ())),
            )
        )
    writer.end(Ended())


def _events(table: pa.Table) -> dict[int, tuple[int, int]]:
    """Events seen and filled by LS."""
    columns = (table.column(name).to_pylist() for name in ("lumisection", "seen", "selected"))
    return {number: (seen, selected) for number, seen, selected in zip(*columns, strict=True)}


def tests_of(reports: Mapping[int, Sequence[QualityReports]]) -> list[DeclaredTest]:
    """Quality tests that reports by LS are of; what was declared is not kept with them."""
    tests = {
        (one.qtname, group.workspace)
        for groups in reports.values()
        for group in groups
        for one in group.reports
    }
    return [
        DeclaredTest(name=name, workspace=workspace, path="", enabled=True, declared={})
        for name, workspace in sorted(tests)
    ]


def _layouts(elements: list[dict[str, Any]]) -> dict[str, Layout]:
    booked: dict[str, list[Element]] = {}
    for one in elements:
        declared = msgspec.json.decode(one["declaration"], type=Element)
        booked.setdefault(one["workspace"], []).append(declared)
    return {
        workspace: Layout(Booking(workspace=workspace, elements=tuple(own)))
        for workspace, own in sorted(booked.items())
    }


def _contents(table: pa.Table, layouts: dict[str, Layout]) -> dict[int, dict[str, Contents]]:
    """By LS and workspace; LS 0 is what is known of the whole run only. Late events are in none."""
    found: dict[int, dict[str, Contents]] = {}
    for row in _rows(table):
        if row["late"]:
            continue
        number = row["lumisection"] or 0
        layout = layouts[row["workspace"]]
        place = layout[row["path"]]
        own = found.setdefault(number, {})
        contents = own.setdefault(layout.workspace, Contents.empty(layout))
        if row["cells"] is not None:
            cells = np.asarray(row["cells"], np.int64)
            contents.cells[place.offset : place.offset + place.size] = cells
        value = row["text"] if row["number"] is None else row["number"]
        if value is not None:
            contents.scalars[place.index] = ScalarValue(value=value)
        if row["invalid"] is not None:
            contents.invalid[place.index] = row["invalid"]
    return found


def _reports(table: pa.Table, run: int, chosen: str) -> dict[int, list[QualityReports]]:
    grouped: dict[tuple[int, str, str, bool], list[QualityReport]] = {}
    for row in _rows(table):
        key = (row["lumisection"], row["workspace"], row["scope"], row["complete"])
        one = msgspec.json.decode(row["report"], type=QualityReport)
        grouped.setdefault(key, []).append(one)
    found: dict[int, list[QualityReports]] = {}
    for (number, workspace, scope, complete), own in sorted(grouped.items()):
        found.setdefault(number, []).append(
            QualityReports(
                set=chosen,
                run=run,
                lumisection=number,
                workspace=workspace,
                scope=scope,
                complete=complete,
                versions=(),
                reports=tuple(own),
            )
        )
    return found


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=1024):
        yield from batch.to_pylist()
