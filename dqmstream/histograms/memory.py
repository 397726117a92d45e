"""What a booking costs in memory: bytes of each MonitorElement, and with twice the bins. Pure.

All is for the contents of one LS as one process holds them. The cells are what the layout says,
8 bytes each. What Python needs besides was measured: it is small, but not nothing where there are
many scalars and few cells.
"""

import math
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from dqmstream.errors import BookingError
from dqmstream.histograms.layout import ElementLayout, Layout, axis_bins
from dqmstream.messages.booking import Axis, Booking, Histogram, Profile

__all__ = [
    "CELL_BYTES",
    "CONTENTS_BYTES",
    "SCALAR_BYTES",
    "ElementMemory",
    "WorkspaceMemory",
    "bytes_of",
    "bytes_said",
    "memory_of",
]

CELL_BYTES: Final = 8
"""Of a cell: an int64."""
SCALAR_BYTES: Final = 130
"""Of the value of a scalar or text, with its place in a dictionary (CPython 3.11, measured)."""
CONTENTS_BYTES: Final = 440
"""Of the contents of a workspace besides cells and scalars (CPython 3.11, measured)."""

_UNITS: Final = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
}
_SIZE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]{0,3})")
_TIMES: Final = 1000


class ElementMemory(NamedTuple):
    """What an element takes of one LS, in bytes.

    `bins` are those of each axis without flow, `sums` how many numbers a bin has (3 for weighted
    histograms and profiles, 0 for scalars and texts). `doubled` says for each axis what the element
    would take with twice its bins, `all_doubled` with twice the bins of all.
    """

    path: str
    kind: str
    bins: tuple[int, ...]
    sums: int
    bytes: int
    doubled: tuple[int, ...]
    all_doubled: int


class WorkspaceMemory(NamedTuple):
    """What a workspace takes of one LS, in bytes; its elements by cost, the dearest first."""

    workspace: str
    bytes: int
    elements: tuple[ElementMemory, ...]


def memory_of(booking: Booking | Layout) -> WorkspaceMemory:
    """What a checked booking costs."""
    layout = booking if isinstance(booking, Layout) else Layout(booking)
    rows = sorted(map(_of_element, layout), key=lambda row: (-row.bytes, row.path))
    whole = CONTENTS_BYTES + sum(row.bytes for row in rows)
    return WorkspaceMemory(layout.workspace, whole, tuple(rows))


def _of_element(place: ElementLayout) -> ElementMemory:
    element = place.element
    axes = element.axes if isinstance(element, Histogram | Profile) else ()
    return ElementMemory(
        path=element.path,
        kind=str(element.__struct_config__.tag),
        bins=tuple(map(axis_bins, axes)),
        sums=place.planes,
        bytes=place.size * CELL_BYTES if axes else SCALAR_BYTES,
        doubled=tuple(_doubled(place, axes, [number]) for number in range(len(axes))),
        all_doubled=_doubled(place, axes, range(len(axes))) if axes else SCALAR_BYTES,
    )


def _doubled(place: ElementLayout, axes: Iterable[Axis], which: Iterable[int]) -> int:
    """Bytes with twice the bins of some axes; flow does not grow."""
    more = {number: axis_bins(axis) for number, axis in enumerate(axes)}
    chosen = set(which)
    extents = [
        extent + more[number] * (number in chosen) for number, extent in enumerate(place.extents)
    ]
    counters = place.size - place.planes * place.cells
    return (place.planes * math.prod(extents) + counters) * CELL_BYTES


def bytes_of(text: str | int) -> int:
    """Bytes of a size as people write it: `262144`, `256 KiB`, `1.5MB`.

    Raises
    ------
    BookingError
        If it is none, or not above zero.
    """
    if isinstance(text, str):
        found = _SIZE.fullmatch(text.strip())
        unit = "" if found is None else found[2].lower()
        number = float(found[1]) * _UNITS[unit] if found and unit in _UNITS else math.nan
    else:
        number = text if type(text) is int else math.nan
    if not (math.isfinite(number) and number >= 1):
        msg = f"{text!r} is no size: expected bytes, such as 262144, '256 KiB' or '1.5 MB'"
        raise BookingError(msg)
    return int(number)


def bytes_said(count: float) -> str:
    """Bytes for people: `1.5 MB`."""
    units = ("bytes", "kB", "MB", "GB", "TB")
    power = 0
    while abs(count) >= _TIMES and power < len(units) - 1:
        count, power = count / _TIMES, power + 1
    return f"{count:.{1 if power else 0}f} {units[power]}"
