"""Which runs have begun, as the log knows it."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from dqmstream.errors import MessageError
from dqmstream.fold.of_runs import run_of
from dqmstream.messages.checkpoints import SourceCheckpoint
from dqmstream.messages.events import RunEnd, RunStart
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import CHECKPOINTS, CONDITIONS, EVENTS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import latest_by_key, read_to_end
from dqmstream.transport.log import Log
from dqmstream.transport.record import Record

__all__ = ["Begun", "begun", "highest_run"]

_NEWEST: Final = 64
"""Records of each partition of `dqm.events` that are looked at: a source writes the RunStart
there, and its copy for others at the same time. Events follow once both are acknowledged."""


class Begun(NamedTuple):
    """Which runs have begun: none after `run` has an event before the offsets `ends`."""

    run: int
    ends: tuple[int, ...]


async def begun(log: Log) -> Begun:
    """Which runs have begun by now."""
    # The ends first: what begins meanwhile is among the runs then.
    ends = {}
    for partition in range(log.partitions(EVENTS)):
        _, ends[partition] = await log.bounds(EVENTS, partition)
    highest = max(await highest_run(log), await _newest_run(log, ends))
    return Begun(highest, tuple(ends[partition] for partition in sorted(ends)))


async def highest_run(log: Log) -> int:
    """Highest run that sources have spoken of, as far as the log remembers; 0 if none.

    Imported runs do not count: they are long over, or of another detector. Nor do runs of which
    only conditions came: files tell of whole years, and of runs that may never be sent.
    """
    highest, imported = 0, set[tuple[int, str]]()
    async for record in read_to_end(log, CONDITIONS):
        message = _decoded(record)
        if isinstance(message, RunStart) and "imported" in message.marks:
            imported.add((message.run, message.source))
        elif isinstance(message, RunEnd) and (message.run, message.source) in imported:
            continue
        elif isinstance(message, RunStart | RunEnd):
            highest = max(highest, message.run)
    for record in (await latest_by_key(log, CHECKPOINTS)).values():
        message = _decoded(record)
        if isinstance(message, SourceCheckpoint):
            highest = max(highest, message.run)
    return highest


async def _newest_run(log: Log, ends: Mapping[int, int]) -> int:
    """Highest run that the newest records of the events speak of; 0 if none."""
    highest = 0
    starts = {partition: end - _NEWEST for partition, end in ends.items()}
    async for record in read_to_end(log, EVENTS, starts):
        if record.offset < ends[record.partition]:
            highest = max(highest, run_of(record) or 0)
    return highest


def _decoded(record: Record) -> Message | None:
    try:
        return CODEC.decode(record.headers, record.value)
    except MessageError:
        return None
