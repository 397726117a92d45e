"""A set: the workspaces one filler group fills together, and every setting its fold depends on."""

from collections.abc import Sequence
from functools import cached_property
from typing import Final

from dqmstream.errors import BookingError
from dqmstream.fold.state import FoldSettings
from dqmstream.histograms.layout import Layout
from dqmstream.identity import content_hash
from dqmstream.messages.booking import Booking

__all__ = ["BookingSet", "ImportedSet", "LayoutShelf"]

_FOLD_VERSION: Final = 1
"""Rises when the same records would fill other bits: a new set, never a silent change."""


class BookingSet:
    """Bookings and fold settings; its hash names the filler group and is in every key.

    Parameters
    ----------
    posted
        Of workspaces that were posted: the key of their generation. It is part of the hash: the
        same workspaces posted again are another set, with checkpoints of its own.

    Raises
    ------
    BookingError
        If there is no booking, or two of one workspace.
    """

    def __init__(
        self, bookings: Sequence[Booking], fold: FoldSettings, *, posted: str = ""
    ) -> None:
        names = [booking.workspace for booking in bookings]
        twice = sorted({name for name in names if names.count(name) > 1})
        if not names or twice:
            msg = f"a set needs workspaces, each once: got {names}, twice {twice}"
            raise BookingError(msg)
        self.bookings = tuple(sorted(bookings, key=lambda booking: booking.workspace))
        self.fold = fold
        self.posted = posted

    @cached_property
    def hash(self) -> str:
        """Content hash: 16 hex digits."""
        named = ("posted", self.posted) if self.posted else ()
        return content_hash((_FOLD_VERSION, self.bookings, self.fold, *named))

    @cached_property
    def layouts(self) -> tuple[Layout, ...]:
        """Layout of each workspace, in the order of their names."""
        return tuple(Layout(booking) for booking in self.bookings)

    @property
    def workspaces(self) -> tuple[str, ...]:
        return tuple(booking.workspace for booking in self.bookings)


class ImportedSet:
    """The set of one imported workspace: nothing was folded, so its booking alone names it."""

    def __init__(self, booking: Booking) -> None:
        self.booking = booking

    @cached_property
    def hash(self) -> str:
        """Content hash: 16 hex digits."""
        return content_hash(("imported", self.booking))


class LayoutShelf:
    """Layouts by booking hash, as readers learn them from `dqm.bookings`."""

    def __init__(self) -> None:
        self._layouts: dict[str, Layout] = {}

    def add(self, booking: Booking) -> Layout:
        """Lay a booking out, once."""
        layout = Layout(booking)
        return self._layouts.setdefault(layout.hash, layout)

    def __call__(self, booking_hash: str) -> Layout | None:
        return self._layouts.get(booking_hash)
