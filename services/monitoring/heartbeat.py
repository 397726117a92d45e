"""Heartbeats: each service says every few seconds that it lives, and how far it is."""

import asyncio
import dataclasses
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import structlog

from dqmstream.clock import Clock
from dqmstream.errors import LogError
from dqmstream.messages.operations import Heartbeat, OpenLumisection
from dqmstream.messages.topics import HEARTBEATS
from dqmstream.transport.log import Log, TopicPartition
from dqmstream.transport.outgoing import outgoing
from services.logging.recent import RECENT
from services.monitoring.health import Health

__all__ = ["INTERVAL", "Standing", "beat", "resident_memory", "standing_of"]

INTERVAL: Final = 2.0
_PATIENCE: Final = 35.0
"""Seconds after which a try is given up that the log itself has not: it does so sooner, and until
then a heartbeat that waits is taken the moment the log is back."""
_MOST_OPEN: Final = 64
_MOST_HELD: Final = 256
_LAST_WORD: Final = 2.0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What a service says of itself, see `Heartbeat`."""

    run: int | None = None
    lumisection: int | None = None
    positions: Mapping[TopicPartition, int] = dataclasses.field(default_factory=dict)
    counts: Mapping[str, int] = dataclasses.field(default_factory=dict)
    open: tuple[OpenLumisection, ...] = ()
    missing: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    buffers: Mapping[str, int] = dataclasses.field(default_factory=dict)


def standing_of(progress: object) -> Standing:
    """Where a service stands, from its progress (a dataclass); counts by reason are added up.

    None, for a service that keeps no progress, gives an empty one.
    """
    if not dataclasses.is_dataclass(progress) or isinstance(progress, type):
        return Standing()
    names = {each.name for each in dataclasses.fields(progress)}
    own = {each.name for each in dataclasses.fields(Standing)} - {"counts"}
    counts = {}
    for name in sorted(names - own):
        value = getattr(progress, name)
        if isinstance(value, Mapping):
            numbers = [each for each in dict(value).values() if isinstance(each, int)]
            counts[name] = sum(numbers)
        elif isinstance(value, int):
            counts[name] = value
    found = {name: getattr(progress, name) for name in names & own}
    return Standing(counts=counts, **found)


def _largest(held: Mapping[str, int]) -> dict[str, int]:
    rows = sorted(dict(held).items(), key=lambda row: (-row[1], row[0]))
    return dict(rows[:_MOST_HELD])


async def beat(
    log: Log,
    *,
    process: str,
    service: str,
    clock: Clock,
    standing: Callable[[], Standing],
    health: Health,
) -> None:
    """Beat until cancelled, then say that it stops. A log that is away costs beats, no more."""
    logger = structlog.get_logger().bind(service=service)
    memory = 0

    async def say(state: Literal["starting", "ready", "stopping"]) -> None:
        nonlocal memory
        if state != "stopping":  # the last word waits for no thread: all may be busy with work
            memory = await asyncio.to_thread(resident_memory)
        stands = standing()
        message = Heartbeat(
            process=process,
            service=service,
            state=state,
            when=clock.wall(),
            run=stands.run,
            lumisection=stands.lumisection,
            positions={f"{topic}/{n}": at for (topic, n), at in dict(stands.positions).items()},
            counts=dict(stands.counts),
            open=stands.open[:_MOST_OPEN],
            missing=stands.missing[:_MOST_OPEN],
            waits_for=stands.waits_for[:_MOST_OPEN],
            lines=RECENT.of(service),
            held=_largest(stands.buffers),
            memory=memory,
        )
        key = f"{process}/{service}".encode()
        await log.send([outgoing(HEARTBEATS, 0, message, key)])

    try:
        while True:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await say("ready" if health.is_ready(service) else "starting")
            except (LogError, TimeoutError) as error:
                health.beat(service, acknowledged=False)
                logger.warning("heartbeat not taken", error=str(error) or "no answer in time")
            else:
                health.beat(service, acknowledged=True)
            await asyncio.sleep(INTERVAL)
    except asyncio.CancelledError:
        health.stop(service)
        # Without it a page would wait for the silence to tell a stop from a crash.
        with suppress(TimeoutError, LogError):
            async with asyncio.timeout(_LAST_WORD):
                await say("stopping")
        raise


def resident_memory() -> int:
    """Resident bytes of this process; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0
