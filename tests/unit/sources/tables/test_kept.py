"""Files of a run that are read in turn stay open; those that change are not taken for the old."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from dqmstream.sources.tables import TableSettings, TableSource, kept, table_sources
from dqmstream.sources.tables.csv import CsvTable
from dqmstream.sources.tables.table import Array, Table
from tests.event_files import Write, chunks_of, notes_of, numbers

LUMISECTIONS = 30
ROWS = 4


def columns(run: int = 1, first: int = 0) -> dict[str, Any]:
    """A few events of each LS."""
    ls = np.repeat(np.arange(1, LUMISECTIONS + 1), ROWS)
    return {"run": np.full(ls.size, run), "ls": ls, "event": first + np.arange(ls.size)}


def one(*paths: Path, **options: Any) -> TableSource:
    (source,), _ = table_sources(paths, TableSettings(**options))
    return source


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """CSV files in the order in which they are parsed."""
    found: list[Path] = []
    unpack = CsvTable._unpack

    def watched(self: CsvTable, name: str) -> None:
        found.append(self.path)
        unpack(self, name)

    monkeypatch.setattr(CsvTable, "_unpack", watched)
    return found


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Parquet files in the order in which they are opened."""
    found: list[Path] = []

    class Watched(pq.ParquetFile):
        def __init__(self, path: Path, **options: Any) -> None:
            found.append(path)
            super().__init__(path, **options)

    monkeypatch.setattr(pq, "ParquetFile", Watched)
    return found


def test_csv_files_of_one_run_are_each_unpacked_once(write: Write, unpacked: list[Path]) -> None:
    paths = [write("a.csv", columns()), write("b.csv", columns(first=1000))]
    source = one(*paths)
    assert numbers(source, "event")[2] == [4, 5, 6, 7, 1004, 1005, 1006, 1007]
    assert unpacked == paths
    source.close()
    assert len(numbers(source, "event")) == LUMISECTIONS
    assert unpacked == [*paths, *paths]


def test_a_csv_file_of_many_runs_is_unpacked_once(write: Write, unpacked: list[Path]) -> None:
    whole = columns()
    path = write("a.csv", {**whole, "run": whole["ls"]})
    sources, _ = table_sources([path])
    for source in sources:
        assert sum(len(chunks) for chunks in chunks_of(source).values()) == 1
        source.close()
    assert len(sources) == LUMISECTIONS
    assert unpacked == [path]


def test_files_that_are_read_in_turn_are_opened_once_more_than_for_their_keys(
    write: Write, opened: list[Path]
) -> None:
    paths = [write(f"{n}.parquet", columns(first=n * 1000)) for n in range(3)]
    source = one(*paths)
    assert len(numbers(source, "event")) == LUMISECTIONS
    assert opened == [*paths, *paths]


def test_with_more_files_than_may_be_open_all_rows_come_all_the_same(
    write: Write, opened: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [write(f"{n}.parquet", columns(first=n * 1000)) for n in range(5)]
    expected = numbers(one(*paths), "event")
    monkeypatch.setattr(kept, "MOST_OPEN", 2)
    opened.clear()
    source = one(*paths)
    assert numbers(source, "event") == expected
    assert len(opened) == 5 + 5 * LUMISECTIONS
    assert len(source._kept._open) == 2


def test_files_of_one_run_share_the_memory_of_a_few_blocks(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted at the port of the tables: each file keeps no more than it read last."""
    files, block = 16, 4096
    paths = [write(f"{n:02}.parquet", columns()) for n in range(files)]
    source = one(*paths, block_bytes=block)
    last: dict[Path, int] = {}

    def watch(table: Table) -> None:
        read = table.read

        def watched(names: Any, start: int, stop: int) -> dict[str, Array]:
            found = read(names, start, stop)
            last[table.path] = sum(array.nbytes for array in found.values())
            assert sum(last.values()) <= 4 * block
            return found

        monkeypatch.setattr(table, "read", watched)

    for file in source._files:
        watch(file.table)
    assert len(numbers(source, "event")[1]) == files * ROWS
    assert len(last) == files


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.root"])
def test_a_file_that_changes_before_it_is_read_is_counted_as_unreadable(
    write: Write, name: str
) -> None:
    """Its rows were looked up by LS: of another file they would be other LSs' events."""
    before = columns()
    source = one(write(name, before), write(f"b{name}", columns(first=1000)))
    write(name, {**before, "ls": before["ls"][::-1]})
    notes = notes_of(source)
    assert notes == {number: {"unreadable": ROWS} for number in range(1, LUMISECTIONS + 1)}
    assert numbers(source, "event")[1] == [1000, 1001, 1002, 1003]
    assert source.reports[0].refused["unreadable"] >= ROWS * LUMISECTIONS
    (problem,) = source.reports[0].problems
    assert f"{name} has changed" in problem


def test_a_file_that_has_gone_is_counted_as_unreadable(write: Write) -> None:
    path = write("a.parquet", columns())
    source = one(path)
    path.unlink()
    assert notes_of(source)[1] == {"unreadable": ROWS}
    assert "No such file" in source.reports[0].problems[0]
