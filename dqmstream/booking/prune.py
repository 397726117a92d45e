"""Leaving out the columns that no booking reads, before they travel."""

from collections.abc import Collection
from typing import Any

import pyarrow as pa

__all__ = ["prune_batch"]


def prune_batch(batch: pa.RecordBatch, names: Collection[str]) -> pa.RecordBatch:
    """The batch with only the columns in `names` (as of `required_columns`), in its own order.

    A collection of which only the number of objects counts keeps its first member.
    """
    kept: dict[str, pa.Array[Any]] = {}
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        members = {wanted.partition(".")[2] for wanted in names if wanted.startswith(f"{name}.")}
        if isinstance(array, pa.ListArray | pa.LargeListArray):
            if members or name in names:
                kept[name] = _prune_collection(array, members)
        elif name in names:
            kept[name] = array
    # A batch of no columns would forget how many events it has.
    kept = kept or {name: batch[name] for name in batch.schema.names[:1]}
    fields = [pa.field(name, array.type, nullable=False) for name, array in kept.items()]
    schema = pa.schema(fields).with_metadata(batch.schema.metadata or {})
    return pa.RecordBatch.from_arrays(list(kept.values()), schema=schema)


def _prune_collection(array: Any, members: Collection[str]) -> "pa.Array[Any]":
    fields = list(array.type.value_type)
    chosen = [field for field in fields if field.name in members] or fields[:1]
    values = pa.StructArray.from_arrays(
        [array.values.field(field.name) for field in chosen], fields=chosen
    )
    pruned: pa.Array[Any] = type(array).from_arrays(array.offsets, values)
    return pruned
