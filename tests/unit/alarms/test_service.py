"""The service of alarms on a log: nothing twice, nothing lost, whenever it dies."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from dqmstream.alarms.rules import AlarmRules
from dqmstream.clock import SettableClock
from dqmstream.configuration.history import QUALITY_TESTS, History
from dqmstream.errors import LogError
from dqmstream.messages.alarms import AlarmCondition, AlarmState, AlarmTransition
from dqmstream.messages.events import RunEnd, RunStart
from dqmstream.messages.operations import Command, Heartbeat
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import (
    ALARM_STATE,
    ALARMS,
    COMMANDS,
    CONDITIONS,
    HEARTBEATS,
    QUALITY,
)
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import latest_by_key, read_to_end
from dqmstream.transport.embedded import EmbeddedLog, EmbeddedSettings
from dqmstream.transport.log import Log, Outgoing
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.outgoing import outgoing
from services.alarms.progress import AlarmsProgress
from services.alarms.service import AlarmsSettings, run_alarms
from services.configuration.known import version_records
from tests.filled import make_topics
from tests.unit.alarms.told import ALARM, command, declared, report, reports

TESTS = declared("bad = 1, of = 1, good = 1, latch = true")
TOPICS = {Command: COMMANDS, Heartbeat: HEARTBEATS, AlarmCondition: HEARTBEATS}
QUICK = AlarmsSettings(patience=0.01, checkpoint_interval=0.0, look_interval=0.0)


async def send(log: Log, *messages: Message) -> None:
    """Messages on the topics where they belong."""
    for message in messages:
        topic = TOPICS.get(type(message), QUALITY)  # type: ignore[arg-type]
        if isinstance(message, RunStart | RunEnd):
            topic = CONDITIONS
        await log.send([outgoing(topic, 0, message, b"key")])


@asynccontextmanager
async def alarms(
    log: Log, clock: SettableClock, *, member: str = "a", settings: AlarmsSettings = QUICK
) -> AsyncIterator[AlarmsProgress]:
    """A service that is ready."""
    progress, ready = AlarmsProgress(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        running = run_alarms(
            log,
            AlarmRules(),
            TESTS,
            clock=clock,
            ready=ready.set,
            member=member,
            settings=settings,
            progress=progress,
        )
        task = tasks.create_task(running)
        await ready.wait()
        yield progress
        task.cancel()


async def told(log: Log) -> list[AlarmTransition]:
    """All that is on `dqm.alarms`."""
    found = []
    async for record in read_to_end(log, ALARMS):
        message = CODEC.decode(record.headers, record.value)
        assert isinstance(message, AlarmTransition)
        found.append(message)
    return found


async def until(log: Log, enough: Callable[[list[AlarmTransition]], bool]) -> list[AlarmTransition]:
    """What is on `dqm.alarms` once it is enough."""
    while not enough(found := await told(log)):  # noqa: ASYNC110 the log tells nobody
        await asyncio.sleep(0.01)
    return found


async def taken(progress: AlarmsProgress, records: int) -> None:
    """Wait until so many records were taken, and time was noticed since."""
    while progress.records < records:  # noqa: ASYNC110 counts tell nobody
        await asyncio.sleep(0.01)
    turns = progress.turns
    while progress.turns < turns + 2:  # noqa: ASYNC110 as above
        await asyncio.sleep(0.01)


async def at_rest(progress: AlarmsProgress) -> None:
    """Wait until it has looked often enough to have taken all there is, if it lives so long."""
    turns = progress.turns
    while progress.turns < turns + 8:  # noqa: ASYNC110 counts tell nobody
        await asyncio.sleep(0.005)


def steps(found: Sequence[AlarmTransition], alarm: str = ALARM) -> list[str]:
    """Events of one alarm."""
    return [one.event for one in found if one.alarm == alarm]


async def kept(log: Log) -> dict[str, AlarmState]:
    """What is on `dqm.alarm-state`."""
    table = await latest_by_key(log, ALARM_STATE)
    states = [CODEC.decode(one.headers, one.value) for one in table.values()]
    return {one.alarm: one for one in states if isinstance(one, AlarmState)}


@pytest.fixture
async def memory() -> tuple[MemoryLog, SettableClock]:
    """A log and the clock it goes by."""
    clock = SettableClock()
    log = MemoryLog(clock)
    await make_topics(log, 1)
    return log, clock


Memory = tuple[MemoryLog, SettableClock]


async def test_an_alarm_is_raised_acknowledged_and_gone(memory: Memory) -> None:
    log, clock = memory
    async with alarms(log, clock):
        await send(log, reports(1, outcome="BAD"))
        await until(log, lambda found: "raised" in steps(found))
        await send(log, command("acknowledge", who="ada", why="known"))
        await until(log, lambda found: "acknowledged" in steps(found))
        await send(log, reports(2, outcome="GOOD"))
        found = await until(log, lambda found: "normal" in steps(found))
    assert [(one.event, one.who, one.number) for one in found] == [
        ("raised", "alarms", 1),
        ("acknowledged", "ada", 2),
        ("normal", "alarms", 3),
    ]
    assert found[0].cause == f"{QUALITY}/0@0"


async def test_a_restart_tells_nothing_again_and_loses_nothing(memory: Memory) -> None:
    log, clock = memory
    async with alarms(log, clock):
        await send(log, reports(1, outcome="BAD"))
        await until(log, lambda found: "raised" in steps(found))
    await send(log, command("acknowledge"), reports(2, outcome="GOOD"))
    async with alarms(log, clock):
        found = await until(log, lambda found: "normal" in steps(found) or len(found) > 2)
        await asyncio.sleep(0.1)
    # What people said comes after the reports that were there: both ends are the same.
    assert steps(found) in (
        ["raised", "acknowledged", "normal"],
        ["raised", "returned", "acknowledged"],
    )
    async with alarms(log, clock):
        await asyncio.sleep(0.1)
    assert await told(log) == found
    assert (await kept(log))[ALARM].life == "normal"


class Broken:
    """A log that refuses for good after so many sends; `after`: once it has written."""

    def __init__(self, log: Log, sends: int, *, after: bool) -> None:
        self._log, self._left, self._after = log, sends, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def send(self, messages: Sequence[Outgoing]) -> list[int]:
        self._left -= 1
        if self._left < 0 and not self._after:
            msg = "this log is broken"
            raise LogError(msg)
        offsets = await self._log.send(messages)
        if self._left < 0:
            msg = "this log is broken"
            raise LogError(msg)
        return offsets


STORY: tuple[Message, ...] = (
    reports(1, report("BAD"), report("BAD", "Muon/eta"), report("ERROR", "Muon/phi", "other")),
    command("acknowledge"),
    reports(2, report("GOOD"), report("GOOD", "Muon/eta"), report("GOOD", "Muon/phi", "other")),
    reports(3, report("BAD"), report("BAD", "Muon/phi", "other")),
    command("acknowledge", "quality:Muon/*:spectrum"),
)


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("rarely", [True, False])
async def test_whenever_it_dies_each_step_is_told_once_and_without_a_gap(
    memory: Memory, after: bool, rarely: bool
) -> None:
    """It dies at each of its sends, one life after the other; checkpoints often or never."""
    log, clock = memory
    settings = AlarmsSettings(patience=0.005, checkpoint_interval=1e9 if rarely else 0.0)
    for message in STORY:
        await send(log, message)
        clock.advance(1)
        for sends in (0, 1, 2, 3):
            broken: Any = Broken(log, sends, after=after)
            with suppress(ExceptionGroup):
                async with alarms(broken, clock, settings=settings) as progress:
                    await at_rest(progress)
    async with alarms(log, clock, settings=settings) as progress:
        found = await until(log, lambda found: _whole(found, 4))
        await at_rest(progress)
    assert await told(log) == found
    states = await kept(log)
    for alarm, state in states.items():
        own = [one for one in found if one.alarm == alarm]
        assert [one.number for one in own] == list(range(1, state.number + 1))
        assert [one.before for one in own] == ["normal", *(one.after for one in own[:-1])]
        assert own[-1].after == state.state
    assert states[ALARM].life == "acknowledged"
    assert states["quality:Muon/eta:spectrum"].life == "normal"


def _whole(found: Sequence[AlarmTransition], alarms_there: int) -> bool:
    """Whether the story is over."""
    return (
        len({one.alarm for one in found}) >= alarms_there
        and steps(found)[-1:] == ["acknowledged"]
        and steps(found).count("raised") == 2
    )


async def test_alarms_go_by_the_quality_tests_that_are_activated(memory: Memory) -> None:
    """By none as long as they ask for more than there was; those of tests that are gone end."""
    log, clock = memory
    history = History(QUALITY_TESTS)
    text = (
        '[[quality_test]]\nname = "spectrum"\nalgorithm = "ContentsXRange"\npath = "**"\n'
        "parameters = {{ xmin = 0.0 }}\n"
        "alarm = {{ bad = {bad}, of = 3, good = 1, latch = false }}\n"
    )

    async def activate(toml: str) -> None:
        version = history.next_version(toml, who="ada", why="tuned", when=1)
        await log.send(version_records(version, "activate"))
        history.take(version)

    async with alarms(log, clock) as progress:
        await taken(progress, 0)
        await activate(text.format(bad=3))
        await taken(progress, 0)
        await send(log, reports(1, outcome="BAD"))
        await taken(progress, 1)
        assert "raised" not in steps(await told(log))
        await activate(text.format(bad=2))
        await taken(progress, 1)
        await send(log, reports(2, outcome="BAD"))
        await until(log, lambda found: "raised" in steps(found))
        await activate(text.format(bad=2).replace('"spectrum"', '"another"'))
        found = await until(log, lambda found: len(steps(found)) > 2)
    assert steps(found) == ["pending", "raised", "normal"]
    assert "no longer declared" in found[-1].why


async def test_another_process_takes_over(memory: Memory) -> None:
    log, clock = memory
    async with alarms(log, clock, member="b") as second:
        async with alarms(log, clock, member="a") as first:
            await send(log, reports(1, outcome="BAD"))
            await until(log, lambda found: "raised" in steps(found))
            # One may have told it just before it made way for the other.
            while not first.leads + second.leads:  # noqa: ASYNC110 counts tell nobody
                await asyncio.sleep(0.01)
            assert first.leads + second.leads == 1
        await send(log, reports(2, outcome="GOOD"))
        found = await until(log, lambda found: "returned" in steps(found))
        assert second.leads == 1
    assert [one.number for one in found] == [1, 2]


async def test_what_is_compacted_leaves_no_ghost(tmp_path: Path) -> None:
    """After compaction the states are those of before, and an alarm that is gone stays so."""
    clock = SettableClock()
    settings = EmbeddedSettings(segment_bytes=4096, maintenance_seconds=1000)
    async with EmbeddedLog.open(tmp_path, clock=clock, settings=settings) as log:
        await make_topics(log, 1)
        async with alarms(log, clock) as progress:
            for lumisection in range(1, 30):
                outcome = "BAD" if lumisection % 2 else "GOOD"
                await send(log, reports(lumisection, outcome=outcome))
                await send(log, command("acknowledge"))
            await taken(progress, 2 * 29)
        before, found = await kept(log), await told(log)
        await log.maintain(force=True)
        assert await kept(log) == before
        async with alarms(log, clock):
            await asyncio.sleep(0.2)
        assert await told(log) == found
        numbers = [one.number for one in found if one.alarm == ALARM]
        assert numbers == list(range(1, len(numbers) + 1))
        assert steps(found, "flood:alarms") == ["raised"]


# --------------------------------------------------------------------- processes


def beat(clock: SettableClock, service: str = "filler", **more: Any) -> Heartbeat:
    """A heartbeat now."""
    more = {"process": f"{service}-host", "state": "ready", **more}
    return Heartbeat(service=service, when=clock.wall(), **more)


START = RunStart(
    run=5, source="file", incarnation="1", rereadable=True, partitions=1, first_lumisection=1
)
END = RunEnd(
    run=5, source="file", incarnation="1", rereadable=True, partitions=1, last_lumisection=9
)


async def test_a_dead_process_is_an_alarm_until_another_is_there_for_it(memory: Memory) -> None:
    log, clock = memory
    async with alarms(log, clock) as progress:
        await send(log, beat(clock, "recorder"))
        await taken(progress, 1)
        clock.advance(16)
        found = await until(log, lambda found: steps(found, "process:recorder") == ["raised"])
        assert (found[0].audience, found[0].severity) == ("expert", "high")
        await send(log, beat(clock, "recorder", process="another"))
        await until(log, lambda found: steps(found, "process:recorder")[-1:] == ["normal"])


async def test_a_process_that_stops_in_order_calls_nobody(memory: Memory) -> None:
    log, clock = memory
    async with alarms(log, clock) as progress:
        await send(log, beat(clock))
        await send(
            log,
            Heartbeat(process="filler-host", service="filler", state="stopping", when=clock.wall()),
        )
        clock.advance(60)
        await taken(progress, 2)
        await asyncio.sleep(0.1)
    assert await told(log) == []


async def test_a_missing_source_and_a_run_without_events_are_alarms(memory: Memory) -> None:
    log, clock = memory
    async with alarms(log, clock) as progress:
        await send(log, START, beat(clock, counts={"events": 10}, missing=("halo",)))
        await until(log, lambda found: steps(found, "source:halo") == ["raised"])
        for beats in range(10):
            clock.advance(10)
            await send(log, beat(clock, counts={"events": 10}))
            await taken(progress, beats + 3)
        await until(log, lambda found: steps(found, "stream:events") == ["raised"])
        await send(log, beat(clock, counts={"events": 11}))
        found = await until(log, lambda found: steps(found, "stream:events")[-1:] == ["normal"])
    assert steps(found, "source:halo") == ["raised", "normal"]


async def test_a_reader_that_does_not_keep_up_is_an_alarm(memory: Memory) -> None:
    log, clock = memory
    await send(log, reports(1, outcome="GOOD"), reports(2, outcome="GOOD"))
    async with alarms(log, clock) as progress:
        for beats in range(10):
            clock.advance(10)
            await send(log, beat(clock, "recorder", positions={f"{QUALITY}/0": 1}))
            await taken(progress, beats + 3)
        await until(log, lambda found: steps(found, "lag:recorder") == ["raised"])
        await send(log, beat(clock, "recorder", positions={f"{QUALITY}/0": 2}))
        await until(log, lambda found: steps(found, "lag:recorder")[-1:] == ["normal"])


async def test_what_was_not_read_while_all_was_stopped_in_order_is_no_lag(memory: Memory) -> None:
    log, clock = memory
    await send(log, reports(1, outcome="GOOD"), reports(2, outcome="GOOD"))
    async with alarms(log, clock) as progress:
        await send(log, beat(clock, "recorder", positions={f"{QUALITY}/0": 1}))
        await taken(progress, 3)
        await send(log, beat(clock, "recorder", state="stopping"))
    clock.advance(600)
    async with alarms(log, clock) as progress:
        await send(log, beat(clock, "recorder", process="next", positions={f"{QUALITY}/0": 1}))
        await taken(progress, 2)
        assert await told(log) == []
        for beats in range(10):
            clock.advance(10)
            last = beat(clock, "recorder", process="next", positions={f"{QUALITY}/0": 1})
            await send(log, last)
            await taken(progress, beats + 3)
        await until(log, lambda found: steps(found, "lag:recorder") == ["raised"])


async def test_a_reader_that_went_on_while_nobody_looked_does_not_lag(memory: Memory) -> None:
    log, clock = memory
    await send(log, reports(1, outcome="GOOD"), reports(2, outcome="GOOD"))
    async with alarms(log, clock) as progress:
        await send(log, beat(clock, "recorder", positions={f"{QUALITY}/0": 1}))
        await taken(progress, 3)
    for _ in range(60):
        clock.advance(10)
        await send(log, beat(clock, "recorder", positions={f"{QUALITY}/0": 2}))
    async with alarms(log, clock) as progress:
        await taken(progress, 60)
    assert await told(log) == []


async def test_an_alarm_is_stale_when_reports_stop_while_the_run_goes_on(memory: Memory) -> None:
    log, clock = memory
    async with alarms(log, clock) as progress:
        await send(log, START, reports(1, outcome="BAD", run=5))
        await until(log, lambda found: "raised" in steps(found))
        await taken(progress, 2)
        clock.advance(181)
        found = await until(log, lambda found: "stale" in steps(found))
        assert steps(found, "reports:Muon") == ["raised"]
        assert "stale" in (await kept(log))[ALARM].flags
        await send(log, END)
        await until(log, lambda found: steps(found)[-1] == "fresh")


async def test_what_a_service_says_of_itself_is_an_alarm(memory: Memory) -> None:
    log, clock = memory

    def said(active: bool) -> AlarmCondition:
        return AlarmCondition(
            subject="channel/mail",
            active=active,
            why="no answer",
            process="n",
            service="notifier",
            when=clock.wall(),
            severity="high",
            action="Ring the expert.",
        )

    async with alarms(log, clock):
        await send(log, said(active=True))
        found = await until(log, lambda found: len(found) == 1)
        await send(log, said(active=False))
        await until(log, lambda found: len(found) == 2)
    assert (found[0].alarm, found[0].severity) == ("condition:channel/mail", "high")
    assert found[0].action == "Ring the expert."


async def test_records_that_cannot_be_read_stop_nothing(memory: Memory) -> None:
    log, clock = memory
    async with alarms(log, clock) as progress:
        for topic in (QUALITY, COMMANDS, HEARTBEATS):
            await log.send(
                [Outgoing(topic=topic, partition=0, key=b"k", value=b"\xff", headers=())]
            )
        await send(log, reports(1, outcome="BAD"))
        await until(log, lambda found: "raised" in steps(found))
        await taken(progress, 4)
    assert progress.refused["no_type"] == 3
