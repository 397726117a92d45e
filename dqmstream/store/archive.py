"""Archives: a run as plain Parquet in a folder, for whoever has no dqmstream.

Reading needs a Parquet reader and the README beside the files, which says what each column is.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, select

from dqmstream.errors import NotStoredError, StoreError
from dqmstream.histograms.layout import ElementLayout, Layout
from dqmstream.store.answers import NOW, Lumisection
from dqmstream.store.archive_files import README, SCHEMAS
from dqmstream.store.compaction import Sheet, sheets
from dqmstream.store.database import Database
from dqmstream.store.known import Known
from dqmstream.store.listings import in_run, lumisections, reports
from dqmstream.store.listings.pages import pages
from dqmstream.store.listings.runs import stored_run
from dqmstream.store.pieces import late_window
from dqmstream.store.schema import require_current
from dqmstream.store.series import Beside, Selection, Series, series_of
from dqmstream.store.tables import MERGED, SERIES
from dqmstream.store.window import SeriesReader

__all__ = ["Archived", "archive"]

_ROWS: Final = 4096
"""Rows that are written together."""

_PAGE: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Archived:
    """What was written: rows by file, and bytes of all files together."""

    run: int
    folder: Path
    rows: Mapping[str, int]
    bytes: int


def archive(url: str, run: int, folder: Path) -> Archived:
    """Write all that is stored of a run to a folder, as of one moment.

    Parameters
    ----------
    url
        Of the store.
    folder
        To be made; its last file is the README, so that with it the archive is whole.

    Raises
    ------
    NotStoredError
        If nothing is stored of the run.
    StoreError
        If the folder has something in it, or the store is of another release or damaged.
    """
    _make_empty(folder)
    database = Database(url, writing=False)
    try:
        require_current(database)
        with database.transaction() as connection:
            rows = _write(connection, run, folder, database.name)
    except OSError as error:
        msg = f"archive {folder}: {error}"
        raise StoreError(msg) from error
    finally:
        database.close()
    size = sum(file.stat().st_size for file in folder.iterdir())
    return Archived(run=run, folder=folder, rows=rows, bytes=size)


def _make_empty(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        full = any(folder.iterdir())
    except OSError as error:
        msg = f"archive {folder}: {error}"
        raise StoreError(msg) from error
    if full:
        msg = f"archive {folder} has something in it: name an empty or a new folder"
        raise StoreError(msg)


def _write(connection: Connection, run: int, folder: Path, store: str) -> dict[str, int]:
    found = stored_run(connection, run)
    if found is None:
        msg = f"nothing is stored of run {run} in {store}"
        raise NotStoredError(msg)
    all_series = _series(connection, run)
    files: dict[str, Iterable[list[dict[str, Any]]]] = {
        "elements": (_element_rows(one, layout) for one, layout in all_series),
        "contents": _content_rows(connection, all_series),
        "lumisections": _lumisection_rows(connection, run),
        "conditions": _condition_rows(connection, run),
        "reports": _report_rows(connection, run),
    }
    rows = {
        name: _parquet(folder / f"{name}.parquet", SCHEMAS[name], batches)
        for name, batches in files.items()
    }
    (folder / "run.json").write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    (folder / "README.md").write_text(README.format(run=run), "utf-8")
    return rows


def _parquet(file: Path, schema: pa.Schema, batches: Iterable[list[dict[str, Any]]]) -> int:
    count = 0
    waiting: list[dict[str, Any]] = []
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for rows in batches:
            count += len(rows)
            waiting += rows
            if len(waiting) >= _ROWS:
                writer.write_table(pa.Table.from_pylist(waiting, schema=schema))
                waiting = []
        writer.write_table(pa.Table.from_pylist(waiting, schema=schema))
    return count


def _series(connection: Connection, run: int) -> list[tuple[Series, Layout]]:
    known = Known()
    query = select(SERIES).where(SERIES.c.run == run).order_by(SERIES.c.set, SERIES.c.workspace)
    found = [series_of(row) for row in connection.execute(query).all()]
    return [(series, known.layout_of(connection, series)) for series in found]


# ------------------------------------------------------------------------------ rows


def _element_rows(series: Series, layout: Layout) -> list[dict[str, Any]]:
    return [
        {
            "set": series.set,
            "workspace": series.workspace,
            "path": one.element.path,
            "kind": type(one.element).__name__,
            "planes": one.planes,
            "extents": one.extents,
            "bits": one.bits,
            "square_bits": one.square_bits,
            "declaration": msgspec.json.encode(one.element).decode(),
        }
        for one in layout
    ]


def _content_rows(
    connection: Connection, all_series: Sequence[tuple[Series, Layout]]
) -> Iterator[list[dict[str, Any]]]:
    """Row groups of one element each, over a chunk of LSs: those of one element lie together."""
    everything = Selection.of(None)
    for series, layout in all_series:
        if series.summed is None:
            beside = _beside(connection, series)
            for sheet in sheets(connection, series, layout):
                for element in layout:
                    yield _sheet_rows(series, element, sheet, beside)
        else:
            window = SeriesReader(connection, series, layout).window(everything, NOW)
            if window.lumisections:
                contents = window.contents
                sheet = Sheet(np.array([0]), contents.cells[np.newaxis])
                beside = {0: Beside(contents.scalars, contents.invalid)}
                for element in layout:
                    yield _sheet_rows(series, element, sheet, beside, summed=True)
        late = late_window(connection, series, layout, everything)
        if late.lumisections:
            sheet = Sheet(np.array([0]), late.contents.cells[np.newaxis])
            beside = {0: Beside(late.contents.scalars, late.contents.invalid)}
            for element in layout:
                yield _sheet_rows(series, element, sheet, beside, summed=True, late=True)


def _beside(connection: Connection, series: Series) -> dict[int, Beside]:
    query = select(MERGED.c.lumisection, MERGED.c.beside).where(MERGED.c.series == series.id)
    return {row.lumisection: Beside.decode(row.beside) for row in connection.execute(query)}


def _sheet_rows(
    series: Series,
    element: ElementLayout,
    sheet: Sheet,
    beside: Mapping[int, Beside],
    *,
    summed: bool = False,
    late: bool = False,
) -> list[dict[str, Any]]:
    rows = []
    columns = slice(element.offset, element.offset + element.size)
    for lumisection, cells in zip(sheet.lumisections.tolist(), sheet.cells, strict=True):
        scalar = beside[lumisection].scalars.get(element.index)
        value = None if scalar is None else scalar.value
        rows.append(
            {
                "set": series.set,
                "workspace": series.workspace,
                "path": element.element.path,
                "lumisection": None if summed else lumisection,
                "late": late,
                "cells": cells[columns] if element.size else None,
                "number": None if isinstance(value, str) or value is None else float(value),
                "text": value if isinstance(value, str) else None,
                "invalid": beside[lumisection].invalid.get(element.index),
            }
        )
    return rows


def _lumisection_rows(connection: Connection, run: int) -> Iterator[list[dict[str, Any]]]:
    wanted = lumisections.LumisectionFilter(run, None, None, NOW)
    for items in pages(lambda after: lumisections.page(connection, wanted, after, _PAGE)):
        yield [_lumisection_row(one) for one in items]


def _lumisection_row(one: Lumisection) -> dict[str, Any]:
    return {
        "set": one.set,
        "lumisection": one.lumisection,
        "closed": one.closed,
        "complete": one.complete,
        "whole": one.whole,
        "late_segments": one.late_segments,
        "published": one.published or None,
        "seen": one.account.seen,
        "selected": one.account.selected,
        "dropped": one.account.dropped,
        "late_seen": one.late_account.seen,
        "account": msgspec.json.encode(one.account).decode(),
        "late_account": msgspec.json.encode(one.late_account).decode(),
    }


def _condition_rows(connection: Connection, run: int) -> Iterator[list[dict[str, Any]]]:
    yield [
        {
            "lumisection": one.lumisection,
            "run_type": one.run_type,
            "fill": one.fill,
            "beam_mode": one.beam_mode,
            "luminosity": one.luminosity,
            "pileup": one.pileup,
            "prescale_index": one.prescale_index,
            "dcs": json.dumps(one.dcs, sort_keys=True),
        }
        for one in in_run.conditions(connection, run).values()
    ]


def _report_rows(connection: Connection, run: int) -> Iterator[list[dict[str, Any]]]:
    wanted = reports.ReportFilter(run)
    for items in pages(lambda after: reports.page(connection, wanted, after, _PAGE)):
        yield [
            {
                "set": group.set,
                "lumisection": group.lumisection,
                "workspace": group.workspace,
                "scope": group.scope,
                "complete": group.complete,
                "path": one.path,
                "qtname": one.qtname,
                "algorithm": one.algorithm,
                "outcome": one.outcome.value,
                "report": msgspec.json.encode(one).decode(),
            }
            for group in items
            for one in group.reports
        ]
