"""Checks of a booking: a declaration is refused before anything runs, with the path and why."""

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from dqmstream.booking.expression import (
    EVENT,
    Kind,
)
from dqmstream.booking.fill import fill_of, filled_elsewhere
from dqmstream.booking.parse import parse
from dqmstream.errors import BookingError
from dqmstream.histograms.layout import Layout, axis_bins, axis_extent, fixed_point_bits
from dqmstream.identity import normal_path
from dqmstream.messages.booking import (
    Analysis,
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
    "MAX_ANALYSIS_COLUMNS",
    "MAX_BINS",
    "MAX_ELEMENTS",
    "MAX_ELEMENT_CELLS",
    "MAX_WORKSPACE_CELLS",
    "check",
]

MAX_BINS: Final = 10_000
MAX_ELEMENT_CELLS: Final = 4_000_000
MAX_WORKSPACE_CELLS: Final = 64_000_000
MAX_ELEMENTS: Final = 100_000
MAX_ANALYSIS_COLUMNS: Final = 256
_MAX_NAME: Final = 64
_MAX_INTEGER: Final = 2**31
"""Codes and integer bounds stay below it, as in boost-histogram."""


def check(booking: Booking, *, imported: bool = False) -> Booking:
    """The booking in its one canonical form: equal declarations get equal hashes.

    Parameters
    ----------
    imported
        Whether elements may be filled elsewhere: readers meet such bookings, no filler can fill
        one. Those of a booking with an analysis must be.

    Raises
    ------
    BookingError
        Naming the workspace, the path and what is wrong with it.
    """
    try:
        booking = msgspec.msgpack.decode(msgspec.msgpack.encode(booking), type=Booking)
    except (msgspec.MsgspecError, TypeError, OverflowError) as error:
        msg = f"workspace {booking.workspace!r}: {error}"
        raise BookingError(msg) from error
    try:
        _check_name(booking.workspace)
        _check_paths(booking.elements)
        if booking.analysis:
            _check_analysis(booking.analysis)
        for element in booking.elements:
            _check_element(element, booking, imported=imported)
        _check_size(booking)
    except BookingError as error:
        msg = f"workspace {booking.workspace!r}: {error}"
        raise BookingError(msg) from None
    return booking


def _check_name(name: str) -> None:
    if not name or len(name) > _MAX_NAME or name != name.strip() or "/" in name:
        msg = f"name {name[:80]!r} must have 1 to {_MAX_NAME} characters, none of them a slash"
        raise BookingError(msg)
    if not name.isprintable():
        msg = f"name {name!r} has characters that cannot be printed"
        raise BookingError(msg)


def _check_paths(elements: Sequence[Element]) -> None:
    if len(elements) > MAX_ELEMENTS:
        msg = f"{len(elements)} elements, at most {MAX_ELEMENTS}"
        raise BookingError(msg)
    seen: set[str] = set()
    for element in elements:
        if element.path != normal_path(element.path):
            msg = f"path {element.path!r} must be written {normal_path(element.path)!r}"
            raise BookingError(msg)
        if element.path in seen:
            msg = f"{element.path}: booked twice"
            raise BookingError(msg)
        seen.add(element.path)
    for path in seen:
        for folder in _folders(path):
            if folder in seen:
                msg = f"{folder}: is an element and also the folder of {path}"
                raise BookingError(msg)


def _folders(path: str) -> Iterable[str]:
    parts = path.split("/")
    return ("/".join(parts[:end]) for end in range(1, len(parts)))


def _check_analysis(analysis: Analysis) -> None:
    """Its name, columns and parameters; whether it is installed is found out where it runs."""
    try:
        _check_name(analysis.name)
        _check_columns(analysis.columns)
        for name, value in analysis.parameters.items():
            if not name.isidentifier() or not math.isfinite(value):
                msg = f"parameter {name!r} is {value}, expected a name and a finite number"
                raise BookingError(msg)
    except BookingError as error:
        msg = f"analysis {analysis.name[:80]!r}: {error}"
        raise BookingError(msg) from None


def _check_columns(columns: Sequence[str]) -> None:
    if not 1 <= len(columns) <= MAX_ANALYSIS_COLUMNS:
        msg = f"{len(columns)} columns, expected 1 to {MAX_ANALYSIS_COLUMNS}"
        raise BookingError(msg)
    for column in columns:
        parts = column.split(".")
        if len(parts) > 2 or not all(map(str.isidentifier, parts)):
            msg = f"column {column[:80]!r} is neither `column` nor `collection.member`"
            raise BookingError(msg)
        if columns.count(column) > 1:
            msg = f"column {column!r} is listed twice"
            raise BookingError(msg)


def _check_element(element: Element, booking: Booking, *, imported: bool) -> None:
    elsewhere = filled_elsewhere(element)
    try:
        if booking.analysis and not elsewhere:
            msg = f"analysis {booking.analysis.name!r} fills it: it may have no expressions"
            raise BookingError(msg)
        match element:
            case _ if booking.analysis and elsewhere:
                _check_elsewhere(element)
            case Histogram() | Profile() if imported and elsewhere:
                _check_elsewhere(element)
            case Histogram():
                _check_axes(element.axes, most=3)
                _check_fill(element.axes, element.fill)
                _check_weight(element)
            case Profile():
                _check_axes(element.axes, most=2)
                _check_fill(element.axes, element.fill)
                _check_range("value_range", element.value_range)
            case Scalar():
                _check_scalar(element)
            case Text():
                _check_text(element)
        fill_of(element)
    except BookingError as error:
        msg = f"{element.path}: {error}"
        raise BookingError(msg) from None


def _check_elsewhere(element: Element) -> None:
    """Of what is filled elsewhere only the place of its numbers is declared."""
    expression = element.weight if isinstance(element, Histogram) else element.value
    if expression or element.select:
        text = expression or element.select
        msg = f"without fill expressions it is filled elsewhere, and {text!r} would never be used"
        raise BookingError(msg)
    match element:
        case Histogram():
            _check_axes(element.axes, most=3)
            if element.weight_range is not None:
                _check_range("weight_range", element.weight_range)
        case Profile():
            _check_axes(element.axes, most=2)
            _check_range("value_range", element.value_range)
        case Scalar() if element.value_range is not None:
            _check_sum_range(element, element.value_range)
        case _:
            pass


def _check_fill(axes: Sequence[Axis], fill: Sequence[str]) -> None:
    if len(fill) != len(axes):
        msg = f"{len(fill)} fill expressions for {len(axes)} axes"
        raise BookingError(msg)


def _check_axes(axes: Sequence[Axis], *, most: int) -> None:
    if not 1 <= len(axes) <= most:
        msg = f"{len(axes)} axes, expected 1 to {most}"
        raise BookingError(msg)
    for number, axis in enumerate(axes):
        try:
            _check_axis(axis)
        except BookingError as error:
            msg = f"axis {number}: {error}"
            raise BookingError(msg) from None
    cells = math.prod(map(axis_extent, axes))
    if cells > MAX_ELEMENT_CELLS:
        msg = f"{cells} bins with flow, at most {MAX_ELEMENT_CELLS}"
        raise BookingError(msg)


def _check_axis(axis: Axis) -> None:
    bins = axis_bins(axis)
    if not 1 <= bins <= MAX_BINS:
        msg = f"{bins} bins, expected 1 to {MAX_BINS}"
        raise BookingError(msg)
    match axis:
        case Regular():
            _check_interval(axis.lower, axis.upper)
        case Variable():
            _check_edges(axis.edges)
        case Integer():
            _check_whole((axis.lower, axis.upper))
            _check_labels(axis.labels, bins)
        case Category():
            _check_whole(axis.codes)
            _check_labels(axis.labels, bins)
            if len(set(axis.codes)) != bins:
                msg = "a code is listed twice"
                raise BookingError(msg)


def _check_interval(lower: float, upper: float) -> None:
    # A width that overflows or vanishes would put every entry in one bin.
    if not (lower < upper and 0 < upper - lower < math.inf):
        msg = f"[{lower}, {upper}) is not a finite, rising interval"
        raise BookingError(msg)


def _check_edges(edges: Sequence[float]) -> None:
    if not all(map(math.isfinite, edges)):
        msg = "an edge is not finite"
        raise BookingError(msg)
    for left, right in itertools.pairwise(edges):
        if not left < right:
            msg = f"edges must rise, {right} follows {left}"
            raise BookingError(msg)


def _check_whole(numbers: Iterable[int]) -> None:
    for number in numbers:
        if abs(number) >= _MAX_INTEGER:
            msg = f"{number} is beyond 2**31"
            raise BookingError(msg)


def _check_labels(labels: Sequence[str], bins: int) -> None:
    if labels and len(labels) != bins:
        msg = f"{len(labels)} labels for {bins} bins"
        raise BookingError(msg)


def _check_weight(element: Histogram) -> None:
    if bool(element.weight) != (element.weight_range is not None):
        msg = f"weight {element.weight!r} and weight_range {element.weight_range} go together"
        raise BookingError(msg)
    if element.weight_range is not None:
        _check_range("weight_range", element.weight_range)


def _check_range(name: str, bounds: tuple[float, float]) -> None:
    try:
        fixed_point_bits(*bounds)
    except BookingError as error:
        msg = f"{name}: {error}"
        raise BookingError(msg) from None


def _check_sum_range(element: Scalar, bounds: tuple[float, float]) -> None:
    if element.combine != "sum":
        msg = f"value_range is for sums, combine is {element.combine!r}"
        raise BookingError(msg)
    _check_range("value_range", bounds)


def _check_scalar(element: Scalar) -> None:
    if element.value_range is not None:
        _check_sum_range(element, element.value_range)
    kind = parse(element.value).kind
    if element.value_range is None and element.combine == "sum" and kind is Kind.FLOAT:
        msg = f"the sum of {element.value!r}, a float, needs a value_range"
        raise BookingError(msg)


def _check_text(element: Text) -> None:
    if not element.value.isidentifier():
        msg = f"text value {element.value!r} is not the name of a column"
        raise BookingError(msg)
    if fill_of(element).level != EVENT:
        msg = f"select {element.select!r} is per object, a text has one value per event"
        raise BookingError(msg)


def _check_size(booking: Booking) -> None:
    cells = Layout(booking).cells
    if cells > MAX_WORKSPACE_CELLS:
        msg = f"{cells} cells in all, at most {MAX_WORKSPACE_CELLS}"
        raise BookingError(msg)
