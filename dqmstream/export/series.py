"""One element over many lumisections as arrays with a row per LS, written piece by piece.

The pieces are what is held in memory, whatever the number of LSs. Arrays in each format:

- `lumisection(s)` int32[n], rising; `closed`, `complete` bool[n];
- `counts` int64[n, *shape]: entries; for weighted elements and profiles also `values` (sums of
  weights, or means, NaN where empty) and `errors` float64[n, *shape].

`shape` are the axes' bins, with flow or without as asked for. All but .npy carry what is known of
the element as JSON: the archive's member `about`, the schema's metadata `dqmstream`.
"""

import io
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Final, NamedTuple, Protocol

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from dqmstream.export.about import About, element_words
from dqmstream.histograms.element import axis_edges
from dqmstream.histograms.layout import ElementLayout, axis_bins
from dqmstream.messages.booking import Category, Histogram, Profile

__all__ = [
    "SERIES_WRITERS",
    "ArrowSeries",
    "NpySeries",
    "NpzSeries",
    "ParquetSeries",
    "Piece",
    "Series",
    "SeriesWriter",
]

_SPOOLED: Final = 1 << 24
"""Bytes of a second array that stay in memory; more go to a temporary file."""


class Piece(NamedTuple):
    """Some LSs: int64[n] numbers, bool[n] flags, int64[n, element.size] cells."""

    lumisections: NDArray[np.int64]
    closed: NDArray[np.bool_]
    complete: NDArray[np.bool_]
    cells: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """What is written: an element with bins, over the LSs that `about` covers.

    Parameters
    ----------
    place, workspace, labels
        The element, and the run's names of the values of columns.
    about
        The LSs; as many rows come as it names.
    flow
        Whether the flow is part of each row.
    """

    place: ElementLayout
    workspace: str
    about: About
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    flow: bool = True

    @property
    def rows(self) -> int:
        return len(self.about.lumisections)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row."""
        if self.flow:
            return self.place.extents
        return tuple(axis_bins(axis) for axis in self._booked.axes)

    @property
    def columns(self) -> dict[str, str]:
        """Names and dtypes of the arrays with bins."""
        summed = {"values": "<f8", "errors": "<f8"} if self.place.planes > 1 else {}
        return {"counts": "<i8", **summed}

    @property
    def edges(self) -> list[NDArray[np.float64]]:
        return [axis_edges(axis) for axis in self._booked.axes]

    def words(self) -> dict[str, Any]:
        """What it is and what it covers, as JSON types."""
        words = element_words(self.place, self.workspace, self.labels)
        return {**words, "shape": list(self.shape), "with_flow": self.flow, **self.about.words()}

    def numbers(self, piece: Piece) -> dict[str, NDArray[Any]]:
        """The arrays with bins of a piece, by the formulas of `dqmstream.histograms.element`."""
        place = self.place
        planes = piece.cells[:, : place.planes * place.cells]
        planes = planes.reshape(len(planes), place.planes, *place.extents)
        if not self.flow:
            planes = planes[(slice(None), slice(None), *map(_inside, self._booked.axes))]
        counts = np.ascontiguousarray(planes[:, 0])
        if place.planes == 1:
            return {"counts": counts}
        sums = np.ldexp(planes[:, 1].astype(np.float64), -place.bits)
        squares = np.ldexp(planes[:, 2].astype(np.float64), -place.square_bits)
        if not isinstance(self._booked, Profile):
            return {"counts": counts, "values": sums, "errors": np.sqrt(squares)}
        with np.errstate(divide="ignore", invalid="ignore"):
            means = np.where(counts == 0, np.nan, sums / counts)
            variance = np.maximum(squares / counts - means * means, 0.0)
            errors = np.where(counts == 0, np.nan, np.sqrt(variance) / np.sqrt(counts))
        return {"counts": counts, "values": means, "errors": errors}

    @property
    def _booked(self) -> Histogram | Profile:
        booked = self.place.element
        if not isinstance(booked, Histogram | Profile):
            msg = f"{booked.path} is a {type(booked).__name__}: it has no bins"
            raise TypeError(msg)
        return booked


class SeriesWriter(Protocol):
    """Turns pieces, in rising order of LSs, into the bytes of a file."""

    def piece(self, piece: Piece) -> bytes:
        """What can be sent once this piece is known."""
        ...

    def end(self) -> Iterator[bytes]:
        """The rest, after the last piece.

        Raises
        ------
        ValueError
            If there were fewer or more rows than announced.
        """
        ...

    def close(self) -> None:
        """Let go of what is held, finished or not."""
        ...


class _Drain(io.RawIOBase):
    """A sink whose bytes are taken away as they come."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._held.append(bytes(data))
        return len(self._held[-1])

    def take(self) -> bytes:
        taken, self._held = b"".join(self._held), []
        return taken


class _Rows:
    """Counts rows against what was announced."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._rows = 0

    def add(self, piece: Piece) -> None:
        self._rows += len(piece.lumisections)

    def check(self) -> None:
        if self._rows != self._series.rows:
            msg = (
                f"run {self._series.about.run} {self._series.place.element.path}: {self._rows} LSs "
                f"came, {self._series.rows} were announced"
            )
            raise ValueError(msg)


class NpySeries:
    """A .npy file: a structured array with a record per LS, its bins in subarrays."""

    def __init__(self, series: Series) -> None:
        self._series, self._rows = series, _Rows(series)
        head: list[Any] = [("lumisection", "<i4"), ("closed", "?"), ("complete", "?")]
        bins = [(name, kind, series.shape) for name, kind in series.columns.items()]
        self._dtype = np.dtype([*head, *bins])
        self._header = _npy_header(self._dtype, (series.rows,))

    def piece(self, piece: Piece) -> bytes:
        self._rows.add(piece)
        records = np.empty(len(piece.lumisections), self._dtype)
        records["lumisection"] = piece.lumisections
        records["closed"], records["complete"] = piece.closed, piece.complete
        for name, numbers in self._series.numbers(piece).items():
            records[name] = numbers
        header, self._header = self._header, b""
        return header + records.tobytes()

    def end(self) -> Iterator[bytes]:
        self._rows.check()
        yield self._header

    def close(self) -> None:
        pass


class NpzSeries:
    """A .npz archive. Zip holds one member after the other: all but `counts` wait for the end."""

    def __init__(self, series: Series) -> None:
        self._series, self._rows = series, _Rows(series)
        self._drain = _Drain()
        self._archive = zipfile.ZipFile(self._drain, "w", zipfile.ZIP_STORED)
        self._counts = self._open("counts", "<i8")
        self._later: dict[str, IO[bytes]] = {
            name: tempfile.SpooledTemporaryFile(_SPOOLED)  # noqa: SIM115 closed at the end
            for name in series.columns
            if name != "counts"
        }
        self._heads: list[Piece] = []

    def piece(self, piece: Piece) -> bytes:
        self._rows.add(piece)
        self._heads.append(piece._replace(cells=np.empty((0, 0), np.int64)))
        for name, numbers in self._series.numbers(piece).items():
            target = self._counts if name == "counts" else self._later[name]
            target.write(np.ascontiguousarray(numbers).data.cast("B"))
        return self._drain.take()

    def end(self) -> Iterator[bytes]:
        self._rows.check()
        self._counts.close()
        yield self._drain.take()
        for name, spooled in self._later.items():
            spooled.seek(0)
            with self._open(name, "<f8") as member:
                while data := spooled.read(1 << 20):
                    member.write(data)
                    yield self._drain.take()
        for name, array in self._small().items():
            self._archive.writestr(f"{name}.npy", _npy(array))
        self._archive.close()
        yield self._drain.take()

    def close(self) -> None:
        for spooled in self._later.values():
            spooled.close()

    def _open(self, name: str, kind: str) -> IO[bytes]:
        member = self._archive.open(f"{name}.npy", "w", force_zip64=True)
        member.write(_npy_header(np.dtype(kind), (self._series.rows, *self._series.shape)))
        return member

    def _small(self) -> dict[str, NDArray[Any]]:
        numbers, closed, complete = ([head[at] for head in self._heads] for at in range(3))
        arrays: dict[str, NDArray[Any]] = {
            "lumisections": np.concatenate([np.empty(0, "<i4"), *numbers]).astype("<i4"),
            "closed": np.concatenate([np.empty(0, np.bool_), *closed]),
            "complete": np.concatenate([np.empty(0, np.bool_), *complete]),
            "about": np.array(msgspec.json.encode(self._series.words()).decode()),
        }
        return arrays | {f"edges{n}": edges for n, edges in enumerate(self._series.edges)}


class _Columnar:
    """Record batches of an Arrow schema, one for each piece."""

    def __init__(self, series: Series) -> None:
        self._series, self._rows = series, _Rows(series)
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
        self._columns, self._drain = _Columnar(series), _Drain()
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
        self._columns, self._drain = _Columnar(series), _Drain()
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


SERIES_WRITERS: Final[Mapping[str, Callable[[Series], SeriesWriter]]] = {
    "arrow": ArrowSeries,
    "npy": NpySeries,
    "npz": NpzSeries,
    "parquet": ParquetSeries,
}
"""By name of the format."""


def _inside(axis: object) -> slice:
    return slice(0, -1) if isinstance(axis, Category) else slice(1, -1)


def _npy_header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    out = io.BytesIO()
    described = {
        "descr": npy_format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": shape,
    }
    npy_format.write_array_header_1_0(out, described)
    return out.getvalue()


def _npy(array: NDArray[Any]) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()
