"""Elements as a ROOT file, in the folders of CMS's DQM files.

`DQMData/Run <run>/<first folder of the path>/Run summary/<rest of the path>`; a window that is not
the whole run stands under `By Lumi Section <first>-<last>` instead (as CMSSW's DQMFileSaver names
them). Counts and weighted sums are TH1D, TH2D, TH3D, profiles TProfile and TProfile2D, with flow,
entries, axis titles and names of bins; scalars and texts are TObjStrings of the form
`<name>i=7</name>` (f: float, s: text), as CMS writes them. `dqmstream` at the top is a TObjString
with all that is known of each element, as JSON.

ROOT's mean and width come from sums over entries; here they are from the bins' centres (see
`dqmstream.histograms.element`). A category axis' last cell, all other codes, is ROOT's overflow.
"""

import io
import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

import numpy as np
import uproot
from numpy.typing import NDArray
from uproot.writing import identify

from dqmstream.export.about import About, Exported, bin_names, filled_axes, metadata
from dqmstream.histograms.element import axis_centres, axis_edges
from dqmstream.histograms.layout import axis_bins
from dqmstream.messages.booking import Axis, Category, Histogram, Integer, Profile, Variable

__all__ = ["root_file", "root_path"]

Floats = NDArray[np.float64]

_AXES: Final = "xyz"
_FORBIDDEN: Final = str.maketrans(":;", "__")

# ROOT draws titles with TLatex and knows no Unicode in them: letters get its names.
_GREEK: Final = (
    *("alpha", "beta", "gamma", "delta", "varepsilon", "zeta", "eta", "theta", "iota", "kappa"),
    *("lambda", "mu", "nu", "xi", "omicron", "pi", "rho", "varsigma", "sigma", "tau", "upsilon"),
    *("varphi", "chi", "psi", "omega"),
)
_LATEX: Final = str.maketrans(
    {chr(0x3B1 + at): f"#{name}" for at, name in enumerate(_GREEK)}
    | {chr(0x391 + at): f"#{name.capitalize()}" for at, name in enumerate(_GREEK) if at != 17}
    | {"µ": "#mu", "±": "#pm", "×": "#times", "√": "#sqrt", "°": "#circ", "²": "^{2}", "³": "^{3}"}
)


def root_file(exported: Sequence[Exported]) -> bytes:
    """A ROOT file with these elements; of two of one path the second is called `<name>;2`."""
    sink = _Kept()
    paths = [root_path(each.path, each.about) for each in exported]
    folders = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    with uproot.recreate(sink) as file:
        file["dqmstream"] = _string(_ascii(metadata(exported)))
        for each, path in zip(exported, paths, strict=True):
            while path in folders:
                path += "_"  # noqa: PLW2901 ROOT has no object and folder of one name
            if each.place.planes:
                file[path] = _histogram(each)
            else:
                file[path] = _string(_scalar(each))
    return sink.written


def root_path(path: str, about: About) -> str:
    """Where in the file an element lies; colons and semicolons mean other things in ROOT's paths.

    An element whose path is also a folder of others gets an underscore more in the file.
    """
    top, _, rest = path.partition("/")
    if not rest:
        top, rest = "dqmstream", path
    first, last = about.span
    window = "Run summary" if about.window == "run" else f"By Lumi Section {first}-{last}"
    return f"DQMData/Run {about.run}/{top}/{window}/{rest}".translate(_FORBIDDEN)


class _Kept(io.BytesIO):
    """Bytes that outlive the closing of their file: uproot closes what it writes to."""

    written = b""

    def close(self) -> None:
        if not self.closed:
            self.written = self.getvalue()
        super().close()


class _Moments(NamedTuple):
    """Sums over the bins without flow, of weights w and of the bins' centres."""

    weights: float
    squares: float
    first: tuple[float, ...]
    second: tuple[float, ...]
    mixed: tuple[float, ...]


def _histogram(exported: Exported) -> Any:
    element, booked = exported.element, exported.place.element
    if not isinstance(booked, Histogram | Profile):
        msg = f"{exported.path} has no bins"
        raise TypeError(msg)
    counts = _with_flow(element.counts(flow=True), booked.axes)
    axes = {
        f"f{letter.upper()}axis": _axis(letter, axis, exported.labels.get(fill, ()))
        for letter, (axis, fill) in zip(_AXES, filled_axes(booked), strict=False)
    }
    common: dict[str, Any] = {
        "fName": exported.path.rsplit("/", 1)[-1],
        "fTitle": _title(exported),
        "fEntries": float(element.entries),
    }
    if isinstance(booked, Profile):
        return _profile(exported, booked, counts, common | axes)
    values = _with_flow(element.values(flow=True), booked.axes)
    squares = _with_flow(element.errors(flow=True) ** 2, booked.axes)
    inside = (slice(1, -1),) * len(booked.axes)
    moments = _moments(values[inside], squares[inside], booked.axes)
    common |= {
        "data": _flat(values),
        "fTsumw": moments.weights,
        "fTsumw2": moments.squares,
        "fSumw2": _flat(squares) if element.weighted else None,
    }
    match len(booked.axes):
        case 1:
            return identify.to_TH1x(**common, **axes, **_sums(moments, "x"))
        case 2:
            return identify.to_TH2x(**common, **axes, **_sums(moments, "xy"))
        case _:
            return identify.to_TH3x(**common, **axes, **_sums(moments, "xyz"))


def _profile(exported: Exported, booked: Profile, counts: Floats, common: dict[str, Any]) -> Any:
    element = exported.element
    means = _with_flow(np.nan_to_num(element.values(flow=True)), booked.axes)
    spreads = _with_flow(np.nan_to_num(element.spreads(flow=True)), booked.axes)
    # A profile keeps per bin: entries, sum of values, sum of their squares.
    sums, squares = means * counts, (spreads**2 + means**2) * counts
    inside = (slice(1, -1),) * len(booked.axes)
    moments = _moments(counts[inside], counts[inside], booked.axes)
    lower, upper = booked.value_range
    common |= {
        "data": _flat(sums),
        "fTsumw": moments.weights,
        "fTsumw2": moments.squares,
        "fSumw2": _flat(squares),
        "fBinEntries": _flat(counts),
        "fBinSumw2": np.empty(0),
    }
    total, total_squares = float(sums[inside].sum()), float(squares[inside].sum())
    if len(booked.axes) == 1:
        return identify.to_TProfile(
            **common,
            **_sums(moments, "x"),
            fTsumwy=total,
            fTsumwy2=total_squares,
            fYmin=lower,
            fYmax=upper,
        )
    return identify.to_TProfile2D(
        **common,
        **_sums(moments, "xy"),
        fTsumwz=total,
        fTsumwz2=total_squares,
        fZmin=lower,
        fZmax=upper,
    )


def _sums(moments: _Moments, axes: str) -> dict[str, float]:
    """The moments under ROOT's names, for this many axes."""
    sums = {f"fTsumw{letter}": moments.first[at] for at, letter in enumerate(axes)}
    sums |= {f"fTsumw{letter}2": moments.second[at] for at, letter in enumerate(axes)}
    pairs = [a + b for i, a in enumerate(axes) for b in axes[i + 1 :]]
    return sums | {f"fTsumw{pair}": moments.mixed[at] for at, pair in enumerate(pairs)}


def _moments(weights: Floats, squares: Floats, axes: Sequence[Axis]) -> _Moments:
    centres = [
        np.arange(axis_bins(axis)) + 0.5 if isinstance(axis, Category) else _middles(axis)
        for axis in axes
    ]
    alone = [_project(weights, (at,)) for at in range(len(axes))]
    pairs = [(a, b) for a in range(len(axes)) for b in range(a + 1, len(axes))]
    return _Moments(
        float(weights.sum()),
        float(squares.sum()),
        tuple(float(w @ c) for w, c in zip(alone, centres, strict=True)),
        tuple(float(w @ (c * c)) for w, c in zip(alone, centres, strict=True)),
        tuple(float(centres[a] @ _project(weights, (a, b)) @ centres[b]) for a, b in pairs),
    )


def _middles(axis: Axis) -> Floats:
    # The bins of an integer axis reach from i to i + 1 in ROOT too.
    return axis_centres(axis) + (0.5 if isinstance(axis, Integer) else 0.0)


def _project(weights: Floats, kept: tuple[int, ...]) -> Floats:
    others = tuple(at for at in range(weights.ndim) if at not in kept)
    return np.asarray(weights.sum(axis=others), np.float64)


def _with_flow(cells: NDArray[Any], axes: Sequence[Axis]) -> Floats:
    """Cells with an underflow and an overflow on every axis: category axes have no underflow."""
    missing = [(1 if isinstance(axis, Category) else 0, 0) for axis in axes]
    return np.pad(np.asarray(cells, np.float64), missing)


def _flat(cells: Floats) -> Floats:
    """In ROOT's order: the first axis runs fastest."""
    return cells.ravel(order="F").astype(">f8")


def _axis(letter: str, axis: Axis, names: Sequence[str]) -> Any:
    edges = axis_edges(axis)
    labels = bin_names(axis, names)
    return identify.to_TAxis(
        fName=f"{letter}axis",
        fTitle=_drawn(f"{axis.label} [{axis.unit}]" if axis.unit else axis.label),
        fNbins=len(edges) - 1,
        fXmin=float(edges[0]),
        fXmax=float(edges[-1]),
        fXbins=edges.astype(">f8") if isinstance(axis, Variable) else None,
        fLabels=_labels(labels) if labels else None,
    )


def _labels(labels: Sequence[str]) -> Any:
    listed = identify.to_THashList([_string(_drawn(label)) for label in labels])
    # TAxis finds the bin of a label by the unique id of its string.
    for number, label in enumerate(listed, start=1):
        label._bases[0]._members["@fUniqueID"] = number
    return listed


def _title(exported: Exported) -> str:
    """The title with what must be seen at once: run, LSs, and what the run is not."""
    about = exported.about
    first, last = about.span
    words = [exported.title, f"run {about.run}", f"LS {first}-{last}"]
    words += [] if about.closed else ["open"]
    return _drawn(", ".join([*words, *about.marks]))


def _drawn(text: str) -> str:
    """Text as ROOT draws it."""
    return text.translate(_LATEX)


def _ascii(document: bytes) -> str:
    """A JSON document whose letters every reader of ROOT files takes for the same."""
    return json.dumps(json.loads(document))


def _scalar(exported: Exported) -> str:
    name, value = exported.path.rsplit("/", 1)[-1], exported.element.value
    match value:
        case int():
            return f"<{name}>i={value}</{name}>"
        case float():
            return f"<{name}>f={value!r}</{name}>"
        case _:
            return f"<{name}>s={value or ''}</{name}>"


def _string(text: str) -> Any:
    made = identify.to_TObjString(text)
    # uproot counts characters; what it writes are bytes of UTF-8.
    size = len(text.encode("utf-8", "surrogateescape"))
    made._num_bytes = size + (1 if size < 255 else 5) + 16
    return made
