"""Layouts as text and back: what cannot be shown is refused, with the tab and the cell."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from dqmstream.errors import BookingError, ConfigurationError
from dqmstream.identity import normal_path
from dqmstream.layouts.layout import (
    MOST_CELLS,
    MOST_TABS,
    NAME,
    Cell,
    Layout,
    Reference,
    Tab,
)

__all__ = [
    "LARGEST",
    "check_name",
    "checked",
    "document_of",
    "layout_of",
    "read_layout",
    "written",
]

LARGEST: Final = 256 << 10
"""Bytes of a layout as text."""
_MOST_PATHS: Final = 10
_MOST_WORKSPACES: Final = 50
_RANGES: Final = ("x_range", "y_range", "z_range")
_AT: Final = re.compile(r" - at `\$(?P<place>[^`]*)`$")
_STEP: Final = re.compile(r"\[(\d+|\.\.\.)\]|\.(\w+)")
_LONGEST_ECHO: Final = 80


def read_layout(text: str | bytes, whose: str = "the layout") -> Layout:
    """The layout that a JSON text is.

    Raises
    ------
    ConfigurationError
        Naming what is wrong with it, and in which tab and cell.
    """
    size = len(text.encode() if isinstance(text, str) else text)
    if size > LARGEST:
        msg = f"{whose}: {size} bytes, expected at most {LARGEST}"
        raise ConfigurationError(msg)
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        msg = f"{whose}: not JSON: {error}"
        raise ConfigurationError(msg) from error
    return layout_of(raw, whose)


def layout_of(raw: Any, whose: str = "the layout") -> Layout:
    """The layout that a decoded JSON document is; ConfigurationError as for `read_layout`."""
    try:
        found = msgspec.convert(raw, Layout)
    except msgspec.ValidationError as error:
        msg = f"{whose}: {_located(str(error), raw)}"
        raise ConfigurationError(msg) from error
    return checked(found, whose)


def written(layout: Layout) -> str:
    """A layout as the text that is kept, without what is as by default: equal ones are equal."""
    return msgspec.json.encode(document_of(layout)).decode()


def document_of(layout: Layout) -> dict[str, Any]:
    """A layout as JSON has it, without what is as by default."""
    document: dict[str, Any] = msgspec.to_builtins(layout)
    for tab in document["tabs"]:
        for cell in tab.get("cells", ()):
            # Left out by msgspec only where it is the very object of the declaration.
            for name in ("draw", "reference"):
                if not cell.get(name, True):
                    del cell[name]
    return document


def checked(layout: Layout, whose: str = "the layout") -> Layout:
    """The layout itself; ConfigurationError if it is not one that a page can show."""
    check_name(layout.name, whose)
    for problem in _problems(layout):
        msg = f"{whose}: {problem}"
        raise ConfigurationError(msg)
    return layout


def check_name(name: str, whose: str = "the layout") -> None:
    """ConfigurationError if a layout cannot have this name."""
    if not re.fullmatch(NAME, name) or name.endswith("\n"):
        msg = (
            f"{whose}: name {name[:_LONGEST_ECHO]!r} is not one of up to 4 parts as in "
            "'Shift/SiPixel', each 1 to 64 of A-Z a-z 0-9 _ . + - and spaces between"
        )
        raise ConfigurationError(msg)


# ---------------------------------------------------------------------- inside


def _problems(layout: Layout) -> Iterator[str]:
    yield from _unprintable("", title=layout.title, description=layout.description)
    yield from _unprintable("", workspaces="".join(layout.workspaces))
    if len(layout.workspaces) > _MOST_WORKSPACES:
        yield f"{len(layout.workspaces)} workspaces, expected at most {_MOST_WORKSPACES}"
    if not 1 <= len(layout.tabs) <= MOST_TABS:
        yield f"{len(layout.tabs)} tabs, expected 1 to {MOST_TABS}"
    for name, count in Counter(tab.name for tab in layout.tabs).items():
        if count > 1:
            yield f"{count} tabs are named {name!r}, expected names of their own"
    for number, tab in enumerate(layout.tabs, 1):
        yield from _of_tab(tab, _tab_named(number, tab.name))
    # Last, as it encodes: what is too large for a tab is said of the tab.
    size = len(written(layout).encode())
    if size > LARGEST:
        yield f"{size} bytes as text, expected at most {LARGEST}"


def _of_tab(tab: Tab, where: str) -> Iterator[str]:
    yield from _unprintable(f"{where}: ", name=tab.name, description=tab.description)
    if tab.name != tab.name.strip() or "\n" in tab.name:
        yield f"{where}: the name is one line without spaces around it"
    if len(tab.cells) > MOST_CELLS:
        yield f"{where}: {len(tab.cells)} cells, expected at most {MOST_CELLS}"
    for number, cell in enumerate(tab.cells, 1):
        yield from _of_cell(cell, f"{where}, cell {number}: ")
        if cell.span > tab.columns:
            yield f"{where}, cell {number}: spans {cell.span} columns, the tab has {tab.columns}"


def _of_cell(cell: Cell, where: str) -> Iterator[str]:
    yield from _unprintable(where, title=cell.title, description=cell.description)
    if not 1 <= len(cell.paths) <= _MOST_PATHS:
        yield f"{where}{len(cell.paths)} paths, expected 1 to {_MOST_PATHS}"
    for path in cell.paths:
        try:
            normal = normal_path(path)
        except BookingError as error:
            yield f"{where}{error}"
            continue
        if path != normal:
            yield f"{where}path {path!r} must be written {normal!r}"
    if len(set(cell.paths)) < len(cell.paths):
        yield f"{where}a path is there twice"
    yield from _unprintable(where, style=cell.draw.style or "")
    for name in _RANGES:
        ends = getattr(cell.draw, name)
        if ends is not None and not (all(map(math.isfinite, ends)) and ends[0] < ends[1]):
            yield f"{where}{name} is {ends[0]:g} to {ends[1]:g}, expected the lower end first"
    yield from _of_reference(cell.reference, where)


def _of_reference(reference: Reference, where: str) -> Iterator[str]:
    takes = {"catalogue": "name", "run": "run"}.get(reference.choice)
    for name in ("name", "run"):
        given = getattr(reference, name) is not None
        if given and name != takes:
            yield f"{where}reference: {reference.choice!r} takes no {name}"
        if not given and name == takes:
            yield f"{where}reference: {reference.choice!r} takes a {name}"
    yield from _unprintable(where, reference=reference.name or "")


def _unprintable(where: str, **texts: str) -> Iterator[str]:
    for name, text in texts.items():
        plain = text.replace("\n", " ").replace("\t", " ")
        if not plain.isprintable():
            worst = next(one for one in plain if not one.isprintable())
            yield f"{where}{name} has the character {worst!r}, expected plain text"


def _tab_named(number: int, name: object) -> str:
    return f"tab {number} ({str(name)[:_LONGEST_ECHO]!r})"


def _located(message: str, raw: Any) -> str:
    """msgspec's message, with `$.tabs[0].cells[2].span` in words."""
    match = _AT.search(message)
    if match is None:
        return message
    said, where, here = message[: match.start()], [], raw
    for index, key in _STEP.findall(match["place"]):
        if key:
            here = here.get(key) if isinstance(here, Mapping) else None
            where.append(key)
        elif index.isdecimal():
            here = here[int(index)] if isinstance(here, list) else None
            kind = where.pop() if where else ""
            if kind == "tabs":
                name = here.get("name", "") if isinstance(here, Mapping) else ""
                where.append(_tab_named(int(index) + 1, name))
            else:
                where.append(f"{kind.removesuffix('s')} {int(index) + 1}")
    got = "" if isinstance(here, list | dict) or here is None else f", got {_echo(here)}"
    return f"{', '.join(where)}: {said}{got}" if where else f"{said}{got}"


def _echo(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_ECHO else f"{text[:_LONGEST_ECHO]}..."
