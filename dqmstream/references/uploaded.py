"""A reference from a file: histograms fitted to the elements that are monitored at their paths."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dqmstream.errors import BookingError, MessageError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import axis_edges
from dqmstream.histograms.layout import Layout
from dqmstream.identity import normal_path
from dqmstream.messages.booking import Axis, Category, Histogram, Integer, Profile
from dqmstream.sources.histograms.fitting import fit
from dqmstream.sources.histograms.histogram import Found, ImportedHistogram, Rejected, aligned

__all__ = ["Uploaded", "fit_upload"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Uploaded:
    """Contents of the histograms that were taken, and why the others were not."""

    contents: Contents
    taken: int
    left_out: tuple[str, ...]


def fit_upload(
    found: Iterable[Found], workspace: str, booked: Layout | None, run: int | None = None
) -> Uploaded:
    """Histograms of a file as contents of one workspace, summed over the LSs that it has.

    Parameters
    ----------
    booked
        The workspace as it is monitored: what is not in it, or has other axes there, is left out.
        None takes all as they are.
    run
        The run to take, of a file that has several.

    Raises
    ------
    MessageError
        With reason `empty_reference` if nothing can be taken, `several_runs` if it is not said
        which run is meant.
    """
    wanted: list[Found] = []
    left_out: list[str] = []
    for one in found:
        if run is not None and one.run != run:
            continue
        if isinstance(one, Rejected) or booked is None:
            wanted.append(one)
            continue
        fitted = _fitted(one, booked)
        if isinstance(fitted, str):
            left_out.append(fitted)
        else:
            wanted.append(fitted)
    try:
        runs, rejected = fit(wanted, workspace=workspace)
    except BookingError as error:
        raise MessageError("empty_reference", str(error)) from error
    left_out += [f"{one.reason}: {one.detail}" for one in rejected]
    if not runs:
        why = "; ".join(left_out[:3]) or "it holds none"
        raise MessageError("empty_reference", f"no histogram can be taken: {why}")
    if len(runs) > 1:
        numbers = ", ".join(str(one.run) for one in runs[:5])
        raise MessageError("several_runs", f"the file has runs {numbers}: say which is meant")
    lumisections = runs[0].lumisections.values()
    contents = Contents.total(runs[0].layout, [one.contents for one in lumisections])
    return Uploaded(
        contents=contents, taken=len(contents.layout.elements), left_out=tuple(left_out)
    )


def _fitted(one: ImportedHistogram, booked: Layout) -> ImportedHistogram | str:
    """The histogram over the axes of the element of its path, or why it is left out."""
    try:
        path = normal_path(one.path)
    except BookingError as error:
        return str(error)
    if path not in booked:
        return f"{path}: not booked in workspace {booked.workspace!r}"
    element = booked[path].element
    if not isinstance(element, Histogram | Profile):
        return f"{path}: is a {type(element).__name__.lower()}, which has no bins"
    if isinstance(element, Profile) != (one.kind != "values"):
        return f"{path}: is a {type(element).__name__.lower()}, the file has {one.kind}"
    same = aligned(one, element.axes)
    if same is None and _same_bins(one.axes, element.axes):
        same = replace(one, axes=element.axes)
    if same is None:
        return f"{path}: has axes {_words(element.axes)}, the file has {_words(one.axes)}"
    return replace(same, path=path)


def _same_bins(given: Sequence[Axis], booked: Sequence[Axis]) -> bool:
    """Whether numbers fall into the same bins: files know no integer axes, nor variable ones with
    bins of equal width."""
    return len(given) == len(booked) and all(
        _same_edges(one, other) for one, other in zip(given, booked, strict=True)
    )


def _same_edges(given: Axis, booked: Axis) -> bool:
    if isinstance(given, Category) or isinstance(booked, Category):
        return False
    found, wanted = axis_edges(given), axis_edges(booked)
    if found.shape != wanted.shape:
        return False
    tolerance = 1e-9 * float(np.abs(np.diff(wanted)).min())
    # The bin of an integer may be drawn around it.
    shifts = (0.0, 0.5) if isinstance(booked, Integer) else (0.0,)
    return any(bool((np.abs(found + shift - wanted) <= tolerance).all()) for shift in shifts)


def _words(axes: Sequence[Axis]) -> str:
    if any(isinstance(axis, Category) for axis in axes):
        return " x ".join(type(axis).__name__.lower() for axis in axes)
    edges = [axis_edges(axis) for axis in axes]
    return " x ".join(f"{len(one) - 1} bins [{one[0]:g}, {one[-1]:g}]" for one in edges)
