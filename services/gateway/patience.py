"""The log while a client waits: so many seconds and no more, and what it is told then."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from dqmstream.errors import LogBorrowedError, LogUnavailableError
from dqmstream.messages.operations import Command
from dqmstream.messages.topics import COMMANDS
from dqmstream.transport.log import Log, Outgoing
from dqmstream.transport.outgoing import outgoing
from services.gateway.problems import ProblemError

__all__ = ["log_within", "write_down", "write_in_turn"]


@asynccontextmanager
async def log_within(seconds: float) -> AsyncIterator[None]:
    """The log has so many seconds in the block.

    Raises
    ------
    ProblemError
        503 if it takes longer, or is away. To ask, or to send the same, again harms nothing.
        409 if it is for production to decide, of which this is a candidate.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except (TimeoutError, LogUnavailableError) as error:
        is_slow = isinstance(error, TimeoutError)
        what = f"did not answer within {seconds:g} s" if is_slow else f"is away ({error!s:.200})"
        detail = f"the log {what}: ask again, that harms nothing"
        raise ProblemError(503, detail, {"retry-after": "1"}) from error
    except LogBorrowedError as error:
        raise ProblemError(409, f"this is decided in production: {error}") from error


async def write_down(log: Log, command: Command, seconds: float) -> int:
    """Write a decision down; its offset on `dqm.commands`. ProblemError 503 without a log."""
    async with log_within(seconds):
        (offset,) = await log.send([outgoing(COMMANDS, 0, command, command.subject.encode())])
    return offset


async def write_in_turn(log: Log, records: Iterable[Outgoing], seconds: float) -> None:
    """Write records one after the other: none is there without those before it, wherever it stops.

    ProblemError 503 without a log.
    """
    async with log_within(seconds):
        for record in records:
            await log.send([record])
