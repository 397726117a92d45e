"""A trend over runs as a table: a row for each run."""

import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

__all__ = ["RUN_TREND_FORMATS", "arrow_bytes", "csv_bytes"]

RUN_TREND_FORMATS: Final[Mapping[str, str]] = {
    "json": "application/json",
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
}
"""Media types by name; the first is the default."""


def csv_bytes(about: Mapping[str, Any], points: Sequence[Mapping[str, Any]]) -> bytes:
    """A line per run below a header, after one line with `#` that says what it is; what is not
    known is empty."""
    from pyarrow import csv  # noqa: PLC0415

    sink = io.BytesIO()
    sink.write(b"# " + orjson.dumps(about) + b"\n")
    csv.write_csv(_table(points), sink, csv.WriteOptions(quoting_style="needed"))
    return sink.getvalue()


def arrow_bytes(about: Mapping[str, Any], points: Sequence[Mapping[str, Any]]) -> bytes:
    """A row per run; the schema's metadata, key `dqmstream`, says what it is."""
    import pyarrow as pa  # noqa: PLC0415

    table = _table(points).replace_schema_metadata({"dqmstream": orjson.dumps(about)})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def _table(points: Sequence[Mapping[str, Any]]) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    words = any(isinstance(each["value"], str) for each in points)
    value: pa.DataType = pa.string() if words else pa.float64()
    columns: list[tuple[str, pa.DataType]] = [
        ("run", pa.int64()),
        ("run_type", pa.string()),
        ("began", pa.timestamp("ns", "UTC")),
        ("ended", pa.bool_()),
        ("booked", pa.string()),
        ("value", value),
        ("error", pa.float64()),
        ("entries", pa.int64()),
        ("lumisections", pa.int32()),
        ("outcome", pa.string()),
        ("problem", pa.string()),
    ]
    rows = [dict(each) for each in points]
    for row in rows:
        row["outcome"] = row["outcome"] and str(row["outcome"])
        if words and row["value"] is not None:
            row["value"] = str(row["value"])
    return pa.Table.from_pylist(rows, pa.schema(columns))
