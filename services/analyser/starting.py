"""Where an analyser begins: at the newest checkpoint, past what has expired."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec
import structlog

from dqmstream.analyses.analyser import Analyser
from dqmstream.analyses.memory import pack_state, unpack_state
from dqmstream.booking_set import BookingSet
from dqmstream.errors import LogIdentityError
from dqmstream.fold.holes import after_hole
from dqmstream.messages.checkpoints import AnalyserCheckpoint
from dqmstream.messages.topics import CHECKPOINTS, EVENTS
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import Log
from services.analyser.checkpoints import checkpoint_record, newest_checkpoint
from services.analyser.progress import AnalyserProgress

__all__ = ["starting_point"]


async def starting_point(
    log: Log,
    booking_set: BookingSet,
    fresh: Callable[[], Analyser],
    progress: AnalyserProgress,
) -> AnalyserCheckpoint | None:
    """The newest checkpoint of a set, past what has expired; None is the beginning of the log.

    Parameters
    ----------
    fresh
        Makes an analyser of the set that has read nothing; called in a thread.
    progress
        Told how many records expired unread.

    Raises
    ------
    LogIdentityError
        If the log is shorter than the one that the checkpoint was made on.
    """
    table = await latest_by_key(log, CHECKPOINTS)
    newest = newest_checkpoint(table, booking_set.hash, log.identity)
    offsets = (0,) * booking_set.fold.partitions if newest is None else newest.offsets
    bounds = [await log.bounds(EVENTS, p) for p in range(booking_set.fold.partitions)]
    for partition, (at, (_, end)) in enumerate(zip(offsets, bounds, strict=True)):
        if at > end:
            msg = (
                f"{EVENTS}/{partition} ends at {end}, an analyser's checkpoint stands at {at}: "
                "this log is shorter than the one it was made on"
            )
            raise LogIdentityError(msg)
    starts = [start for start, _ in bounds]
    if all(at >= start for at, start in zip(offsets, starts, strict=True)):
        return newest
    expired = sum(max(0, start - at) for at, start in zip(offsets, starts, strict=True))
    if newest is None:
        nothing = await asyncio.to_thread(fresh)
        before, epoch = nothing.checkpoint(booking_set.hash, log.identity), 1
    else:
        before, epoch = newest, newest.epoch + 1
    checkpoint = _past_holes(before, epoch, starts)
    structlog.get_logger().error("hole in the input", why=checkpoint.why)
    # Said in a new epoch, written before anybody acts on it.
    await log.send([checkpoint_record(checkpoint)])
    progress.expired += expired
    return checkpoint


def _past_holes(
    before: AnalyserCheckpoint, epoch: int, starts: Sequence[int]
) -> AnalyserCheckpoint:
    """The checkpoint to begin at where records before `starts` have expired beyond C."""
    holes = [
        (partition, at, start)
        for partition, (at, start) in enumerate(zip(before.offsets, starts, strict=True))
        if at < start
    ]
    controls, runs = unpack_state(before.state)
    for partition, first, start in holes:
        controls[partition] = after_hole(controls[partition], first, start)
    why = ", ".join(
        f"records {first}-{start - 1} of {EVENTS}/{p} expired unread" for p, first, start in holes
    )
    return msgspec.structs.replace(
        before,
        epoch=epoch,
        offsets=tuple(max(pair) for pair in zip(before.offsets, starts, strict=True)),
        state=pack_state(controls, runs),
        why=why,
    )
