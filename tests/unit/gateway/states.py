"""States of the stream as JSON, and what changes make of them, as the protocol says it."""

from typing import Any

__all__ = ["applied"]


def applied(held: dict[str, Any], message: dict[str, Any]) -> None:
    """Bring a snapshot to the state that a change leads to."""
    _change(held["header"], message.get("header", {}))
    for name, cells in message.get("arrays", {}).items():
        values = held["arrays"][name]
        for at, value in zip(_places(cells), cells.get("add", cells.get("set")), strict=True):
            values[at] = values[at] + value if "add" in cells else value
    _change(held["rows"], message.get("rows", {}))
    held["sequence"] = message["sequence"]


def _places(cells: dict[str, Any]) -> list[int]:
    skip, places, after = cells["skip"], [], 0
    for number in range(len(cells.get("add", cells.get("set")))):
        first = skip if number == 0 else 0
        after += skip[number] if isinstance(skip, list) else first
        places.append(after)
        after += 1
    return places


def _change(held: dict[str, Any], changes: dict[str, Any]) -> None:
    for key, change in changes.items():
        if isinstance(change, dict):
            _change(held[key], change)
        elif change == []:
            del held[key]
        else:
            (held[key],) = change
