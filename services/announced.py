"""What bookings on the log read: a producer must send it to fillers that others have started."""

import asyncio

from dqmstream.booking.fill import required_columns
from dqmstream.clock import SystemClock
from dqmstream.errors import BookingError, MessageError
from dqmstream.messages.booking import Booking
from dqmstream.messages.topics import BOOKINGS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import Record
from services.log import open_log
from services.settings import Settings

__all__ = ["announced_columns"]


def announced_columns(settings: Settings) -> frozenset[str]:
    """Columns that the bookings on the brokers read; none for the embedded log.

    That has one owner, whose own bookings are all that is filled.

    Raises
    ------
    LogError
        If the log cannot be opened.
    """
    return asyncio.run(_announced(settings)) if settings.kafka else frozenset()


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
