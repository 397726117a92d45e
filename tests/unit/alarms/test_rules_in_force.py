"""Alarm rules activated on the log: gone by without a restart, and after any restart."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from dqmstream.clock import SettableClock
from dqmstream.configuration.history import ALARM_RULES, History
from dqmstream.messages.alarms import AlarmCheckpoint, AlarmTransition
from dqmstream.messages.topics import ALARM_STATE
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import Log
from dqmstream.transport.memory import MemoryLog
from services.alarms.settings import AlarmsSettings
from services.configuration.known import version_records
from tests.filled import make_topics
from tests.unit.alarms.test_service import (
    START,
    Broken,
    alarms,
    at_rest,
    kept,
    send,
    steps,
    taken,
    told,
    until,
)
from tests.unit.alarms.told import ALARM, command, reports

HIDES = '[[suppress]]\ntarget = "quality:**"\nrun_type = "*"\nwhy = "no beam"\n'
SHOWS = "escalate_after = 0\n"


class Desk:
    """Puts rules on the log, as a gateway does."""

    def __init__(self, log: Log) -> None:
        self.log, self.history = log, History(ALARM_RULES)

    async def activate(self, text: str) -> None:
        await self.send(self.history.next_version(text, who="ada", why="tuned", when=1))

    async def roll_back(self) -> None:
        await self.send(self.history.rolled_back(who="ada", why="no good", when=1))

    async def send(self, version: Any) -> None:
        await self.log.send(version_records(version, "activate"))
        self.history.take(version)


async def new_log() -> tuple[MemoryLog, SettableClock]:
    clock = SettableClock()
    log = MemoryLog(clock)
    await make_topics(log, 1)
    return log, clock


def has(event: str, count: int = 1) -> Callable[[list[AlarmTransition]], bool]:
    return lambda found: steps(found).count(event) >= count


async def test_rules_are_followed_live_and_taken_back_and_acknowledgements_stay() -> None:
    log, clock = await new_log()
    desk = Desk(log)
    async with alarms(log, clock) as progress:
        await send(log, START, reports(1, outcome="BAD", run=5))
        await until(log, has("raised"))
        await send(log, command("acknowledge"))
        await until(log, has("acknowledged"))
        await desk.activate(HIDES)
        await until(log, has("suppressed"))
        assert progress.rules == 1
        assert (await kept(log))[ALARM].life == "acknowledged"
        await desk.activate("flood_begins = 'many'")
        await taken(progress, 0)
        assert progress.rules == 1, "what does not read changes nothing"
        await desk.roll_back()
        await desk.roll_back()
        found = await until(log, has("unsuppressed"))
        await taken(progress, 0)
    assert steps(found) == ["raised", "acknowledged", "suppressed", "unsuppressed"]
    assert (await kept(log))[ALARM].state == "acknowledged"
    assert progress.rules == 4, "the decision to go back to the start is a version, too"


async def test_who_starts_or_takes_over_goes_by_what_was_activated_meanwhile() -> None:
    log, clock = await new_log()
    desk = Desk(log)
    async with alarms(log, clock):
        await send(log, START, reports(1, outcome="BAD", run=5))
        await until(log, has("raised"))
    await desk.activate(HIDES)
    await desk.activate("unknown = 1")
    async with alarms(log, clock), alarms(log, clock, member="b"):
        await until(log, has("suppressed"))
        await desk.activate(SHOWS)
        await until(log, has("unsuppressed"))
    record = (await latest_by_key(log, ALARM_STATE))[b"checkpoint/alarms"]
    checkpoint = CODEC.decode(record.headers, record.value)
    assert isinstance(checkpoint, AlarmCheckpoint)
    assert checkpoint.rules == 3


@pytest.mark.parametrize("after", [True, False])
async def test_whenever_it_dies_while_rules_change_each_step_is_told_once(after: bool) -> None:
    """It dies at each of its sends, one life after the other, after each thing that happens."""
    log, clock = await new_log()
    desk = Desk(log)
    settings = AlarmsSettings(patience=0.005, checkpoint_interval=0.0)
    happens: list[Callable[[], Awaitable[None]]] = [
        lambda: send(log, START, reports(1, outcome="BAD", run=5)),
        lambda: desk.activate(HIDES),
        lambda: send(log, command("acknowledge")),
        desk.roll_back,
    ]
    for happen in happens:
        await happen()
        clock.advance(1)
        for sends in (0, 1, 2, 3):
            broken: Any = Broken(log, sends, after=after)
            with suppress(ExceptionGroup):
                async with alarms(broken, clock, settings=settings) as progress:
                    await at_rest(progress)
    async with alarms(log, clock, settings=settings) as progress:
        found = await until(log, has("unsuppressed"))
        await at_rest(progress)
    assert await told(log) == found
    own = [one for one in found if one.alarm == ALARM]
    assert [one.number for one in own] == list(range(1, len(own) + 1))
    assert {"raised", "suppressed", "acknowledged", "unsuppressed"} == {one.event for one in own}
    assert (await kept(log))[ALARM].state == "acknowledged"
