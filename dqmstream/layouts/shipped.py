"""Layouts that nobody wrote: made of what is booked, until somebody writes others over them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from dqmstream.layouts.layout import MOST_CELLS, MOST_TABS, Cell, Layout, Tab
from dqmstream.messages.booking import Booking, Element, Scalar, Text

__all__ = ["SHIFT", "SUMMARY", "shipped_layouts", "workspace_name"]

SHIFT: Final = "Shift"
SUMMARY: Final = "Summary"
_OF_WORKSPACES: Final = "Workspaces"

_SHIFT_PLOTS: Final = 12
"""Of each workspace."""
_COLUMNS: Final = 4
_NOT_ALLOWED: Final = re.compile(r"[^A-Za-z0-9_. +-]")
_TOP: Final = "overview"
_LONGEST_TAB: Final = 100


def workspace_name(workspace: str) -> str:
    """Name of the layout that shows all of a workspace."""
    part = _NOT_ALLOWED.sub("_", workspace).strip(" ").lstrip(".")
    return f"{_OF_WORKSPACES}/{part or '_'}"


def shipped_layouts(bookings: Iterable[Booking]) -> Mapping[str, Layout]:
    """Layouts by name, in the order in which they are offered; none without bookings.

    `Shift` has of each workspace the plots that tell the shifter what to look for, `Summary` one
    plot of each; all others are a workspace, whole, with a tab for each folder.
    """
    of = {one.workspace: one for one in sorted(bookings, key=lambda one: one.workspace)}
    plots = {name: _plots(booking) for name, booking in of.items()}
    shown = [booking for name, booking in of.items() if plots[name]]
    if not shown:
        return {}
    found = [_shift(shown, plots), _summary(shown, plots), *map(_whole, of.values())]
    return {layout.name: layout for layout in found if layout.tabs}


def _shift(bookings: Sequence[Booking], plots: Mapping[str, Sequence[Element]]) -> Layout:
    tabs = [
        Tab(
            name=booking.workspace,
            description=booking.description,
            columns=_COLUMNS,
            cells=_cells(_for_shifters(plots[booking.workspace])),
        )
        for booking in bookings
    ]
    return Layout(
        name=SHIFT,
        title="Shift",
        description="What a shifter looks at, workspace by workspace: plots that say what a good "
        "one looks like.",
        workspaces=tuple(tab.name for tab in tabs[:MOST_TABS]),
        tabs=tuple(tabs[:MOST_TABS]),
    )


def _summary(bookings: Sequence[Booking], plots: Mapping[str, Sequence[Element]]) -> Layout:
    first = [_for_shifters(plots[one.workspace])[0] for one in bookings]
    cells = tuple(
        Cell(paths=(element.path,), title=f"{one.workspace}: {element.title or element.path}"[:200])
        for one, element in zip(bookings, first, strict=True)
    )
    tab = Tab(name="all", columns=_COLUMNS, cells=cells[:MOST_CELLS])
    return Layout(
        name=SUMMARY,
        title="Summary",
        description="One plot of each workspace.",
        workspaces=tuple(one.workspace for one in bookings[:MOST_TABS]),
        tabs=(tab,),
    )


def _whole(booking: Booking) -> Layout:
    folders: dict[str, list[Element]] = {}
    for element in booking.elements:
        folders.setdefault(_folder(element.path), []).append(element)
    tabs = [
        Tab(name=name, columns=_COLUMNS, cells=_cells(elements[start : start + MOST_CELLS]))
        for folder, elements in folders.items()
        for start in range(0, len(elements), MOST_CELLS)
        for name in [folder if start == 0 else f"{folder} ({start // MOST_CELLS + 1})"]
    ]
    return Layout(
        name=workspace_name(booking.workspace),
        title=booking.workspace,
        description=booking.description,
        workspaces=(booking.workspace,),
        tabs=tuple(tabs[:MOST_TABS]),
    )


def _folder(path: str) -> str:
    """Below the first one: `Pixel/Layer1/charge` is in `Layer1`."""
    return "/".join(path.split("/")[1:-1])[:_LONGEST_TAB] or _TOP


def _plots(booking: Booking) -> Sequence[Element]:
    """Elements with axes."""
    return [one for one in booking.elements if not isinstance(one, Scalar | Text)]


def _for_shifters(elements: Sequence[Element]) -> Sequence[Element]:
    """Those that tell what to look for; where none does, the first."""
    return [one for one in elements if one.description][:_SHIFT_PLOTS] or elements[:_SHIFT_PLOTS]


def _cells(elements: Iterable[Element]) -> tuple[Cell, ...]:
    return tuple(Cell(paths=(one.path,)) for one in elements)
