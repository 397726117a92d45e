"""Posted workspaces on real parts: the gateway's desk writes, fillers of two processes follow."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, NamedTuple

import numpy as np
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.booking.columns import encode_batch
from dqmstream.booking_set import LayoutShelf
from dqmstream.clock import SystemClock
from dqmstream.errors import LogUnavailableError
from dqmstream.fold.merge import Merger
from dqmstream.identity import event_partition
from dqmstream.messages.booking import Booking
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.messages.events import Chunk, EventBatch, LumisectionEnd, RunClose, RunEnd, RunStart
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.operations import Command, OpenLumisection
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import (
    BOOKINGS,
    COMMANDS,
    CONDITIONS,
    CONFIGURATION,
    EVENTS,
    HISTOGRAMS,
)
from dqmstream.messages.wire import CODEC
from dqmstream.producing.batches import as_batch
from dqmstream.testing import fill
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log, Outgoing
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.outgoing import outgoing
from dqmstream.workspaces.toml import booking_of
from services.filler.progress import Tally
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.posted_desk import PostedDesk
from services.gateway.problems import ProblemError
from services.monitoring.health import Health
from services.monitoring.heartbeat import standing_of
from services.monitoring.metrics import ProcessMetrics
from services.processes import posted
from services.processes.posted import PostedFilling
from services.processes.posted_progress import GroupProgress, PostedProgress
from services.processes.process import Process
from services.settings import Settings
from services.workspaces.known import KnownWorkspaces
from services.workspaces.limits import COST, PostedLimits
from tests.filled import make_topics

# Longer than the facts are waited for that one test needs.
pytestmark = pytest.mark.timeout(400)

PARTITIONS = 2
MINE = """
workspace = "mine"
description = "For the test."
[[elements]]
kind = "histogram"
path = "Mine/x"
axes = [{{ type = "regular", bins = {bins}, lower = 0, upper = 1 }}]
fill = "x"
[[elements]]
kind = "scalar"
path = "Mine/n"
value = "1"
combine = "sum"
"""
TEN, TWENTY = MINE.format(bins=10), MINE.format(bins=20)
OTHER = MINE.format(bins=5).replace("mine", "other").replace("Mine", "Other")
SETTINGS = Settings.model_validate({"publish_interval": 0.02, "partitions": PARTITIONS})


as_batch({"x": [0.5]})  # imports what it needs, which would block the loop


class Key(NamedTuple):
    run: int
    lumisection: int
    workspace: str


def events(run: int, lumisection: int, number: int) -> list[float]:
    return list(np.random.default_rng([run, lumisection, number]).random(20))


class Source:
    """A source that plays runs on a log, LS by LS, as a producer would."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def start(self, run: int) -> None:
        message = RunStart(first_lumisection=1, **self._said(run))
        await self._everywhere(message)
        await self._log.send([outgoing(CONDITIONS, 0, message, str(run).encode())])

    async def lumisection(self, run: int, lumisection: int, chunks: int = 4) -> None:
        for number in range(chunks):
            body = encode_batch(as_batch({"x": events(run, lumisection, number)}))
            chunk = Chunk(
                **self._said(run),
                lumisection=lumisection,
                number=number,
                seen=20,
                selected=20,
                dropped=0,
                checksum=body_checksum(body),
            )
            home = event_partition("a", number, PARTITIONS)
            await self._log.send([outgoing(EVENTS, home, EventBatch(chunk=chunk, body=body))])
        counts: dict[str, Any] = {"seen": 20 * chunks, "selected": 20 * chunks, "dropped": 0}
        end = LumisectionEnd(
            **self._said(run), **counts, lumisection=lumisection, chunks=chunks, notes={}
        )
        await self._everywhere(end)

    async def end(self, run: int, last: int) -> None:
        await self._everywhere(RunEnd(**self._said(run), last_lumisection=last))
        await self._everywhere(RunClose(run=run))

    async def play(self, run: int, lumisections: int = 2) -> None:
        await self.start(run)
        for number in range(1, lumisections + 1):
            await self.lumisection(run, number)
        await self.end(run, lumisections)

    async def _everywhere(self, message: Message) -> None:
        await self._log.send([outgoing(EVENTS, p, message) for p in range(PARTITIONS)])

    def _said(self, run: int) -> dict[str, Any]:
        who = {"source": "a", "incarnation": "i", "rereadable": True, "partitions": PARTITIONS}
        return {"run": run, **who}


@asynccontextmanager
async def filling(log: Log, *names: str) -> AsyncIterator[list[PostedFilling]]:
    """Processes of these names that fill what is posted."""
    services = [PostedFilling(SETTINGS) for _ in names]
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(_fill(log, service, name))
            for service, name in zip(services, names, strict=True)
        ]
        yield services
        for task in running:
            task.cancel()


async def _fill(log: Log, service: PostedFilling, name: str) -> None:
    health = Health(SystemClock(), [name])
    process = Process(SETTINGS, SystemClock(), log, health, ProcessMetrics(health))
    process.name = name
    with suppress(asyncio.CancelledError):
        await service.service().start(process, lambda: None)


class Stage:
    """A log with a desk that follows it, and processes that fill."""

    def __init__(self, log: Log, desk: PostedDesk, view: LiveView) -> None:
        self.log = log
        self.desk = desk
        self.view = view
        self.source = Source(log)

    def filling(self, *names: str) -> AbstractAsyncContextManager[list[PostedFilling]]:
        return filling(self.log, *names)

    async def post(self, text: str) -> int:
        version = await self.desk.activate(text, "expert", "for the test", unmeasured=True)
        return version.after_run

    async def closed(self) -> dict[Key, dict[str, Any]]:
        """What merged closed LSs hold, by path; they are all complete."""
        shelf = LayoutShelf()
        merger = Merger(shelf)
        async for record in read_to_end(self.log, BOOKINGS):
            message = CODEC.decode(record.headers, record.value)
            if isinstance(message, Booking):
                shelf.add(message)
        async for record in read_to_end(self.log, HISTOGRAMS):
            piece = CODEC.decode(record.headers, record.value)
            assert isinstance(piece, HistogramSet)
            merger.apply(piece)
        found: dict[Key, dict[str, Any]] = {}
        for key in list(merger.keys()):
            merged = merger.merged(key)
            if not merged.closed:
                continue
            assert merged.complete, (key, merged.account)
            place = Key(key.run, key.lumisection, key.workspace)
            assert place not in found, "two sets have filled one LS"
            cells = merged.contents.cells.tolist()
            found[place] = {"cells": cells, "bins": len(cells) - 4}
        return found

    async def until(self, *keys: Key) -> dict[Key, dict[str, Any]]:
        """Once these are closed: all that is."""
        async with asyncio.timeout(120):
            while not set(keys) <= (found := await self.closed()).keys():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return found


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    log = MemoryLog(SystemClock())
    await make_topics(log, PARTITIONS)
    view = LiveView()
    async with Desk.open() as desk, asyncio.TaskGroup() as tasks:
        posting = PostedDesk(log, SystemClock(), view, desk, PostedLimits())
        following = tasks.create_task(posting.run())
        yield Stage(log, posting, view)
        following.cancel()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is over is looked for at each look."""
    monkeypatch.setattr(posted, "_OVER_INTERVAL", 0.0)
    monkeypatch.setattr(posted, "_LOOK", 0.05)


async def truth(text: str, key: Key) -> list[int]:
    """Cells of a batch fill of the events of an LS."""
    return await asyncio.to_thread(_truth, text, key)


def _truth(text: str, key: Key) -> list[int]:
    booking = booking_of(text, "the truth")
    chunks = [{"x": events(key.run, key.lumisection, number)} for number in range(4)]
    element = fill(booking, *chunks)["Mine/x" if key.workspace == "mine" else "Other/x"]
    return [*(int(one) for one in element.counts(flow=True)), element.nan, element.outside]


def keys(run: int, workspace: str = "mine") -> list[Key]:
    return [Key(run, number, workspace) for number in (1, 2)]


async def test_it_is_filled_from_the_next_run_on_and_not_in_the_one_after_a_rollback(
    stage: Stage,
) -> None:
    """Posted during run 1: all of run 2 and nothing else, bin by bin, by two processes."""
    async with stage.filling("a", "b"):
        await stage.source.start(1)
        await stage.source.lumisection(1, 1)
        assert await stage.post(TEN) == 1
        await stage.source.lumisection(1, 2)
        await stage.source.end(1, 2)
        await stage.source.start(2)
        await stage.source.lumisection(2, 1)
        back = await stage.desk.roll_back("mine", None, "expert", "not needed")
        assert (back.after_run, back.restores) == (2, 0)
        await stage.source.lumisection(2, 2)
        await stage.source.end(2, 2)
        await stage.source.play(3)
        await stage.post(OTHER)
        await stage.source.play(4)
        found = await stage.until(*keys(2), *keys(4, "other"))
    assert found.keys() == {*keys(2), *keys(4, "other")}
    written = [record.key async for record in read_to_end(stage.log, CONFIGURATION)]
    # Compaction, which keeps the last record of a key, can move none of them.
    assert len(set(written)) == len(written) > 3
    for key, contents in found.items():
        assert contents["cells"] == await truth(TEN if key.run == 2 else OTHER, key), key


async def test_a_run_never_mixes_two_versions(stage: Stage) -> None:
    """Changed in run 2, several times over: run 2 has the old bins, run 3 the last new ones."""
    await stage.source.play(1)
    await stage.post(TEN)
    async with stage.filling("a", "b"):
        await stage.source.start(2)
        await stage.source.lumisection(2, 1)
        await stage.post(OTHER)
        await stage.post(MINE.format(bins=15))
        await stage.post(TWENTY)
        await stage.source.lumisection(2, 2)
        await stage.source.end(2, 2)
        await stage.source.play(3)
        found = await stage.until(*keys(2), *keys(3), *keys(3, "other"))
    assert found.keys() == {*keys(2), *keys(3), *keys(3, "other")}
    bins = {(key.run, key.workspace): contents["bins"] for key, contents in found.items()}
    assert bins == {(2, "mine"): 10, (3, "mine"): 20, (3, "other"): 5}
    for key in keys(2):
        assert found[key]["cells"] == await truth(TEN, key)
    for key in keys(3):
        assert found[key]["cells"] == await truth(TWENTY, key)


async def test_fillers_that_come_late_fill_what_was_posted_for_each_run(stage: Stage) -> None:
    """Nobody filled while three runs were played: each has what held when it began."""
    await stage.source.play(1)
    await stage.post(TEN)
    await stage.source.play(2)
    await stage.post(TWENTY)
    await stage.source.play(3)
    async with stage.filling("late"):
        found = await stage.until(*keys(2), *keys(3))
    assert found.keys() == {*keys(2), *keys(3)}
    for key, contents in found.items():
        assert contents["cells"] == await truth(TEN if key.run == 2 else TWENTY, key), key


async def test_a_process_that_goes_on_for_another_finds_the_same(stage: Stage) -> None:
    await stage.source.play(1)
    await stage.post(TEN)
    async with stage.filling("first"):
        await stage.source.start(2)
        await stage.source.lumisection(2, 1)
        await stage.until(Key(2, 1, "mine"))
    await stage.post(TWENTY)
    await stage.source.lumisection(2, 2)
    await stage.source.end(2, 2)
    await stage.source.play(3)
    async with stage.filling("second"):
        found = await stage.until(*keys(2), *keys(3))
    for key, contents in found.items():
        assert contents["cells"] == await truth(TEN if key.run == 2 else TWENTY, key), key


async def test_the_group_of_a_version_ends_once_its_runs_are_filled(stage: Stage) -> None:
    await stage.source.play(1)
    await stage.post(TEN)
    async with stage.filling("a") as [service]:
        await stage.source.play(2)
        await stage.until(*keys(2))
        await stage.post(TWENTY)
        await stage.source.play(3)
        await stage.until(*keys(3))
        progress: Any = service.service().progress
        async with asyncio.timeout(120):
            # The first look after the end of the one need not have all of the other.
            while (progress.groups, progress.events) != (1, 320) or progress.run != 3:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert (progress.generation, progress.workspaces) == (2, 1)
        group = progress.by_generation[2]
        assert (group.events, group.run) == (160, 3)
        # What the ended one filled stays counted, in heartbeats too.
        assert standing_of(progress).counts["events"] == 320
        assert group.fill_seconds["mine"] > 0


def test_what_a_group_held_is_not_told_any_more_once_it_has_ended() -> None:
    place = (EVENTS, 0)
    left = OpenLumisection(run=2, lumisection=1, segment=0, partition=0)
    group = GroupProgress(buffers={"mine": 8}, positions={place: 7}, open=(left,), run=2)
    progress = PostedProgress()
    progress.gather(None, {1: group})
    assert (progress.buffers, progress.positions, progress.open) == (
        {"mine": 8},
        {place: 7},
        (left,),
    )
    progress.gather(None, {})
    assert (progress.buffers, progress.positions, progress.open) == ({}, {}, ())
    assert (progress.run, progress.groups) == (None, 0)


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["count", "fail", "end"]), st.integers(0, 3), st.integers(1, 100))
    )
)
def test_what_is_counted_of_all_groups_never_falls(steps: list[tuple[str, int, int]]) -> None:
    """Groups count, fail and end in any order."""
    progress, groups = PostedProgress(), dict[int, GroupProgress]()
    told, counted = {}, 0
    for what, number, events in steps:
        if what == "count":
            group = groups.setdefault(number, GroupProgress())
            group.add(Tally(records=1, events=events))
            counted += events
        elif number in groups and what == "fail":
            groups[number].begin_anew()
        elif number in groups:
            progress.end(groups.pop(number))
        progress.gather(None, groups)
        counts = standing_of(progress).counts
        fallen = {name for name, count in counts.items() if count < told.get(name, 0)}
        assert fallen <= {"groups"}
        assert counts["events"] == counted
        told = counts


async def test_what_is_decided_is_written_down_with_who_why_and_what_it_cost(
    stage: Stage,
) -> None:
    await stage.source.play(1)
    version = await stage.desk.activate(TEN, "ada", "the new cut", unmeasured=False)
    assert (version.number, version.after_run, len(version.starts)) == (1, 1, PARTITIONS)
    assert version.notes["tried on"] == "run 1: 160 events in 8 chunks of 2 LSs"
    assert float(version.notes[COST]) > 0
    commands = [
        CODEC.decode(record.headers, record.value)
        async for record in read_to_end(stage.log, COMMANDS)
    ]
    [said] = [one for one in commands if isinstance(one, Command)]
    assert (said.subject, said.action) == ("configuration/workspaces/mine", "activate")
    assert (said.who, said.why) == ("ada", "the new cut")


async def test_the_same_of_another_or_back_from_nothing_is_a_conflict(stage: Stage) -> None:
    await stage.desk.activate(TEN, "ada", "new", unmeasured=True)
    again = await stage.desk.activate(TEN, "ada", "new", unmeasured=True)
    assert again.number == 1, "who got no answer may ask again"
    for ask in (
        lambda: stage.desk.activate(TEN, "bob", "new", unmeasured=True),
        lambda: stage.desk.roll_back("mine", 7, "e", "why"),
    ):
        with pytest.raises(ProblemError) as caught:
            await ask()
        assert caught.value.status == 409
    with pytest.raises(ProblemError) as caught:
        await stage.desk.roll_back("other", None, "e", "why")
    assert caught.value.status == 404


async def test_what_was_rolled_back_comes_again_within_the_limits_only(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else as many could be in force at once as were ever posted. One in force is always let go
    back: that makes it none more."""
    await stage.post(TEN)
    await stage.post(TWENTY)
    await stage.desk.roll_back("mine", 1, "expert", "the old bins")
    await stage.desk.roll_back("mine", 0, "expert", "not needed")
    await stage.post(OTHER)
    monkeypatch.setattr(stage.desk, "_limits", PostedLimits(most=1))
    with pytest.raises(ProblemError, match="at most 1 may be") as caught:
        await stage.desk.roll_back("mine", 1, "expert", "needed again")
    assert caught.value.status == 409
    await stage.desk.roll_back("other", 0, "expert", "in place of it")
    back = await stage.desk.roll_back("mine", 1, "expert", "needed again")
    assert (back.number, back.restores) == (5, 1)


async def refused(stage: Stage, text: str, *, unmeasured: bool = False) -> str:
    with pytest.raises(ProblemError) as caught:
        await stage.desk.activate(text, "expert", "for the test", unmeasured=unmeasured)
    assert caught.value.status == 422
    tried_to = (await stage.desk.by_run()).generations
    assert not tried_to
    return str(caught.value)


async def test_without_events_or_columns_its_cost_is_not_known_and_it_is_refused(
    stage: Stage,
) -> None:
    assert "there are no events to try it on" in await refused(stage, TEN)
    await stage.source.play(1)
    said = await refused(stage, TEN.replace('fill = "x"', 'fill = "nowhere"'))
    assert "Mine/x" in said
    assert "nowhere" in said


async def test_over_a_budget_of_time_or_memory_it_is_refused(stage: Stage) -> None:
    await stage.source.play(1)
    desk: Any = stage.desk
    desk._limits = PostedLimits(cost=1e-6)
    assert "microseconds an event, its budget is 1e-06" in await refused(stage, TEN)
    desk._limits = PostedLimits(cost_all=1e-6)
    assert "all posted workspaces take" in await refused(stage, TEN)
    desk._limits = PostedLimits(most=0)
    assert "at most 0 may be" in await refused(stage, TEN)
    desk._limits = PostedLimits(
        memory=SETTINGS.memory_budgets.read(workspaces=["*=100"], elements=["**=1kB"])
    )
    assert "its budget by the settings is 100 bytes" in await refused(stage, TEN)


async def test_what_is_another_workspaces_is_refused(stage: Stage) -> None:
    await stage.source.play(1)
    stage.view.catalogue.book(booking_of(TEN, "of the release"))
    assert "is filled by the release" in await refused(stage, TEN)
    said = await refused(stage, TEN.replace('"mine"', '"yours"'))
    assert "Mine/n, Mine/x are booked by workspace 'mine'" in said


async def test_what_is_no_workspace_is_refused_with_the_reason(stage: Stage) -> None:
    assert "not TOML" in await refused(stage, "= nonsense")
    assert "bins" in await refused(stage, MINE.format(bins='"many"'))
    analysed = 'workspace = "a"\nelements = []\n[analysis]\nname = "beam_spot"\ncolumns = ["x"]\n'
    assert "filled by an analysis" in await refused(stage, analysed)


async def test_a_dry_run_tells_what_it_would_show_and_changes_nothing(stage: Stage) -> None:
    await stage.source.play(1)
    tried, problem = await stage.desk.dry_run(TEN)
    assert problem == ""
    assert {row.path: row.entries for row in tried.elements} == {"Mine/x": 160, "Mine/n": None}
    assert (tried.runs, tried.lumisections) == ((1,), 2)
    tried, problem = await stage.desk.dry_run(TEN.replace('fill = "x"', 'fill = "nowhere"'))
    assert "nowhere" in problem
    assert not (await stage.desk.by_run()).generations


async def test_a_group_that_fails_starts_anew_and_leaves_the_process_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes wrong with a posted workspace is no matter of the fillers beside it."""
    monkeypatch.setattr(posted, "_AGAIN", 0.05)
    make, tries = posted._fillers, []

    def fails_twice(layouts: Any, counts: Any) -> Any:
        tries.append(layouts)
        if len(tries) < 3:
            msg = "as a compiler might"
            raise RuntimeError(msg)
        return make(layouts, counts)

    monkeypatch.setattr(posted, "_fillers", fails_twice)
    await stage.source.play(1)
    await stage.post(TEN)
    await stage.source.play(2)
    async with stage.filling("a") as [service]:
        found = await stage.until(*keys(2))
        progress: Any = service.service().progress
        assert progress.restarts == 2
    for key, contents in found.items():
        assert contents["cells"] == await truth(TEN, key), key


async def test_what_a_group_counted_before_it_failed_stays_counted(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posted, "_AGAIN", 0.05)
    run, began = posted.run_filler, list[int]()

    async def fails_once(*args: Any, progress: GroupProgress, **settings: Any) -> None:
        began.append(progress.events)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(run(*args, progress=progress, **settings))
            if len(began) == 1:
                while progress.events < 160:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                raise RuntimeError

    monkeypatch.setattr(posted, "run_filler", fails_once)
    await stage.source.play(1)
    await stage.post(TEN)
    await stage.source.play(2)
    async with stage.filling("a") as [service]:
        progress: Any = service.service().progress
        async with asyncio.timeout(120):
            while len(began) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert progress.restarts == 1
        assert began[1] >= 160


def _doubtful(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log takes that a run was met, and the first time does not say so."""
    send, failed = log.send, list[bytes]()

    async def doubtful(messages: Sequence[Outgoing]) -> list[int]:
        offsets = await send(messages)
        key = messages[0].key or b""
        if key.startswith(b"run/") and not failed:
            failed.append(key)
            raise LogUnavailableError
        return offsets

    monkeypatch.setattr(log, "send", doubtful)


async def test_that_a_run_was_met_is_said_again_under_another_key(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compaction would drop the first of two records of one key, and the first decides."""
    _doubtful(stage.log, monkeypatch)
    known = KnownWorkspaces(stage.log, "a", SystemClock())
    async with known.reading(), asyncio.TaskGroup() as tasks:
        following = tasks.create_task(known.follow())
        with pytest.raises(LogUnavailableError):
            await known.decide([7])
        await known.decide([7])
        following.cancel()
    written = [record.key async for record in read_to_end(stage.log, CONFIGURATION)]
    assert len(set(written)) == len(written) == 2
    assert known.by_run.is_decided(7)


async def test_a_run_is_filled_when_nobody_knows_whether_it_was_said_to_be_met(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The group stays one, reads no further, and goes on from where it stood."""
    _doubtful(stage.log, monkeypatch)
    await stage.source.play(1)
    await stage.post(TEN)
    await stage.source.play(2)
    async with stage.filling("a") as [service]:
        found = await stage.until(*keys(2))
        progress: Any = service.service().progress
        assert progress.restarts == 0
    assert found.keys() == {*keys(2)}
    for key, contents in found.items():
        assert contents["cells"] == await truth(TEN, key), key
