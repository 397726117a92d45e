"""The desk of versions, where another gateway writes the same number at the same moment."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from dqmstream.alarms.rules import AlarmRules, read_rules
from dqmstream.clock import SettableClock
from dqmstream.configuration.history import ALARM_RULES, History
from dqmstream.messages.topics import CONFIGURATION
from dqmstream.transport.log import Outgoing
from dqmstream.transport.memory import MemoryLog
from services.configuration.known import version_records
from services.gateway.problems import ProblemError
from services.gateway.version_desk import VersionDesk
from tests.filled import make_topics

NOW = 1_700_000_000_000_000_000
OURS, THEIRS = "flood_seconds = 60.0", "flood_seconds = 120.0"


class OvertakenLog(MemoryLog):
    """A log on which another gateway's record comes just before the first version of ours."""

    overtaking: Sequence[Outgoing] = ()

    async def send(self, messages: Sequence[Outgoing]) -> list[int]:
        if messages[0].topic == CONFIGURATION:
            first, self.overtaking = self.overtaking, ()
            await super().send(first)
        return await super().send(messages)


@asynccontextmanager
async def desk_on(log: MemoryLog, clock: SettableClock) -> AsyncIterator[VersionDesk[AlarmRules]]:
    desk = VersionDesk(log, ALARM_RULES, read_rules, clock)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(desk.run())
        yield desk
        running.cancel()


@pytest.mark.parametrize("later", [1, -1])
async def test_whose_version_does_not_stand_is_told_so(later: int) -> None:
    """Of two versions of one number the later one is in force, wherever they stand in the log."""
    clock = SettableClock(NOW)
    log = OvertakenLog(clock)
    await make_topics(log, 1)
    history = History(ALARM_RULES)
    theirs = history.next_version(THEIRS, who="eve", why="a flood", when=NOW + later)
    log.overtaking = version_records(theirs, "activate")[-1:]
    async with asyncio.timeout(60), desk_on(log, clock) as desk:
        if later > 0:
            with pytest.raises(
                ProblemError, match=r"eve .* version 1 in force .* a flood"
            ) as found:
                await desk.activate(OURS, "adam", "too many")
            assert found.value.status == 409
        else:
            await desk.activate(OURS, "adam", "too many")
        active = (await desk.history()).active
        assert active is not None
        assert active.text == (THEIRS if later > 0 else OURS)
