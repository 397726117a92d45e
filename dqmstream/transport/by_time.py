"""Finding a place in the log by the time at which it took its records."""

from typing import Final

from dqmstream.errors import LogUnavailableError, OffsetExpiredError
from dqmstream.transport.log import Log, Reader

__all__ = ["offset_since", "time_at"]

_CLOSE_ENOUGH: Final = 256
"""Offsets: to look closer costs more than to read so many."""
_LOOK: Final = 5.0
_LOOKS: Final = 12


async def time_at(log: Log, topic: str, partition: int, offset: int) -> int | None:
    """When the log took the first record it keeps from an offset on, None if there is none.

    Raises
    ------
    LogUnavailableError
        If nothing comes for a minute.
    """
    end = (await log.bounds(topic, partition)).end
    async with log.reader({(topic, partition): offset}) as reader:
        for _ in range(_LOOKS):
            if reader.position(topic, partition) >= end:
                return None
            try:
                records = await reader.read(max_records=1, timeout=_LOOK)
            except OffsetExpiredError as expired:
                reader.seek(topic, partition, expired.start)
                continue
            if records:
                return records[0].timestamp
    msg = f"{topic}/{partition} cannot be read: nothing came for {_LOOK * _LOOKS:g} s"
    raise LogUnavailableError(msg)


async def offset_since(log: Log, topic: str, partition: int, since: int) -> int:
    """An offset before which all records of a partition were taken before a time.

    Not far before the first record that was not: a few hundred records are read to save millions.

    Parameters
    ----------
    since
        Nanoseconds since 1970, by the clock of the log. Where that clock went backwards the answer
        is as good as the records it meets: leave room for what clocks may be wrong by.
    """
    low, high = await log.bounds(topic, partition)
    if high - low <= _CLOSE_ENOUGH:
        return low
    async with log.reader({(topic, partition): low}) as reader:
        while high - low > _CLOSE_ENOUGH:
            middle = (low + high) // 2
            reader.seek(topic, partition, middle)
            try:
                taken = await _time_of_next(reader)
            except OffsetExpiredError as expired:
                # Retention went on meanwhile: what it took was taken earlier than what is left.
                low = max(low, expired.start)
                continue
            if taken is not None and taken < since:
                low = middle
            else:
                # Also if nothing came in time: earlier is slower, and as right.
                high = middle
    return low


async def _time_of_next(reader: Reader) -> int | None:
    """When the log took the next record; None if there is none, as after a gap at the end."""
    records = await reader.read(max_records=1, timeout=_LOOK)
    return records[0].timestamp if records else None
