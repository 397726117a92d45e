"""Which workspaces there are: found by entry point, or read from files."""

import difflib
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final

from dqmstream.booking import check
from dqmstream.errors import BookingError
from dqmstream.messages.booking import Booking
from dqmstream.workspaces.toml import from_toml

__all__ = ["GROUP", "find_workspaces", "load_workspaces"]

GROUP: Final = "dqmstream.workspaces"
"""Group of entry points: the name of the workspace, and where its Booking is."""

Found = Mapping[str, tuple[EntryPoint, ...]]


def find_workspaces(found: Iterable[EntryPoint] | None = None) -> Found:
    """Entry points of all workspaces by name, without importing any.

    Parameters
    ----------
    found
        Entry points to choose from; None: those of all installed distributions.
    """
    by_name: dict[str, tuple[EntryPoint, ...]] = {}
    for point in entry_points(group=GROUP) if found is None else found:
        others = by_name.get(point.name, ())
        if point.value not in {other.value for other in others}:
            by_name[point.name] = (*others, point)
    return dict(sorted(by_name.items()))


def load_workspaces(
    names: Iterable[str] | None = None, *, found: Iterable[EntryPoint] | None = None
) -> tuple[Booking, ...]:
    """The checked bookings of workspaces, in the order asked for.

    Parameters
    ----------
    names
        Workspaces, each taken once; one that ends in `.toml` is a file, one with a colon is
        `module:attribute` and needs no installation. None: all that are installed, by name.
    found
        Entry points to choose from; None: those of all installed distributions.

    Raises
    ------
    BookingError
        If a workspace is unknown, declared by two distributions, or cannot be loaded: naming the
        distribution, the entry point and the reason.
    """
    installed = find_workspaces(found)
    wanted = tuple(installed) if names is None else tuple(dict.fromkeys(names))
    bookings = tuple(
        from_toml(Path(name)) if name.endswith(".toml") else _load(_point(name, installed))
        for name in wanted
    )
    _check_names(wanted, bookings)
    return bookings


def _point(name: str, installed: Found) -> EntryPoint:
    """Where the booking of that name is; `module:attribute` says so itself."""
    if ":" in name:
        return EntryPoint(name=name, value=name, group=GROUP)
    return _one(name, installed)


def _one(name: str, installed: Found) -> EntryPoint:
    """The only entry point of that name."""
    points = installed.get(name, ())
    if not points:
        close = difflib.get_close_matches(name, installed, n=3)
        hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
        msg = f"no workspace {name!r}: installed are {', '.join(installed) or 'none'}{hint}"
        raise BookingError(msg)
    if len(points) > 1:
        msg = f"workspace {name!r} is declared twice: {'; '.join(map(_origin, points))}"
        raise BookingError(msg)
    return points[0]


def _origin(point: EntryPoint) -> str:
    """Where an entry point is from, for messages."""
    if point.dist is None:
        return f"entry point {point.value!r}"
    return f"distribution {point.dist.name} {point.dist.version}, entry point {point.value!r}"


def _load(point: EntryPoint) -> Booking:
    # A plug-in may raise anything while it is imported; whatever it is, the start must say whose.
    try:
        booking = point.load()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise _refused(point, reason) from error
    if not isinstance(booking, Booking):
        reason = f"expected a Booking made by dqmstream.booking.Workspace, got {booking!r:.80}"
        raise _refused(point, reason)
    if point.name not in {booking.workspace, point.value}:
        reason = f"it calls itself {booking.workspace!r}: both names must be the same"
        raise _refused(point, reason)
    try:
        return check(booking)
    except BookingError as error:
        raise _refused(point, str(error)) from error


def _refused(point: EntryPoint, reason: str) -> BookingError:
    return BookingError(f"workspace {point.name!r} ({_origin(point)}): {reason}")


def _check_names(wanted: tuple[str, ...], bookings: tuple[Booking, ...]) -> None:
    """Refuse two bookings of one workspace, such as a file and a plug-in."""
    first: dict[str, str] = {}
    for name, booking in zip(wanted, bookings, strict=True):
        other = first.setdefault(booking.workspace, name)
        if other != name:
            msg = f"workspace {booking.workspace!r} is asked for twice: as {other!r} and {name!r}"
            raise BookingError(msg)
