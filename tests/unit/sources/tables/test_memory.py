"""Whatever the size of a file, a bounded part of it is in memory."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

from dqmstream.sources.tables import TableSettings, table_sources
from dqmstream.sources.tables.table import Array, Table
from tests.event_files import chunks_of

ROWS = 200_000
BLOCK = 64 << 10


def _csv(path: Path, batch: pa.Table) -> None:
    import pyarrow.csv  # noqa: PLC0415

    pyarrow.csv.write_csv(batch, path)


def _root(path: Path, batch: pa.Table) -> None:
    with uproot.recreate(path) as file:
        columns = {name: batch[name].to_numpy() for name in batch.column_names}
        file.mktree("Events", {name: values.dtype for name, values in columns.items()})
        for start in range(0, ROWS, 5000):
            file["Events"].extend({n: v[start : start + 5000] for n, v in columns.items()})


def _parquet(path: Path, batch: pa.Table) -> None:
    pq.write_table(batch, path)  # a single row group


@pytest.mark.parametrize(
    ("name", "written"), [("a.parquet", _parquet), ("a.root", _root), ("a.csv", _csv)]
)
def test_no_more_than_a_block_is_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, written: Any
) -> None:
    """Counted at the port of the tables: of 200000 rows never more than 64 KiB at once."""
    path = tmp_path / name
    numbers = np.arange(ROWS)
    columns = {"run": np.full(ROWS, 3), "ls": numbers // 25_000 + 1, "x": numbers / 7.0}
    written(path, pa.table(columns))
    (source,), _ = table_sources([path], TableSettings(block_bytes=BLOCK, chunk_events=1000))
    table: Table = source._files[0].table
    sizes: list[int] = []
    read = table.read

    def watched(names: Any, start: int, stop: int) -> dict[str, Array]:
        found = read(names, start, stop)
        sizes.append(sum(array.nbytes for array in found.values()))
        return found

    monkeypatch.setattr(table, "read", watched)
    assert sum(c.selected for chunks in chunks_of(source).values() for c in chunks) == ROWS
    assert len(sizes) > 50
    assert max(sizes) <= BLOCK


_READ_ALL = """
import resource, sys
from pathlib import Path
from dqmstream.sources.tables import TableSettings, table_sources

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10

def events(path):
    settings = TableSettings(block_bytes=1 << 20, chunk_events=10_000)
    (source,), _ = table_sources([Path(path)], settings)
    return sum(c.selected for one in source.lumisections(0) for c in one.chunks())

small, large = sys.argv[1:]
assert events(small) > 0
before = peak()
print(events(large), peak() - before)
"""


def test_a_file_much_larger_than_a_block_takes_no_more_memory(tmp_path: Path) -> None:
    """The highest resident size of a process, after 216 MB of columns: little more than before."""
    paths = []
    for name, groups in (("small", 1), ("large", 30)):
        path = tmp_path / f"{name}.parquet"
        rows = 150_000
        numbers = np.arange(rows)
        schema = None
        writer: pq.ParquetWriter | None = None
        for group in range(groups):
            columns = {f"x{k}": numbers * (k + 1.5) for k in range(4)}
            batch = pa.table(
                {"run": np.full(rows, 3), "ls": numbers // 10_000 + group * 15 + 1, **columns}
            )
            schema = schema or batch.schema
            writer = writer or pq.ParquetWriter(path, schema, use_dictionary=False)
            writer.write_table(batch)
        assert writer is not None
        writer.close()
        paths.append(path)
    command = [sys.executable, "-c", _READ_ALL, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    events, more = map(int, done.stdout.split())
    assert events == 30 * 150_000
    assert more < 60 << 20
