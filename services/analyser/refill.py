"""An operator's refill: analyse retained input again, in a new epoch written before anybody acts.

An analysis takes all partitions of an LS together, so there is none of single partitions.
"""

from dqmstream.analyses.memory import pack_state
from dqmstream.booking_set import BookingSet
from dqmstream.errors import MessageError
from dqmstream.fold.holes import after_hole
from dqmstream.fold.state import ControlState
from dqmstream.messages.checkpoints import AnalyserCheckpoint
from dqmstream.messages.topics import CHECKPOINTS, EVENTS
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import Log, Reader
from services.analyser.checkpoints import checkpoint_of, checkpoint_record, newest_checkpoint

__all__ = ["begins_newer_epoch", "refill_analyses"]


async def refill_analyses(log: Log, booking_set: BookingSet, *, why: str) -> AnalyserCheckpoint:
    """Begin a new epoch with empty state; running analysers of the set notice and start over.

    What the log still holds is analysed again from its start on. Readers replace what they have by
    it, but never whole contents by such as may lack expired input.

    Parameters
    ----------
    why
        Goes into the checkpoint.

    Returns
    -------
    AnalyserCheckpoint
        What was written.
    """
    table = await latest_by_key(log, CHECKPOINTS)
    newest = newest_checkpoint(table, booking_set.hash, log.identity)
    bounds = [await log.bounds(EVENTS, p) for p in range(booking_set.fold.partitions)]
    starts = tuple(start for start, _ in bounds)
    states = [after_hole(None, 0, one) if one else ControlState().encode() for one in starts]
    checkpoint = AnalyserCheckpoint(
        group=booking_set.hash,
        log=log.identity,
        epoch=1 if newest is None else newest.epoch + 1,
        offsets=starts,
        state=pack_state(states, {}),
        why=why,
    )
    await log.send([checkpoint_record(checkpoint)])
    return checkpoint


async def begins_newer_epoch(reader: Reader, group: str, epoch: int) -> bool:
    """Whether somebody has begun an epoch of a set's analyses after `epoch`.

    Parameters
    ----------
    reader
        Of `dqm.checkpoints`, from where it ended before the checkpoint in force was looked for.
    group
        Hash of the set.
    """
    newer = False
    while records := await reader.read(timeout=0):
        for record in records:
            try:
                found = checkpoint_of(record, group)
            except MessageError:
                continue  # another release's
            newer = newer or (found is not None and found.epoch > epoch)
    return newer
