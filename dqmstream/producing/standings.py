"""Where the sources of a run stand, read from `dqm.checkpoints`."""

from collections.abc import AsyncIterator
from typing import Final

from dqmstream.errors import MessageError
from dqmstream.messages.checkpoints import SourceCheckpoint
from dqmstream.messages.topics import CHECKPOINTS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import Log, Record, TopicPartition
from dqmstream.transport.patience import PACE, Pace, PatientLog

__all__ = ["Standings", "joining_lumisection", "joins_at", "source_checkpoint", "source_key"]

_READ: Final = 1.0
"""Seconds after which a reader answers though nothing came."""


async def joining_lumisection(log: Log, source: str, run: int) -> int:
    """The first LS for a live source that starts now and does not know itself where the run is.

    It is 1, or the one after the last that its life before was in: if that life has not ended,
    nobody can say which events of that LS it has sent.
    """
    return joins_at((await Standings(log, source, run, PACE).newest()).get(source))


def joins_at(last: SourceCheckpoint | None) -> int:
    """The same, from the checkpoint of the life before; None if there was none."""
    if last is None:
        return 1
    return last.lumisection + (1 if last.ended else 2)


def source_key(source: str, run: int) -> bytes:
    """Key of a source's checkpoints."""
    return f"source/{source}/{run}".encode()


def source_checkpoint(record: Record) -> SourceCheckpoint | None:
    """What a record of `dqm.checkpoints` says of a source; None if it says something else.

    Raises
    ------
    MessageError
        If it cannot be read, or was written by a later release.
    """
    # Those of fillers are much larger, and need not be decoded.
    if record.value is None or dict(record.headers).get("type") != b"SourceCheckpoint":
        return None
    found = CODEC.decode(record.headers, record.value)
    return found if isinstance(found, SourceCheckpoint) else None


class Standings:
    """The newest SourceCheckpoint of each source of a run; waits while the log is away.

    What cannot be read of others is passed over: they are then as silent ones.
    """

    def __init__(self, log: Log, source: str, run: int, pace: Pace) -> None:
        self._log = PatientLog(log, pace)
        self._own = source_key(source, run)
        self._run = run
        self._positions: dict[TopicPartition, int] = {}

    async def newest(self) -> dict[str, SourceCheckpoint]:
        """By name of the source, as of now; MessageError if its own cannot be read."""
        # First the ends: what comes after them is read twice rather than never.
        for partition in range(self._log.partitions(CHECKPOINTS)):
            _, end = await self._log.bounds(CHECKPOINTS, partition)
            self._positions[CHECKPOINTS, partition] = end
        records = await latest_by_key(self._log, CHECKPOINTS)
        return {found.source: found for found in map(self._of_run, records.values()) if found}

    async def news(self) -> AsyncIterator[list[SourceCheckpoint]]:
        """What comes after `newest`, for ever; nothing at least every second."""
        async with self._log.reader(self._positions) as reader:
            while True:
                records = await reader.read(timeout=_READ)
                yield [found for found in map(self._of_run, records) if found]

    def _of_run(self, record: Record) -> SourceCheckpoint | None:
        try:
            found = source_checkpoint(record)
        except MessageError:
            if record.key == self._own:
                raise  # where it goes on must not be guessed
            return None
        return found if found is not None and found.run == self._run else None
