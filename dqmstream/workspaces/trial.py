"""A workspace tried on a sample of events: what its plots would look like, and what it would cost.

It is filled by the code that fills it live. Pure but for the clock, which is passed in: time of
this thread's processor, so that others on the machine do not count.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from dqmstream.booking.columns import Columns
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import MonitorElement
from dqmstream.histograms.layout import ElementLayout, Layout
from dqmstream.histograms.memory import memory_of
from dqmstream.messages.booking import Booking, Histogram, Profile, Scalar, Text

if TYPE_CHECKING:
    from dqmstream.kernels.filler import WorkspaceFiller

__all__ = ["ElementTried", "SampleChunk", "Tried", "try_workspace"]

_SHAPE: Final = 48
"""Bins that are told of a plot in one dimension; finer ones are pooled."""
_TIMES: Final = 3
"""A chunk is filled so often, and the shortest time counts: the others were disturbed."""


class SampleChunk(NamedTuple):
    """Events of a sample: one chunk of a source."""

    run: int
    lumisection: int
    source: str
    number: int
    columns: Columns


class ElementTried(NamedTuple):
    """What an element has of the sample.

    `entries` and `mean` (along the first axis) are None where there are none, `value` is that of a
    scalar or text, `invalid` says why it could not be filled, and is mostly empty. `shape` are its
    contents in one dimension, in at most 48 bins of equal numbers of its own.
    """

    path: str
    kind: str
    bytes: int
    entries: int | None
    mean: float | None
    value: int | float | str | None
    invalid: str
    shape: tuple[float, ...]


class Tried(NamedTuple):
    """What a trial found. `microseconds` are those of an event, None if there was none."""

    workspace: str
    runs: tuple[int, ...]
    lumisections: int
    chunks: int
    events: int
    microseconds: float | None
    bytes: int
    elements: tuple[ElementTried, ...]

    @property
    def invalid(self) -> Sequence[ElementTried]:
        """Elements that could not be filled."""
        return [element for element in self.elements if element.invalid]


def try_workspace(
    booking: Booking,
    sample: Iterable[SampleChunk],
    *,
    clock: Callable[[], float],
    most_seconds: float = math.inf,
) -> Tried:
    """Fill a workspace with a sample.

    Parameters
    ----------
    booking
        Checked.
    clock
        Seconds of processor time of this thread.
    most_seconds
        The rest of the sample is left out after so many.
    """
    from dqmstream.kernels.filler import WorkspaceFiller  # noqa: PLC0415 Numba takes a second

    layout = Layout(booking)
    filler, contents = WorkspaceFiller(layout), Contents.empty(layout)
    places: set[tuple[int, int]] = set()
    runs: set[int] = set()
    chunks, events, seconds = 0, 0, 0.0
    began = clock()
    for each in sample:
        if not chunks:
            # What is compiled or looked up once is no cost of an event.
            filler.fill(Contents.empty(layout), each.columns, source=each.source, number=0)
            began = clock()
        seconds += _shortest(filler, each, clock)
        filler.fill(contents, each.columns, source=each.source, number=each.number)
        places.add((each.run, each.lumisection))
        runs.add(each.run)
        chunks, events = chunks + 1, events + each.columns.events
        if clock() - began >= most_seconds:
            break
    cost = {row.path: row.bytes for row in memory_of(layout).elements}
    return Tried(
        workspace=booking.workspace,
        runs=tuple(sorted(runs)),
        lumisections=len(places),
        chunks=chunks,
        events=events,
        microseconds=1e6 * seconds / events if events else None,
        bytes=memory_of(layout).bytes,
        elements=tuple(_element(contents, place, cost[place.element.path]) for place in layout),
    )


def _shortest(filler: "WorkspaceFiller", each: SampleChunk, clock: Callable[[], float]) -> float:
    times = []
    for _ in range(_TIMES):
        scratch = Contents.empty(filler.layout)
        before = clock()
        filler.fill(scratch, each.columns, source=each.source, number=each.number)
        times.append(clock() - before)
    return min(times)


def _element(contents: Contents, place: ElementLayout, cost: int) -> ElementTried:
    element = MonitorElement(contents, place)
    booked = place.element
    filled = isinstance(booked, Histogram | Profile)
    mean = element.mean() if filled and not element.invalid else math.nan
    return ElementTried(
        path=booked.path,
        kind=str(booked.__struct_config__.tag),
        bytes=cost,
        entries=element.entries if filled else None,
        mean=mean if math.isfinite(mean) else None,
        value=element.value if isinstance(booked, Scalar | Text) else None,
        invalid=element.invalid,
        shape=_shape(element) if filled and len(place.extents) == 1 else (),
    )


def _shape(element: MonitorElement) -> tuple[float, ...]:
    """Bin contents; of more bins than are told neighbours are averaged."""
    values = np.nan_to_num(np.asarray(element.values(), dtype=np.float64))
    parts = np.array_split(values, min(_SHAPE, len(values)))
    return tuple(round(float(part.mean()), 6) for part in parts)
