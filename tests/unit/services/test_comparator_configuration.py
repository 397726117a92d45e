"""Quality tests activated on the log: judged by from the next LS on, without a restart."""

import asyncio

from dqmstream.configuration.history import QUALITY_TESTS, History
from dqmstream.messages.quality import Outcome
from dqmstream.messages.topics import COMMANDS, QUALITY
from dqmstream.transport.memory import MemoryLog
from services.configuration.known import version_records
from tests.unit.quality.test_comparator_service import comparator, log, piece, read_all, sets

__all__ = ["log"]

TEXT = '[[quality_test]]\nname = "{name}"\nalgorithm = "DeadChannel"\npath = "me"\n'
WITH_PLUG_IN = '[[quality_test]]\nname = "x"\nalgorithm = "NotInstalled"\npath = "me"\n'


class Desk:
    """Puts versions on the log, as a gateway does."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.history = History(QUALITY_TESTS)

    async def activate(self, text: str) -> None:
        await self.send(self.history.next_version(text, who="e", why="w", when=1), "activate")

    async def roll_back(self) -> None:
        await self.send(self.history.rolled_back(who="e", why="w", when=1), "rollback")

    async def send(self, version, action: str) -> None:
        await self.log.send(version_records(version, action))
        self.history.take(version)


async def judged(log: MemoryLog, count: int) -> dict[int, tuple[str, str]]:
    """By LS: which test judged it, and the hash of the tests then in force."""
    return {
        one.lumisection: (one.reports[0].qtname, one.configuration)
        for one in await read_all(log, QUALITY, count)
        if one.scope == "lumisection"
    }


async def test_what_is_activated_judges_from_the_next_lumisection_on(log: MemoryLog) -> None:
    desk = Desk(log)
    async with comparator(log):
        await log.send(sets(piece(1)))
        await judged(log, 2)
        await desk.activate(TEXT.format(name="new"))
        await asyncio.sleep(0)
        await log.send(sets(piece(2)))
        await judged(log, 3)
        await desk.activate(WITH_PLUG_IN)
        await log.send(sets(piece(3)))
        await judged(log, 4)
        await desk.roll_back()
        await desk.activate(TEXT.format(name="newer"))
        await log.send(sets(piece(4)))
        await judged(log, 5)
        for _ in range(2):
            await desk.roll_back()
        await log.send(sets(piece(5)))
        found = await judged(log, 7)
    names = {number: name for number, (name, _) in found.items()}
    # What cannot be read changes nothing; the last rollback is to what it was started with.
    assert names == {1: "dead", 2: "new", 3: "new", 4: "newer", 5: "dead"}
    hashes = {number: configuration for number, (_, configuration) in found.items()}
    assert hashes[2] == hashes[3]
    assert hashes[1] == hashes[5]
    assert len(set(hashes.values())) == 3
    actions = [one.action for one in await read_all(log, COMMANDS, 6)]
    assert actions == ["activate", "activate", "rollback", "activate", "rollback", "rollback"]


async def test_a_restart_judges_by_what_was_activated_before_it(log: MemoryLog) -> None:
    await Desk(log).activate(TEXT.format(name="new"))
    async with comparator(log):
        await log.send(sets(piece(1, counts=(0,) * 9)))
        (reports,) = await read_all(log, QUALITY, 1)
    assert [one.qtname for one in reports.reports] == ["new"]
    assert reports.reports[0].outcome is Outcome.INSUFFICIENT


async def test_a_version_that_cannot_be_read_leaves_what_it_was_started_with(
    log: MemoryLog,
) -> None:
    await Desk(log).activate(WITH_PLUG_IN)
    async with comparator(log):
        await log.send(sets(piece(1)))
        assert (await judged(log, 2))[1][0] == "dead"
