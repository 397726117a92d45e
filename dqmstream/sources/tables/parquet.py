"""Parquet files as tables."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from dqmstream.errors import SourceError
from dqmstream.sources.refusing import refusing
from dqmstream.sources.tables.table import Array
from dqmstream.sources.tables.types import types_of

__all__ = ["ParquetTable"]

_BATCH: Final = 8192
"""Rows that Arrow decodes at once."""
_MEASURED_ROWS: Final = 256
_MEASURED_GROUPS: Final = 8
_LEAST_WIDTH: Final = 8.0


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
        self._widths: dict[str, float] = {}
        with refusing(path, "unreadable", "it is no Parquet file, or not all of one"):
            opened = self._opened()
            self.types = types_of(path, opened.schema_arrow)
            metadata = opened.metadata
            groups = [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)]
        self.rows: int = metadata.num_rows
        self._starts = [0, *itertools.accumulate(groups)]
        if min(groups, default=0) < 0 or self._starts[-1] != self.rows:
            detail = f"{path}: it says it has {self.rows} rows, its row groups {self._starts[-1]}"
            raise SourceError("unreadable", detail)

    def row_bytes(self, columns: Sequence[str]) -> float:
        """As of the first rows of some row groups.

        The footer would say it as well, but to look at a broken column there would end the
        process: pyarrow lets the exception through. It says what is encoded, besides: numbers in
        dictionaries take more once they are decoded.
        """
        new = [column for column in columns if column not in self._widths]
        if new:
            self._widths.update(self._measured(new))
        return sum(self._widths[column] for column in columns)

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

    def _measured(self, columns: Sequence[str]) -> dict[str, float]:
        """Bytes in a row of each column, decoded; what cannot be read has the least."""
        groups = len(self._starts) - 1
        rows, sizes = 0, dict.fromkeys(columns, 0)
        for group in range(0, groups, max(1, groups // _MEASURED_GROUPS)):
            try:
                batches = self._opened().iter_batches(
                    _MEASURED_ROWS, row_groups=[group], columns=list(columns), use_threads=False
                )
                batch = next(batches, None)
            except (SourceError, pa.ArrowException, OSError):
                continue  # whoever reads it is told
            if batch is not None:
                rows += batch.num_rows
                for column in columns:
                    sizes[column] += batch.column(column).nbytes
        return {c: max(_LEAST_WIDTH, size / max(rows, 1)) for c, size in sizes.items()}

    def _opened(self) -> pq.ParquetFile:
        if self._file is None:
            with refusing(self.path, "unreadable", "it is no Parquet file, or not all of one"):
                # Not mapped into memory: a file that shrinks meanwhile must be an error, no signal.
                self._file = pq.ParquetFile(self.path, memory_map=False, pre_buffer=False)
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
