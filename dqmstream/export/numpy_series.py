"""Series as NumPy's files: .npy, one array of records, and .npz, an archive of arrays."""

import io
import tempfile
import zipfile
from collections.abc import Iterator
from typing import IO, Any, Final

import msgspec
import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from dqmstream.export.series import Piece, Series
from dqmstream.export.series_writer import Drain, RowCount

__all__ = ["NpySeries", "NpzSeries"]

_SPOOLED: Final = 1 << 24
"""Bytes of a second array that stay in memory; more go to a temporary file."""


class NpySeries:
    """A .npy file: a structured array with a record per LS, its bins in subarrays."""

    def __init__(self, series: Series) -> None:
        self._series, self._rows = series, RowCount(series)
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
        self._series, self._rows = series, RowCount(series)
        self._drain = Drain()
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
