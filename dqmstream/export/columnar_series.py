"""Series as columns of Arrow: an IPC stream, or a Parquet file."""

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dqmstream.export.series import Piece, Series
from dqmstream.export.series_writer import Drain, RowCount

__all__ = ["ArrowSeries", "ParquetSeries"]


class _Columnar:
    """Record batches of an Arrow schema, one for each piece."""

    def __init__(self, series: Series) -> None:
        self._series, self._rows = series, RowCount(series)
        size = int(np.prod(series.shape))
        kinds: dict[str, pa.DataType] = {"<i8": pa.int64(), "<f8": pa.float64()}
        columns: dict[str, pa.DataType] = {
            "lumisection": pa.int32(),
            "closed": pa.bool_(),
            "complete": pa.bool_(),
        }
        columns |= {name: pa.list_(kinds[kind], size) for name, kind in series.columns.items()}
        self.schema = pa.schema(
            columns,
            {"dqmstream": msgspec.json.encode(series.words())},
        )
        self._size = size

    def batch(self, piece: Piece) -> pa.RecordBatch:
        self._rows.add(piece)
        lists = [
            pa.FixedSizeListArray.from_arrays(pa.array(numbers.ravel()), self._size)
            for numbers in self._series.numbers(piece).values()
        ]
        heads = [
            pa.array(piece.lumisections.astype(np.int32)),
            pa.array(piece.closed),
            pa.array(piece.complete),
        ]
        return pa.RecordBatch.from_arrays([*heads, *lists], schema=self.schema)

    def check(self) -> None:
        self._rows.check()


class ArrowSeries:
    """An Arrow IPC stream: a record batch for each piece, bins as fixed-size lists."""

    def __init__(self, series: Series) -> None:
        self._columns, self._drain = _Columnar(series), Drain()
        self._writer = pa.ipc.new_stream(pa.PythonFile(self._drain, "w"), self._columns.schema)

    def piece(self, piece: Piece) -> bytes:
        self._writer.write_batch(self._columns.batch(piece))
        return self._drain.take()

    def end(self) -> Iterator[bytes]:
        self._columns.check()
        self._writer.close()
        yield self._drain.take()

    def close(self) -> None:
        self._drain.take()


class ParquetSeries:
    """A Parquet file: a row group for each piece, bins as fixed-size lists."""

    def __init__(self, series: Series) -> None:
        self._columns, self._drain = _Columnar(series), Drain()
        sink: Any = pa.PythonFile(self._drain, "w")
        self._writer = pq.ParquetWriter(sink, self._columns.schema, compression="zstd")

    def piece(self, piece: Piece) -> bytes:
        self._writer.write_batch(self._columns.batch(piece))
        return self._drain.take()

    def end(self) -> Iterator[bytes]:
        self._columns.check()
        self._writer.close()
        yield self._drain.take()

    def close(self) -> None:
        self._drain.take()
