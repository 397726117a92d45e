"""Event columns: the Arrow IPC body of a chunk to NumPy views, checked whole before any filling.

A body is one Arrow IPC stream with exactly one record batch. Its columns are

- fixed-width numbers and booleans: one value per event;
- ``list<struct<...>>`` of them: a jagged collection, addressed as ``collection.member``;
- utf8 text: one per event, for Text elements only.

What its source has not, a body may say in its metadata (`dqmstream.booking.absence`).
There are no nulls, no dictionaries, no compressed buffers (the log compresses whole records), and
names are identifiers. Little of a body is copied: only booleans, which Arrow packs in bits.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dqmstream.booking.absence import NONE_ABSENT, Absence
from dqmstream.booking.fields import Fields, Shape, checked_fields
from dqmstream.booking.flatbuffer import is_compressed
from dqmstream.errors import MessageError

__all__ = [
    "MAX_BODY",
    "MAX_EVENTS",
    "MAX_OBJECTS",
    "Collection",
    "Columns",
    "decode_batch",
    "encode_batch",
]

Array = NDArray[Any]

MAX_BODY: Final = 256 * 2**20
MAX_EVENTS: Final = 2**22
MAX_OBJECTS: Final = 2**24
_CACHED_SCHEMAS: Final = 64

_REFUSALS: Final = (pa.ArrowException, OSError, ValueError, TypeError, KeyError, MemoryError)
"""What pyarrow raises over bytes that are not what they claim."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """The objects of all events in a row.

    `offsets` is int64[events + 1], rising from 0: event i has objects offsets[i] to offsets[i + 1].
    Each of `members` has offsets[-1] values.

    Raises
    ------
    ValueError
        If they have not: kernels read them without asking again.
    """

    offsets: NDArray[np.int64]
    members: Mapping[str, Array]

    def __post_init__(self) -> None:
        if self.offsets[0] != 0 or self.offsets.dtype != np.int64:
            msg = f"offsets are {self.offsets.dtype} from {self.offsets[0]}, expected int64 from 0"
            raise ValueError(msg)
        _check_lengths(self.members, int(self.offsets[-1]))


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """The columns of one chunk.

    `values` maps per-event columns to arrays of `events` numbers or booleans, `texts` to Arrow
    arrays of as many strings. `absence` names those that its source does not have.

    Raises
    ------
    ValueError
        If they are of another length.
    """

    events: int
    values: Mapping[str, Array]
    collections: Mapping[str, Collection]
    texts: Mapping[str, "pa.Array[Any]"]
    absence: Absence = NONE_ABSENT

    def __post_init__(self) -> None:
        _check_lengths(self.values, self.events)
        for name, collection in self.collections.items():
            if collection.offsets.shape != (self.events + 1,):
                msg = f"{name} has {collection.offsets.shape} offsets for {self.events} events"
                raise ValueError(msg)


def _check_lengths(arrays: Mapping[str, Array], length: int) -> None:
    for name, array in arrays.items():
        if array.shape != (length,):
            msg = f"column {name} has shape {array.shape}, expected ({length},)"
            raise ValueError(msg)


def encode_batch(batch: pa.RecordBatch) -> bytes:
    """The body of a chunk.

    Raises
    ------
    MessageError
        If `decode_batch` would refuse it for its columns, types, nulls or size.
    """
    fields = checked_fields(batch.schema)
    if batch.num_rows > MAX_EVENTS:
        raise MessageError("too_large", f"{batch.num_rows} events, at most {MAX_EVENTS}")
    try:
        batch.validate(full=True)
    except pa.ArrowException as error:
        raise MessageError("bad_arrow", f"{error!s:.300}") from None
    _columns(batch, fields, Absence.read(batch.schema))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def decode_batch(body: bytes, *, selected: int | None) -> Columns:
    """Columns of a body, validated whole.

    Parameters
    ----------
    body
        Arrow IPC stream, as `encode_batch` makes it. The views keep it alive.
    selected
        Number of events that the chunk's headers announce; None if they are still to be made.

    Raises
    ------
    MessageError
        With reason `too_large`, `bad_arrow`, `bad_columns`, `bad_type`, `batch_count`,
        `compressed`, `nulls` or `event_count`.
    """
    if len(body) > MAX_BODY:
        raise MessageError("too_large", f"body has {len(body)} bytes, at most {MAX_BODY}")
    batch, fields, absence = _read(body)
    if selected is not None and batch.num_rows != selected:
        detail = f"body has {batch.num_rows} events, headers say {selected}"
        raise MessageError("event_count", detail)
    if batch.num_rows > MAX_EVENTS:
        raise MessageError("too_large", f"body has {batch.num_rows} events, at most {MAX_EVENTS}")
    return _columns(batch, fields, absence)


def _read(body: bytes) -> tuple[pa.RecordBatch, Fields, Absence]:
    """The one record batch of a stream, its memory checked against the schema."""
    try:
        messages = pa.ipc.MessageReader.open_stream(pa.py_buffer(body))
        schema, fields, absence = _schema(messages.read_next_message().serialize().to_pybytes())
        message, more = next(messages, None), next(messages, None)
        if message is None or more is not None:
            found = "no record batch" if message is None else "several messages after its schema"
            raise MessageError("batch_count", f"stream has {found}, expected one record batch")
        if message.type != "record batch":
            raise MessageError("bad_arrow", f"expected a record batch, got a {message.type}")
        if is_compressed(message.metadata.to_pybytes()):
            raise MessageError("compressed", "buffers are compressed one by one")
        batch = pa.ipc.read_record_batch(message, schema)
        batch.validate(full=True)
    except MessageError:
        raise
    except StopIteration:
        raise MessageError("bad_arrow", "stream is empty") from None
    except _REFUSALS as error:
        raise MessageError("bad_arrow", f"{type(error).__name__}: {error!s:.300}") from None
    return batch, fields, absence


@lru_cache(maxsize=_CACHED_SCHEMAS)
def _schema(message: bytes) -> tuple[pa.Schema, Fields, Absence]:
    """The schema in a stream's first message; a source sends the same one for a whole run."""
    schema = pa.ipc.read_schema(pa.py_buffer(message))
    return schema, checked_fields(schema), Absence.read(schema)


def _columns(batch: pa.RecordBatch, fields: Fields, absence: Absence) -> Columns:
    values: dict[str, Array] = {}
    texts: dict[str, pa.Array[Any]] = {}
    collections: dict[str, Collection] = {}
    for index, (name, shape) in enumerate(fields):
        array = batch.column(index)
        if shape is Shape.NUMBERS:
            values[name] = _numbers(name, array)
        elif shape is Shape.COLLECTION:
            collections[name] = _collection(name, array)
        else:
            _refuse_nulls(name, array)
            texts[name] = array
    return Columns(
        events=batch.num_rows,
        values=values,
        collections=collections,
        texts=texts,
        absence=absence,
    )


def _collection(name: str, array: Any) -> Collection:
    _refuse_nulls(name, array)
    offsets = array.offsets.to_numpy().astype(np.int64)
    first, last = int(offsets[0]), int(offsets[-1])
    if last - first > MAX_OBJECTS:
        raise MessageError("too_large", f"{name} has {last - first} objects, at most {MAX_OBJECTS}")
    objects = array.values.slice(first, last - first)
    _refuse_nulls(name, objects)
    members = {member: _numbers(f"{name}.{member}", column) for member, column in _members(objects)}
    return Collection(offsets=offsets - first, members=members)


def _members(objects: Any) -> Iterator[tuple[str, "pa.Array[Any]"]]:
    for index, field in enumerate(objects.type):
        yield field.name, objects.field(index)


def _numbers(name: str, array: "pa.Array[Any]") -> Array:
    _refuse_nulls(name, array)
    numbers: Array = array.to_numpy(zero_copy_only=array.type != pa.bool_())
    return numbers if numbers.flags.aligned else numbers.copy()


def _refuse_nulls(name: str, array: "pa.Array[Any]") -> None:
    if array.null_count:
        raise MessageError("nulls", f"column {name} has {array.null_count} nulls, expected none")
