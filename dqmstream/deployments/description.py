"""What a deployment is made of, as a value: two of them can be compared without running either."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from dqmstream.booking.fill import required_columns
from dqmstream.booking_set import BookingSet
from dqmstream.errors import BookingError
from dqmstream.identity import content_hash
from dqmstream.messages.booking import Axis, Booking, Category, Element, Integer, Regular, Variable
from dqmstream.messages.struct import Value
from dqmstream.quality.declaration import QualityTest

__all__ = ["Described", "DescribedElement", "DescribedWorkspace", "bins_of", "describe"]

_FEW_EDGES: Final = 6


class DescribedElement(Value, frozen=True, kw_only=True):
    """A MonitorElement: what it is filled by as a hash, and its bins in words (see `bins_of`)."""

    hash: str
    bins: str


class DescribedWorkspace(Value, frozen=True, kw_only=True):
    """A workspace: hash of its booking, and its elements by path; None where there are too many."""

    hash: str
    elements: dict[str, DescribedElement] | None


class Described(Value, frozen=True, kw_only=True):
    """A release with its configuration.

    `set` is the hash of the set of bookings that its fillers fill, `quality_tests` are hashes by
    name, `references` versions by name, as they stood when it was described. `settings` are those
    that do not only say where something is, with secrets hidden.
    """

    release: str
    set: str
    workspaces: dict[str, DescribedWorkspace]
    quality_tests: dict[str, str] = msgspec.field(default_factory=dict)
    references: dict[str, str] = msgspec.field(default_factory=dict)
    settings: dict[str, str] = msgspec.field(default_factory=dict)
    columns: tuple[str, ...] = ()
    """Columns of events that are read."""

    @property
    def hash(self) -> str:
        """Content hash of all but references, which people change live: 16 hex digits."""
        return content_hash(msgspec.structs.replace(self, references={}))

    def text(self) -> bytes:
        """As JSON."""
        return msgspec.json.encode(self)

    @property
    def elements(self) -> int | None:
        """How many elements there are; None if they are not listed."""
        listed = [one.elements for one in self.workspaces.values()]
        if any(one is None for one in listed):
            return None
        return sum(len(one or ()) for one in listed)

    def without_elements(self) -> "Described":
        """The same, with elements not listed one by one: where they are too many for a record."""
        bare = {
            name: msgspec.structs.replace(one, elements=None)
            for name, one in self.workspaces.items()
        }
        return msgspec.structs.replace(self, workspaces=bare)


def describe(
    release: str,
    booking_set: BookingSet,
    tests: Sequence[QualityTest],
    *,
    references: Mapping[str, str],
    settings: Mapping[str, str],
) -> Described:
    """What runs with these bookings, quality tests and settings."""
    columns: set[str] = set()
    for booking in booking_set.bookings:
        columns |= _columns(booking)
    return Described(
        release=release,
        set=booking_set.hash,
        workspaces={one.workspace: _workspace(one) for one in booking_set.bookings},
        quality_tests={one.name: content_hash(one) for one in tests},
        references=dict(references),
        settings=dict(settings),
        columns=tuple(sorted(columns)),
    )


def _columns(booking: Booking) -> frozenset[str]:
    try:
        return required_columns(booking)
    except BookingError:
        return frozenset()  # fillers refuse it too, and say so


def _workspace(booking: Booking) -> DescribedWorkspace:
    elements = {
        one.path: DescribedElement(hash=content_hash(one), bins=bins_of(one))
        for one in booking.elements
    }
    return DescribedWorkspace(hash=content_hash(booking), elements=elements)


def bins_of(element: Element) -> str:
    """The axes of an element, as `100 bins 0 to 200 x 5 integers 1 to 5`; empty for a number."""
    return " x ".join(map(_axis, getattr(element, "axes", ())))


def _axis(axis: Axis) -> str:
    match axis:
        case Regular():
            return f"{axis.bins} bins {axis.lower:g} to {axis.upper:g}"
        case Integer():
            return f"integers {axis.lower} to {axis.upper - 1}"
        case Category():
            return f"{len(axis.codes)} codes {content_hash(axis.codes)[:8]}"
        case Variable():
            if len(axis.edges) <= _FEW_EDGES:
                return "edges " + ", ".join(f"{edge:g}" for edge in axis.edges)
            return (
                f"{len(axis.edges) - 1} bins {axis.edges[0]:g} to {axis.edges[-1]:g} "
                f"({content_hash(axis.edges)[:8]})"
            )
