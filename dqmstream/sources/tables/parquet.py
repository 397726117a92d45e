"""Parquet files as tables."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from dqmstream.errors import SourceError
from dqmstream.sources.tables.table import Array

__all__ = ["ParquetTable"]

_BATCH: Final = 8192
"""Rows that Arrow decodes at once."""


class ParquetTable:
    """A Parquet file as a `Table`.

    Rows of a row group come one after another, so a read that goes on where the last one ended is
    cheap, and one that goes back begins again at the start of the row group.

    Raises
    ------
    SourceError
        With reason `unreadable` if it is no Parquet file, or a cut one.
    """

    name = "parquet"
    unusable: Mapping[str, str] = {}
    unpacks = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: pq.ParquetFile | None = None
        self._stream: _Stream | None = None
        opened = self._opened()
        self.rows: int = opened.metadata.num_rows
        self.types: Mapping[str, pa.DataType] = {f.name: f.type for f in opened.schema_arrow}
        self._starts = [0]
        self._bytes: dict[str, int] = {}
        for number in range(opened.metadata.num_row_groups):
            group = opened.metadata.row_group(number)
            self._starts.append(self._starts[-1] + group.num_rows)
            for column in range(group.num_columns):
                found = group.column(column)
                name = found.path_in_schema.split(".")[0]
                self._bytes[name] = self._bytes.get(name, 0) + found.total_uncompressed_size

    def row_bytes(self, columns: Sequence[str]) -> float:
        # What Parquet says is encoded: numbers in dictionaries take more once they are decoded.
        widths = (max(8.0, self._bytes.get(c, 0) / max(self.rows, 1)) for c in columns)
        return sum(widths)

    def read(self, columns: Sequence[str], start: int, stop: int) -> dict[str, Array]:
        parts = list(self._parts(tuple(columns), start, stop))
        found: dict[str, Array] = {}
        for name in columns:
            chunks = [part.column(name) for part in parts]
            empty = pa.array([], type=self.types[name])
            found[name] = pa.concat_arrays(chunks) if chunks else empty
        return found

    def close(self) -> None:
        self._stream = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> pq.ParquetFile:
        if self._file is None:
            try:
                # Not mapped into memory: a file that shrinks meanwhile must be an error, no signal.
                self._file = pq.ParquetFile(self.path, memory_map=False, pre_buffer=False)
            except (pa.ArrowException, OSError) as error:
                detail = f"{self.path} is no Parquet file, or not all of one: {error!s:.300}"
                raise SourceError("unreadable", detail) from error
        return self._file

    def _parts(self, columns: tuple[str, ...], start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """Record batches of exactly these rows."""
        while start < stop:
            stream = self._stream_at(columns, start)
            batch = stream.next(stop - start)
            yield batch
            start += batch.num_rows

    def _stream_at(self, columns: tuple[str, ...], row: int) -> "_Stream":
        """The rows of a row group from this one on."""
        group = next(n for n, end in enumerate(self._starts[1:]) if row < end)
        stream = self._stream
        goes_on = stream is not None and stream.of == (group, columns) and stream.row <= row
        if not goes_on:
            batches = self._opened().iter_batches(
                _BATCH, row_groups=[group], columns=list(columns), use_threads=False
            )
            stream = _Stream((group, columns), self._starts[group], batches, self.path)
        assert stream is not None  # noqa: S101 made just now, or it goes on
        self._stream = stream
        stream.skip(row - stream.row)
        return stream


class _Stream:
    """The rows of one row group, one after another; `row` is the next."""

    def __init__(
        self, of: tuple[int, tuple[str, ...]], row: int, batches: Iterator[Any], path: Path
    ) -> None:
        self.of = of
        self.row = row
        self._batches = batches
        self._path = path
        self._left: Any = None

    def skip(self, rows: int) -> None:
        while rows > 0:
            rows -= self.next(rows).num_rows

    def next(self, most: int) -> Any:
        """The next record batch, of at least one and at most so many rows."""
        while self._left is None or not self._left.num_rows:
            try:
                self._left = next(self._batches)
            except (StopIteration, pa.ArrowException, OSError) as error:
                detail = f"{self._path}: rows from {self.row} on: {error!s:.300}"
                raise SourceError("unreadable", detail) from error
        taken = self._left.slice(0, most)
        self._left = self._left.slice(taken.num_rows)
        self.row += taken.num_rows
        return taken
