"""Rows that never change, once read: layouts of bookings, and series."""

from typing import Final, TypeVar

from sqlalchemy import Connection, bindparam, select

from dqmstream.errors import NotStoredError
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking
from dqmstream.messages.histograms import HistogramKey, HistogramSet
from dqmstream.store.bodies import unpack
from dqmstream.store.series import Series, Version, find_series
from dqmstream.store.tables import BOOKINGS

__all__ = ["Known", "stored_booking"]

K = TypeVar("K")
V = TypeVar("V")

_MOST: Final = 1024
_BOOKING_OF: Final = select(BOOKINGS.c.schema, BOOKINGS.c.body).where(
    BOOKINGS.c.hash == bindparam("of_hash")
)


def stored_booking(connection: Connection, booking_hash: str) -> Booking | None:
    """The booking of that hash, None if it is not stored."""
    row = connection.execute(_BOOKING_OF, {"of_hash": booking_hash}).first()
    return None if row is None else unpack(Booking, row.schema, row.body)


class Known:
    """What was read or written; a writer forgets it when a transaction came to no good end."""

    def __init__(self) -> None:
        self._layouts: dict[str, Layout] = {}
        self._series: dict[tuple[str, int, str], Series] = {}
        self._accounts: dict[HistogramKey, Version] = {}

    def layout(self, connection: Connection, booking_hash: str) -> Layout | None:
        """Layout of a stored booking, None if there is none of that hash."""
        layout = self._layouts.get(booking_hash)
        if layout is None and (booking := stored_booking(connection, booking_hash)):
            layout = Layout(booking)
            _keep(self._layouts, booking_hash, layout)
        return layout

    def layout_of(self, connection: Connection, series: Series) -> Layout:
        """Layout of a stored series; NotStoredError if its booking is gone, as by damage."""
        layout = self.layout(connection, series.booking)
        if layout is None:
            msg = f"booking {series.booking} of run {series.run} is not stored"
            raise NotStoredError(msg)
        return layout

    def series(self, connection: Connection, set: str, run: int, workspace: str) -> Series | None:
        """The series of that name, None if nothing of it is stored."""
        name = (set, run, workspace)
        series = self._series.get(name) or find_series(connection, *name)
        if series is not None:
            _keep(self._series, name, series)
        return series

    def account_is_news(self, piece: HistogramSet) -> bool:
        """Whether no workspace brought this account before; it is known from now on."""
        key = piece.key._replace(workspace="")
        version = Version.of(piece)
        if self._accounts.get(key) == version:
            return False
        _keep(self._accounts, key, version)
        return True

    def forget(self) -> None:
        """Forget everything: it may never have been stored."""
        self._layouts.clear()
        self._series.clear()
        self._accounts.clear()


def _keep(shelf: dict[K, V], key: K, value: V) -> None:
    if len(shelf) >= _MOST:
        shelf.clear()
    shelf[key] = value
