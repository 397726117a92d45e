"""What is read of a source beside what a command fills itself: by others, and by displays."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

import typer

from dqmstream.booking.fill import required_columns
from dqmstream.clock import SystemClock
from dqmstream.displays.columns import DISPLAY_COLUMNS, LAYERS
from dqmstream.errors import BookingError, ConfigurationError, MessageError
from dqmstream.messages.booking import Booking
from dqmstream.messages.topics import BOOKINGS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import Record
from dqmstream.workspaces.fitting import needed_columns
from services.log import open_log
from services.settings import Settings
from services.startup import chosen_bookings

__all__ = ["announced_columns", "columns_in_use", "columns_to_send", "drawn_columns"]

_DRAWN: Final = frozenset(layer.collection for layer in LAYERS)


def announced_columns(settings: Settings) -> frozenset[str]:
    """Columns that the bookings on the brokers read; none for the embedded log.

    That has one owner, whose own bookings are all that is filled.

    Raises
    ------
    LogError
        If the log cannot be opened.
    """
    return asyncio.run(_announced(settings)) if settings.kafka else frozenset()


def drawn_columns(settings: Settings, columns: Collection[str]) -> frozenset[str]:
    """Of these columns those that displays of single events draw; none if nothing is shown."""
    found = DISPLAY_COLUMNS.intersection(columns)
    is_drawn = any(name.partition(".")[0] in _DRAWN for name in found)
    return found if settings.display and is_drawn else frozenset()


def columns_to_send(
    settings: Settings, bookings: Sequence[Booking], columns: Collection[str]
) -> frozenset[str]:
    """What is read of a source with these columns where these bookings are filled.

    That is what they read, what bookings on the log do, and displays of single events.
    """
    shared = announced_columns(settings) | drawn_columns(settings, columns)
    return needed_columns(bookings) | shared


def columns_in_use(settings: Settings, columns: frozenset[str]) -> frozenset[str]:
    """What fillers may read of a source with these columns, wherever they run.

    That is what bookings on the log read, the workspaces that fillers would choose for it, and
    displays of single events.
    Where nobody is known to read anything it is all columns, and a line says so: a producer need
    not have the workspaces that are filled from what it sends.
    """
    announced, drawn = announced_columns(settings), drawn_columns(settings, columns)
    try:
        return announced | drawn | needed_columns(chosen_bookings(settings, columns=columns))
    except ConfigurationError as error:
        if announced & columns:
            return announced | drawn
        typer.echo(f"all columns are sent: {error}", err=True)
        return columns


async def _announced(settings: Settings) -> frozenset[str]:
    async with open_log(settings, SystemClock()) as log:
        records = list((await latest_by_key(log, BOOKINGS)).values())
    return await asyncio.to_thread(lambda: frozenset[str]().union(*map(_required, records)))


def _required(record: Record) -> frozenset[str]:
    try:
        message = CODEC.decode(record.headers, record.value)
        return required_columns(message) if isinstance(message, Booking) else frozenset()
    except (MessageError, BookingError):
        return frozenset()  # fillers refuse it too, and say so
