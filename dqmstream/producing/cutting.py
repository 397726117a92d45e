"""Chunks that are too large for one message, cut by events.

How a chunk is cut depends on its body and on the limit alone, so that a source that is read again
gives the same pieces under the same numbers.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import pyarrow as pa

from dqmstream.booking.columns import encode_batch
from dqmstream.errors import ConfigurationError, MessageError
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.sources.source import SourceChunk

__all__ = ["Cut", "Cutter", "Piece", "body_limit"]

_HEADERS: Final = 1024
"""Bytes kept for a chunk's headers, besides its names: twice what the longest numbers take."""
_LEAST: Final = 4096

_UNREADABLE: Final = (pa.ArrowException, MessageError, OSError, ValueError, TypeError, KeyError)


def body_limit(max_message_bytes: int, *names: str) -> int:
    """Largest body of a chunk whose headers hold these names.

    Raises
    ------
    ConfigurationError
        If messages are too small for any chunk.
    """
    limit = max_message_bytes - _HEADERS - sum(len(name.encode()) for name in names)
    if limit < _LEAST:
        msg = (
            f"dqm.events takes messages of {max_message_bytes} bytes, which leaves {limit} for "
            f"the body of a chunk of {names[0]!r}: expected at least {_LEAST}"
        )
        raise ConfigurationError(msg)
    return limit


class Piece(NamedTuple):
    """The body of one chunk as it is sent, and the events it stands for."""

    body: bytes
    checksum: int
    seen: int
    selected: int
    dropped: int


_NOTHING: Final = Piece(b"", body_checksum(b""), 0, 0, 0)


class Cut(NamedTuple):
    """A chunk as pieces, in order and at least one; what fits into no message, by reason.

    A refused event is counted as seen and dropped by the first piece.
    """

    pieces: tuple[Piece, ...]
    refused: Mapping[str, int]
    at: float


class Cutter:
    """Cuts the chunks of one source.

    Parameters
    ----------
    limit
        Largest body, in bytes.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._empty: Piece | None = None

    def cut(self, chunk: SourceChunk) -> Cut:
        """The chunk, in pieces if it is too large. Computes: to be called in a worker thread."""
        if self._empty is None:
            self._empty = _empty_like(chunk.body)
        if len(chunk.body) <= self.limit:
            whole = Piece(
                chunk.body, body_checksum(chunk.body), chunk.seen, chunk.selected, chunk.dropped
            )
            return Cut((whole,), {}, chunk.at)
        try:
            batch = _batch(chunk.body)
            bodies = list(self._bodies(batch)) or [(_without_events(batch.schema), 0)]
        except _UNREADABLE:
            bodies = []
        if not bodies or len(bodies[0][0]) > self.limit:
            # Nothing can be cut out of it. Its number goes on with an empty body, which a filler
            # refuses by name with the events it stands for.
            lost = _NOTHING._replace(seen=chunk.seen, dropped=chunk.dropped + chunk.selected)
            return Cut((lost,), {"chunk_too_large": 1}, chunk.at)
        events = sum(rows for _, rows in bodies)
        too_large = batch.num_rows - events
        first = True
        pieces = []
        for body, rows in bodies:
            # What the chunk counts beyond its events goes with the first piece.
            seen = rows + (chunk.seen - events if first else 0)
            dropped = chunk.dropped + too_large if first else 0
            pieces.append(Piece(body, body_checksum(body), seen, rows, dropped))
            first = False
        return Cut(tuple(pieces), {"event_too_large": too_large} if too_large else {}, chunk.at)

    @property
    def empty(self) -> Piece:
        """A body without events, of the columns of the first chunk."""
        return self._empty or _NOTHING

    def _bodies(self, batch: pa.RecordBatch) -> Iterator[tuple[bytes, int]]:
        """Bodies within the limit with their numbers of events; halved as often as need be."""
        body = encode_batch(batch)
        if len(body) <= self.limit:
            yield body, batch.num_rows
        elif batch.num_rows > 1:
            half = batch.num_rows // 2
            yield from self._bodies(batch.slice(0, half))
            yield from self._bodies(batch.slice(half))


def _batch(body: bytes) -> pa.RecordBatch:
    with pa.ipc.open_stream(body) as stream:
        return stream.read_next_batch()


def _empty_like(body: bytes) -> Piece:
    try:
        empty = _without_events(_batch(body).schema)
    except _UNREADABLE:
        return _NOTHING
    return Piece(empty, body_checksum(empty), 0, 0, 0)


def _without_events(schema: pa.Schema) -> bytes:
    # Not a slice: Arrow writes some of the values of an empty one.
    arrays = [pa.array([], type=field.type) for field in schema]
    return encode_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
