"""Heartbeats: each service says every few seconds that it lives, and how far it is."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from dqmstream.clock import Clock
from dqmstream.messages.operations import Heartbeat
from dqmstream.messages.topics import HEARTBEATS
from dqmstream.transport.log import Log
from services.outgoing import outgoing

__all__ = ["INTERVAL", "beat", "resident_memory"]

INTERVAL: Final = 2.0
_PAGE: Final = 4096
_LAST_WORD: Final = 0.5


async def beat(
    log: Log,
    *,
    process: str,
    service: str,
    clock: Clock,
    counts: Callable[[], Mapping[str, int]],
) -> None:
    """Beat until cancelled, then say that it stops; `counts` are the service's own numbers."""

    async def say(state: Literal["ready", "stopping"]) -> None:
        message = Heartbeat(
            process=process,
            service=service,
            state=state,
            when=clock.wall(),
            counts=dict(counts()),
            memory=await asyncio.to_thread(resident_memory),
        )
        key = f"{process}/{service}".encode()
        await log.send([outgoing(HEARTBEATS, 0, message, key)])

    try:
        while True:
            await say("ready")
            await asyncio.sleep(INTERVAL)
    except asyncio.CancelledError:
        # Without it a page would wait for the silence to tell a stop from a crash.
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORD):
                await say("stopping")
        raise


def resident_memory() -> int:
    """Resident bytes of this process; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0
