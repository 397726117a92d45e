"""The expressions of one element, parsed and brought to one level."""

from dataclasses import dataclass, replace
from typing import Final

from dqmstream.booking.expression import EVENT, Level, Node, as_boolean, columns_of, joint_level
from dqmstream.booking.parse import parse
from dqmstream.errors import BookingError
from dqmstream.messages.booking import Booking, Element, Histogram, Profile, Scalar, Text

__all__ = ["EVENT_NUMBER", "Fill", "fill_of", "filled_elsewhere", "required_columns"]

EVENT_NUMBER: Final = "event"
"""Per-event column: its number in the run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fill:
    """The parsed expressions of one element, and the level they are filled at.

    `value` is the weight, the profiled value or the scalar; None where the element has none.
    Text elements have no expressions but their selection.
    """

    axes: tuple[Node, ...] = ()
    value: Node | None = None
    select: Node | None = None
    level: Level = EVENT

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All of them."""
        return self.axes + tuple(node for node in (self.value, self.select) if node is not None)


def filled_elsewhere(element: Element) -> bool:
    """Whether an element has no expressions: it is imported, or comes of an analysis."""
    match element:
        case Histogram() | Profile():
            return not element.fill
        case Scalar() | Text():
            return not element.value


def fill_of(element: Element) -> Fill:
    """The element's expressions, parsed and brought to one level; none if it is filled elsewhere.

    Raises
    ------
    BookingError
        Saying which expression is wrong, and why.
    """
    match element:
        case _ if filled_elsewhere(element):
            return Fill()
        case Histogram():
            axes, value = element.fill, element.weight or None
        case Profile():
            axes, value = element.fill, element.value
        case Scalar():
            axes, value = (), element.value
        case Text():
            axes, value = (), None
    fill = Fill(
        axes=tuple(map(parse, axes)),
        value=None if value is None else parse(value),
        select=_selection(element.select),
    )
    level = joint_level(EVENT, *(node.level for node in fill.nodes))
    return replace(fill, level=level)


def _selection(text: str) -> Node | None:
    if not text:
        return None
    try:
        return as_boolean(parse(text))
    except BookingError as error:
        msg = f"select {text!r}: {error}"
        raise BookingError(msg) from None


def required_columns(booking: Booking) -> frozenset[str]:
    """Names of all columns the booking reads, so that others need not travel.

    `event` is a per-event column, `muon.pt` a member of a collection, and `muon` alone, where
    only the number of objects counts, the collection whatever its members. An analysis reads those
    that its booking names, and event numbers, by which its events are put in order.
    """
    if booking.analysis:
        return frozenset({*booking.analysis.columns, EVENT_NUMBER})
    texts = {element.value for element in booking.elements if isinstance(element, Text)}
    nodes = (node for element in booking.elements for node in fill_of(element).nodes)
    return frozenset(texts).union(*map(columns_of, nodes))
