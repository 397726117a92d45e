"""Which types of a file's columns can be events' columns, and what they become."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from dqmstream.errors import SourceError

__all__ = ["Kind", "kind_of", "types_of"]

Kind = Any
"""An Arrow type of a column of events: a number, a boolean, text, a list of numbers, or a list of
structs of numbers."""

_PLAIN: Final = frozenset(
    {
        pa.bool_(),
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
        *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float32(), pa.float64()),
    }
)


def kind_of(given: Any) -> Kind | str:
    """What a column of a file becomes; a text says why it can be none.

    Half floats become single ones and decimals doubles, encoded columns what they encode, and
    arrays of fixed length lists.
    """
    if pa.types.is_dictionary(given):
        return kind_of(given.value_type)
    number = _number(given)
    if number is not None:
        return number
    if pa.types.is_string(given) or pa.types.is_large_string(given):
        return pa.utf8()
    if not _is_list(given):
        return f"{given!s:.60} is no number, boolean, text or list of numbers"
    item = given.value_type
    if pa.types.is_struct(item):
        fields = [(field.name, _number(field.type)) for field in item]
        bad = [name for name, kind in fields if kind is None]
        if bad or not fields:
            return f"a list of records whose field {bad[0] if bad else '(none)'} is no number"
        return pa.list_(pa.struct([pa.field(n, k, nullable=False) for n, k in fields]))
    number = _number(item)
    if number is not None:
        return pa.list_(pa.field("item", number, nullable=False))
    return "lists in lists" if _is_list(item) else f"a list of {item!s:.60}"


def types_of(path: Path, schema: pa.Schema) -> Mapping[str, pa.DataType]:
    """Columns of a file by name. SourceError `unreadable` if two of them share one."""
    types: dict[str, pa.DataType] = {field.name: field.type for field in schema}
    if len(types) != len(schema.names):
        twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
        raise SourceError("unreadable", f"{path}: columns {twice[:5]} stand there twice")
    return types


def _is_list(given: Any) -> bool:
    return bool(
        pa.types.is_list(given)
        or pa.types.is_large_list(given)
        or pa.types.is_fixed_size_list(given)
    )


def _number(given: Any) -> Any:
    """The type a number or boolean is read as; None for all others."""
    if given in _PLAIN:
        return given
    if pa.types.is_float16(given):
        return pa.float32()
    return pa.float64() if pa.types.is_decimal(given) else None
