"""Event columns made by hand, for tests of whatever reads them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from dqmstream.booking.columns import Collection, Columns

__all__ = ["make_collection", "make_columns"]


def make_collection(counts: ArrayLike, **members: ArrayLike) -> Collection:
    """A jagged collection: `counts` objects in each event, and the members of all in a row."""
    offsets = np.concatenate([[0], np.cumsum(np.asarray(counts, np.int64))]).astype(np.int64)
    arrays = {name: np.asarray(values) for name, values in members.items()}
    return Collection(offsets=offsets, members=arrays)


def make_columns(
    events: int,
    values: Mapping[str, ArrayLike] | None = None,
    collections: Mapping[str, Collection] | None = None,
    texts: Mapping[str, Sequence[str]] | None = None,
) -> Columns:
    """Columns of `events` events, as `decode_batch` would give them."""
    strings: dict[str, pa.Array[Any]] = {
        name: pa.array(list(text), pa.utf8()) for name, text in (texts or {}).items()
    }
    return Columns(
        events=events,
        values={name: np.asarray(array) for name, array in (values or {}).items()},
        collections=dict(collections or {}),
        texts=strings,
    )
