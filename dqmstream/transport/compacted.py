"""Reading a compacted topic as what it is: a table of the newest record by key."""

from collections.abc import AsyncIterator

from dqmstream.transport.log import Log
from dqmstream.transport.record import Record, TopicPartition

__all__ = ["latest_by_key", "read_to_end"]

_PATIENCE = 5.0


async def read_to_end(log: Log, topic: str) -> AsyncIterator[Record]:
    """Every retained record of a topic up to where it ended when asked."""
    positions: dict[TopicPartition, int] = {}
    ends: dict[TopicPartition, int] = {}
    for partition in range(log.partitions(topic)):
        start, end = await log.bounds(topic, partition)
        if start < end:
            positions[topic, partition] = start
            ends[topic, partition] = end
    if not positions:
        return
    async with log.reader(positions) as reader:
        while any(reader.position(*place) < end for place, end in ends.items()):
            records = await reader.read(timeout=_PATIENCE)
            if not records:
                return  # only gaps are left before the end: compaction took the last records
            for record in records:
                if record.offset < ends[record.topic, record.partition]:
                    yield record


async def latest_by_key(log: Log, topic: str) -> dict[bytes, Record]:
    """Newest record of each key; keys whose newest is a tombstone are gone."""
    table: dict[bytes, Record] = {}
    async for record in read_to_end(log, topic):
        if record.key is None:
            continue
        if record.value is None:
            table.pop(record.key, None)
        else:
            table[record.key] = record
    return table
