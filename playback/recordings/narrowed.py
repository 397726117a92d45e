"""A source of which only some columns are recorded, where it cannot choose itself what it sends."""

from collections.abc import Collection, Iterator, Mapping

import pyarrow as pa
from msgspec import structs

from dqmstream.booking.columns import encode_batch
from dqmstream.booking.fields import checked_fields
from dqmstream.booking.prune import prune_batch
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
        checked_fields(batch.schema)
        return encode_batch(prune_batch(batch, kept))
    except (pa.ArrowException, MessageError, OSError, StopIteration):
        return body
