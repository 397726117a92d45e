"""Histograms in UHI's JSON form: one, or several by path, as programs and this gateway write them.

UHI has neither runs nor LSs: what is read is given as of a whole run. What dqmstream writes beside
it (path, title) is taken from the metadata where it is there.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

import numpy as np

from dqmstream.errors import SourceError
from dqmstream.histograms.layout import axis_bins
from dqmstream.messages.booking import Axis, Category, Integer, Regular, Variable
from dqmstream.sources.histograms.histogram import (
    WHOLE_RUN,
    Bins,
    Found,
    ImportedHistogram,
    Rejected,
)

__all__ = ["read_uhi"]

_MOST: Final = 20_000
"""Histograms of one file."""
_Ends: TypeAlias = tuple[bool | None, bool]
"""Whether the file has the bins below and above an axis; None if an axis has no such bin."""


def read_uhi(text: bytes, source: str, *, run: int = 1) -> Iterator[Found]:
    """All histograms of a JSON document.

    Parameters
    ----------
    text
        A histogram of UHI schema 1, or an object of such by path, itself or as `histograms`.
    source
        Name of the file, for messages.
    run
        Run to give them.

    Raises
    ------
    SourceError
        If it is no such document.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError("not_uhi", f"{source} is not JSON: {error}") from error
    if not isinstance(document, dict):
        detail = f"{source}: expected an object, got {type(document).__name__}"
        raise SourceError("not_uhi", detail)
    named = {"": document} if "uhi_schema" in document else document.get("histograms", document)
    if not isinstance(named, dict) or len(named) > _MOST:
        detail = f"{source}: expected up to {_MOST} histograms by path"
        raise SourceError("not_uhi", detail)
    for path, uhi in named.items():
        try:
            yield _histogram(path, uhi, source, run)
        except Exception as error:  # whatever is in it, one histogram is left out
            what = path or "the histogram"
            yield Rejected(
                reason="object_unreadable",
                detail=f"{source}, {what}: {type(error).__name__} {error!s:.200}",
                source=source,
                run=run,
                lumisection=WHOLE_RUN,
                path=path,
            )


def _histogram(path: str, uhi: Mapping[str, Any], source: str, run: int) -> ImportedHistogram:
    metadata = uhi.get("metadata") or {}
    storage = uhi["storage"]
    axes = tuple(_axis(axis) for axis in uhi["axes"])
    flow = tuple(_flow(axis) for axis in uhi["axes"])
    known = not any(end is False for ends in flow for end in ends)
    values, counts, squares = _planes(storage, flow, tuple(map(axis_bins, axes)))
    return ImportedHistogram(
        run=run,
        lumisection=WHOLE_RUN,
        path=path or str(metadata["path"]),
        title=str(metadata.get("title", "")),
        axes=axes,
        kind="values" if counts is None else "profile",
        values=values,
        counts=counts,
        squares=squares,
        flow_known=known,
        source=source,
        where=path or "the histogram",
    )


def _planes(
    storage: Mapping[str, Any], flow: tuple[_Ends, ...], bins: tuple[int, ...]
) -> tuple[Bins, Bins | None, Bins | None]:
    """Sums, entries and sums of squares, as an ImportedHistogram has them."""

    def plane(name: str) -> Bins:
        given = np.asarray(storage[name], np.float64)
        shape = [n + sum(map(bool, ends)) for n, ends in zip(bins, flow, strict=True)]
        return np.pad(given.reshape(shape), [tuple(int(end is False) for end in e) for e in flow])

    match storage["type"]:
        case "int" | "double":
            return plane("values"), None, None
        case "weighted":
            return plane("values"), None, plane("variances")
        case "mean":
            counts, means = plane("counts"), plane("values")
            # UHI has the variance of the values of a bin, unbiased: of one entry it is undefined.
            spread = np.nan_to_num(plane("variances")) * np.maximum(counts - 1, 0)
            return means * counts, counts, spread + means**2 * counts
    msg = f"storage {storage['type']!r}, expected int, double, weighted or mean"
    raise ValueError(msg)


def _axis(axis: Mapping[str, Any]) -> Axis:
    metadata = axis.get("metadata") or {}
    words: dict[str, Any] = {
        "label": str(metadata.get("label", "")),
        "unit": str(metadata.get("unit", "")),
    }
    labels = tuple(str(metadata["labels"]).split("\n")) if metadata.get("labels") else ()
    match axis["type"]:
        case "regular":
            bins, lower, upper = int(axis["bins"]), float(axis["lower"]), float(axis["upper"])
            if len(labels) == bins:
                return Integer(lower=0, upper=bins, labels=labels, **words)
            return Regular(bins=bins, lower=lower, upper=upper, **words)
        case "variable":
            return Variable(edges=tuple(float(edge) for edge in axis["edges"]), **words)
        case "category_int":
            codes = tuple(int(code) for code in axis["categories"])
            return Category(codes=codes, labels=labels, **words)
        case "category_str":
            names = tuple(str(name) for name in axis["categories"])
            return Integer(lower=0, upper=len(names), labels=names, **words)
        case "boolean":
            return Integer(lower=0, upper=2, **words)
    msg = f"axis {axis['type']!r} is not known"
    raise ValueError(msg)


def _flow(axis: Mapping[str, Any]) -> _Ends:
    if axis["type"] == "category_int":
        return None, bool(axis.get("flow", False))
    if axis["type"] == "category_str":
        return False, bool(axis.get("flow", False))
    return bool(axis.get("underflow", False)), bool(axis.get("overflow", False))
