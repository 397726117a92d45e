"""The expression language of bookings: text to a typed, checked tree.

======================  ==========================================================================
``nvtx``                a per-event column
``muon.pt``             a member of a jagged collection: one value per object
``1``, ``2.5``          numbers
``+ - * / // %``        arithmetic; ``**`` with a whole exponent from 0 to 8
``< <= > >= == !=``     comparisons, chained as in ``0 < eta < 2.4``
``and or not``          on booleans; ``& | ~`` too, and bitwise on integers
``abs sqrt log exp``    functions of one value; also ``sin cos floor``
``atan2(y, x)``         functions of two; also ``min(a, b)`` and ``max(a, b)``
``where(c, a, b)``      ``a`` where ``c`` is true, else ``b``
``count(muon)``         objects of each event; ``count(muon.pt > 5)`` those for which it is true
``sum(x)`` ``mean(x)``  of the objects of each event; also ``min(x) max(x) any(x) all(x)``
======================  ==========================================================================

Every expression has a *level*: constant, event, or one collection. A per-event value beside one
of a collection is repeated for each object of its event. Two collections never mix: reduce one
first. Of no objects the sum is 0, ``any`` false, ``all`` true, and minimum, maximum and mean NaN.

Integers are computed in 64 bits and everything else in float64; ``/``, ``**`` and the functions
but ``abs`` give float64. Division by zero gives NaN or infinity. Equal bits on every machine are
promised for ``+ - * /`` and ``sqrt``.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from dqmstream.errors import BookingError

__all__ = [
    "EVENT",
    "ColumnOf",
    "Constant",
    "Kind",
    "LengthsOf",
    "Level",
    "MemberOf",
    "Node",
    "Operation",
    "Reduction",
    "Spread",
    "as_boolean",
    "as_number",
    "columns_of",
    "joint_level",
    "spread",
]

Level = str | None
"""None for constants, `EVENT` for per-event values, else the name of a collection."""

EVENT: Final = ""


class Kind(Enum):
    """What is known of a value before any data are seen; columns are `ANY`."""

    ANY = "of unknown type"
    BOOLEAN = "boolean"
    INTEGER = "an integer"
    NUMBER = "a number"
    FLOAT = "a float"


@dataclass(frozen=True, slots=True)
class Constant:
    """A number written in the expression."""

    value: int | float

    @property
    def level(self) -> Level:
        return None

    @property
    def kind(self) -> Kind:
        return Kind.INTEGER if isinstance(self.value, int) else Kind.FLOAT


@dataclass(frozen=True, slots=True)
class ColumnOf:
    """A per-event column, as it came."""

    name: str

    @property
    def level(self) -> Level:
        return EVENT

    @property
    def kind(self) -> Kind:
        return Kind.ANY


@dataclass(frozen=True, slots=True)
class MemberOf:
    """One member of all objects of a collection, as it came."""

    collection: str
    member: str

    @property
    def level(self) -> Level:
        return self.collection

    @property
    def kind(self) -> Kind:
        return Kind.ANY


@dataclass(frozen=True, slots=True)
class LengthsOf:
    """How many objects of a collection each event has."""

    collection: str

    @property
    def level(self) -> Level:
        return EVENT

    @property
    def kind(self) -> Kind:
        return Kind.INTEGER


@dataclass(frozen=True, slots=True)
class Operation:
    """An elementwise operation; all arguments are constants or of its level."""

    name: str
    arguments: tuple["Node", ...]
    level: Level
    kind: Kind


@dataclass(frozen=True, slots=True)
class Reduction:
    """One value per event from the objects of a collection."""

    name: str
    argument: "Node"
    collection: str
    kind: Kind

    @property
    def level(self) -> Level:
        return EVENT


@dataclass(frozen=True, slots=True)
class Spread:
    """A per-event value repeated for each object of a collection."""

    argument: "Node"
    collection: str

    @property
    def level(self) -> Level:
        return self.collection

    @property
    def kind(self) -> Kind:
        return self.argument.kind


Node = Constant | ColumnOf | MemberOf | LengthsOf | Operation | Reduction | Spread


def joint_level(*levels: Level) -> Level:
    """The level at which values of these levels can stand together.

    Raises
    ------
    BookingError
        If two collections are mixed.
    """
    collections = {level for level in levels if level}
    if len(collections) > 1:
        names = " and ".join(sorted(collections))
        msg = f"collections {names} are mixed; reduce all but one to events, as in count(...)"
        raise BookingError(msg)
    if collections:
        return collections.pop()
    return EVENT if EVENT in levels else None


def spread(node: Node, level: Level) -> Node:
    """`node` repeated for each object when it is per event and `level` is a collection."""
    return Spread(node, level) if level and node.level == EVENT else node


def as_number(node: Node) -> Node:
    """Columns and booleans widened to int64 or float64, so that narrow types never wrap."""
    if node.kind in {Kind.ANY, Kind.BOOLEAN}:
        kind = Kind.INTEGER if node.kind is Kind.BOOLEAN else Kind.NUMBER
        return Operation("number", (node,), node.level, kind)
    return node


def as_boolean(node: Node) -> Node:
    """A boolean; of a column it is seen only when it comes.

    Raises
    ------
    BookingError
        If the node is certainly a number.
    """
    if node.kind is Kind.ANY:
        return Operation("boolean", (node,), node.level, Kind.BOOLEAN)
    if node.kind is not Kind.BOOLEAN:
        msg = f"expected a boolean, got {node.kind.value}; write a comparison such as x != 0"
        raise BookingError(msg)
    return node


def columns_of(node: Node) -> frozenset[str]:
    """The columns a node needs: `event`, `collection.member`, and `collection` for its lengths."""
    match node:
        case Constant():
            return frozenset()
        case ColumnOf():
            return frozenset({node.name})
        case MemberOf():
            return frozenset({f"{node.collection}.{node.member}"})
        case LengthsOf():
            return frozenset({node.collection})
        case Operation():
            return frozenset().union(*map(columns_of, node.arguments))
        case Reduction() | Spread():
            return columns_of(node.argument) | {node.collection}
