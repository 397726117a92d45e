"""An event cut to a size: the softest objects go first, and layers say how many there were."""

from typing import Final

from msgspec import structs

from dqmstream.messages.display import DisplayLayer, EventDisplay
from dqmstream.messages.wire import CODEC

__all__ = ["SMALLEST", "fitted"]

SMALLEST: Final = 4_096
"""Bytes that always suffice for an event without objects and with few paths."""
_LONGEST_PATH: Final = 120
_MOST_PATHS: Final = 300
_KEPT: Final = 0.75


def fitted(display: EventDisplay, limit: int) -> EventDisplay:
    """The event with as many objects as `limit` bytes of its message hold, hardest first.

    Parameters
    ----------
    limit
        Not below `SMALLEST`.

    Raises
    ------
    ValueError
        If it is.
    """
    if limit < SMALLEST:
        msg = f"limit is {limit} bytes, expected at least {SMALLEST}"
        raise ValueError(msg)
    paths = tuple(path[:_LONGEST_PATH] for path in display.paths[:_MOST_PATHS])
    display = structs.replace(display, paths=paths, why=display.why[:_LONGEST_PATH])
    while size_of(display) > limit:
        largest = max(display.layers, key=_weight, default=None)
        if largest is not None and _weight(largest):
            layers = tuple(_shorter(e) if e is largest else e for e in display.layers)
            display = structs.replace(display, layers=layers)
        else:
            display = structs.replace(display, paths=display.paths[: len(display.paths) // 2])
    return display


def size_of(display: EventDisplay) -> int:
    """Bytes of the message's value on the wire."""
    return len(CODEC.encode(display).value)


def _weight(layer: DisplayLayer) -> int:
    return sum(map(len, layer.members.values()))


def _shorter(layer: DisplayLayer) -> DisplayLayer:
    shown = len(next(iter(layer.members.values())))
    kept = int(shown * _KEPT)
    return structs.replace(layer, members={n: v[:kept] for n, v in layer.members.items()})
