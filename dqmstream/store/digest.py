"""Digests of what is stored of a run: equal for equal contents, however they lie in the tables."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table, select

from dqmstream.histograms.layout import Layout
from dqmstream.store.compaction import sheets
from dqmstream.store.known import Known
from dqmstream.store.series import Series, series_of
from dqmstream.store.tables import (
    ACCOUNTS,
    CONDITIONS,
    LUMISECTIONS,
    MERGED,
    PIECES,
    REPORTS,
    RUNS,
    SERIES,
    TOTALS,
)

__all__ = ["run_digests"]

_OF_RUN: Final = (RUNS, LUMISECTIONS, ACCOUNTS, CONDITIONS, REPORTS)
_ROWS: Final = 256
_NOT_CONTENT: Final = {"id", "series", "chunk_length", "ended"}
"""Columns that say only where something lies, or that follow from what else is stored."""


def run_digests(connection: Connection, run: int) -> Mapping[str, str]:
    """SHA-256 of each part that is stored of a run, by its name; empty if nothing is.

    Parts are the tables about the run, and each workspace of each set.

    Raises
    ------
    StoreError
        If something stored is damaged.
    """
    digests = {}
    for table in _OF_RUN:
        rows = [_hash(row) for row in _rows(connection, table, table.c.run == run)]
        if rows:
            # Sorted by what they hold: databases do not agree on the order of text.
            digests[str(table.name)] = _digest(sorted(rows))
    known = Known()
    query = select(SERIES).where(SERIES.c.run == run)
    for row in connection.execute(query.order_by(SERIES.c.set, SERIES.c.workspace)).all():
        series = series_of(row)
        layout = known.layout_of(connection, series)
        name = f"workspace {series.workspace!r} of set {series.set}"
        digests[name] = _digest(_of_series(connection, series, layout))
    return digests


def _of_series(connection: Connection, series: Series, layout: Layout) -> Iterator[bytes]:
    yield msgspec.msgpack.encode((series.booking, series.partitions, series.summed))
    yield from _rows(connection, MERGED, MERGED.c.series == series.id)
    yield from _rows(connection, TOTALS, TOTALS.c.series == series.id)
    for sheet in sheets(connection, series, layout):
        for lumisection, cells in zip(sheet.lumisections, sheet.cells, strict=True):
            yield lumisection.astype("<i8").tobytes() + cells.astype("<i8").tobytes()
    # Pieces of segment 0 come and go with compaction, and are in the sum.
    late = (PIECES.c.series == series.id) & (PIECES.c.segment > 0)
    yield from sorted(_rows(connection, PIECES, late))


def _rows(connection: Connection, table: Table, where: Any) -> Iterator[bytes]:
    columns = [column for column in table.columns if column.name not in _NOT_CONTENT]
    query = select(*columns).where(where).order_by(*table.primary_key)
    for row in connection.execute(query, execution_options={"yield_per": _ROWS}):
        yield msgspec.msgpack.encode(tuple(row))


def _hash(part: bytes) -> bytes:
    return hashlib.sha256(part).digest()


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()
