"""Totals: what is left of a series when its lumisections were summed, and what it can answer."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, insert, select

from dqmstream.errors import RemovedError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.identity import compact_ranges
from dqmstream.store.answers import NOW, AsOf, Window
from dqmstream.store.blocks import (
    decode_block,
    encode_block,
    packed_lumisections,
    unpacked_lumisections,
)
from dqmstream.store.series import Beside, Selection, Series, series_of
from dqmstream.store.tables import (
    BLOCKS,
    CHUNK_ELEMENTS,
    CHUNKS,
    MERGED,
    PIECES,
    REMOVED,
    SERIES,
    TOTALS,
)

__all__ = [
    "check_no_series_is_summed",
    "check_not_removed",
    "check_not_summed",
    "replace_by_total",
    "told_time",
    "total",
]

_OF_LUMISECTIONS = (MERGED, BLOCKS, CHUNKS, CHUNK_ELEMENTS, PIECES)


class _Total(NamedTuple):
    lumisections: NDArray[np.int64]
    contents: Contents


def told_time(nanoseconds: int) -> str:
    """A wall clock for people: `2026-11-22 09:30 UTC`."""
    return f"{datetime.fromtimestamp(nanoseconds / 1e9, UTC):%Y-%m-%d %H:%M} UTC"


def total(
    connection: Connection,
    series: Series,
    layout: Layout,
    selection: Selection,
    as_of: AsOf = NOW,
    *,
    late: bool = False,
) -> Window:
    """The sum of a summed series, if all of its LSs are asked for, or none of them.

    Raises
    ------
    RemovedError
        If only some are, or it is asked for as of a moment.
    """
    if not as_of.is_now:
        raise _gone(series, "what was known when went with them")
    found = _read(connection, series, layout, late=late)
    if found is None:
        return Window(Contents.empty(layout), ())
    asked = selection.mask(found.lumisections)
    if not asked.any():
        return Window(Contents.empty(layout), ())
    if not asked.all():
        held = compact_ranges(found.lumisections.tolist())
        raise _gone(series, f"only the sum of {held} is left, ask for all of them")
    return Window(found.contents, tuple(found.lumisections.tolist()))


def check_not_summed(connection: Connection, series: Series, selection: Selection) -> None:
    """RemovedError if any of these LSs are in the sum of a summed series."""
    for late in (False, True):
        row = connection.execute(_query(series, late=late)).first()
        if row is not None and selection.mask(_lumisections(row)).any():
            held = compact_ranges(_lumisections(row).tolist())
            raise _gone(series, f"only the sum of {held} is left")


def check_not_removed(connection: Connection, run: int) -> None:
    """RemovedError if nothing of the run is kept any more."""
    c = REMOVED.c
    query = select(c.when, c.why).where(c.run == run, c.kept == "nothing").order_by(c.id.desc())
    row = connection.execute(query).first()
    if row is not None:
        msg = f"run {run} was removed on {told_time(row.when)} ({row.why})"
        raise RemovedError(msg)


def check_no_series_is_summed(connection: Connection, run: int) -> None:
    """RemovedError if of anything in the run only a sum is left."""
    query = select(SERIES).where(SERIES.c.run == run, SERIES.c.summed.is_not(None)).limit(1)
    row = connection.execute(query).first()
    if row is not None:
        raise _gone(series_of(row), "what was known when went with them")


def _gone(series: Series, rest: str) -> RemovedError:
    when = told_time(series.summed or 0)
    return RemovedError(
        f"run {series.run} workspace {series.workspace!r}: its lumisections were summed on {when}: "
        f"{rest}"
    )


def _query(series: Series, *, late: bool) -> Any:
    return select(TOTALS).where(TOTALS.c.series == series.id, TOTALS.c.late == int(late))


def _lumisections(row: Any) -> NDArray[np.int64]:
    return unpacked_lumisections(row.lumisections)


def _read(connection: Connection, series: Series, layout: Layout, *, late: bool) -> _Total | None:
    row = connection.execute(_query(series, late=late)).first()
    if row is None:
        return None
    beside = Beside.decode(row.beside)
    cells = decode_block(row.cells, layout.cells)
    return _Total(_lumisections(row), Contents(layout, cells, beside.scalars, beside.invalid))


def replace_by_total(
    connection: Connection, series: Series, on_time: Window, late: Window, when: int
) -> None:
    """Keep these sums of a series, and forget its LSs."""
    rows = [_row(series, window, late=window is late) for window in (on_time, late)]
    kept = [row for row, window in zip(rows, (on_time, late), strict=True) if window.lumisections]
    if kept:
        connection.execute(insert(TOTALS), kept)
    for table in _OF_LUMISECTIONS:
        connection.execute(delete(table).where(table.c.series == series.id))
    connection.execute(SERIES.update().where(SERIES.c.id == series.id).values(summed=when))


def _row(series: Series, window: Window, *, late: bool) -> dict[str, Any]:
    contents = window.contents
    return {
        "series": series.id,
        "late": int(late),
        "lumisections": packed_lumisections(window.lumisections),
        "cells": encode_block(contents.cells),
        "beside": Beside(contents.scalars, contents.invalid).encode(),
    }
