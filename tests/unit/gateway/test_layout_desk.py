"""The desk of layouts on a log in trouble: what stands was decided by somebody on record."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from dqmstream.clock import SettableClock, SystemClock
from dqmstream.histograms.layout import Layout as BufferLayout
from dqmstream.layouts.layout import Cell, Layout, Tab
from dqmstream.layouts.versions import LayoutVersions
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.messages.operations import Command
from dqmstream.messages.topics import COMMANDS, CONFIGURATION
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log
from dqmstream.transport.memory import MemoryLog
from services.gateway.layout_desk import LayoutDesk
from services.gateway.problems import ProblemError
from tests.filled import make_topics
from tests.late_log import LateLog
from tests.troubled_log import TroubledLog

NAME = "Shift/Pixel"


async def nothing_booked() -> Sequence[BufferLayout]:
    return ()


def layout(title: str) -> Layout:
    return Layout(name=NAME, title=title, tabs=(Tab(name="all", cells=(Cell(paths=("a/b",)),)),))


async def until_it_is_done(change: Callable[[], Awaitable[object]]) -> None:
    """As somebody who asks again until the answer is another one than 503."""
    while True:
        try:
            await change()
        except ProblemError as problem:
            if problem.status == 503:
                continue
        return


@asynccontextmanager
async def late_desk() -> AsyncIterator[tuple[MemoryLog, LateLog, LayoutDesk]]:
    clock = SystemClock()
    memory = MemoryLog(clock)
    await make_topics(memory, 1)
    late = LateLog(memory)
    desk = LayoutDesk(late, clock, nothing_booked)  # type: ignore[arg-type]
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(desk.run())
        yield memory, late, desk
        running.cancel()


async def standing_versions(log: Log) -> list[tuple[int, str]]:
    """As every reader folds the topic."""
    versions = LayoutVersions()
    async for record in read_to_end(log, CONFIGURATION):
        if record.value is None:
            versions.drop((record.key or b"").decode())
        elif isinstance(found := CODEC.decode(record.headers, record.value), ConfigurationVersion):
            versions.take(found)
    return [(one.number, one.who) for one in versions.of(NAME)]


async def test_what_is_asked_again_after_an_answer_that_came_late_is_done() -> None:
    """A layout that is put, changed, deleted and restored, each asked for twice: no version is
    told of that its own asker wrote, and each stands once."""
    async with late_desk() as (memory, late, desk):
        changes: list[Callable[[], Awaitable[object]]] = [
            lambda: desk.put(layout("one"), based_on=None, who="ann", why="new"),
            lambda: desk.put(layout("two"), based_on=1, who="ann", why="better"),
            lambda: desk.delete(NAME, based_on=2, who="ann", why="unused"),
            lambda: desk.restore(NAME, 1, who="ann", why="after all"),
        ]
        for number, change in enumerate(changes, 1):
            late.is_late = True
            with pytest.raises(ProblemError) as problem:
                await change()
            assert problem.value.status == 503
            await change()
            assert await desk.number(NAME) == number
        found = await desk.put(layout("five"), based_on=4, who="bob", why="next")
        assert found.number == 5
        assert await standing_versions(memory) == [(n, "ann") for n in range(1, 5)] + [(5, "bob")]
        # The records of those that were second are gone.
        keys = Counter[bytes | None]()
        async for record in read_to_end(memory, CONFIGURATION):
            keys[record.key] += 1 if record.value is not None else -1
        assert sum(keys.values()) == 5


@pytest.mark.parametrize(
    ("who", "title"), [("bob", "one"), ("ann", "another")], ids=["another person", "another text"]
)
async def test_another_change_than_the_one_that_came_late_is_told_who_was_first(
    who: str, title: str
) -> None:
    async with late_desk() as (_, late, desk):
        late.is_late = True
        with pytest.raises(ProblemError):
            await desk.put(layout("one"), based_on=None, who="ann", why="new")
        with pytest.raises(ProblemError) as problem:
            await desk.put(layout(title), based_on=None, who=who, why="new")
        assert problem.value.status == 409
        assert (await desk.show(NAME, None)).layout.title == "one"


async def on_topic(log: Log, topic: str) -> list[object]:
    return [
        CODEC.decode(record.headers, record.value)
        async for record in read_to_end(log, topic)
        if record.value is not None
    ]


@pytest.mark.parametrize("seed", range(8))
async def test_no_version_stands_without_who_decided_wherever_the_log_died(seed: int) -> None:
    clock = SettableClock(1_700_000_000_000_000_000)
    memory = MemoryLog(clock)
    await make_topics(memory, 1)
    troubled = TroubledLog(memory, trouble=0.5, seed=seed)
    desk = LayoutDesk(troubled, clock, nothing_booked)  # type: ignore[arg-type]

    def changes() -> list[Callable[[], Awaitable[object]]]:
        def put(title: str, based_on: int | None) -> Callable[[], Awaitable[object]]:
            return lambda: desk.put(layout(title), based_on=based_on, who="ann", why="better")

        return [
            put("one", None),
            put("two", 1),
            lambda: desk.delete(NAME, based_on=2, who="ann", why="unused"),
            lambda: desk.restore(NAME, 1, who="ann", why="after all"),
        ]

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(desk.run())
        for number, change in enumerate(changes(), 1):
            await until_it_is_done(change)
            assert await desk.number(NAME) == number
        running.cancel()
    assert troubled.failures.total() > 0
    # Asked again, what was written already is written once more, under the same key.
    versions = {
        (one.kind, one.number, one.hash)
        for one in await on_topic(memory, CONFIGURATION)
        if isinstance(one, ConfigurationVersion)
    }
    decided = {
        (
            one.subject.removeprefix("configuration/"),
            int(one.arguments["number"]),
            one.arguments["hash"],
        ): one
        for one in await on_topic(memory, COMMANDS)
        if isinstance(one, Command)
    }
    assert len(versions) == 4
    assert versions <= set(decided)
    assert [decided[one].action for one in sorted(versions)] == ["put", "put", "delete", "restore"]
