"""One histogram as a file has it, before anybody has decided how to book it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from dqmstream.messages.booking import Axis, Category, Integer, Regular, Variable

__all__ = [
    "WHOLE_RUN",
    "WHOLE_RUN_BESIDE",
    "Bins",
    "Found",
    "ImportedHistogram",
    "Kind",
    "Rejected",
    "aligned",
    "bin_edges",
    "notes_of",
    "with_flow",
]

WHOLE_RUN: Final = 0
"""LS of what a file has for a whole run only. LSs are numbered from 1, so nothing else has it; the
sum over the run holds it, and no other window can claim to."""

WHOLE_RUN_BESIDE: Final = "whole_run_beside_lumisections"
"""Why a whole run is not taken: its LSs have all of it."""

Kind = Literal["values", "profile", "means"]
Bins = NDArray[Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportedHistogram:
    """One histogram of one LS, or of a whole run.

    Parameters
    ----------
    run, lumisection
        Where it belongs; `WHOLE_RUN` is a histogram that no LS can be named of.
    path, title, axes
        As a booking has them.
    kind
        `values` are counts, or sums of weights; `profile` has sums and sums of squares of the
        profiled value, and `counts`; `means` are those of a profile of which nothing else is known.
    values
        Over the axes with flow (bins + 2 each): counts, sums of weights, sums or means.
    counts
        Entries of each bin of a profile.
    squares
        Sum of squared weights, or of squared profiled values, where the file has them.
    value_range
        Declared range of a profile's value; None if the file has none.
    entries
        What the file says of entries in all; None if it says nothing.
    flow_known
        False if the file has no under- and overflow: they are 0 here.
    notes
        What its reader had to assume, to be noted on its LS.
    source, where
        Name of the file, and the place in it.
    """

    run: int
    lumisection: int
    path: str
    title: str
    axes: tuple[Axis, ...]
    kind: Kind
    values: Bins
    counts: Bins | None = None
    squares: Bins | None = None
    value_range: tuple[float, float] | None = None
    entries: float | None = None
    flow_known: bool = True
    notes: tuple[str, ...] = ()
    source: str
    where: str

    def __str__(self) -> str:
        place = "whole" if self.lumisection == WHOLE_RUN else f"LS {self.lumisection}"
        return f"{self.source}, {self.where}: run {self.run} {place} {self.path}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """Something in a file that is not taken, and why; -1 stands for a number that is not known."""

    reason: str
    detail: str
    source: str
    run: int = -1
    lumisection: int = -1
    path: str = ""


Found = ImportedHistogram | Rejected


def bin_edges(axis: Axis) -> tuple[float, ...]:
    """What decides which bin a value falls in."""
    match axis:
        case Regular():
            return (axis.bins, axis.lower, axis.upper)
        case Variable():
            return axis.edges
        case Integer():
            return (axis.lower, axis.upper)
        case _:
            return axis.codes


def aligned(one: ImportedHistogram, axes: Sequence[Axis]) -> ImportedHistogram | None:
    """A histogram over other axes whose bins mean the same; None if they do not.

    Titles and units may differ. Bins with names are what their names say: the same names in another
    order, as ROOT has them where the first one to be filled comes first, are put into the order
    of `axes`.
    """
    if len(axes) != len(one.axes):
        return None
    orders = [_order(wanted, axis) for wanted, axis in zip(axes, one.axes, strict=True)]
    if all(order == () for order in orders):
        return one
    values, counts, squares = one.values, one.counts, one.squares
    for place, order in enumerate(orders):
        if order is None:
            return None
        if order:
            values = values.take(order, axis=place)
            counts = None if counts is None else counts.take(order, axis=place)
            squares = None if squares is None else squares.take(order, axis=place)
    return replace(one, axes=tuple(axes), values=values, counts=counts, squares=squares)


def _order(wanted: Axis, axis: Axis) -> tuple[int, ...] | None:
    """Which cell of `axis`, flow included, each of `wanted` is: () if each is its own, None if
    they are other ones."""
    if type(wanted) is not type(axis) or bin_edges(wanted) != bin_edges(axis):
        return None
    names, found = _names(wanted), _names(axis)
    if names == found:
        return ()
    places = {name: place for place, name in enumerate(found, 1)}
    if isinstance(axis, Category) or len(places) != len(found) or sorted(names) != sorted(found):
        return None
    return (0, *(places[name] for name in names), len(found) + 1)


def _names(axis: Axis) -> tuple[str, ...]:
    return axis.labels if isinstance(axis, Integer | Category) else ()


def notes_of(lumisection: int) -> tuple[str, ...]:
    """What is to be noted of an LS as a number of a table: CMS's tables have 0 for a whole run, but
    one that counts LSs from 0 has it, too."""
    return ("lumisection_0",) if lumisection == WHOLE_RUN else ()


def with_flow(values: Bins) -> Bins:
    """Values without flow, with empty under- and overflow around them."""
    return np.pad(values, 1)
