"""Where each MonitorElement of a workspace lies in the flat buffer.

All elements share one int64 buffer. An element with axes takes `planes * prod(extents)` cells
(planes outermost, then C order over the axes, flow included), then two counters: entries whose
fill value was NaN, and entries whose weight or profile value was outside its declared range.
Scalar and text elements take no cells; they travel beside the buffer.

Extents count flow: regular, variable and integer axes have bins + 2 (underflow first, overflow
last), category axes have codes + 1 (all other codes last), as boost-histogram does.

Weighted and profile sums are fixed point: a value v is stored as rint(v * 2**k). With
|v| <= m and at most 2**32 entries in one cell of one LS, k = 30 - ceil(log2(m)) keeps every sum
below 2**62; each entry is rounded by at most 2**-(k + 1), that is m * 2**-30 or less.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from dqmstream.errors import BookingError
from dqmstream.identity import content_hash
from dqmstream.messages.booking import (
    Axis,
    Booking,
    Category,
    Element,
    Histogram,
    Integer,
    Profile,
    Regular,
    Scalar,
    Text,
    Variable,
)

__all__ = [
    "MAX_CELL_ENTRIES_WINDOW",
    "ElementLayout",
    "Layout",
    "axis_bins",
    "axis_extent",
    "fixed_point_bits",
]

MAX_CELL_ENTRIES_WINDOW: Final = 2**33
"""Entries one cell of a weighted or profile element may hold before its sums could overflow."""

_COUNTERS: Final = 2


def axis_bins(axis: Axis) -> int:
    """Number of bins of an axis without flow."""
    match axis:
        case Regular():
            return axis.bins
        case Variable():
            return len(axis.edges) - 1
        case Integer():
            return axis.upper - axis.lower
        case Category():
            return len(axis.codes)


def axis_extent(axis: Axis) -> int:
    """Number of bins of an axis with flow."""
    return axis_bins(axis) + (1 if isinstance(axis, Category) else 2)


def fixed_point_bits(lower: float, upper: float, *, squared: bool = False) -> int:
    """The k of the module's docstring for values in [lower, upper], or for their squares."""
    largest = max(abs(lower), abs(upper))
    if not (math.isfinite(largest) and lower < upper and 1e-100 < largest < 1e100):
        msg = f"range ({lower}, {upper}) must be finite, rising and of sane size"
        raise BookingError(msg)
    return 30 - math.ceil(math.log2(largest * largest if squared else largest))


@dataclass(frozen=True, kw_only=True, slots=True)
class ElementLayout:
    """One element's place: cells [offset, offset + size), counters in the last two of them.

    `bits` and `square_bits` are the fixed-point k of its sums and of its sums of squares; 0 for
    plain counts and integers. `planes` is 1 (counts) or 3 (entries, sum, sum of squares).
    """

    index: int
    element: Element
    offset: int
    extents: tuple[int, ...]
    planes: int
    bits: int
    square_bits: int

    @property
    def cells(self) -> int:
        """Cells of one plane."""
        return math.prod(self.extents) if self.planes else 0

    @property
    def size(self) -> int:
        """All cells of the element, counters included."""
        return self.planes * self.cells + _COUNTERS if self.planes else 0

    @property
    def nan(self) -> int:
        """Cell that counts entries with a NaN fill, weight or profile value."""
        return self.offset + self.planes * self.cells

    @property
    def outside(self) -> int:
        """Cell that counts entries whose weight or profile value was out of range."""
        return self.nan + 1


class Layout:
    """Offset table of a booking. Equal bookings have equal layouts, in every process."""

    def __init__(self, booking: Booking) -> None:
        self.booking = booking
        self.elements = tuple(_lay_out(booking.elements))
        self.cells = sum(element.size for element in self.elements)
        self._by_path = {layout.element.path: layout for layout in self.elements}

    @cached_property
    def hash(self) -> str:
        """Content hash of the booking: sets made with another one are never summed."""
        return content_hash(self.booking)

    @property
    def workspace(self) -> str:
        return self.booking.workspace

    def __getitem__(self, path: str) -> ElementLayout:
        return self._by_path[path]

    def __contains__(self, path: object) -> bool:
        return path in self._by_path

    def __iter__(self) -> Iterator[ElementLayout]:
        return iter(self.elements)


def _lay_out(elements: tuple[Element, ...]) -> Iterator[ElementLayout]:
    offset = 0
    for index, element in enumerate(elements):
        planes, bits, square_bits = _storage(element)
        axes = element.axes if isinstance(element, Histogram | Profile) else ()
        layout = ElementLayout(
            index=index,
            element=element,
            offset=offset,
            extents=tuple(axis_extent(axis) for axis in axes),
            planes=planes,
            bits=bits,
            square_bits=square_bits,
        )
        offset += layout.size
        yield layout


def _storage(element: Element) -> tuple[int, int, int]:
    """Planes, bits and square bits of an element."""
    match element:
        case Scalar(combine="sum", value_range=(lower, upper)):
            return 0, fixed_point_bits(lower, upper), 0
        case Scalar() | Text():
            return 0, 0, 0
        case Histogram(weight_range=None):
            return 1, 0, 0
        case Histogram(weight_range=(lower, upper)) | Profile(value_range=(lower, upper)):
            return 3, fixed_point_bits(lower, upper), fixed_point_bits(lower, upper, squared=True)
    msg = f"{element.path}: unknown kind {type(element).__name__}"
    raise BookingError(msg)
