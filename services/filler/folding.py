"""Folding a batch of records in a worker thread."""

import asyncio
import contextvars
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import structlog

from dqmstream.transport.log import Outgoing, Record
from services.dead_letters import dead_letter
from services.filler.owned import Owned
from services.filler.progress import Tally

__all__ = ["apply_batch", "finished"]

T = TypeVar("T")


def apply_batch(owned: Owned, batch: Sequence[Record], now: float) -> tuple[list[Outgoing], Tally]:
    """Fold records; letters for those that were refused, and counts.

    Parameters
    ----------
    now
        Monotonic seconds: when these records were heard, for the closer.
    """
    fold, tally = owned.fold, Tally()
    logger = structlog.get_logger()
    dead = []
    for record in batch:
        applied = fold.apply(record)
        tally.take(record, applied)
        if applied.refused is not None:
            reason, detail = applied.refused.reason, applied.refused.detail
            dead.append(dead_letter(record, reason, detail))
            logger.warning(
                "record refused",
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                reason=reason,
                detail=detail,
            )
        header = dict(record.headers)
        if header.get("type") == b"EventBatch" and applied.refused is None:
            owned.closer.note(int(header["run"]), int(header["lumisection"]), now)
        for effect in applied.effects:
            segment = getattr(effect, "segment", None)
            if segment is not None:
                owned.closer.note(segment.run, segment.lumisection, now)
    return dead, tally


async def finished(function: Callable[..., T], *arguments: object) -> T:
    """Call in a worker thread, to the end: a fold that is under way must not go on unseen."""
    # Log lines of the thread bear the names that this task's do.
    context = contextvars.copy_context()
    loop = asyncio.get_running_loop()
    call = loop.run_in_executor(None, partial(context.run, function, *arguments))
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        await asyncio.wait([call])
        raise
