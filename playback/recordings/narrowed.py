"""A source of which only some columns are recorded, where it cannot choose itself what it sends."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pyarrow as pa
from msgspec import structs

from dqmstream.booking.columns import encode_batch
from dqmstream.errors import ConfigurationError, MessageError
from dqmstream.identity import content_hash
from dqmstream.sources.source import EventSource, SourceChunk, SourceLumisection
from dqmstream.workspaces.fitting import columns_of

__all__ = ["NarrowedSource"]


class NarrowedSource:
    """A re-readable source with fewer columns: the same events in the same chunks.

    A body that cannot be read stays as it is: it is for a filler to refuse.

    Parameters
    ----------
    source
        Whose events.
    columns
        What is kept, as `required_columns` names it: per-event columns, members of collections, or
        a collection whatever its members, of which the first is kept.

    Raises
    ------
    ConfigurationError
        If the source has none of the columns.
    """

    rereadable = True

    def __init__(self, source: EventSource, columns: Collection[str]) -> None:
        have = columns_of(source)
        kept = have.intersection(columns)
        if have and not kept:
            shown, asked = ", ".join(sorted(have)[:12]), ", ".join(sorted(columns)[:12])
            msg = (
                f"run {source.run} of {source.name!r} has none of the columns that the workspaces "
                f"read ({asked or 'none'}): it has {shown}"
            )
            raise ConfigurationError(msg)
        self._source = source
        self._kept = kept
        self.columns = kept
        self.name = source.name
        self.run = source.run
        self.run_type = source.run_type
        self.first_lumisection = source.first_lumisection
        self.marks = source.marks
        self.labels: Mapping[str, tuple[str, ...]] = source.labels
        # Bodies are others, so it is another incarnation: never to be mixed with the whole one.
        self.incarnation = content_hash([source.incarnation, sorted(kept)])

    @property
    def reports(self) -> tuple[object, ...]:
        """What the source says of its files, if it does."""
        return tuple(getattr(self._source, "reports", ()))

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        """As the source has them."""
        return (_Narrowed(one, self._kept) for one in self._source.lumisections(after))


class _Narrowed:
    """One LS."""

    def __init__(self, one: SourceLumisection, kept: frozenset[str]) -> None:
        self.lumisection = one.lumisection
        self.seconds = one.seconds
        self._one = one
        self._kept = kept

    def chunks(self) -> Iterator[SourceChunk]:
        for chunk in self._one.chunks():
            yield structs.replace(chunk, body=_narrowed(chunk.body, self._kept))

    def notes(self) -> Mapping[str, int]:
        return self._one.notes()


def _narrowed(body: bytes, kept: frozenset[str]) -> bytes:
    try:
        with pa.ipc.open_stream(body) as stream:
            batch = stream.read_next_batch()
        return encode_batch(_selected(batch, kept))
    except (pa.ArrowException, MessageError, OSError, StopIteration):
        return body


def _selected(batch: pa.RecordBatch, kept: frozenset[str]) -> pa.RecordBatch:
    """The batch with the columns that are kept; what its schema says besides stays."""
    fields: list[Any] = []
    arrays: list[Any] = []
    for field, array in zip(batch.schema, batch.columns, strict=True):
        members = _members(field, kept)
        if members:
            few = _with_members(array, members)
            fields.append(pa.field(field.name, few.type, nullable=field.nullable))
            arrays.append(few)
        elif field.name in kept:
            fields.append(field)
            arrays.append(array)
    said: Any = batch.schema.metadata
    schema = pa.schema(fields, metadata=said)
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _members(field: Any, kept: frozenset[str]) -> list[str]:
    """Which members of a collection are kept; none of what is no collection, or not kept."""
    kind = field.type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if not is_list or not pa.types.is_struct(kind.value_type):
        return []
    names = [member.name for member in kind.value_type]
    found = [name for name in names if f"{field.name}.{name}" in kept]
    return found or (names[:1] if field.name in kept else [])


def _with_members(array: Any, members: list[str]) -> Any:
    """A collection with some of its members."""
    flat = array.values
    own = [flat.type.field(name) for name in members]
    objects = pa.StructArray.from_arrays([flat.field(one.name) for one in own], fields=own)
    item = array.type.value_field
    of = pa.field(item.name, objects.type, nullable=item.nullable)
    make = pa.LargeListArray if pa.types.is_large_list(array.type) else pa.ListArray
    kind = pa.large_list(of) if make is pa.LargeListArray else pa.list_(of)
    return make.from_arrays(array.offsets, objects, type=kind)
