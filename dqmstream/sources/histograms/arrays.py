"""Histograms in arrays: HDF5 and npz files whose first dimension is the LS.

An array says nothing of run, LSs and axes. The run must be said; the LSs are those of an array of
as many numbers (`ls`, `lumi`, ..., or as the description says), and where there is none they are
numbered from 1 in the order of the array: data to be marked `lumisections-assigned`. Axes that
nobody describes have one bin for each row and column.

An array of two dimensions is one histogram with flow for each LS if the axes are described and fit
it as ROOT numbers bins (x running fastest); else its second dimension is the axis.
"""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from dqmstream.errors import ConfigurationError, SourceError
from dqmstream.histograms.layout import axis_bins
from dqmstream.messages.booking import Axis, Integer
from dqmstream.sources.histograms.describe import Dataset, Description
from dqmstream.sources.histograms.histogram import (
    Bins,
    Found,
    ImportedHistogram,
    Kind,
    Rejected,
    notes_of,
    with_flow,
)
from dqmstream.sources.histograms.room import Room

__all__ = ["assigns_lumisections", "read_hdf5", "read_npz"]

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "run": ("run", "runs", "fromrun"),
    "lumisection": ("ls", "lumi", "lumis", "lumisection", "lumisections", "fromlumi"),
}
_LABELS: Final = ("row", "column", "layer")


def read_hdf5(path: Path, source: str, description: Description, room: Room) -> Iterator[Found]:
    """Histograms of an HDF5 file.

    Raises
    ------
    ConfigurationError
        If h5py is not installed.
    SourceError
        If it cannot be read, or does not say the run and nobody else does.
    """
    try:
        import h5py  # noqa: PLC0415 an extra
    except ImportError as error:
        msg = f"{path}: HDF5 files need h5py: install dqmstream[hdf5]"
        raise ConfigurationError(msg) from error
    try:
        with h5py.File(path) as file:
            arrays: dict[str, Any] = {}

            def note(name: str, item: Any) -> None:
                if isinstance(item, h5py.Dataset):
                    arrays[name] = item

            file.visititems(note)
            # Chunks that were never written take no place in the file, and are zeros.
            claimed = sum(_unpacked(array) for array in arrays.values())
            room.check(path, claimed)
            yield from _read(arrays, path, source, description)
    except OSError as error:
        raise SourceError("file_unreadable", f"{path} as HDF5: {error}") from error


def read_npz(path: Path, source: str, description: Description, room: Room) -> Iterator[Found]:
    """Histograms of an npz file; pickled objects in it are refused. SourceError if it is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(one.file_size for one in archive.infolist())
        room.check(path, size)
        with np.load(path, allow_pickle=False) as file:
            yield from _read({name: file[name] for name in file.files}, path, source, description)
    except (OSError, ValueError, MemoryError, zipfile.BadZipFile) as error:
        # Memory: an array may say that it is larger than its place in the archive.
        raise SourceError("file_unreadable", f"{path} as npz: {error}") from error


def _unpacked(array: Any) -> int:
    """Bytes of an array as it is kept: numbers become float64."""
    return int(array.size) * (8 if array.dtype.kind in "biuf" else array.dtype.itemsize)


def assigns_lumisections(path: Path, description: Description) -> bool:
    """Whether the LSs of a file would be numbered by us: it has none."""
    suffix = path.suffix.lower()
    if suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            return _index(dict.fromkeys(file.files), "lumisection", description) is None
    if suffix not in {".hdf5", ".h5"}:
        return False
    import h5py  # noqa: PLC0415 an extra; it was there to read the file

    with h5py.File(path) as file:
        return _index(dict.fromkeys(file), "lumisection", description) is None


def _index(arrays: Mapping[str, Any], meaning: str, description: Description) -> str | None:
    """Name of the array that has the runs, or the LSs."""
    said = description.columns.get(meaning)
    if said is not None:
        return said if said in arrays else None
    return next((name for name in _NAMES[meaning] if name in arrays), None)


def _read(
    arrays: Mapping[str, Any], path: Path, source: str, description: Description
) -> Iterator[Found]:
    for meaning in _NAMES:
        said = description.columns.get(meaning)
        if said is not None and said not in arrays:
            detail = f"{path}: no array {said!r} for {meaning}, there are {', '.join(arrays)}"
            raise SourceError("column_missing", detail)
    run_name = _index(arrays, "run", description)
    number_name = _index(arrays, "lumisection", description)
    if run_name is None and description.run is None:
        raise SourceError("run_unknown", f"{path} does not say the run: say it (--run)")
    for name, array in arrays.items():
        if name in {run_name, number_name}:
            continue
        if array.dtype.kind not in "biuf" or array.ndim < 2 or array.ndim > 4:
            detail = (
                f"{name}: {array.dtype}{list(array.shape)}, expected numbers, one row for each LS"
            )
            yield Rejected(reason="not_a_histogram", detail=detail, source=source)
            continue
        length = array.shape[0]
        runs = _numbers(arrays, run_name, length, description.run)
        numbers = _numbers(arrays, number_name, length, None)
        if runs is None or numbers is None:
            detail = f"{name} has {length} rows, runs or lumisections are other in number"
            yield Rejected(reason="bad_array", detail=detail, source=source)
            continue
        words = description.dataset(name)
        for place in range(length):
            yield _histogram(
                np.asarray(array[place], np.float64),
                words,
                (int(runs[place]), int(numbers[place]), words.path or name),
                source,
                f"{name}[{place}]",
            )


def _numbers(
    arrays: Mapping[str, Any], name: str | None, length: int, same: int | None
) -> Bins | None:
    """Run or LS of each row, None if they do not fit."""
    if name is None:
        return np.arange(1, length + 1) if same is None else np.full(length, same)
    found = np.asarray(arrays[name])
    return found if found.shape == (length,) and found.dtype.kind in "iu" else None


def _histogram(
    cells: Bins, said: Dataset, place: tuple[int, int, str], source: str, where: str
) -> Found:
    run, lumisection, path = place
    axes = tuple(words.axis() for words in said.axes)
    axes = axes or tuple(
        Integer(lower=0, upper=size, label=label)
        for size, label in zip(cells.shape, _LABELS, strict=False)
    )
    values, flow = _shaped(cells, axes)
    if values is None:
        bins = " x ".join(str(axis_bins(axis)) for axis in axes)
        return Rejected(
            reason="bad_array",
            detail=f"{where}: {list(cells.shape)} numbers for axes of {bins}",
            source=source,
            run=run,
            lumisection=lumisection,
            path=path,
        )
    kind: Kind = "means" if said.values == "means" else "values"
    return ImportedHistogram(
        run=run,
        lumisection=lumisection,
        path=path,
        title=said.title or path.rsplit("/", 1)[-1],
        axes=axes,
        kind=kind,
        values=values,
        flow_known=flow,
        notes=notes_of(lumisection),
        source=source,
        where=where,
    )


def _shaped(cells: Bins, axes: tuple[Axis, ...]) -> tuple[Bins | None, bool]:
    bins = tuple(axis_bins(axis) for axis in axes)
    full = tuple(number + 2 for number in bins)
    if cells.shape == bins:
        return with_flow(cells), False
    if cells.ndim == 1 and cells.size == np.prod(full):
        return cells.reshape(tuple(reversed(full))).T, True
    return None, False
