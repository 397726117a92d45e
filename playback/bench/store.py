"""`dqmstream bench store`: writing a long run and reading it back, in SQLite and in PostgreSQL.

A run of many lumisections (LSs) of one workspace of 1000 histograms of 100 bins is recorded as the
recorder does it: batches of closing sets, compaction behind them. Then windows and trends are read.
Every answer is compared with NumPy's sum of what went in.

The bare limit writes bytes of the same sizes with the plain driver: one row for each LS, in
transactions of a batch; sqlite3's executemany in the same journal mode, and COPY. It unpacks and
sums nothing, so how much unpacking and packing alone would allow is measured beside it.
"""

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from sqlalchemy import insert

from dqmstream.booking import Workspace, histogram, regular
from dqmstream.errors import StoreError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.store.blocks import encode_block
from dqmstream.store.database import Database, insert_rows
from dqmstream.store.recording import Recorded
from dqmstream.store.sizes import run_sizes
from dqmstream.store.store import Store
from dqmstream.store.tables import CHUNK_ELEMENTS
from dqmstream.store.testing import closed_set
from dqmstream.store.writer import StoreWriter
from playback.bench.row import Row
from playback.postgresql import DATABASE, PostgreSQL, postgresql

__all__ = ["measure"]

T = TypeVar("T")

_ELEMENTS: Final = 1000
_BINS: Final = 100
_BATCH: Final = 16
_KINDS: Final = 64
"""Different contents, in turn: no two LSs of a chunk are alike, which would pack too well."""
_ENTRIES: Final = 5.0
_SEED: Final = 20261122
_WINDOW: Final = 100
_PATH: Final = "element500"


def measure(*, lumisections: int, quick: bool = False) -> list[Row]:
    """All rows of the benchmark.

    Parameters
    ----------
    lumisections
        Length of the run.
    quick
        A tenth of it, for trying.

    Raises
    ------
    ArithmeticError
        If an answer is not the sum of what went in.
    """
    run = _Run(lumisections // 10 if quick else lumisections)
    rows = [_packing(run)]
    with tempfile.TemporaryDirectory(prefix="dqmstream-bench-") as name:
        folder = Path(name)
        rows += _database("SQLite", f"sqlite:///{folder / 'store.sqlite'}", run)
        rows += _against(rows, "SQLite", _bare_sqlite(folder / "bare.sqlite", run))
    with postgresql() as server:
        url = server.url_of(DATABASE)
        rows += _database("PostgreSQL", url, run)
        rows += _against(rows, "PostgreSQL", _bare_copy(server, run))
        rows.append(_copying(url))
    return rows


class _Run:
    """What is recorded, and what must come out."""

    def __init__(self, lumisections: int) -> None:
        elements = [
            histogram(f"element{n}", regular(_BINS, 0, 1), fill="x") for n in range(_ELEMENTS)
        ]
        workspace = Workspace("bench", "", elements)
        self.layout = Layout(workspace)
        self.booking = self.layout.booking
        self.lumisections = lumisections
        rng = np.random.default_rng(_SEED)
        self.kinds = [
            Contents(self.layout, rng.poisson(_ENTRIES, self.layout.cells).astype(np.int64))
            for _ in range(_KINDS)
        ]
        self._sets = [closed_set(one, run=1, lumisection=1) for one in self.kinds]
        self.blocks = [encode_block(one.cells) for one in self.kinds]

    def batches(self) -> Iterator[list[Any]]:
        """Closing sets, a batch at a time."""
        for first in range(1, self.lumisections + 1, _BATCH):
            last = min(first + _BATCH, self.lumisections + 1)
            yield [
                self._sets[n % _KINDS].__replace__(lumisection=n, through=n)
                for n in range(first, last)
            ]

    def cells(self, lumisections: range) -> Any:
        """Sum of the cells of these LSs: int64[cells]."""
        counts = np.bincount([n % _KINDS for n in lumisections], minlength=_KINDS)
        return sum(int(count) * one.cells for count, one in zip(counts, self.kinds, strict=True))


# ------------------------------------------------------------------------------ our own


def _database(name: str, url: str, run: _Run) -> list[Row]:
    rate = run.lumisections / _timed(lambda: _record(url, run))[0]
    (size,) = run_sizes(url)
    packed = size.bytes / run.lumisections
    rows = [
        Row(name=f"{name}: LSs recorded", value=rate, unit="LSs/s"),
        Row(name=f"{name}: packed", value=packed / 1e3, unit="kB/LS", higher_is_better=False),
    ]
    with Store(url) as store:
        first = run.lumisections // 3
        window = range(first, min(first + _WINDOW, run.lumisections))
        whole = range(1, run.lumisections + 1)
        queries: dict[str, tuple[Callable[[], Any], Any]] = {
            f"window of {len(window)} LSs, all elements": (
                lambda: store.contents("set", 1, "bench", window).contents.cells,
                run.cells(window),
            ),
            "whole run, all elements": (
                lambda: store.contents("set", 1, "bench").contents.cells,
                run.cells(whole),
            ),
            f"window of {len(window)} LSs, one element": (
                lambda: store.element_window("set", 1, "bench", _PATH, window).contents.cells,
                run.cells(window)[_place(run)],
            ),
            "trend of one element over the run": (
                lambda: store.element_trend("set", 1, "bench", _PATH).cells,
                np.stack([run.kinds[n % _KINDS].cells[_place(run)] for n in whole]),
            ),
        }
        for what, (ask, expected) in queries.items():
            times = []
            for _ in range(5):
                seconds, answer = _timed(ask)
                _check(f"{name}: {what}", answer, expected)
                times.append(seconds)
            value = statistics.median(times) * 1e3
            rows.append(Row(name=f"{name}: {what}", value=value, unit="ms", higher_is_better=False))
    return rows


def _record(url: str, run: _Run) -> None:
    with closing(StoreWriter(url, log="bench")) as writer:
        writer.write([run.booking], {})
        for batch in run.batches():
            recorded = writer.write(batch, {("dqm.histograms", 0): batch[-1].lumisection})
            if not isinstance(recorded, Recorded):
                msg = f"sets were refused: {recorded}"
                raise StoreError(msg)
            writer.compact(recorded.series)
        writer.compact()


def _place(run: _Run) -> slice:
    element = run.layout[_PATH]
    return slice(element.offset, element.offset + element.size)


def _check(what: str, answer: Any, expected: Any) -> None:
    if not np.array_equal(answer, expected):
        msg = f"{what}: {answer}, expected {expected}"
        raise ArithmeticError(msg)


# ------------------------------------------------------------------------------ limits


def _packing(run: _Run) -> Row:
    """Unpacking a set and packing its block, without any database."""
    sets = [one for batch in run.batches() for one in batch][:64]

    def pack() -> None:
        for one in sets:
            encode_block(Contents.decode(run.layout, one.cells).cells)

    rate = len(sets) / _timed(pack)[0]
    return Row(name="unpacking and packing alone", value=rate, unit="LSs/s")


def _against(rows: Sequence[Row], name: str, bare: float) -> list[Row]:
    ours = next(row.value for row in rows if row.name == f"{name}: LSs recorded")
    return [
        Row(name=f"{name}: bare writing of the same bytes", value=bare, unit="LSs/s"),
        Row(name=f"{name}: share of bare writing", value=ours / bare, unit=""),
    ]


def _bare_sqlite(file: Path, run: _Run) -> float:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("CREATE TABLE bare (lumisection INTEGER PRIMARY KEY, cells BLOB)")

        def write() -> None:
            for rows in _bare_rows(run):
                with connection:
                    connection.executemany("INSERT INTO bare VALUES (?, ?)", rows)

        return run.lumisections / _timed(write)[0]


def _bare_copy(server: PostgreSQL, run: _Run) -> float:
    with server.connected(DATABASE) as connection:
        connection.execute("CREATE TABLE bare (lumisection integer PRIMARY KEY, cells bytea)")
        # Packed already, as in the store's own tables.
        connection.execute("ALTER TABLE bare ALTER cells SET STORAGE EXTERNAL")

        def write() -> None:
            for rows in _bare_rows(run):
                with (
                    connection.transaction(),
                    connection.cursor() as cursor,
                    cursor.copy("COPY bare FROM STDIN (FORMAT BINARY)") as copy,
                ):
                    copy.set_types(["int4", "bytea"])
                    for row in rows:
                        copy.write_row(row)

        return run.lumisections / _timed(write)[0]


def _bare_rows(run: _Run) -> Iterator[list[tuple[int, bytes]]]:
    for batch in run.batches():
        yield [(one.lumisection, run.blocks[one.lumisection % _KINDS]) for one in batch]


def _copying(url: str) -> Row:
    """What COPY gains: the rows of a chunk by it, and by an INSERT of many."""
    rng = np.random.default_rng(_SEED)
    database = Database(url, writing=True)
    ratios = []
    with closing(database):
        for number in range(1, 10):
            rows = [
                {"series": 1, "element": n, "first": number << 20, "cells": rng.bytes(3000)}
                for n in range(_ELEMENTS)
            ]
            with _rolled_back(database) as connection:
                inserted = _timed(lambda: connection.execute(insert(CHUNK_ELEMENTS), rows))[0]  # noqa: B023
            with _rolled_back(database) as connection:
                copied = _timed(lambda: insert_rows(connection, CHUNK_ELEMENTS, rows))[0]  # noqa: B023
            ratios.append(inserted / copied)
    return Row(
        name="PostgreSQL: COPY against INSERT of 1000 rows",
        value=statistics.median(ratios),
        unit="times",
    )


@contextmanager
def _rolled_back(database: Database) -> Iterator[Any]:
    with database.transaction() as connection:
        yield connection
        connection.rollback()


def _timed(action: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result
