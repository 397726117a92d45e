"""What a channel shows, whole, and the difference between two such states."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["State", "difference"]

_DENSE: Final = 2
"""Cells for each that changed, up to which all between the first and the last are sent."""
_NOTHING: Final = object()


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What one channel shows, whole. Never changed after it is published.

    Parameters
    ----------
    header
        Key to JSON-able value; of objects in it only the parts that differ are sent.
    arrays
        Name to float64[n] or int64[n]; cells that differ are sent.
    rows
        Key to JSON-able value; sent as `header` is.
    heard
        Log time of the newest events in it, nanoseconds since 1970; 0 if unknown. Not shown.
    """

    header: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    rows: Mapping[str, Any] = field(default_factory=dict)
    heard: int = 0


def difference(before: State, after: State) -> dict[str, Any] | None:
    """What changed, as the stream says it: empty for nothing, None when only a snapshot can say it.

    See `services.gateway.protocol`; whoever applies it to `before` has `after`, bit by bit.
    """
    arrays = _array_changes(before.arrays, after.arrays)
    if arrays is None:
        return None
    parts = {
        "header": _part_changes(before.header, after.header),
        "arrays": arrays,
        "rows": _part_changes(before.rows, after.rows),
    }
    return {name: changes for name, changes in parts.items() if changes}


def _part_changes(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> dict[Any, Any]:
    """By key: the same within objects, [value] of what else is new, [] of keys that are gone."""
    changes: dict[Any, Any] = {}
    for key, new in after.items():
        old = before.get(key, _NOTHING)
        # Most are the same objects as before: a strip has thousands of rows that do not change.
        if old is new or old == new:
            continue
        inside = isinstance(old, Mapping) and isinstance(new, Mapping)
        changes[key] = _part_changes(old, new) if inside else [new]
    changes.update((key, []) for key in before if key not in after)
    return changes


def _array_changes(
    before: Mapping[str, NDArray[Any]], after: Mapping[str, NDArray[Any]]
) -> dict[str, Any] | None:
    if before.keys() != after.keys():
        return None
    changes: dict[str, Any] = {}
    for name, new in after.items():
        old = before[name]
        if old.shape != new.shape or old.dtype != new.dtype:
            return None
        # NaN is "undefined" here (the mean of an empty bin), and equal to itself.
        same = (old == new) | ((old != old) & (new != new))  # noqa: PLR0124
        at = np.flatnonzero(~same)
        if at.size:
            changes[name] = _cell_changes(old, new, at)
    return changes


def _cell_changes(old: NDArray[Any], new: NDArray[Any], at: NDArray[Any]) -> dict[str, Any]:
    """Numbers of events grow by a few, so what is added is short; other values are set."""
    counts = new.dtype.kind == "i"
    first, end = int(at[0]), int(at[-1]) + 1
    # Where cells side by side change, a zero for one that does not is shorter than gaps for all.
    if end - first <= (_DENSE * at.size if counts else at.size):
        cells: slice | NDArray[Any] = slice(first, end)
        skip: Any = first
    else:
        cells, skip = at, np.diff(at, prepend=-1) - 1
    if counts:
        return {"skip": skip, "add": new[cells] - old[cells]}
    return {"skip": skip, "set": new[cells]}
