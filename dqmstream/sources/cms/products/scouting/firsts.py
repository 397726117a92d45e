"""The first of any number of values that an object has."""

from typing import Any, Final

import numpy as np
import pyarrow as pa

from dqmstream.sources.cms.products.collection import (
    INT32,
    UINT16,
    Array,
    Member,
    Objects,
    member,
)
from dqmstream.sources.cms.products.rows import starts_of

__all__ = ["Firsts", "first", "how_many"]

_MOST: Final = 2**16 - 1


class Firsts(Objects):
    """Objects with vectors."""

    def first(self, name: str, otherwise: Any) -> Array:
        """The first value of each object, or the other one where it has none."""
        counts, values = self.ragged(name)
        found = np.full(counts.size, otherwise, values.dtype)
        some = counts > 0
        found[some] = values[starts_of(counts)[some]]
        return found

    def how_many(self, name: str) -> Array:
        """Number of values of each object, at most 65535."""
        return np.minimum(self.ragged(name).counts, _MOST)


def first(name: str, type_: pa.DataType, raw: str, meaning: str, unit: str = "") -> Member:
    """A member that is the first value of a vector: NaN without one, of integers -1."""
    otherwise = -1 if type_ == INT32 else np.nan
    return member(
        name, type_, meaning, raw, unit=unit, values=lambda objects: objects.first(raw, otherwise)
    )


def how_many(name: str, raw: str, meaning: str) -> Member:
    """A member that is the length of a vector."""
    return member(name, UINT16, meaning, raw, values=lambda objects: objects.how_many(raw))
