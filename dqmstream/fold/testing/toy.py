"""Two toy workspaces that can be counted on fingers: events are small integers.

`Toy` holds plain counts, weighted sums in fixed point and the scalars of all kinds; `Fragile`
throws at a poisonous event.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqmstream.errors import MessageError
from dqmstream.histograms.contents import Contents, combine_scalars
from dqmstream.histograms.layout import ElementLayout, Layout
from dqmstream.messages.booking import Booking, Histogram, Regular, Scalar, Text
from dqmstream.messages.events import Chunk
from dqmstream.messages.histograms import ScalarValue

__all__ = [
    "LAYOUTS",
    "POISON",
    "ToyChunk",
    "ToyFiller",
    "batch_fill",
    "toy_body",
    "toy_columns",
    "toy_fillers",
]

POISON: Final = 99
"""An event at which the workspace `Fragile` throws."""

_BINS: Final = 8
_AXIS: Final = Regular(bins=_BINS, lower=0, upper=_BINS)
_THIRD: Final = 1 / 3

_TOY: Final = Booking(
    workspace="Toy",
    elements=(
        Histogram(path="Toy/count", axes=(_AXIS,), fill=("x",)),
        Histogram(
            path="Toy/weighted", axes=(_AXIS,), fill=("x",), weight="x / 3", weight_range=(0, 50)
        ),
        Scalar(path="Toy/last", value="x", combine="last"),
        Scalar(path="Toy/sum", value="x", combine="sum"),
        Scalar(path="Toy/max", value="x", combine="max"),
        Text(path="Toy/text", value="t"),
    ),
)
_FRAGILE: Final = Booking(
    workspace="Fragile", elements=(Histogram(path="Fragile/count", axes=(_AXIS,), fill=("x",)),)
)

LAYOUTS: Final = (Layout(_TOY), Layout(_FRAGILE))

Events = NDArray[np.int16]


class ToyChunk(NamedTuple):
    """A chunk as a batch fill sees it."""

    source: str
    number: int
    events: Sequence[int]


def toy_body(events: Iterable[int]) -> bytes:
    """The body of a chunk: little-endian int16, one an event."""
    return np.array(list(events), "<i2").tobytes()


def toy_columns(chunk: Chunk, body: bytes, _stamp: int = 0) -> Events:
    """Events of a body.

    Raises
    ------
    MessageError
        With reason `bad_columns` or `event_count`.
    """
    if len(body) % 2:
        raise MessageError("bad_columns", f"a body of {len(body)} bytes is not int16")
    events = np.frombuffer(body, "<i2")
    if len(events) != chunk.selected:
        raise MessageError("event_count", f"{len(events)} events, headers say {chunk.selected}")
    return events


class ToyFiller:
    """Fills one toy workspace, event by event."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def fill(self, contents: Contents, columns: Events, *, source: str, number: int) -> None:
        """Add the events of one chunk."""
        if self.layout.workspace == "Fragile" and POISON in columns:
            msg = "poisonous event"
            raise ArithmeticError(msg)
        for element in self.layout:
            for event in columns:
                _fill_one(contents.cells, element, int(event))
        scalars = _scalars(self.layout, source, number, [int(event) for event in columns])
        contents.scalars = combine_scalars(
            self.layout, contents.scalars, scalars, same_lumisection=True
        )


def toy_fillers() -> list[ToyFiller]:
    """One filler for each workspace."""
    return [ToyFiller(layout) for layout in LAYOUTS]


def batch_fill(layout: Layout, chunks: Sequence[ToyChunk]) -> Contents:
    """All chunks of an account at once, in whatever order: what a closed set must equal."""
    events = np.array([event for chunk in chunks for event in chunk.events], np.int64)
    contents = Contents.empty(layout)
    if layout.workspace == "Fragile" and POISON in events:
        reason = "workspace Fragile threw ArithmeticError: poisonous event"
        contents.invalid = {element.index: reason for element in layout}
        return contents
    bins = np.clip(events, -1, _BINS) + 1
    for element in layout:
        if element.planes:
            planes = [np.bincount(bins, minlength=_BINS + 2)]
            if element.planes == 3:
                weights = events * _THIRD
                for values, bits in (
                    (weights, element.bits),
                    (weights * weights, element.square_bits),
                ):
                    sums = np.zeros(_BINS + 2, np.int64)
                    np.add.at(sums, bins, np.rint(values * 2.0**bits).astype(np.int64))
                    planes.append(sums)
            contents.cells[element.offset : element.nan] = np.concatenate(planes)
    for chunk in chunks:
        scalars = _scalars(layout, chunk.source, chunk.number, chunk.events)
        contents.scalars = combine_scalars(layout, contents.scalars, scalars, same_lumisection=True)
    return contents


def _fill_one(cells: NDArray[np.int64], element: ElementLayout, event: int) -> None:
    if not element.planes:
        return
    place = element.offset + min(max(event, -1), _BINS) + 1
    cells[place] += 1
    if element.planes == 3:
        weight = event * _THIRD
        cells[place + element.cells] += round(weight * 2**element.bits)
        cells[place + 2 * element.cells] += round(weight * weight * 2**element.square_bits)


def _scalars(
    layout: Layout, source: str, number: int, events: Sequence[int]
) -> dict[int, ScalarValue]:
    """Scalar and text values of one chunk; none if it is empty."""
    if layout.workspace != "Toy" or not events:
        return {}
    values = {
        "Toy/last": ScalarValue(value=events[-1], source=source, number=number),
        "Toy/sum": ScalarValue(value=sum(events)),
        "Toy/max": ScalarValue(value=max(events)),
        "Toy/text": ScalarValue(value=f"event {events[-1]}", source=source, number=number),
    }
    return {layout[path].index: value for path, value in values.items()}
