"""Alarms as this gateway knows them, and what people decide about them."""

import asyncio
from typing import Any, Final

from dqmstream.alarms.displayed import HIDDEN, unacknowledged
from dqmstream.alarms.flood import FLOOD
from dqmstream.alarms.groups import grouped
from dqmstream.clock import Clock
from dqmstream.errors import MessageError
from dqmstream.messages.alarms import AlarmCheckpoint, AlarmState
from dqmstream.messages.operations import Command
from dqmstream.messages.topics import ALARM_STATE
from dqmstream.messages.wire import CODEC
from dqmstream.transport.followed import FollowedTopic
from dqmstream.transport.log import Log, Record
from services.gateway.alarm_record import AlarmRecord
from services.gateway.alarm_steps import step_fields
from services.gateway.patience import log_within, write_down
from services.gateway.problems import not_found

__all__ = ["AlarmDesk"]

_PATIENCE: Final = 10.0
_READ_SECONDS: Final = 1.0
_STALE_AFTER: Final = 30 * 10**9
"""Without a checkpoint for so long, nobody knows how alarms stand."""


class AlarmDesk:
    """The states of alarms in memory.

    Parameters
    ----------
    log
        Where they are, and where decisions go.
    clock
        Dates decisions, and ages what is known.
    """

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._read = asyncio.Event()
        self._states: dict[str, AlarmState] = {}
        self._heard: int | None = None
        self._checkpoint: AlarmCheckpoint | None = None
        self.clock = clock
        self.record = AlarmRecord(log)

    async def run(self) -> None:
        """Follow `dqm.alarm-state`, for ever."""
        followed = FollowedTopic(self._log, ALARM_STATE)
        async with followed.reading(self._take):
            self._read.set()
            while True:
                async for record in followed.news(_READ_SECONDS):
                    self._take(record)

    async def states(self) -> list[AlarmState]:
        """All alarms that were ever raised, by name; ProblemError 503 if the log is away."""
        await self._ready()
        return [self._states[name] for name in sorted(self._states)]

    async def state(self, alarm: str) -> AlarmState:
        """One alarm; ProblemError 404 if it was never raised."""
        await self._ready()
        if alarm not in self._states:
            msg = f"no alarm {alarm!r:.200} was ever raised"
            raise not_found(msg)
        return self._states[alarm]

    async def checkpoint(self) -> AlarmCheckpoint | None:
        """What the service of alarms knew last besides alarms; None if there never was one."""
        await self._ready()
        return self._checkpoint

    def summary(self, states: list[AlarmState]) -> dict[str, Any]:
        """How many there are, whether there is a flood, and whether anybody still watches.

        `stale` is true if the service of alarms has been silent: then nothing here is green.
        """
        flood = self._states.get(FLOOD)
        age = None if self._heard is None else self.clock.wall() - self._heard
        return {
            "raised": sum(one.life != "normal" and one.state not in HIDDEN for one in states),
            "unacknowledged": sum(map(unacknowledged, states)),
            "hidden": sum(one.state in HIDDEN for one in states),
            "flood": flood is not None and flood.now != "OK",
            "stale": age is None or age > _STALE_AFTER,
            "heard": self._heard,
        }

    def groups(self, states: list[AlarmState]) -> list[dict[str, Any]]:
        """What the list collapses to in a flood: a row for each workspace and LS."""
        return [
            {
                "workspace": one.workspace,
                "run": one.run,
                "lumisection": one.lumisection,
                "alarms": list(one.alarms),
                "unacknowledged": one.unacknowledged,
                "level": one.level,
                "severity": one.severity,
            }
            for one in grouped(states)
        ]

    async def history(self, alarm: str, limit: int) -> list[dict[str, Any]]:
        """The last steps of an alarm, the oldest first."""
        await self.state(alarm)
        steps = await self.record.of_alarm(alarm)
        return [step_fields(one) for one in steps[-limit:]]

    def _take(self, record: Record) -> None:
        try:
            message = CODEC.decode(record.headers, record.value)
        except MessageError:
            return  # tombstones too: no alarm is ever removed
        if isinstance(message, AlarmState):
            self._states[message.alarm] = message
        elif isinstance(message, AlarmCheckpoint):
            self._heard, self._checkpoint = record.timestamp, message

    async def _ready(self) -> None:
        async with log_within(_PATIENCE):
            await self._read.wait()

    async def decide(self, command: Command) -> int:
        """Write a decision down; its offset on `dqm.commands`. ProblemError 503 without a log."""
        return await write_down(self._log, command, _PATIENCE)
