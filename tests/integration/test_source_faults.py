"""Sources that go missing, come late or repeat themselves: each is accounted for, nothing is lost.

Several sources of one synthetic run, played side by side through real producers and a filler.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from dqmstream.booking import Workspace, histogram, integer
from dqmstream.booking.chunk import decode_chunk
from dqmstream.booking.columns import decode_batch
from dqmstream.booking_set import BookingSet
from dqmstream.clock import SystemClock
from dqmstream.fold.merge import Merged
from dqmstream.fold.state import FoldSettings
from dqmstream.histograms.contents import Contents
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.producing import ProducerSettings, produce
from dqmstream.producing.disturbed import produce_disturbed
from dqmstream.producing.pace import Pace
from dqmstream.producing.progress import ProducerProgress
from dqmstream.sources.synthetic import Scenario, SyntheticConfig, parse_fault
from dqmstream.store.store import Store
from dqmstream.transport.embedded import EmbeddedLog
from dqmstream.transport.log import Log
from playback.bench.program import finished
from services.filler.announcing import announce
from services.filler.progress import FillerProgress
from services.filler.service import run_filler
from services.filler.settings import FillerSettings
from tests.filled import make_topics, merged
from tests.leaping_clock import LeapingClock, fall_silent

LENGTH = 8
SECONDS = 0.2
SILENCE = 1000.0
"""Seconds that close an LS, and after which sources do not wait for another: they pass when a test
says so, however busy the machine is."""

BOOKING = Workspace(
    "bril", "Hits by channel.", [histogram("channels", integer(0, 48), fill="bril.channel")]
)

pytestmark = pytest.mark.integration


def scenario(*faults: str) -> Scenario:
    """Three sources that share 120 events in each of 8 LSs, in chunks of 10."""
    config = SyntheticConfig(
        run=5,
        lumisections=LENGTH,
        rate=600,
        lumisection_seconds=SECONDS,
        chunk_events=10,
        subsystems=("bril",),
    )
    made = Scenario(config=config, sources=("bu1", "bu2", "bu3"))
    return made.with_faults(map(parse_fault, faults))


def expected(
    scenario: Scenario, booking_set: BookingSet, lumisection: int, *names: str
) -> Contents:
    """A batch fill of what these sources have in an LS."""
    layout = booking_set.layouts[0]
    contents, filler = Contents.empty(layout), WorkspaceFiller(layout)
    for source in replace(scenario, source_faults=()).event_sources():
        if source.name in names:
            (one,) = [n for n in source.lumisections(0) if n.lumisection == lumisection]
            for number, chunk in enumerate(one.chunks()):
                columns = decode_batch(chunk.body, selected=chunk.selected)
                filler.fill(contents, columns, source=source.name, number=number)
    return contents


class Playing:
    """Sources and a filler at work, by a clock that leaps."""

    def __init__(self, log: Log, scenario: Scenario, booking_set: BookingSet) -> None:
        self._log = log
        self._scenario = scenario
        self._set = booking_set
        self._filled = FillerProgress()
        self._clock = LeapingClock()
        sources = {source.name: source for source in scenario.event_sources()}
        self._sources = sources
        self._paces = {name: Pace(self._clock, 1) for name in sources}
        self._sent = {name: ProducerProgress() for name in sources}
        self._sending: dict[str, asyncio.Task[object]] = {}

    async def all_of(self, act: "Act", done: Callable[[list[Merged]], bool]) -> list[Merged]:
        """Play until readers see what is waited for."""
        async with asyncio.TaskGroup() as tasks:
            for name in self._sources:
                self._sending[name] = tasks.create_task(self._send(name))
            filling = tasks.create_task(self._fill())
            await act(self)
            while True:
                found = await self.merged()
                if len(found) == LENGTH and all(one.closed for one in found) and done(found):
                    break
                await asyncio.sleep(0.1)
            filling.cancel()
        return found

    async def merged(self) -> list[Merged]:
        """What readers see."""
        return await merged(self._log, self._set.layouts[0])

    async def sent(self, lumisection: int, *names: str) -> None:
        """Until all of an LS of these sources is in the log."""
        while any((self._sent[name].lumisection or 0) < lumisection for name in names):  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def catches_up(self, name: str) -> None:
        """A source that is late does not wait any longer, to its end."""
        while not self._sending[name].done():
            self._paces[name].hurry()
            await asyncio.sleep(0.02)

    async def silence(self, last: int) -> None:
        """Nothing comes for long, after the filler has read all there is; all that is open closes,
        up to this LS."""
        await fall_silent(self._log, self._filled, self._clock, SILENCE)
        while sum(one.closed for one in await self.merged()) < last:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    async def _send(self, name: str) -> None:
        source, settings = self._sources[name], ProducerSettings(patience=SILENCE)
        send = partial(produce_disturbed, troubles=source.troubles) if source.troubles else produce
        await send(
            self._log,
            source,
            clock=self._clock,
            settings=settings,
            expected=self._scenario.sources,
            progress=self._sent[name],
            pace=self._paces[name],
        )

    async def _fill(self) -> None:
        await run_filler(
            self._log,
            self._set,
            [WorkspaceFiller(layout) for layout in self._set.layouts],
            decode_chunk,
            member="one",
            settings=FillerSettings(
                publish_interval=0.05,
                checkpoint_interval=0.1,
                lumisection_timeout=SILENCE,
                run_timeout=1000 * SILENCE,
            ),
            clock=self._clock,
            progress=self._filled,
            ready=lambda: None,
        )


Act = Callable[[Playing], Awaitable[None]]


async def nothing(_: Playing) -> None:
    """Nobody is waited for in vain."""


async def play(
    folder: Path,
    scenario: Scenario,
    booking_set: BookingSet,
    act: Act = nothing,
    done: Callable[[list[Merged]], bool] = lambda _: True,
) -> list[Merged]:
    """All sources of a scenario and a filler, until readers see what is waited for."""
    async with EmbeddedLog.open(folder / "log", clock=SystemClock()) as log:
        await make_topics(log, booking_set.fold.partitions)
        await announce(log, booking_set, clock=SystemClock(), who="test")
        return await Playing(log, scenario, booking_set).all_of(act, done)


@pytest.fixture(params=[1, 2])
def booking_set(request: pytest.FixtureRequest) -> BookingSet:
    return BookingSet([BOOKING], FoldSettings(partitions=request.param))


async def test_sources_share_the_events_of_a_run(tmp_path: Path, booking_set: BookingSet) -> None:
    run = scenario()
    found = await play(tmp_path, run, booking_set)
    for one in found:
        assert one.complete, one.account.lacking
        assert one.account.missing == ()
        assert one.account.seen == 120
        assert one.contents.equals(
            expected(run, booking_set, one.key.lumisection, "bu1", "bu2", "bu3")
        )


async def test_sources_that_never_come_or_die_are_named_and_the_others_are_filled(
    tmp_path: Path, booking_set: BookingSet
) -> None:
    run = scenario("missing:bu3", "missing:bu2@5-")

    async def act(playing: Playing) -> None:
        # They do not run further ahead of the one that they wait for.
        await playing.sent(4, "bu1", "bu2")
        await playing.silence(4)
        await playing.sent(LENGTH, "bu1")
        await playing.silence(LENGTH)

    found = await play(tmp_path, run, booking_set, act)
    for one in found:
        number = one.key.lumisection
        there = ("bu1",) if number >= 5 else ("bu1", "bu2")
        assert one.contents.equals(expected(run, booking_set, number, *there))
        assert one.late is None
        assert one.account.sources == there
    # Not awaited any more once it was missed; whoever stops without a word is missed later.
    assert found[0].account.missing == ("bu3",)
    assert "bu2" in {name for one in found[4:] for name in one.account.missing}
    assert "bu2" not in {name for one in found[:4] for name in one.account.missing}
    assert "timeout" in found[0].account.closed_by


async def test_a_late_source_lands_in_late_segments(
    tmp_path: Path, booking_set: BookingSet
) -> None:
    run = scenario("late:bu2+2000@3-5")

    async def act(playing: Playing) -> None:
        await playing.sent(2, "bu2")
        await playing.sent(6, "bu1", "bu3")
        await playing.silence(6)
        await playing.sent(LENGTH, "bu1", "bu3")
        await playing.catches_up("bu2")
        await playing.silence(LENGTH)

    found = await play(
        tmp_path, run, booking_set, act, lambda found: all(_seen(one) == 120 for one in found)
    )
    late = {one.key.lumisection for one in found if one.late is not None}
    assert 3 in late
    assert not {1, 2} & late
    assert found[2].contents.equals(expected(run, booking_set, 3, "bu1", "bu3"))
    assert "timeout" in found[2].account.closed_by
    for one in found:
        number = one.key.lumisection
        whole = expected(run, booking_set, number, "bu1", "bu2", "bu3")
        if one.late is None:
            assert one.contents.equals(whole)
            continue
        # What is late stands beside what was in time, and both together are all there is.
        assert one.late_account.sources == ("bu2",)
        both = one.contents.copy()
        both.add(one.late, same_lumisection=True)
        assert np.array_equal(both.cells, whole.cells)


def _seen(one: Merged) -> int:
    return one.account.seen + one.late_account.seen


async def test_repeated_chunks_are_counted_and_dropped_and_altered_ones_are_refused_by_name(
    tmp_path: Path, booking_set: BookingSet
) -> None:
    run = scenario("repeat:bu1*3@3-4", "altered:bu2@6")
    found = await play(tmp_path, run, booking_set)
    for one in found:
        number = one.key.lumisection
        assert one.complete, one.account.lacking
        assert one.contents.equals(expected(run, booking_set, number, "bu1", "bu2", "bu3"))
        assert one.account.seen == 120
        # 12 chunks of 10 events, a third of them in each source.
        assert one.account.duplicates == (8 if number in {3, 4} else 0)
        refused = sum(one.account.refused.values())
        assert refused == (4 if number == 6 else 0), one.account.refused


@pytest.mark.timeout(900)
def test_a_demo_names_the_sources_that_are_missing(tmp_path: Path) -> None:
    """The shipped scenario through the whole system, with shorter silences."""
    arguments = ["demo", "--scenario", "missing_source", "--rate", "20", "--speed", "0"]
    settings = {
        "data": str(tmp_path),
        "port": "0",
        "lumisection_timeout": "5",
        "run_timeout": "60",
        "workspaces": "bril",
    }
    (run,) = finished([*arguments, "--exit", "--json"], settings, timeout=400)["runs"]
    lumisections = run["lumisections"]
    assert run["sources"] == ["bu1", "bu2"]
    assert [one["lumisection"] for one in lumisections] == list(range(1, 13))
    assert "bu3" in lumisections[0]["missing"]
    assert "bu2" in {name for one in lumisections[6:] for name in one["missing"]}
    # 466 events in chunks of 250: the second chunk is that of bu2.
    assert {one["seen"] for one in lumisections[:6]} == {466}
    assert {one["seen"] for one in lumisections[6:]} == {250}


@pytest.mark.timeout(900)
def test_a_demo_keeps_what_came_late_beside_what_came_in_time(tmp_path: Path) -> None:
    """The shipped scenario in LSs of a second, and its silences as much shorter."""
    arguments = ["demo", "--scenario", "late_source", "--seconds", "1", "--rate", "600"]
    settings = {
        "data": str(tmp_path),
        "port": "0",
        "lumisection_timeout": "4",
        "run_timeout": "60",
        "workspaces": "bril",
    }
    rest = ["--speed", "1", "--exit", "--json"]
    (run,) = finished([*arguments, *rest], settings, timeout=400)["runs"]
    assert [one["lumisection"] for one in run["lumisections"]] == list(range(1, 25))
    with Store(f"sqlite:///{tmp_path / 'store.sqlite'}") as store:
        (of_set,) = store.sets(410)
        found = {one.lumisection: one for one in store.lumisections(410, set=of_set).items}
    # 600 events in chunks of 250: the second chunk is that of bu2.
    for lumisection in (5, 6):
        one = found[lumisection]
        assert (one.account.seen, one.account.missing) == (350, ("bu2",))
        assert one.late_segments > 0
        assert (one.late_account.seen, one.late_account.sources) == (250, ("bu2",))
    assert all(one.account.seen + one.late_account.seen == 600 for one in found.values())
    assert not any(found[lumisection].late_segments for lumisection in range(1, 5))
