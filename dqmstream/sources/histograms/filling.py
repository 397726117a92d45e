"""Cells of imported histograms in the layout of their booking, and notes of what was not said."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from dqmstream.errors import BookingError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout, Layout
from dqmstream.identity import normal_path
from dqmstream.sources.histograms.histogram import (
    WHOLE_RUN,
    WHOLE_RUN_BESIDE,
    Bins,
    ImportedHistogram,
    Rejected,
)

__all__ = ["FittedLumisection", "lumisections", "too_large"]

_MOST_FIXED_POINT: Final = 2.0**62
"""Sums in fixed point are of 64 bits with a sign."""
_MOST_ENTRIES: Final = 2.0**32
"""Of one cell in one LS: half of what a window may have of it."""


@dataclass(slots=True)
class FittedLumisection:
    """Contents of one LS; notes and what came, by source."""

    contents: Contents
    histograms: Counter[str] = field(default_factory=Counter)
    notes: dict[str, Counter[str]] = field(default_factory=dict)

    def note(self, source: str, what: str) -> None:
        """Something of a source that the numbers do not show."""
        self.notes.setdefault(source, Counter())[what] += 1


def lumisections(
    taken: Mapping[str, Mapping[int, ImportedHistogram]],
    rejected: Iterable[Rejected],
    repeated: Mapping[tuple[int, str], int],
    layout: Layout,
) -> dict[int, FittedLumisection]:
    """LSs of a run, rising.

    Parameters
    ----------
    taken
        By path and LS.
    rejected
        What was not taken, of LSs that are known.
    repeated
        By LS and source: histograms that came again with the same contents.
    """
    rejected = list(rejected)
    numbers = {n for of_path in taken.values() for n in of_path}
    numbers |= {one.lumisection for one in rejected}
    fitted = {n: FittedLumisection(Contents.empty(layout)) for n in sorted(numbers)}
    resolved = {path for path, of_path in taken.items() if of_path.keys() - {WHOLE_RUN}}
    for path, of_path in taken.items():
        place = layout[path]
        for number, one in of_path.items():
            _put(fitted[number], place, one)
        if path in resolved:
            _note_absent(fitted, of_path)
    for refused in rejected:
        lumisection = fitted[refused.lumisection]
        lumisection.note(refused.source, refused.reason)
        path = _normal(refused.path)
        if path in layout and refused.reason != WHOLE_RUN_BESIDE:
            lumisection.contents.mark_invalid(
                layout[path].index, f"{refused.reason}: {refused.detail}"
            )
    for (number, source), count in repeated.items():
        lumisection = fitted[number]
        lumisection.notes.setdefault(source, Counter())["repeated"] += count
    return fitted


def _normal(path: str) -> str:
    try:
        return normal_path(path)
    except BookingError:
        return ""


def _note_absent(
    fitted: Mapping[int, FittedLumisection], of_path: Mapping[int, ImportedHistogram]
) -> None:
    """An LS without a histogram that others have: empty, and said to be so."""
    source = next(iter(of_path.values())).source
    for number, lumisection in fitted.items():
        if number != WHOLE_RUN and number not in of_path:
            lumisection.note(source, "absent")


class _Planes(NamedTuple):
    """Entries, sums and sums of squares of each cell, as numbers."""

    counts: Bins
    values: Bins
    squares: Bins


def _planes(one: ImportedHistogram) -> _Planes:
    values = one.values.astype(np.float64)
    if one.kind == "profile" and one.counts is not None:
        counts = np.rint(one.counts)
    else:
        counts = (values != 0).astype(np.float64)
    if one.squares is not None:
        return _Planes(counts, values, one.squares.astype(np.float64))
    return _Planes(counts, values, np.divide(values * values, np.maximum(counts, 1)))


def too_large(place: ElementLayout, one: ImportedHistogram) -> str:
    """What of a histogram the cells of its element cannot hold; empty if they hold all."""
    if place.planes == 1:
        return ""
    counts, values, squares = _planes(one)
    if counts.max(initial=0) > _MOST_ENTRIES:
        return f"a bin has {counts.max():g} entries, expected up to {_MOST_ENTRIES:g}"
    for what, cells, bits in (
        ("sum", values, place.bits),
        ("sum of squares", squares, place.square_bits),
    ):
        most = float(np.ldexp(_MOST_FIXED_POINT, -bits))
        if np.abs(cells).max(initial=0) > most:
            largest = float(np.abs(cells).max())
            return f"the {what} of a bin is {largest:g}, its range holds up to {most:g}"
    return ""


def _put(lumisection: FittedLumisection, place: ElementLayout, one: ImportedHistogram) -> None:
    """The cells of one histogram, and notes of what its file does not say."""
    size = place.cells
    cells = lumisection.contents.cells[place.offset : place.offset + place.planes * size]
    lumisection.histograms[one.source] += 1
    for what in one.notes:
        lumisection.note(one.source, what)
    if not one.flow_known:
        lumisection.note(one.source, "flow_unknown")
    if place.planes == 1:
        cells[:] = np.rint(one.values).astype(np.int64).ravel()
        if one.entries is not None and one.entries != cells.sum():
            lumisection.note(one.source, "entries_differ")
        return
    if one.kind != "profile":
        what = "entries_unknown" if one.kind == "values" else "means_only"
        lumisection.note(one.source, what)
    elif one.squares is None:
        lumisection.note(one.source, "spreads_unknown")
    counts, values, squares = _planes(one)
    cells[:size] = counts.astype(np.int64).ravel()
    cells[size : 2 * size] = _fixed_point(values, place.bits)
    cells[2 * size :] = _fixed_point(squares, place.square_bits)


def _fixed_point(cells: Bins, bits: int) -> Bins:
    return np.rint(np.ldexp(cells, bits)).astype(np.int64).ravel()
