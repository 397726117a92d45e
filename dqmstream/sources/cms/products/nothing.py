"""Columns of what is not there: products that events lack, members that nothing gives."""

from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["nothing", "unknown"]


def nothing(kind: Any, events: int) -> "pa.Array[Any]":
    """A column of this Arrow type, of events that have no such product: empty, or unknown."""
    if not pa.types.is_list(kind):
        return unknown(kind, events)
    offsets: Any = pa.array(np.zeros(events + 1, np.int32))
    objects: Any = pa.array([], kind.value_type)
    array: pa.Array[Any] = pa.ListArray.from_arrays(offsets, objects, type=kind)
    return array


def unknown(kind: Any, length: int) -> "pa.Array[Any]":
    """Numbers that nothing gives: NaN, -1, the highest unsigned number, false."""
    number = np.dtype(kind.to_pandas_dtype())
    value: Any = {"f": np.nan, "i": -1, "b": False}.get(number.kind)
    if number.kind == "u":
        value = np.iinfo(number).max
    array: pa.Array[Any] = pa.array(np.full(length, value, number), kind)
    return array
