"""Histograms in ROOT files: as CMS's DQM writes them, or with run and LS in their names.

Two layouts are known. CMS's DQM files have folders
`DQMData/Run N/Subsystem/Run summary/folder/name` (`By Lumi Section a-b` in place of
`Run summary` for what is per LS: DQMServices/Core, DQMFileSaver and LegacyIOHelper). Small files
made from DQMIO (dqmiotools) have `run367094_ls1_name` at the top. Anything else in a file is a
named rejection, save the `<...>` strings that CMS's files hold for integers, quality tests and
versions, which are counted together.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from dqmstream.errors import SourceError
from dqmstream.messages.booking import Axis, Category, Integer, Regular, Variable
from dqmstream.sources.histograms.describe import Description
from dqmstream.sources.histograms.histogram import (
    WHOLE_RUN,
    Bins,
    Found,
    ImportedHistogram,
    Kind,
    Rejected,
)
from dqmstream.sources.histograms.room import Room

__all__ = ["read_root"]

_DQM: Final = re.compile(
    r"DQMData/Run (?P<run>\d+)/(?P<subsystem>[^/]+)/"
    r"(?P<when>Run summary|By Lumi Section (?P<first>\d+)-(?P<last>\d+))/(?P<path>.+)"
)
_NAMED: Final = re.compile(r"run(?P<run>\d+)_ls(?P<lumisection>\d+)_(?P<path>.+)")
_HISTOGRAM: Final = re.compile(r"T(?:H[123][CSIFDL]|Profile(?:2D)?)")
_UNIT: Final = re.compile(r"(?P<label>.*\S)\s*[\[(](?P<unit>[^\[\]()]+)[\])]\s*")


class _Place(NamedTuple):
    run: int
    lumisection: int
    path: str


def read_root(path: Path, source: str, _: Description, room: Room) -> Iterator[Found]:
    """All histograms of a ROOT file, in its own order.

    Raises
    ------
    SourceError
        If the file cannot be read at all.
    """
    import uproot  # noqa: PLC0415 it takes half a second

    try:
        with uproot.open(path) as file:
            if "Indices" in file:
                yield Rejected(
                    reason="dqmio_trees",
                    detail="trees of DQMIO: objects in branches are not read; save them as "
                    "histograms run<N>_ls<N>_<name> or as a table",
                    source=source,
                )
                return
            names = file.classnames(recursive=True, cycle=False)
            for name, kind in names.items():
                if kind.startswith("TDirectory"):
                    continue
                room.check(path, file.key(name).data_uncompressed_bytes, name)
                yield _read(file, name, kind, source)
    except OSError as error:
        raise SourceError("file_unreadable", f"{path}: {error}") from error
    except (ValueError, uproot.DeserializationError) as error:
        raise SourceError("not_root", f"{path} is not a ROOT file: {error}") from error


def _read(file: Any, name: str, kind: str, source: str) -> Found:
    place = _place(name)
    if isinstance(place, str):
        return Rejected(reason=place, detail=f"{kind} {name}", source=source)
    told = {
        "source": source,
        "run": place.run,
        "lumisection": place.lumisection,
        "path": place.path,
    }
    if not _HISTOGRAM.fullmatch(kind):
        reason = "not_a_histogram"
        return Rejected(reason=reason, detail=f"{kind} {name}", **told)  # type: ignore[arg-type]
    try:
        return _histogram(file[name], place, source, name)
    except Exception as error:  # uproot raises many kinds for a broken one
        detail = f"{kind} {name}: {error}"
        return Rejected(reason="object_unreadable", detail=detail, **told)  # type: ignore[arg-type]


def _place(name: str) -> _Place | str:
    """Run, LS and path of a key, or why there are none."""
    if found := _DQM.fullmatch(name):
        path = f"{found['subsystem']}/{found['path']}"
        if found["first"] is None:
            return _Place(int(found["run"]), WHOLE_RUN, path)
        if found["first"] != found["last"]:
            return "several_lumisections"
        return _Place(int(found["run"]), int(found["first"]), path)
    if found := _NAMED.fullmatch(name):
        return _Place(int(found["run"]), int(found["lumisection"]), found["path"])
    return "no_run_in_name"


def _histogram(item: Any, place: _Place, source: str, where: str) -> ImportedHistogram:
    dimensions = len(item.axes)
    axes = tuple(_axis(item.member(f"f{letter}axis")) for letter in "XYZ"[:dimensions])
    extents = tuple(_extent(axis) for axis in axes)
    profile = item.classname.startswith("TProfile")
    kind: Kind = "profile" if profile else "values"
    # Of every class the array of cells is the one base with a length: sums, not means.
    cells = _shaped(_array(item), extents)
    squares = np.asarray(item.member("fSumw2"), np.float64)
    counts = value_range = None
    if profile:
        counts = _shaped(np.asarray(item.member("fBinEntries"), np.float64), extents)
        letter = "Y" if dimensions == 1 else "Z"
        lower, upper = item.member(f"f{letter}min"), item.member(f"f{letter}max")
        value_range = (float(lower), float(upper)) if lower < upper else None
    return ImportedHistogram(
        run=place.run,
        lumisection=place.lumisection,
        path=place.path,
        title=_title(str(item.member("fTitle"))),
        axes=axes,
        kind=kind,
        values=cells,
        counts=counts,
        squares=_shaped(squares, extents) if squares.size == cells.size else None,
        value_range=value_range,
        entries=float(item.member("fEntries")),
        source=source,
        where=where,
    )


def _title(text: str) -> str:
    """A title without the run and LS that small files put before it."""
    found = _NAMED.fullmatch(text)
    return found["path"] if found else text


def _array(item: Any) -> Bins:
    """Cells of a histogram as ROOT holds them: TArray is the last base of the plain classes, and
    of the first base of profiles."""
    while not type(item).__name__.startswith("Model_TArray"):
        found = [base for base in item.bases if hasattr(base, "bases")]
        item = found[-1] if found[-1].classname.startswith("TArray") else found[0]
    return np.asarray(item)


def _shaped(cells: Bins, extents: tuple[int, ...]) -> Bins:
    """ROOT numbers bins with x running fastest; here the first axis is the outermost."""
    return cells.reshape(tuple(reversed(extents))).T


def _extent(axis: Axis) -> int:
    match axis:
        case Regular():
            return axis.bins + 2
        case Integer():
            return axis.upper - axis.lower + 2
        case Variable():
            return len(axis.edges) + 1
        case Category():
            return len(axis.codes) + 1


def _axis(item: Any) -> Axis:
    bins, lower, upper = item.member("fNbins"), item.member("fXmin"), item.member("fXmax")
    edges = np.asarray(item.member("fXbins"), np.float64)
    title = str(item.member("fTitle"))
    words = {"label": title}
    if found := _UNIT.fullmatch(title):
        words = {"label": found["label"], "unit": found["unit"]}
    labels = _labels(item, bins)
    if labels:
        # Bins with names stand for things, not for numbers: which are the first, second, ...
        return Integer(lower=0, upper=bins, labels=labels, **words)
    if edges.size:
        return Variable(edges=tuple(edges.tolist()), **words)
    return Regular(bins=bins, lower=float(lower), upper=float(upper), **words)


def _labels(item: Any, bins: int) -> tuple[str, ...]:
    """Names of bins; those without one have their number."""
    named = item.member("fLabels", none_if_missing=True)
    if named is None:
        return ()
    labels = [str(number) for number in range(1, bins + 1)]
    for label in named:
        number = int(label.member("@fUniqueID"))
        if 1 <= number <= bins:
            labels[number - 1] = str(label)
    return tuple(labels)
