"""Which columns a body may have: numbers and booleans, collections of them, and text."""

from enum import Enum
from typing import Any, Final

import pyarrow as pa

from dqmstream.errors import MessageError

__all__ = ["MAX_COLUMNS", "Fields", "Shape", "checked_fields"]

MAX_COLUMNS: Final = 4096
_MAX_NAME: Final = 255

_NUMBERS: Final = frozenset(
    {
        pa.bool_(),
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
        *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float32(), pa.float64()),
    }
)


class Shape(Enum):
    """What a column holds for each event."""

    NUMBERS = 1
    COLLECTION = 2
    TEXT = 3


Fields = tuple[tuple[str, Shape], ...]
"""Name and shape of each column, in the order of the schema."""


def checked_fields(schema: pa.Schema) -> Fields:
    """The columns of a schema.

    Raises
    ------
    MessageError
        With reason `bad_columns` if a name is no identifier or stands there twice, or there are
        too many; with `bad_type` if a type is none that an expression could read.
    """
    _check_names([field.name for field in schema], "column")
    fields = tuple((field.name, _shape(field.name, field.type)) for field in schema)
    members = sum(
        len(list(field.type.value_type))
        for field, (_, shape) in zip(schema, fields, strict=True)
        if shape is Shape.COLLECTION
    )
    if len(fields) + members > MAX_COLUMNS:
        detail = f"{len(fields)} columns and {members} members, at most {MAX_COLUMNS}"
        raise MessageError("bad_columns", detail)
    return fields


def _shape(name: str, kind: Any) -> Shape:
    if kind in _NUMBERS:
        return Shape.NUMBERS
    if kind in {pa.utf8(), pa.large_utf8()}:
        return Shape.TEXT
    is_list = isinstance(kind, pa.ListType | pa.LargeListType)
    if is_list and isinstance(kind.value_type, pa.StructType):
        members = list(kind.value_type)
        _check_names([member.name for member in members], f"member of {name}")
        bad = [member.name for member in members if member.type not in _NUMBERS]
        if not bad:
            return Shape.COLLECTION
        name = f"{name}.{bad[0]}"
    detail = (
        f"column {name} is {kind!s:.80}, expected a number, a boolean, text, or a list of "
        "structs of numbers and booleans"
    )
    raise MessageError("bad_type", detail)


def _check_names(names: list[str], what: str) -> None:
    bad = [name for name in names if not name.isidentifier() or len(name) > _MAX_NAME]
    if bad:
        raise MessageError("bad_columns", f"{what} {bad[0]!r:.80} is not an identifier")
    if len(set(names)) != len(names):
        raise MessageError("bad_columns", f"a {what} stands there twice")
