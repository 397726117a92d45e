"""Checks of a booking: a declaration is refused before anything runs, with the path and why."""

import math
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from dqmstream.booking.check_axes import check_axes
from dqmstream.booking.expression import (
    EVENT,
    Kind,
)
from dqmstream.booking.fill import fill_of, filled_elsewhere
from dqmstream.booking.parse import parse
from dqmstream.errors import BookingError
from dqmstream.histograms.layout import Layout, fixed_point_bits
from dqmstream.identity import normal_path
from dqmstream.messages.booking import (
    Analysis,
    Axis,
    Booking,
    Element,
    Histogram,
    Profile,
    Scalar,
    Text,
)

__all__ = [
    "MAX_ANALYSIS_COLUMNS",
    "MAX_ELEMENTS",
    "MAX_WORKSPACE_CELLS",
    "check",
]

MAX_WORKSPACE_CELLS: Final = 64_000_000
MAX_ELEMENTS: Final = 100_000
MAX_ANALYSIS_COLUMNS: Final = 256
_MAX_NAME: Final = 64


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
            case _ if booking.analysis:
                _check_elsewhere(element)
            case Histogram() | Profile() if imported and elsewhere:
                _check_elsewhere(element)
            case Histogram():
                check_axes(element.axes, most=3)
                _check_fill(element.axes, element.fill)
                _check_weight(element)
            case Profile():
                check_axes(element.axes, most=2)
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
            check_axes(element.axes, most=3)
            if element.weight_range is not None:
                _check_range("weight_range", element.weight_range)
        case Profile():
            check_axes(element.axes, most=2)
            _check_range("value_range", element.value_range)
        case Scalar() if element.value_range is not None:
            _check_sum_range(element, element.value_range)
        case _:
            pass


def _check_fill(axes: Sequence[Axis], fill: Sequence[str]) -> None:
    if len(fill) != len(axes):
        msg = f"{len(fill)} fill expressions for {len(axes)} axes"
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
