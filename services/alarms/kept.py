"""What the service of alarms finds on the log when it starts: states, a checkpoint, what was told.

A step is written in three parts, each once the one before is acknowledged: changed states, with
the transitions that led to them; these transitions; now and then a checkpoint. So a process that
died in between left states that know more than the checkpoint (they skip what they have taken), or
transitions that were never told (they are in the states, and are told now).
"""

from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from dqmstream.errors import MessageError
from dqmstream.messages.alarms import AlarmCheckpoint, AlarmState, AlarmTransition
from dqmstream.messages.topics import ALARM_STATE, ALARMS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import latest_by_key, read_to_end
from dqmstream.transport.log import Log

__all__ = ["Kept", "checkpoint_key", "read_kept"]

_PREFIX: Final = "checkpoint/"


def checkpoint_key(group: str) -> bytes:
    """Key of a checkpoint; no alarm has such a name."""
    return f"{_PREFIX}{group}".encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What was kept, and transitions that were made and not told."""

    states: tuple[AlarmState, ...] = ()
    checkpoint: AlarmCheckpoint | None = None
    untold: tuple[AlarmTransition, ...] = ()
    step: int = 0


async def read_kept(log: Log, group: str) -> Kept:
    """What is on the log.

    Raises
    ------
    LogError
        If it cannot be read.
    """
    states, checkpoint = [], None
    for key, record in (await latest_by_key(log, ALARM_STATE)).items():
        try:
            message = CODEC.decode(record.headers, record.value)
        except MessageError:
            continue  # nobody's: what this release wrote it can read
        if isinstance(message, AlarmState):
            states.append(message)
        elif isinstance(message, AlarmCheckpoint) and key == checkpoint_key(group):
            checkpoint = message
    if checkpoint is not None and checkpoint.log != log.identity:
        # Offsets of another log mean nothing here; how alarms stand does.
        checkpoint = None
        states = [replace(one, through={}) for one in states]
    done = checkpoint.step if checkpoint is not None else 0
    made = [each for one in states if one.step > done for each in one.made]
    untold: list[AlarmTransition] = []
    if made:
        told = await _told(log, checkpoint.told if checkpoint is not None else 0)
        untold = [one for one in made if (one.alarm, one.number) not in told]
    untold.sort(key=lambda one: (one.when, one.alarm, one.number))
    return Kept(
        states=tuple(states),
        checkpoint=checkpoint,
        untold=tuple(untold),
        step=max([done, *(one.step for one in states)]),
    )


async def _told(log: Log, since: int) -> set[tuple[str, int]]:
    found = set()
    async for record in read_to_end(log, ALARMS, {0: since}):
        try:
            message = CODEC.decode(record.headers, record.value)
        except MessageError:
            continue
        if isinstance(message, AlarmTransition):
            found.add((message.alarm, message.number))
    return found
