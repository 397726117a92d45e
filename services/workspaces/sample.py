"""The newest events on the log, as a sample to try workspaces on."""

import asyncio
from collections.abc import Sequence
from typing import Final

from dqmstream.booking.chunk import decode_chunk
from dqmstream.errors import MessageError
from dqmstream.messages.chunk_headers import check_body, chunk_of
from dqmstream.messages.events import EventBatch
from dqmstream.messages.topics import EVENTS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log
from dqmstream.transport.record import Record
from dqmstream.workspaces.trial import SampleChunk

__all__ = ["newest_events"]

_RECORDS: Final = (64, 1024, 16384)
"""Of each partition, from its end; more only if there is no chunk among them."""
_MOST_BYTES: Final = 64 << 20


async def newest_events(log: Log) -> list[SampleChunk]:
    """Chunks of the highest run among the newest records; none if no events are retained."""
    for count in _RECORDS:
        chunks = await _chunks(log, count)
        if chunks:
            return await asyncio.to_thread(_decoded, chunks)
    return []


async def _chunks(log: Log, count: int) -> list[Record]:
    starts = {}
    for partition in range(log.partitions(EVENTS)):
        _, end = await log.bounds(EVENTS, partition)
        starts[partition] = max(0, end - count)
    found: list[Record] = []
    size = 0
    async for record in read_to_end(log, EVENTS, starts):
        if not _is_chunk(record):
            continue
        found.append(record)
        size += len(record.value or b"")
        while size > _MOST_BYTES and len(found) > 1:
            size -= len(found.pop(0).value or b"")
    return found


def _is_chunk(record: Record) -> bool:
    try:
        return CODEC.type_of(record.headers) is EventBatch
    except MessageError:
        return False


def _decoded(records: Sequence[Record]) -> list[SampleChunk]:
    """Those that can be read, of the highest run."""
    found = []
    for record in records:
        try:
            chunk = chunk_of(record.headers)
            body = check_body(chunk, record.value)
            columns = decode_chunk(chunk, body, record.timestamp)
        except MessageError:
            continue  # refused by fillers, who say so
        found.append(SampleChunk(chunk.run, chunk.lumisection, chunk.source, chunk.number, columns))
    run = max((one.run for one in found), default=0)
    return [one for one in found if one.run == run]
