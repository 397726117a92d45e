"""From the columns of a chunk to what is drawn of one event: rounded, softest objects last."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.booking.columns import Collection, Columns
from dqmstream.displays.columns import LAYERS, SPOT, VALID, Drawn
from dqmstream.messages.display import DisplayLayer, DisplaySpot

__all__ = ["MOST_OBJECTS", "layers_of", "number_of", "spot_of"]

MOST_OBJECTS: Final = 2_000
"""Objects of one collection that are drawn at most, whatever the limit in bytes would allow."""

_HARDNESS: Final = {"vertex": "tracks"}
"""What objects are ordered by, from the highest on; most by pt."""


def layers_of(columns: Columns, index: int) -> tuple[DisplayLayer, ...]:
    """What is drawn of event `index` of a chunk: collections that it has, none of them empty.

    Objects come from the hardest to the softest, so that cutting a layer keeps its best.
    """
    return tuple(_layers(columns, index))


def spot_of(columns: Columns, index: int) -> DisplaySpot | None:
    """The beam spot of event `index`; None if it has none that can be drawn."""
    name, members = SPOT
    found = columns.collections.get(name)
    if found is None or not {"x", "y", "z"} <= found.members.keys():
        return None
    first, last = int(found.offsets[index]), int(found.offsets[index + 1])
    if first == last:
        return None
    numbers = {m: round(float(found.members[m][first]), 6) for m in members if m in found.members}
    return DisplaySpot(**numbers) if np.isfinite(list(numbers.values())).all() else None


def number_of(columns: Columns, name: str, index: int) -> int | None:
    """A per-event whole number; None if it is not there, or negative, which means unknown."""
    values = columns.values.get(name)
    if values is None or values.dtype.kind not in "iu":
        return None
    number = int(values[index])
    return number if number >= 0 else None


def _layers(columns: Columns, index: int) -> Iterator[DisplayLayer]:
    for drawn in LAYERS:
        found = columns.collections.get(drawn.collection)
        if found is None:
            continue
        first, last = int(found.offsets[index]), int(found.offsets[index + 1])
        members = _members(drawn, found, first, last)
        if first == last or not members.keys() >= set(drawn.needed):
            continue
        yield DisplayLayer(
            kind=drawn.kind,
            collection=drawn.collection,
            total=last - first,
            members=_drawn(drawn, members, _valid(found, first, last)),
        )


def _members(drawn: Drawn, found: Collection, first: int, last: int) -> dict[str, NDArray[Any]]:
    members = {}
    for member in drawn.decimals:
        name = next((name for name in drawn.spellings(member) if name in found.members), None)
        if name is not None:
            members[member] = found.members[name][first:last].astype(np.float64)
    return members


def _valid(found: Collection, first: int, last: int) -> NDArray[np.bool_]:
    """Which objects their source calls valid; all, if it calls none so."""
    if VALID not in found.members:
        return np.ones(last - first, np.bool_)
    valid: NDArray[np.bool_] = found.members[VALID][first:last].astype(np.bool_)
    return valid


def _drawn(
    drawn: Drawn, members: dict[str, NDArray[Any]], valid: NDArray[np.bool_]
) -> dict[str, tuple[int | float | None, ...]]:
    placed = np.logical_and.reduce([valid, *(np.isfinite(members[n]) for n in drawn.needed)])
    at = np.flatnonzero(placed)
    hardness = members.get(_HARDNESS.get(drawn.kind, "pt"))
    if hardness is not None:
        at = at[np.argsort(-np.nan_to_num(hardness[at]), kind="stable")]
    at = at[:MOST_OBJECTS]
    return {
        name: tuple(map(_sayable, np.round(values[at], drawn.decimals[name]).tolist()))
        for name, values in members.items()
    }


def _sayable(number: float) -> int | float | None:
    """As it can be written in JSON; whole numbers take less room as such."""
    if not np.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 1e15 else number
