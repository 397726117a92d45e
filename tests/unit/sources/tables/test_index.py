"""Which rows belong to which lumisection."""

from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import SourceError
from dqmstream.identity import LumisectionId
from dqmstream.sources.tables.index import TableIndex, index_table
from dqmstream.sources.tables.keys import Keys
from dqmstream.sources.tables.settings import TableSettings
from dqmstream.sources.tables.table import Array

NAMES = Keys("run", "ls", "")


class Columns:
    """A table in memory that counts how many rows it was asked for at once."""

    path = Path("memory")
    name = "memory"
    unusable: ClassVar[dict[str, str]] = {}

    def __init__(self, **columns: Any) -> None:
        self._columns = {name: pa.array(values) for name, values in columns.items()}
        self.types = {name: column.type for name, column in self._columns.items()}
        self.rows = len(next(iter(self._columns.values())))
        self.most = 0

    def row_bytes(self, columns: Any) -> float:
        return 8.0 * len(columns)

    def read(self, columns: Any, start: int, stop: int) -> dict[str, Array]:
        self.most = max(self.most, stop - start)
        return {name: self._columns[name].slice(start, stop - start) for name in columns}

    def close(self) -> None: ...


def indexed(table: Columns, *, keys: Keys = NAMES, **settings: Any) -> TableIndex:
    return index_table(table, keys, TableSettings(**settings))


def rows_of(index: TableIndex) -> dict[tuple[int, int], list[int]]:
    return {
        tuple(where): [
            row
            for start, stop in zip(rows.starts, rows.stops, strict=True)
            for row in range(start, stop)
        ]
        for where, rows in index.rows.items()
    }


PAIRS = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4)), min_size=1, max_size=60)


@given(PAIRS)
def test_every_row_is_in_its_lumisection_in_the_order_of_the_file(
    pairs: list[tuple[int, int]],
) -> None:
    expected: dict[tuple[int, int], list[int]] = {}
    for row, pair in enumerate(pairs):
        expected.setdefault(pair, []).append(row)
    index = indexed(Columns(run=[r for r, _ in pairs], ls=[n for _, n in pairs]))
    assert rows_of(index) == expected
    assert list(index.rows) == sorted(expected)
    assert index.refused == {}


def test_keys_are_read_in_blocks_and_what_they_cut_is_put_together() -> None:
    table = Columns(run=[1] * 5000, ls=[1] * 2500 + [2] * 2500)
    index = indexed(table, block_bytes=1)
    assert table.most == 1024
    assert [rows.starts.tolist() for rows in index.rows.values()] == [[0], [2500]]


@given(st.lists(st.integers(1, 3), min_size=1, max_size=60), st.integers(1, 7))
def test_without_lumisections_so_many_rows_of_a_run_make_one(runs: list[int], events: int) -> None:
    index = indexed(Columns(run=runs), keys=Keys("run", "", ""), events_per_lumisection=events)
    assert index.assigned
    found = rows_of(index)
    for run in set(runs):
        mine = [row for row, one in enumerate(runs) if one == run]
        lumisections = [rows for (one, _), rows in sorted(found.items()) if one == run]
        assert [row for rows in lumisections for row in rows] == mine
        assert [len(rows) for rows in lumisections[:-1]] == [events] * (len(lumisections) - 1)


def test_numbers_go_on_over_blocks() -> None:
    index = indexed(Columns(run=[4] * 3000), keys=Keys("run", "", ""), block_bytes=1)
    assert list(index.rows) == [LumisectionId(4, number) for number in range(1, 31)]
    assert {rows.total for rows in index.rows.values()} == {100}


def test_rows_with_keys_that_are_no_numbers_of_an_ls_are_counted() -> None:
    odd = [float("nan"), -1.0, 0.0, 2.5, float("inf"), 1e30, None, 3.0]
    index = indexed(Columns(run=[9] * 8, ls=odd))
    assert rows_of(index) == {(9, 3): [7]}
    assert index.refused == {"bad_key": 7}


@pytest.mark.parametrize(
    ("columns", "keys", "reason"),
    [
        ({"x": [1]}, Keys("", "", ""), "no_run_column"),
        ({"run": ["a"], "ls": [1]}, NAMES, "bad_key_column"),
        ({"run": [True], "ls": [1]}, NAMES, "bad_key_column"),
        ({"run": [[1]], "ls": [1]}, NAMES, "bad_key_column"),
        ({"run": [0], "ls": [1]}, NAMES, "no_rows"),
        ({"run": pa.array([], pa.int64()), "ls": pa.array([], pa.int64())}, NAMES, "no_rows"),
    ],
)
def test_a_table_without_usable_keys_is_refused(columns: Any, keys: Keys, reason: str) -> None:
    with pytest.raises(SourceError) as caught:
        indexed(Columns(**columns), keys=keys)
    assert caught.value.reason == reason
