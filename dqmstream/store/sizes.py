"""How much room the store's runs and workspaces take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Table, func, select

from dqmstream.store.answers import Run
from dqmstream.store.database import Database
from dqmstream.store.listings.runs import all_runs
from dqmstream.store.tables import (
    ACCOUNTS,
    BLOCKS,
    CHUNK_ELEMENTS,
    CHUNKS,
    CONDITIONS,
    LUMISECTIONS,
    MERGED,
    PIECES,
    REPORTS,
    SERIES,
    TOTALS,
)

__all__ = ["OF_RUN", "OF_SERIES", "RunSize", "WorkspaceSize", "run_bytes", "run_sizes"]

OF_SERIES: Final[Mapping[Table, Sequence[str]]] = {
    BLOCKS: ("cells",),
    CHUNKS: ("lumisections", "total"),
    CHUNK_ELEMENTS: ("cells",),
    MERGED: ("beside",),
    PIECES: ("body",),
    TOTALS: ("lumisections", "cells", "beside"),
}
"""Tables of contents, and their columns of some size."""

OF_RUN: Final[Mapping[Table, Sequence[str]]] = {
    ACCOUNTS: ("body",),
    CONDITIONS: ("body",),
    REPORTS: ("body",),
    LUMISECTIONS: ("account", "late_account"),
}
"""The same of what is said about a run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkspaceSize:
    """Contents of one workspace of one set in a run: LSs that are kept one by one, packed bytes."""

    set: str
    workspace: str
    lumisections: int
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSize:
    """A run, packed bytes of all that is stored of it, and its workspaces."""

    run: Run
    bytes: int
    workspaces: tuple[WorkspaceSize, ...]


def run_sizes(url: str) -> tuple[RunSize, ...]:
    """All stored runs, newest number first.

    Raises
    ------
    StoreError
        If the store cannot be read.
    """
    database = Database(url, writing=False)
    try:
        with database.transaction() as connection:
            return _sizes(connection)
    finally:
        database.close()


def _sizes(connection: Connection) -> tuple[RunSize, ...]:
    contents = _grouped(connection, OF_SERIES, lambda table: table.c.series)
    said = _grouped(connection, OF_RUN, lambda table: table.c.run)
    merged = select(MERGED.c.series, func.count()).group_by(MERGED.c.series)
    counts = {int(row[0]): int(row[1]) for row in connection.execute(merged)}
    workspaces: dict[int, list[WorkspaceSize]] = {}
    query = select(SERIES).order_by(SERIES.c.set, SERIES.c.workspace)
    for row in connection.execute(query):
        size = WorkspaceSize(
            set=row.set,
            workspace=row.workspace,
            lumisections=counts.get(row.id, 0),
            bytes=contents.get(row.id, 0),
        )
        workspaces.setdefault(row.run, []).append(size)
    sizes = []
    for one in all_runs(connection):
        of_run = tuple(workspaces.get(one.run, ()))
        room = said.get(one.run, 0) + sum(each.bytes for each in of_run)
        sizes.append(RunSize(run=one, bytes=room, workspaces=of_run))
    return tuple(sizes)


def _grouped(
    connection: Connection, tables: Mapping[Table, Sequence[str]], key: Any
) -> dict[int, int]:
    """Bytes of all columns by series, or by run."""
    total: dict[int, int] = {}
    for table, columns in tables.items():
        query = select(key(table), *_lengths(table, columns)).group_by(key(table))
        for row in connection.execute(query):
            total[row[0]] = total.get(row[0], 0) + sum(int(size) for size in row[1:])
    return total


def _lengths(table: Table, columns: Sequence[str]) -> list[Any]:
    return [func.coalesce(func.sum(func.length(table.c[name])), 0) for name in columns]


def run_bytes(connection: Connection, run: int, *, whole: bool = True) -> int:
    """Packed bytes that a run takes: of its contents and accounts, if `whole` of all about it."""
    size = 0
    for table, columns in OF_SERIES.items():
        query = select(*_lengths(table, columns)).where(
            table.c.series == SERIES.c.id, SERIES.c.run == run
        )
        size += sum(int(length) for length in connection.execute(query).one())
    for table, columns in OF_RUN.items():
        if whole or table is ACCOUNTS:
            query = select(*_lengths(table, columns)).where(table.c.run == run)
            size += sum(int(length) for length in connection.execute(query).one())
    return size
