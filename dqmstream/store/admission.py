"""What the store takes in: messages whose every value it can hold and sum later.

A message that passes here cannot make a transaction fail, nor a later sum over a window.
"""

from collections.abc import Mapping
from typing import Final

from dqmstream.booking.check import check
from dqmstream.errors import BookingError, MessageError, WindowError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout, Layout
from dqmstream.messages.booking import Activation, Booking, Scalar, Text
from dqmstream.messages.events import MARKS, RunEnd, RunStart
from dqmstream.messages.histograms import HistogramSet, ScalarValue
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import QualityReports

__all__ = [
    "admit_activation",
    "admit_booking",
    "admit_conditions",
    "admit_contents",
    "admit_reports",
    "admit_set",
    "admit_source",
]

_LARGEST: Final = 2**63 - 1
_LARGEST_LUMISECTION: Final = 2**31 - 1
_LONGEST_NAME: Final = 255
_MOST_PARTITIONS: Final = 4096
_MOST_SEGMENTS: Final = 2**31 - 1
_MOST_CHUNKS: Final = 2**24
"""Chunks a source may announce for one LS: readers make a bit mask of that length."""


def admit_booking(booking: Booking) -> Layout:
    """Layout of a booking; MessageError with reason `bad_booking` if it is none."""
    try:
        check(booking, imported=True)
        return Layout(booking)
    except BookingError as error:
        detail = f"booking of {booking.workspace[:80]!r}: {error}"
        raise MessageError("bad_booking", detail) from error


def admit_activation(activation: Activation) -> None:
    """MessageError with reason `out_of_range` or `bad_name` if it cannot be stored."""
    _check_name("set", activation.set)
    _check_range("from_run", activation.from_run, 0, _LARGEST)
    _check_range("when", activation.when, 0, _LARGEST)


def admit_set(piece: HistogramSet, layout: Layout) -> None:
    """Names, numbers and scalars of a set, or of a part of one.

    Raises
    ------
    MessageError
        With reason `out_of_range`, `bad_name`, `differing_booking` or `bad_scalars`.
    """
    _check_name("set", piece.set)
    _check_lumisection(piece.run, piece.lumisection)
    _check_range("partitions", piece.partitions, 1, _MOST_PARTITIONS)
    _check_range("partition", piece.partition, 0, piece.partitions - 1)
    _check_range("segment", piece.segment, 0, _MOST_SEGMENTS)
    _check_range("parts", piece.parts, 1, _MOST_SEGMENTS)
    _check_range("part", piece.part, 0, piece.parts - 1)
    for name in ("through", "epoch", "published"):
        _check_range(name, getattr(piece, name), 0, _LARGEST)
    for source in piece.account.sources:
        _check_range(f"marker of {source.source[:80]!r}", source.marker or 0, 0, _MOST_CHUNKS)
    if piece.workspace != layout.workspace:
        detail = f"a set of {piece.workspace[:80]!r} was made with a booking of {layout.workspace}"
        raise MessageError("differing_booking", detail)
    _check_scalars(piece, layout)


def admit_contents(piece: HistogramSet, layout: Layout) -> None:
    """Cells of a whole set.

    Raises
    ------
    MessageError
        With reason `bad_cells` if the block is broken, `too_many_entries` if its fixed-point sums
        could overflow.
    """
    contents = Contents.decode(layout, piece.cells, piece.scalars, piece.invalid)
    try:
        Contents.empty(layout).add(contents)
    except WindowError as error:
        raise MessageError("too_many_entries", str(error)) from error


def admit_reports(reports: QualityReports) -> None:
    """MessageError with reason `out_of_range` or `bad_name` if they cannot be stored."""
    _check_name("set", reports.set)
    _check_name("workspace", reports.workspace)
    _check_lumisection(reports.run, reports.lumisection)


def admit_conditions(conditions: Conditions) -> None:
    """MessageError with reason `out_of_range` or `bad_name` if they cannot be stored."""
    _check_lumisection(conditions.run, conditions.lumisection)
    _check_name("run_type", conditions.run_type)
    if conditions.fill is not None:
        _check_range("fill", conditions.fill, 0, _LARGEST)


def admit_source(message: RunStart | RunEnd) -> None:
    """MessageError with reason `out_of_range` or `bad_name` if it cannot be stored."""
    _check_range("run", message.run, 0, _LARGEST)
    _check_name("source", message.source)
    if isinstance(message, RunStart):
        _check_range("started", message.started, 0, _LARGEST)
        for name in message.expected:
            _check_name("expected source", name)
        _check_name("run_type", message.run_type)
        _check_marks(message.marks)


def _check_marks(marks: tuple[str, ...]) -> None:
    unknown = [mark for mark in marks if mark not in MARKS]
    if unknown:
        detail = f"mark is {unknown[0][:80]!r}, expected one of {', '.join(MARKS)}"
        raise MessageError("bad_name", detail)


def _check_lumisection(run: int, lumisection: int) -> None:
    _check_range("run", run, 0, _LARGEST)
    _check_range("lumisection", lumisection, 0, _LARGEST_LUMISECTION)


def _check_range(name: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise MessageError("out_of_range", f"{name} is {value}, expected {lowest} to {highest}")


def _check_name(name: str, value: str) -> None:
    if len(value) > _LONGEST_NAME or not value.isprintable():
        detail = f"{name} is {value[:80]!r}, expected at most {_LONGEST_NAME} printable characters"
        raise MessageError("bad_name", detail)


def _check_scalars(piece: HistogramSet, layout: Layout) -> None:
    wrong = [
        index
        for index, value in piece.scalars.items()
        if not 0 <= index < len(layout.elements)
        or not _is_scalar_of(layout.elements[index], value, piece.partitions)
    ]
    if wrong:
        scalars: Mapping[int, ScalarValue] = piece.scalars
        detail = (
            f"run {piece.run} LS {piece.lumisection} workspace {piece.workspace!r}: element "
            f"{wrong[0]} cannot have the value {scalars[wrong[0]].value!r:.80}"
        )
        raise MessageError("bad_scalars", detail)


def _is_scalar_of(element: ElementLayout, scalar: ScalarValue, partitions: int) -> bool:
    """Whether the element takes it, and its sum over the partitions can be stored."""
    value = scalar.value
    match element.element:
        case Text():
            return isinstance(value, str)
        case Scalar():
            if isinstance(value, int):
                return abs(value) * partitions <= _LARGEST and abs(scalar.number) <= _LARGEST
            return isinstance(value, float)
    return False
