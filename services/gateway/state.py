"""What a channel shows, whole, and the difference between two such states."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["State", "difference"]

_WHOLE_IF_CHANGED: Final = 0.4
"""Above this part of changed cells a snapshot is smaller than indices with values."""


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What one channel shows, whole. Never changed after it is published.

    Parameters
    ----------
    header
        Key to JSON-able value, always the same keys; those that differ are sent.
    arrays
        Name to float64[n] or int64[n]; changes are sent by index.
    rows
        Key to JSON-able value; changes are sent by key.
    heard
        Log time of the newest events in it, nanoseconds since 1970; 0 if unknown. Not shown.
    """

    header: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    rows: Mapping[str, Any] = field(default_factory=dict)
    heard: int = 0


def difference(before: State, after: State) -> dict[str, Any] | None:
    """What changed: empty for nothing, None when only a snapshot can say it."""
    changed: dict[str, Any] = {}
    if before.header.keys() != after.header.keys():
        return None
    header = {key: value for key, value in after.header.items() if before.header[key] != value}
    if header:
        changed["header"] = header
    arrays = _array_changes(before.arrays, after.arrays)
    if arrays is None:
        return None
    if arrays:
        changed["arrays"] = arrays
    rows = {
        key: row
        for key, row in after.rows.items()
        if (held := before.rows.get(key)) is not row and held != row
    }
    if rows:
        changed["rows"] = rows
    if gone := [key for key in before.rows if key not in after.rows]:
        changed["gone"] = gone
    return changed


def _array_changes(
    before: Mapping[str, NDArray[Any]], after: Mapping[str, NDArray[Any]]
) -> dict[str, Any] | None:
    if before.keys() != after.keys():
        return None
    changes: dict[str, Any] = {}
    for name, new in after.items():
        old = before[name]
        if old.shape != new.shape:
            return None
        # NaN is "undefined" here (the mean of an empty bin), and equal to itself.
        same = (old == new) | ((old != old) & (new != new))  # noqa: PLR0124
        at = np.flatnonzero(~same)
        if at.size > _WHOLE_IF_CHANGED * new.size:
            return None
        if at.size:
            changes[name] = {"at": at, "to": new[at]}
    return changes
