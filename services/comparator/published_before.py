"""What comparators have published before: read again, so that no report is made twice."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from dqmstream.errors import MessageError
from dqmstream.messages.quality import QualityReports
from dqmstream.messages.topics import QUALITY
from dqmstream.messages.wire import CODEC
from dqmstream.quality.published import Published
from dqmstream.transport.by_time import offset_since, time_at
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log, Record, TopicPartition

__all__ = ["read_published"]

_READ_RECORDS: Final = 64
_CLOCKS_APART: Final = 600 * 10**9
"""Nanoseconds by which clocks of brokers may differ."""


async def read_published(log: Log, positions: Mapping[TopicPartition, int] | None) -> Published:
    """Reports of what will be read from these positions, so that none is made twice.

    None reads all there are: of a run whose beginning is lost they say where it began.
    """
    published, batch = Published(), list[Record]()
    starts: dict[int, int] = {}
    if positions is not None:
        times = [await time_at(log, *place, at) for place, at in positions.items()]
        since = min((one for one in times if one is not None), default=None)
        if since is None:
            return published
        # A report is made after what it is of: nothing older can be of what will be read.
        for partition in range(log.partitions(QUALITY)):
            starts[partition] = await offset_since(log, QUALITY, partition, since - _CLOCKS_APART)
    async for record in read_to_end(log, QUALITY, starts):
        batch.append(record)
        if len(batch) == _READ_RECORDS:
            await asyncio.to_thread(_note_published, published, batch)
            batch = []
    await asyncio.to_thread(_note_published, published, batch)
    return published


def _note_published(published: Published, records: Sequence[Record]) -> None:
    for record in records:
        try:
            message = CODEC.decode(record.headers, record.value)
        except MessageError:
            continue  # not one of ours: these can be read
        if isinstance(message, QualityReports):
            published.note(message)
