"""A recorded run as it is filled: LSs of all its sources side by side, chunks decoded."""

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from dqmstream.booking.chunk import decode_chunk
from dqmstream.booking.columns import Columns, encode_batch
from dqmstream.errors import MessageError
from dqmstream.messages.events import Chunk
from dqmstream.sources.source import EventSource, SourceChunk, SourceLumisection
from playback.comparing.costs import Decoded

__all__ = ["BEGIN", "RecordedLumisection", "decoded", "first_lumisections", "side_by_side"]

BEGIN: Final = 10**18
"""When a recording is played, nanoseconds since 1970, as `log_time` says and alarms are told: the
same every time."""


@dataclass(frozen=True, slots=True)
class RecordedLumisection:
    """One LS of a run, from all sources that have it; `seconds` is its length."""

    number: int
    seconds: float
    parts: tuple[tuple[EventSource, SourceLumisection], ...]


def side_by_side(sources: Sequence[EventSource]) -> Iterator[RecordedLumisection]:
    """LSs of all sources of a run, rising; of each LS the sources in the order they have there."""
    waiting = []
    for source in sources:
        own = iter(source.lumisections(source.first_lumisection - 1))
        if (first := next(own, None)) is not None:
            waiting.append((source, own, first))
    while waiting:
        number = min(first.lumisection for _, _, first in waiting)
        parts, later = [], []
        for source, own, first in waiting:
            if first.lumisection > number:
                later.append((source, own, first))
                continue
            parts.append((source, first))
            if (following := next(own, None)) is not None:
                later.append((source, own, following))
        yield RecordedLumisection(number, parts[0][1].seconds, tuple(parts))
        waiting = later


def decoded(
    lumisection: RecordedLumisection, chunk_events: int = 0, refused: Counter[str] | None = None
) -> Iterator[tuple[Chunk, Columns]]:
    """Chunks of an LS as fillers see them; those that cannot be read are counted by reason.

    Parameters
    ----------
    chunk_events
        Events in a chunk; 0 leaves them as they were recorded.
    refused
        Where to count; None raises the MessageError.
    """
    for source, part in lumisection.parts:
        chunks = _cut(part.chunks(), chunk_events) if chunk_events else part.chunks()
        for number, chunk in enumerate(chunks):
            headers = _headers(source, lumisection.number, number, chunk)
            try:
                columns = decode_chunk(headers, chunk.body, BEGIN)
            except MessageError as error:
                if refused is None:
                    raise
                refused[error.reason] += 1
            else:
                yield headers, columns


def _headers(source: EventSource, lumisection: int, number: int, chunk: SourceChunk) -> Chunk:
    return Chunk(
        run=source.run,
        lumisection=lumisection,
        source=source.name,
        incarnation=source.incarnation,
        rereadable=True,
        number=number,
        partitions=1,
        seen=chunk.seen,
        selected=chunk.selected,
        dropped=chunk.dropped,
        checksum=zlib.crc32(chunk.body),
    )


def _cut(chunks: Iterator[SourceChunk], events: int) -> Iterator[SourceChunk]:
    """The events of an LS in chunks of another size."""
    batches, seen = list[pa.RecordBatch](), 0
    for chunk in chunks:
        with pa.ipc.open_stream(chunk.body) as stream:
            batches += list(stream)
        seen += chunk.seen
    if not batches:
        return
    whole = pa.Table.from_batches(batches).combine_chunks()
    for start in range(0, max(whole.num_rows, 1), events):
        part = whole.slice(start, events).combine_chunks()
        made = part.to_batches() or [pa.RecordBatch.from_pylist([], schema=whole.schema)]
        body = encode_batch(made[0])
        taken, seen = (seen, 0)  # the first chunk says of all what was read
        yield SourceChunk(body=body, seen=taken, selected=part.num_rows)


def first_lumisections(
    sources: Sequence[EventSource], most: int, chunk_events: int
) -> list[Decoded]:
    """Decoded chunks of the first few LSs that have events."""
    found: list[Decoded] = []
    for lumisection in side_by_side(sources):
        chunks = list(decoded(lumisection, chunk_events, Counter()))
        if any(columns.events for _, columns in chunks):
            found.append(chunks)
        if len(found) >= most:
            break
    return found
