"""The log while a client waits: so many seconds and no more, and what it is told then."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

from dqmstream.errors import LogBorrowedError, LogUnavailableError
from dqmstream.messages.operations import Command
from dqmstream.messages.topics import COMMANDS
from dqmstream.transport.log import Log, Outgoing
from dqmstream.transport.outgoing import outgoing
from services.gateway.problems import ProblemError

__all__ = ["HARMLESS", "LOOK_FIRST", "log_within", "write_down", "write_in_turn"]

HARMLESS: Final = "ask again, that harms nothing"
"""What is said of a question, and of a decision that may be sent again."""
LOOK_FIRST: Final = (
    "nobody knows whether this was done; look which version is in force before you ask again, as "
    "going back twice goes further back"
)
"""What is said of a decision that means something else when it is sent again."""


@asynccontextmanager
async def log_within(seconds: float, advice: str = HARMLESS) -> AsyncIterator[None]:
    """The log has so many seconds in the block.

    Raises
    ------
    ProblemError
        503 with this advice if it takes longer, or is away. By default, to ask, or to send the
        same, again must harm nothing.
        409 if it is for production to decide, of which this is a candidate.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except (TimeoutError, LogUnavailableError) as error:
        is_slow = isinstance(error, TimeoutError)
        what = f"did not answer within {seconds:g} s" if is_slow else f"is away ({error!s:.200})"
        detail = f"the log {what}: {advice}"
        raise ProblemError(503, detail, {"retry-after": "1"}) from error
    except LogBorrowedError as error:
        raise ProblemError(409, f"this is decided in production: {error}") from error


async def write_down(log: Log, command: Command, seconds: float) -> int:
    """Write a decision down; its offset on `dqm.commands`. ProblemError 503 without a log."""
    async with log_within(seconds):
        (offset,) = await log.send([outgoing(COMMANDS, 0, command, command.subject.encode())])
    return offset


async def write_in_turn(
    log: Log, records: Iterable[Outgoing], seconds: float, advice: str = HARMLESS
) -> None:
    """Write records one after the other: none is there without those before it, wherever it stops.

    ProblemError 503 with this advice without a log.
    """
    async with log_within(seconds, advice):
        for record in records:
            await log.send([record])
