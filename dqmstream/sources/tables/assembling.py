"""Columns of a file as columns of events: collections put together, nulls and misfits found."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dqmstream.sources.tables.naming import Part
from dqmstream.sources.tables.table import Array

__all__ = ["Assembled", "assemble", "listed", "schema_of"]

Mask = NDArray[np.bool_]

_UNEVEN: Final = "uneven_collection"
_NULL: Final = "null_value"


class Assembled(NamedTuple):
    """Events of a block of rows.

    `batch` has the rows that are fit, in their order; `fit` bool[rows] says which these are, and
    `refused` bool[rows] by reason which are not, and why: `null_value`, of a column whose type has
    no value for it, and `uneven_collection`, whose members differ in number.
    """

    batch: pa.RecordBatch
    fit: Mask
    refused: Mapping[str, Mask]


class _Values(NamedTuple):
    """A column: its values without nulls, and for lists int64[rows] how many each row has."""

    values: Array
    lengths: NDArray[np.int64] | None
    null: Mask


def schema_of(parts: Sequence[Part]) -> pa.Schema:
    """The schema of the batches that parts make."""
    return assemble(parts, {part.raw: pa.array([], part.kind) for part in parts}, 0).batch.schema


def assemble(parts: Sequence[Part], raw: Mapping[str, Array], rows: int) -> Assembled:
    """Put columns of a file together. Nulls among floating-point numbers become NaN.

    Parameters
    ----------
    parts
        Which columns, and what they become.
    raw
        Values of each, `rows` of them, of any type that the kinds of the parts are made from.
    """
    fit = np.ones(rows, np.bool_)
    refused: dict[str, Mask] = {}
    columns: dict[str, dict[str, _Values]] = {}
    for part in parts:
        for member, values in _read(part, raw[part.raw], rows).items():
            columns.setdefault(part.column, {})[member] = values
            _refuse(refused, fit, _NULL, values.null)
    for members in columns.values():
        lengths = [values.lengths for values in members.values() if values.lengths is not None]
        for other in lengths[1:]:
            _refuse(refused, fit, _UNEVEN, other != lengths[0])
    if not fit.all():
        kept = pa.array(fit)
        good = {name: array.filter(kept) for name, array in raw.items()}
        return Assembled(assemble(parts, good, int(fit.sum())).batch, fit, refused)
    arrays = {name: _column(members) for name, members in columns.items()}
    fields = [pa.field(name, array.type, nullable=False) for name, array in arrays.items()]
    batch = pa.RecordBatch.from_arrays(list(arrays.values()), schema=pa.schema(fields))
    return Assembled(batch, fit, refused)


def _refuse(refused: dict[str, Mask], fit: Mask, reason: str, bad: Mask) -> None:
    """Rows that are bad and were not known to be."""
    new = bad & fit
    if new.any():
        refused[reason] = refused.get(reason, np.zeros_like(fit)) | new
        fit &= ~bad


def _read(part: Part, array: Any, rows: int) -> dict[str, _Values]:
    """The column by member; by "" if it is no list."""
    null = _nulls(array)
    if not part.member:
        values, bad = _without_nulls(array, part.kind)
        return {"": _Values(values, None, bad)}
    lengths = _lengths(array)
    objects = array.flatten()
    parents = np.repeat(np.arange(rows), lengths)
    found = {}
    for name, kind, values in _members(part, objects):
        filled, bad = _without_nulls(values, kind)
        mine = null.copy()
        mine[parents[bad]] = True
        found[name] = _Values(filled, lengths, mine)
    return found


def _lengths(array: Any) -> NDArray[np.int64]:
    """How many objects each row has; a null none."""
    counts: Any = pc.list_value_length(array)
    lengths: NDArray[np.int64] = counts.fill_null(0).cast(pa.int64()).to_numpy()
    return lengths


def _members(part: Part, objects: Any) -> list[tuple[str, Any, Array]]:
    if part.member != "*":
        return [(part.member, part.kind.value_type, objects)]
    # Flattened, a field is null where its record is.
    fields = dict(zip(objects.type.names, objects.flatten(), strict=True))
    return [(f.name, f.type, fields[f.name]) for f in part.kind.value_type]


def _without_nulls(array: Any, kind: Any) -> tuple[Array, Mask]:
    """Values of this type, and which of them were null and have no NaN to say so."""
    if isinstance(array, pa.DictionaryArray):
        array = array.dictionary_decode()
    null = _nulls(array)
    values = array if array.type == kind else array.cast(kind)
    if not null.any():
        return values, null
    if pa.types.is_floating(kind):
        return values.fill_null(float("nan")), np.zeros_like(null)
    return values.fill_null("" if kind == pa.utf8() else pa.scalar(0, pa.int8()).cast(kind)), null


def _nulls(array: Any) -> Mask:
    if not array.null_count:
        return np.zeros(len(array), np.bool_)
    mask: Mask = array.is_null().to_numpy(zero_copy_only=False)
    return mask


def _column(members: Mapping[str, _Values]) -> Array:
    one = next(iter(members.values()))
    if one.lengths is None:
        return one.values
    offsets = np.concatenate([[0], np.cumsum(one.lengths)]).astype(np.int32)
    fields = [pa.field(name, v.values.type, nullable=False) for name, v in members.items()]
    objects = pa.StructArray.from_arrays([v.values for v in members.values()], fields=fields)
    return listed(offsets, objects)


def listed(offsets: NDArray[np.int32], objects: Any) -> Array:
    """Objects as lists of them: row i has those from offsets[i] to offsets[i + 1]."""
    kind: Any = pa.list_(pa.field("item", objects.type, nullable=False))
    edges: Any = pa.array(offsets)
    found: Array = pa.ListArray.from_arrays(edges, objects, type=kind)
    return found
