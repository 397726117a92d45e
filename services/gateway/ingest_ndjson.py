"""Events as lines of JSON, turned into the Arrow body of a chunk.

The body alone decides what becomes of it, so that a chunk that is sent again, to whichever gateway,
becomes the same bytes. The first line may name the columns and their types,

    {"columns": {"x": "float64", "hit": {"x": "float32", "layer": "int8"}}}

where a mapping is a collection; else they are those of the first event: numbers become float64.
Every further line is one event, and all have the same columns.
"""

import io
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.json

from dqmstream.booking.columns import encode_batch
from dqmstream.booking.fields import MAX_COLUMNS
from dqmstream.errors import MessageError

__all__ = ["arrow_of_lines"]

_Unexpected: TypeAlias = Literal["error", "ignore"]

_LONGEST_LINE: Final = 1 << 20
_COLUMNS: Final = "columns"
_TYPES: Final[Mapping[str, Any]] = {
    "bool": pa.bool_(),
    "int8": pa.int8(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "uint8": pa.uint8(),
    "uint16": pa.uint16(),
    "uint32": pa.uint32(),
    "uint64": pa.uint64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "utf8": pa.utf8(),
}


def arrow_of_lines(body: bytes) -> bytes:
    """The Arrow IPC stream of events in lines of JSON. Computes: to be called in a worker thread.

    Raises
    ------
    MessageError
        With reason `bad_json` if a line is none, or has other columns or types than the first;
        otherwise as `encode_batch`.
    """
    first, rest = _first_line(body)
    declared = first.get(_COLUMNS) if len(first) == 1 else None
    if isinstance(declared, dict):
        schema = _declared(declared)
        events = rest
    else:
        schema = _schema(_shown(first, body))
        events = body
    return encode_batch(_batch(events, schema))


def _first_line(body: bytes) -> tuple[dict[str, Any], bytes]:
    start = len(body) - len(body.lstrip())
    end = body.find(b"\n", start)
    end = len(body) if end < 0 else end
    if end - start > _LONGEST_LINE:
        detail = f"the first line has {end - start} bytes, at most {_LONGEST_LINE}"
        raise MessageError("bad_json", detail)
    return _object(body[start:end]), body[end:]


def _object(line: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        detail = f"line {line[:60]!r}: {error}, expected an object"
        raise MessageError("bad_json", detail) from None


def _declared(columns: Mapping[str, Any]) -> pa.Schema:
    kinds: dict[str, Any] = {}
    for name, kind in columns.items():
        if isinstance(kind, dict):
            members = {member: _named(f"{name}.{member}", of) for member, of in kind.items()}
            kinds[name] = _collection(members)
        else:
            kinds[name] = _named(name, kind)
    return _schema(kinds)


def _named(name: str, kind: object) -> Any:
    if not isinstance(kind, str) or kind not in _TYPES:
        detail = f"column {name:.80} is {kind!r:.80}, expected one of {', '.join(_TYPES)}"
        raise MessageError("bad_type", detail)
    return _TYPES[kind]


def _shown(first: Mapping[str, Any], body: bytes) -> dict[str, Any]:
    """What the first event shows, and of collections that are empty in it the next events."""
    kinds = {name: _kind_of(name, value) for name, value in first.items()}
    missing = {name for name, kind in kinds.items() if kind is None}
    # All of them in one pass, by what a line has: else a few bytes cost hours.
    for line in _lines(body) if missing else ():
        for name, value in _object(line).items():
            if name in missing and (kind := _kind_of_members(name, value)) is not None:
                kinds[name] = kind
                missing.remove(name)
        if not missing:
            break
    for name, kind in kinds.items():
        if kind is None:
            detail = (
                f"collection {name:.80} is empty in all events, so nothing says what its members "
                'are: name the columns in a first line {"columns": {...}}'
            )
            raise MessageError("bad_type", detail)
    return kinds


def _kind_of(name: str, value: object) -> Any:
    """The type of a column; None of a collection that is empty."""
    if value == [] or (isinstance(value, list) and isinstance(value[0], dict)):
        return _kind_of_members(name, value)
    return _plain(name, value, "a number, a boolean, text, or a list of objects")


def _kind_of_members(name: str, value: object) -> Any:
    """A collection as its first object shows it; None if it has none."""
    if not (isinstance(value, list) and value and isinstance(value[0], dict)):
        return None
    return _collection(
        {
            member: _plain(f"{name}.{member}", of, "a number, a boolean or text")
            for member, of in value[0].items()
        }
    )


def _plain(name: str, value: object, expected: str) -> Any:
    match value:
        case bool():
            return pa.bool_()
        case int() | float():
            return pa.float64()
        case str():
            return pa.utf8()
    detail = f"column {name:.80} is {value!r:.80}, expected {expected}"
    raise MessageError("bad_type", detail)


def _lines(body: bytes) -> Iterator[bytes]:
    for line in io.BytesIO(body):
        if len(line) > _LONGEST_LINE:
            detail = f"a line has {len(line)} bytes, at most {_LONGEST_LINE}"
            raise MessageError("bad_json", detail)
        if not line.isspace():
            yield line


def _collection(members: Mapping[str, Any]) -> Any:
    # Nothing is declared as never null: what is missing is refused by the name of its column.
    return pa.list_(pa.struct(list(members.items())))


def _schema(kinds: Mapping[str, Any]) -> pa.Schema:
    if not 1 <= len(kinds) <= MAX_COLUMNS:
        raise MessageError("bad_columns", f"{len(kinds)} columns, expected 1 to {MAX_COLUMNS}")
    return pa.schema(list(kinds.items()))


def _batch(lines: bytes, schema: pa.Schema) -> pa.RecordBatch:
    if not lines.strip():
        arrays = [pa.array([], type=field.type) for field in schema]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)
    try:
        (batch,) = _read(lines, schema).combine_chunks().to_batches()
    except (pa.ArrowException, ValueError) as error:
        where = f"column {_culprit(lines, list(schema))}: " if "convert" in str(error) else ""
        raise MessageError("bad_json", f"{where}{error!s:.300}") from None
    return batch


def _read(lines: bytes, schema: pa.Schema, *, unexpected: _Unexpected = "error") -> pa.Table:
    options = pyarrow.json.ReadOptions(use_threads=False, block_size=len(lines) + 1)
    parsing = pyarrow.json.ParseOptions(
        explicit_schema=schema, unexpected_field_behavior=unexpected
    )
    return pyarrow.json.read_json(io.BytesIO(lines), read_options=options, parse_options=parsing)


def _culprit(lines: bytes, fields: list[Any]) -> str:
    """The first column with a value that is not of its type: Arrow does not say which it was."""
    while len(fields) > 1:
        half = fields[: len(fields) // 2]
        try:
            _read(lines, pa.schema(half), unexpected="ignore")
        except (pa.ArrowException, ValueError):
            fields = half
        else:
            fields = fields[len(half) :]
    return str(fields[0].name)
