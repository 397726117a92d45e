"""A workspace as a TOML file, for those who do not want to write Python.

The keys are the fields of `dqmstream.messages.booking`::

    workspace = "mine"
    description = "What I look at."

    [[elements]]
    kind = "histogram"
    path = "Mine/pt"
    title = "Transverse momentum"
    description = "Falls without bumps; otherwise call me."
    axes = [{ type = "regular", bins = 100, lower = 0, upper = 200, label = "pt", unit = "GeV" }]
    fill = "muon.pt"
    select = "muon.pt > 3"
    draw = { log_y = true }

    [[elements]]
    kind = "scalar"
    path = "Mine/events"
    value = "1"
    combine = "sum"

Kinds are `histogram`, `profile`, `scalar` and `text`; axes `regular`, `variable`, `integer` and
`category`. With one axis `fill` is one expression, with more a list of them.

`memory = "2 MiB"` and `element_memory = "256 KiB"` beside `workspace` are budgets: what all
elements together, and each of them, may take of one LS.
"""

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import msgspec

from dqmstream.booking import check
from dqmstream.booking.memory_limit import within_own_budget
from dqmstream.errors import BookingError
from dqmstream.messages.booking import Booking

__all__ = ["booking_of", "from_toml"]

_WHERE: Final = re.compile(r"(?P<reason>.*) - at `\$\.?(?P<key>.*)`", re.DOTALL)


def from_toml(path: Path) -> Booking:
    """The checked booking in a TOML file.

    Raises
    ------
    BookingError
        Naming the file, the key or the path of the element, and the reason.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"workspace file {path}: cannot be read: {error}"
        raise BookingError(msg) from error
    return booking_of(text, f"workspace file {path}")


def booking_of(text: str, name: str) -> Booking:
    """The checked booking in the text of a TOML file.

    Parameters
    ----------
    name
        What the text is called in messages.

    Raises
    ------
    BookingError
        Naming the text, the key or the path of the element, and the reason.
    """
    try:
        document = tomllib.loads(text)
        budgets = [document.pop(key, None) for key in ("memory", "element_memory")]
        return within_own_budget(check(_booking(document)), *budgets)
    except tomllib.TOMLDecodeError as error:
        msg = f"{name}: not TOML: {error}"
        raise BookingError(msg) from error
    except BookingError as error:
        msg = f"{name}: {error}"
        raise BookingError(msg) from error


def _booking(document: dict[str, Any]) -> Booking:
    elements = document.get("elements")
    if isinstance(elements, list):
        document = document | {"elements": [_with_list(element) for element in elements]}
    try:
        return msgspec.convert(document, Booking)
    except msgspec.ValidationError as error:
        raise BookingError(_explained(str(error), elements)) from error


def _with_list(element: object) -> object:
    """The element with a `fill` of one expression as a list of it."""
    if isinstance(element, dict) and isinstance(element.get("fill"), str):
        return element | {"fill": [element["fill"]]}
    return element


def _explained(message: str, elements: object) -> str:
    """A validation message as key, path of the element where it has one, and reason."""
    match = _WHERE.fullmatch(message)
    if match is None:
        return message
    key, reason = match["key"], match["reason"]
    index = re.match(r"elements\[(\d+)\]", key)
    if index is None or not isinstance(elements, list):
        return f"key {key!r}: {reason}"
    element = elements[int(index[1])]
    path = element.get("path") if isinstance(element, dict) else None
    return f"key {key!r}" + (f" ({path})" if path else "") + f": {reason}"
