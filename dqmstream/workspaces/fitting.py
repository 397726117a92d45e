"""Which workspaces fit a source: those that find the columns they read."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import pyarrow as pa
from msgspec import structs

from dqmstream.booking.chunk import LOG_TIME
from dqmstream.booking.fill import required_columns
from dqmstream.conditions.columns import PREFIX
from dqmstream.errors import ConfigurationError
from dqmstream.messages.booking import Booking
from dqmstream.sources.source import EventSource

__all__ = ["columns_of", "fitting", "needed_columns"]

_SHARE: Final = 0.5
"""A workspace fits if this share of its elements can be filled: files of other years lack some."""
_SHOWN: Final = 12


def columns_of(source: EventSource) -> frozenset[str]:
    """All columns a source could send, as `required_columns` names them.

    One that does not say is read up to its first chunk; empty if it has none.
    """
    said: frozenset[str] | None = getattr(source, "columns", None)
    if said is not None:
        return said
    for lumisection in source.lumisections(source.first_lumisection - 1):
        for chunk in lumisection.chunks():
            with pa.ipc.open_stream(chunk.body) as stream:
                return frozenset(_names(stream.schema))
    return frozenset()


def _names(schema: pa.Schema) -> Iterable[str]:
    for field in schema:
        yield field.name
        kind: Any = field.type
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            yield from (f"{field.name}.{member.name}" for member in kind.value_type)


def needed_columns(bookings: Iterable[Booking]) -> frozenset[str]:
    """What the bookings read of a source's own columns."""
    found = frozenset[str]().union(*map(required_columns, bookings))
    return frozenset(c for c in found if c != LOG_TIME and not c.startswith(PREFIX))


def fitting(
    bookings: Sequence[Booking], columns: Collection[str], *, beside: Sequence[Booking] = ()
) -> tuple[Booking, ...]:
    """The bookings of which at least half of the elements find the columns they read; those of an
    analysis if it finds all of its own.

    Parameters
    ----------
    beside
        Bookings that are chosen already.

    Raises
    ------
    ConfigurationError
        If none does, and there are none beside them.
    """
    have = frozenset(columns)
    chosen = tuple(b for b in bookings if _share(b, have) >= _SHARE)
    if not chosen and not beside:
        shown = sorted(have)[:_SHOWN]
        more = f" and {len(have) - len(shown)} more" if len(have) > len(shown) else ""
        msg = (
            f"no installed workspace reads this source: of {len(bookings)} none can fill half of "
            f"its elements from {', '.join(shown) or 'none'}{more}; name one by --workspaces"
        )
        raise ConfigurationError(msg)
    return chosen


def _share(booking: Booking, have: frozenset[str]) -> float:
    """Of the elements that read columns, those that find all of them; an analysis fills all."""
    if booking.analysis:
        return float(have.issuperset(booking.analysis.columns))
    needed = [needed_columns([structs.replace(booking, elements=(e,))]) for e in booking.elements]
    reading = [columns for columns in needed if columns]
    return sum(columns <= have for columns in reading) / len(reading) if reading else 1.0
