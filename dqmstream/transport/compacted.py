"""Reading a compacted topic as what it is: a table of the newest record by key."""

from collections.abc import AsyncIterator, Mapping

from dqmstream.transport.log import Log
from dqmstream.transport.record import Record, TopicPartition
from dqmstream.transport.standstill import LOOK, Standstill

__all__ = ["latest_by_key", "read_to_end"]


async def read_to_end(
    log: Log, topic: str, starts: Mapping[int, int] | None = None
) -> AsyncIterator[Record]:
    """Every retained record of a topic up to where it ended when asked.

    Parameters
    ----------
    starts
        Offsets to begin at instead, by partition.

    Raises
    ------
    LogUnavailableError
        If the end is not reached because nothing comes for a minute.
    """
    positions: dict[TopicPartition, int] = {}
    ends: dict[TopicPartition, int] = {}
    for partition in range(log.partitions(topic)):
        start, end = await log.bounds(topic, partition)
        start = max(start, (starts or {}).get(partition, start))
        if start < end:
            positions[topic, partition] = start
            ends[topic, partition] = end
    if not positions:
        return
    standstill = Standstill(topic)
    async with log.reader(positions) as reader:
        while any(reader.position(*place) < end for place, end in ends.items()):
            records = await reader.read(timeout=LOOK)
            standing = [reader.position(*place) for place in ends]
            standstill.look(came=bool(records), positions=standing)
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
