"""An operator's refill: fold retained input again, in a new epoch written before anybody acts."""

from collections.abc import Mapping

from dqmstream.booking_set import BookingSet
from dqmstream.errors import ConfigurationError
from dqmstream.fold.holes import after_hole
from dqmstream.fold.state import ControlState
from dqmstream.messages.checkpoints import FillerCheckpoint
from dqmstream.messages.topics import CHECKPOINTS, EVENTS
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import Log, Reader
from services.filler.checkpoints import checkpoint_of, checkpoint_record, newest_checkpoint

__all__ = ["EpochWatch", "refill"]


async def refill(
    log: Log,
    booking_set: BookingSet,
    *,
    why: str,
    offsets: Mapping[int, int] | None = None,
) -> dict[int, FillerCheckpoint]:
    """Begin a new epoch with empty state; running fillers of the set notice and start over.

    What the log still holds is folded again. Readers replace what they have by it, but never whole
    contents by such as may lack expired input.

    Parameters
    ----------
    why
        Goes into the checkpoints.
    offsets
        Where to begin, by partition: only these are refilled. None refills all partitions from
        the start of the log.

    Returns
    -------
    dict
        The checkpoint written for each partition.

    Raises
    ------
    ConfigurationError
        If a partition or an offset is not in the log.
    """
    table = await latest_by_key(log, CHECKPOINTS)
    written = {}
    for partition in sorted(range(booking_set.fold.partitions) if offsets is None else offsets):
        if not 0 <= partition < booking_set.fold.partitions:
            msg = f"{EVENTS} has no partition {partition}: {booking_set.fold.partitions} there are"
            raise ConfigurationError(msg)
        start, end = await log.bounds(EVENTS, partition)
        offset = start if offsets is None else offsets[partition]
        if not start <= offset <= end:
            msg = f"{EVENTS}/{partition} holds offsets {start}-{end}: {offset} cannot be refilled"
            raise ConfigurationError(msg)
        newest = newest_checkpoint(table, booking_set.hash, partition, log.identity)
        written[partition] = FillerCheckpoint(
            group=booking_set.hash,
            partition=partition,
            log=log.identity,
            epoch=1 if newest is None else newest.epoch + 1,
            offset=offset,
            # What lies before is not read: as unknown as if it had expired.
            state=after_hole(None, 0, offset) if offset else ControlState().encode(),
            skip=() if newest is None else newest.skip,
            why=why,
        )
    await log.send([checkpoint_record(checkpoint) for checkpoint in written.values()])
    return written


class EpochWatch:
    """Follows `dqm.checkpoints` for epochs that others begin.

    Following costs what fillers write there anyway; looking at the whole topic before each write
    would cost that each time, and find it out later.

    Parameters
    ----------
    reader
        Of `dqm.checkpoints`, from where it ended before the first partition was taken over.
    group
        Hash of the set.
    """

    def __init__(self, reader: Reader, group: str) -> None:
        self._reader = reader
        self._group = group

    async def newer(self) -> dict[int, FillerCheckpoint]:
        """Checkpoints since the last look: the highest epoch of each partition."""
        found: dict[int, FillerCheckpoint] = {}
        while records := await self._reader.read(timeout=0):
            for checkpoint in (checkpoint_of(record, self._group) for record in records):
                if checkpoint is None:
                    continue
                known = found.get(checkpoint.partition)
                if known is None or known.epoch < checkpoint.epoch:
                    found[checkpoint.partition] = checkpoint
        return found
