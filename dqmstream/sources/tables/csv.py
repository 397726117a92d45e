"""CSV files as tables: unpacked once into a file of columns, which can be read anywhere."""

import codecs
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.csv

from dqmstream.sources.refusing import refusing
from dqmstream.sources.tables.table import Array
from dqmstream.sources.tables.types import types_of

__all__ = ["CsvTable"]

_BLOCK: Final = 1 << 20
"""Bytes of text that are parsed at once; the first such block decides the types."""
_HEAD: Final = 1 << 16


class CsvTable:
    """A CSV file, plain or compressed, as a `Table`.

    Text cannot be read from the middle, so it is parsed once into a nameless temporary file of
    Arrow's, a block at a time. A column that begins with whole numbers and turns out to have
    others is read as floating point. A row with too few or too many values is left out, and
    counted in `bad_rows`.

    Raises
    ------
    SourceError
        With reason `unreadable` if it is no text, has no header or values of two kinds in a
        column.
    """

    name = "csv"
    unusable: Mapping[str, str] = {}
    unpacks = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bad_rows = 0
        self._reader: Any = None
        self._starts: list[int] = []
        self.types = types_of(path, self._opened().schema)
        self.rows = self._starts[-1]

    def row_bytes(self, columns: Sequence[str]) -> float:
        return 8.0 * len(columns)

    def read(self, columns: Sequence[str], start: int, stop: int) -> dict[str, Array]:
        parts = list(self._parts(start, stop))
        found = {}
        for name in columns:
            chunks = [part.column(name) for part in parts]
            empty = pa.array([], type=self.types[name])
            found[name] = pa.concat_arrays(chunks) if chunks else empty
        return found

    def close(self) -> None:
        self._reader = None

    def _parts(self, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        reader = self._opened()
        for number, (first, end) in enumerate(
            zip(self._starts[:-1], self._starts[1:], strict=True)
        ):
            if first < stop and start < end:
                begin = max(start, first)
                batch = reader.get_batch(number)
                yield batch.slice(begin - first, min(stop, end) - begin)

    # ------------------------------------------------------------- unpacking

    def _opened(self) -> Any:
        if self._reader is None:
            handle, name = tempfile.mkstemp(prefix="dqmstream-csv-", suffix=".arrow")
            os.close(handle)
            try:
                self._unpack(name)
                # Open, it needs no name: it is gone with the last who reads it.
                self._reader = pa.ipc.open_file(pa.OSFile(name, "rb"))
            finally:
                Path(name).unlink()
        return self._reader

    def _unpack(self, name: str) -> None:
        """Parse the text into a file of this name; with wider types if the first do not do."""
        with self._refusing():
            self._check_text()
        with self._refusing(), self._text({}) as reader:
            schema = reader.schema
            try:
                self._write(reader, name)
            except pa.ArrowInvalid:
                wider = {f.name: pa.float64() for f in schema if pa.types.is_integer(f.type)}
                if not wider:
                    raise
            else:
                return
        with self._refusing(), self._text(wider) as reader:
            self._write(reader, name)

    def _write(self, reader: Any, name: str) -> None:
        self._starts = [0]
        with pa.OSFile(name, "wb") as sink, pa.ipc.new_file(sink, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
                self._starts.append(self._starts[-1] + batch.num_rows)

    def _check_text(self) -> None:
        """Refuse what is no text, before the parser looks for rows in it."""
        with pa.input_stream(self.path) as stream:
            head = bytes(stream.read(_HEAD))
        # The last character may be cut.
        codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < _HEAD)

    def _refusing(self) -> AbstractContextManager[None]:
        return refusing(self.path, "unreadable", "it is no CSV file with a header")

    def _text(self, types: Mapping[str, pa.DataType]) -> Any:
        self.bad_rows = 0
        return pyarrow.csv.open_csv(
            self.path,
            read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK, use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(invalid_row_handler=self._skip),
            convert_options=pyarrow.csv.ConvertOptions(column_types=dict(types)),
        )

    def _skip(self, _row: Any) -> Literal["skip"]:
        self.bad_rows += 1
        return "skip"
