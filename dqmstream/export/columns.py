"""Elements as an Arrow table, one row each: what the Arrow and Parquet formats hold.

Columns `counts` (entries, int64), and for weighted elements and profiles `values` and `errors`
(float64), are lists in C order over `shape`, flow included (see `MonitorElement`). All that is
known of each element is repeated in the schema's metadata, key `dqmstream`, as JSON.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dqmstream.export.about import Exported, metadata

__all__ = ["AXIS", "arrow_stream", "parquet_file", "to_table"]

AXIS: Final = pa.struct(
    [
        ("type", pa.string()),
        ("label", pa.string()),
        ("unit", pa.string()),
        ("bins", pa.int32()),
        ("flow", pa.string()),
        ("edges", pa.list_(pa.float64())),
        ("codes", pa.list_(pa.int64())),
        ("labels", pa.list_(pa.string())),
    ]
)

_SCHEMA: Final = pa.schema(
    [
        ("path", pa.string()),
        ("workspace", pa.string()),
        ("kind", pa.string()),
        ("storage", pa.string()),
        ("title", pa.string()),
        ("axes", pa.list_(AXIS)),
        ("shape", pa.list_(pa.int32())),
        ("entries", pa.int64()),
        ("nan", pa.int64()),
        ("outside", pa.int64()),
        ("value", pa.float64()),
        ("text", pa.string()),
        ("invalid", pa.string()),
        ("run", pa.int64()),
        ("first", pa.int32()),
        ("last", pa.int32()),
        ("lumisections", pa.list_(pa.int32())),
        ("closed", pa.bool_()),
        ("complete", pa.bool_()),
        ("whole", pa.bool_()),
        ("counts", pa.list_(pa.int64())),
        ("values", pa.list_(pa.float64())),
        ("errors", pa.list_(pa.float64())),
    ]
)

_FROM_WORDS: Final = frozenset(_SCHEMA.names) - {
    "value",
    "text",
    "lumisections",
    "counts",
    "values",
    "errors",
}


def to_table(exported: Sequence[Exported]) -> pa.Table:
    """A table of these elements, one row each, in their order."""
    rows = [_row(each) for each in exported]
    columns = [_column(field, [row[field.name] for row in rows]) for field in _SCHEMA]
    schema = _SCHEMA.with_metadata({"dqmstream": metadata(exported)})
    return pa.Table.from_arrays(columns, schema=schema)


def arrow_stream(exported: Sequence[Exported]) -> bytes:
    """The table as an Arrow IPC stream."""
    table = to_table(exported)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def parquet_file(exported: Sequence[Exported]) -> bytes:
    """The table as a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(to_table(exported), sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def _row(exported: Exported) -> dict[str, Any]:
    words, element = exported.words(), exported.element
    value = element.value
    row: dict[str, Any] = {name: words[name] for name in _FROM_WORDS}
    row["value"] = None if isinstance(value, str) else value
    row["text"] = value if isinstance(value, str) else None
    row["lumisections"] = list(exported.about.lumisections)
    binned, summed = exported.place.planes > 0, exported.place.planes > 1
    row["counts"] = element.counts(flow=True).ravel() if binned else None
    row["values"] = element.values(flow=True).ravel() if summed else None
    row["errors"] = element.errors(flow=True).ravel() if summed else None
    return row


def _column(field: Any, cells: list[Any]) -> Any:
    if field.name not in {"counts", "values", "errors"}:
        return pa.array(cells, field.type)
    # Arrays of numbers side by side, without a Python object for each.
    sizes = [0 if cell is None else len(cell) for cell in cells]
    offsets = np.concatenate(([0], np.cumsum(sizes))).astype(np.int32)
    dtype = field.type.value_type.to_pandas_dtype()
    present = [np.asarray(cell, dtype) for cell in cells if cell is not None]
    flat = np.concatenate(present) if present else np.empty(0, dtype)
    absent = np.array([cell is None for cell in cells])
    lists: Any = pa.ListArray
    return lists.from_arrays(
        pa.array(offsets), pa.array(flat), type=field.type, mask=pa.array(absent)
    )
