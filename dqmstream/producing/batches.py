"""Events as people hold them, as the record batches that travel."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from dqmstream.errors import MessageError

__all__ = ["Events", "as_batch"]

Events: TypeAlias = Any
"""A mapping of column names, an Awkward array of records, a pandas DataFrame, or Arrow."""


def as_batch(events: Events) -> pa.RecordBatch:
    """Events as one record batch with the columns that a chunk may have.

    Parameters
    ----------
    events
        - a mapping of names to columns. A column is an array of one number, boolean or text for
          each event; or a collection: a mapping of member names to one sequence for each event,
          all members equally long in an event, or an Awkward array of lists of records;
        - an Awkward array of records, whose fields are such columns;
        - a pandas DataFrame without its index;
        - a `pyarrow.RecordBatch` or `pyarrow.Table` that has such columns already.

    Raises
    ------
    MessageError
        With reason `bad_columns` if columns differ in length, or members within a collection, or
        a column is of none of these kinds; `nulls` if a value is missing.
    """
    match events:
        case pa.RecordBatch():
            return _without_nulls(events)
        case pa.Table():
            return _without_nulls(_one_batch(events))
        case Mapping():
            return _of_columns({str(name): column for name, column in events.items()})
    if _is_awkward(events) and events.fields:
        return _of_columns({name: events[name] for name in events.fields})
    if hasattr(events, "columns") and hasattr(events, "to_dict"):
        return _without_nulls(pa.RecordBatch.from_pandas(events, preserve_index=False))
    detail = (
        f"events are a {type(events).__name__}, expected a mapping of columns, an Awkward array of "
        "records, a DataFrame, or an Arrow table"
    )
    raise MessageError("bad_columns", detail)


def _is_awkward(value: object) -> bool:
    # By name: Awkward is heavy, and whoever passes one of its arrays has it imported.
    return type(value).__module__.split(".")[0] == "awkward"


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def _without_nulls(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same, its fields declared as never null; that they are is checked when it is encoded."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if column.null_count:
            raise MessageError("nulls", f"column {name} has {column.null_count} nulls")
    fields = [field.with_nullable(False) for field in batch.schema]
    return pa.RecordBatch.from_arrays(batch.columns, schema=pa.schema(fields))


def _of_columns(columns: Mapping[str, Any]) -> pa.RecordBatch:
    arrays = {name: _column(name, column) for name, column in columns.items()}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        shown = ", ".join(f"{name} {length}" for name, length in lengths.items()) or "no columns"
        raise MessageError("bad_columns", f"columns differ in length: {shown:.300}")
    return _without_nulls(pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays)))


def _column(name: str, column: Any) -> "pa.Array[Any]":
    if isinstance(column, pa.Array):
        array: pa.Array[Any] = column
        return array
    if isinstance(column, Mapping):
        return _collection(name, {str(member): lists for member, lists in column.items()})
    if _is_awkward(column):
        if column.ndim > 1 and column.fields:
            return _collection(name, {member: column[member] for member in column.fields})
        if column.ndim == 1 and not column.fields:
            numbers: pa.Array[Any] = pa.array(column.to_numpy())
            return numbers
        detail = f"column {name} is {column.type}: expected numbers, or lists of records"
        raise MessageError("bad_columns", detail)
    values = np.asarray(column)
    if values.ndim != 1 or values.dtype.kind not in "biufU":
        detail = (
            f"column {name} is an array of {values.dtype} in {values.ndim} dimensions: expected "
            "numbers, booleans or text in one; a collection is a mapping of its members"
        )
        raise MessageError("bad_columns", detail)
    made: pa.Array[Any] = pa.array(values)
    return made


def _collection(name: str, members: Mapping[str, Any]) -> "pa.Array[Any]":
    """`list<struct>` of members that have one sequence for each event."""
    if not members:
        raise MessageError("bad_columns", f"collection {name} has no members")
    flat = {member: _flat(f"{name}.{member}", lists) for member, lists in members.items()}
    first, (counts, _) = next(iter(flat.items()))
    for member, (other, _) in flat.items():
        if not np.array_equal(counts, other):
            detail = f"{name}.{first} and {name}.{member} differ in length within an event"
            raise MessageError("bad_columns", detail)
    offsets = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    arrays = [pa.array(values) for _, values in flat.values()]
    fields = [
        pa.field(member, array.type, nullable=False)
        for member, array in zip(flat, arrays, strict=True)
    ]
    objects = pa.StructArray.from_arrays(arrays, fields=fields)
    of = pa.list_(pa.field("item", objects.type, nullable=False))
    lists: pa.Array[Any] = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), objects, type=of)
    return lists


def _flat(name: str, lists: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Objects of each event, and the values of all in a row."""
    if _is_awkward(lists):
        import awkward  # noqa: PLC0415 heavy

        return awkward.num(lists).to_numpy(), awkward.flatten(lists).to_numpy()
    rows: Sequence[Any] = [np.asarray(row) for row in lists]
    if any(row.ndim != 1 for row in rows):
        raise MessageError("bad_columns", f"{name}: expected one sequence of numbers an event")
    counts = np.array([len(row) for row in rows], np.int64)
    # Empty lists are float64 to NumPy, which would make all others so.
    filled = [row for row in rows if len(row)]
    values = np.concatenate(filled) if filled else np.zeros(0)
    if values.dtype.kind not in "biuf":
        raise MessageError("bad_columns", f"{name} holds {values.dtype}, expected numbers")
    return counts, values
