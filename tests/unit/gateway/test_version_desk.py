"""The desk of versions: another gateway writes the same number at the same moment, and a log whose
answers are lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from dqmstream.alarms.rules import AlarmRules, read_rules
from dqmstream.clock import SettableClock
from dqmstream.configuration.history import ALARM_RULES, History
from dqmstream.errors import LogUnavailableError
from dqmstream.messages.configuration import ConfigurationVersion
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


class UnheardLog(MemoryLog):
    """A log that takes what comes; while it `is_unheard`, nobody is told that it has a version."""

    is_unheard = False

    async def send(self, messages: Sequence[Outgoing]) -> list[int]:
        offsets = await super().send(messages)
        if self.is_unheard and messages[0].topic == CONFIGURATION:
            self.is_unheard = False
            msg = "no answer"
            raise LogUnavailableError(msg)
        return offsets


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


async def test_what_is_sent_again_after_a_lost_answer_is_one_version() -> None:
    """Nobody but who decided it is answered with it, and going back is never done twice unasked."""
    clock = SettableClock(NOW)
    log = UnheardLog(clock)
    await make_topics(log, 1)
    async with asyncio.timeout(60), desk_on(log, clock) as desk:
        decisions: list[Callable[[], Awaitable[ConfigurationVersion]]] = [
            lambda: desk.activate(OURS, "adam", "too many"),
            lambda: desk.activate(THEIRS, "eve", "a flood"),
            lambda: desk.roll_back(1, "adam", "no flood"),
            lambda: desk.roll_back(0, "adam", "no alarms"),
        ]
        for number, decide in enumerate(decisions, 1):
            clock.advance(1)
            log.is_unheard = True
            with pytest.raises(ProblemError, match="ask again, that harms nothing") as problem:
                await decide()
            assert problem.value.status == 503
            clock.advance(1)
            assert (await decide()).number == number
        await desk.activate(OURS, "adam", "too many")
        with pytest.raises(ProblemError, match="version 5 in force says the same"):
            await desk.activate(OURS, "eve", "too many")
        log.is_unheard = True
        with pytest.raises(ProblemError, match="look which version is in force") as problem:
            await desk.roll_back(None, "adam", "back")
        assert problem.value.status == 503
        # Sent again before the first was read, it has the same number, and says the same.
        said = {(one.number, one.text, one.who, one.why) for one in (await desk.history()).versions}
        assert sorted(number for number, *_ in said) == [1, 2, 3, 4, 5, 6]
