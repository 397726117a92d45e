"""Whatever crashes, whenever: on real processes and a real broker, by seed.

`CRASH_SEEDS=17 pytest tests/crash/test_crashes.py` plays one seed again, `CRASH_SEEDS=100-199` a
range of them; `make soak` plays `CRASH_SOAK` seeds (300 by default).
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from tests.crash.play import Outcome, Site, play
from tests.crash.schedule import (
    Freeze,
    FullDisk,
    Kill,
    Leave,
    Schedule,
    SourcePlan,
    Step,
    random_schedule,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

_SIDE_BY_SIDE = 3
"""Schedules wait more than they work: so many at once, each under its own prefix."""


def _groups(first: int, last: int) -> list[range]:
    numbers = range(first, last + 1)
    return [numbers[n : n + _SIDE_BY_SIDE] for n in range(0, len(numbers), _SIDE_BY_SIDE)]


def _asked(text: str) -> list[range]:
    first, _, last = text.partition("-")
    return _groups(int(first), int(last or first))


def _named(seeds: Sequence[int]) -> str:
    return f"{seeds[0]}-{seeds[-1]}"


SEEDS = _asked(os.environ.get("CRASH_SEEDS", "1-27"))
SOAK = _groups(1000, 999 + int(os.environ.get("CRASH_SOAK", "300")))


async def _play_all(seeds: Sequence[int], site: Site) -> list[Outcome]:
    """Seeds side by side."""
    async with asyncio.TaskGroup() as tasks:
        playing = [
            tasks.create_task(play(random_schedule(seed), _part(site, seed))) for seed in seeds
        ]
    return [task.result() for task in playing]


def _part(site: Site, seed: int) -> Site:
    return replace(site, prefix=f"{site.prefix}{seed}-", folder=site.folder / str(seed))


@pytest.mark.parametrize("seeds", SEEDS, ids=_named)
async def test_closed_contents_equal_a_batch_fill_whatever_crashes(
    seeds: Sequence[int], site: Site, check: Callable[..., None]
) -> None:
    """Contents, accounts, reports, store and gateway, after kill -9, SIGTERM, freezes, rebalances,
    a full disk."""
    check(*await _play_all(seeds, site))


async def test_the_same_input_gives_the_same_bits(site: Site, check: Callable[..., None]) -> None:
    """Other partitions, fillers, paces and crashes: equal hashes of every LS."""
    quick = (SourcePlan(name="first", seconds=0.6), SourcePlan(name="other", seconds=0.6))
    slow = (SourcePlan(name="first", seconds=1.5), SourcePlan(name="other", seconds=1.5))
    narrow = Schedule(name="narrow", seed=11, sources=quick, partitions=1, fillers=1)
    wide = Schedule(
        name="wide",
        seed=11,
        sources=slow,
        partitions=4,
        fillers=3,
        publish_interval=0.05,
        checkpoint_interval=0.1,
        begun=True,
        steps=(
            # Early: a source that is done is killed no more.
            Step(1.2, Kill("producer first", "KILL", 0.1)),
            Step(1.5, Kill("filler 0", "KILL", 0.1)),
            Step(2.3, Leave("filler 1")),
        ),
    )
    async with asyncio.TaskGroup() as tasks:
        playing = [
            tasks.create_task(play(schedule, _part(site, number)))
            for number, schedule in enumerate((narrow, wide))
        ]
    first, second = (task.result() for task in playing)
    check(first, second)
    assert len(first.hashes) == 2 * narrow.lumisections
    assert first.hashes == second.hashes
    assert second.met["restarts"] >= 2, "not all that was to be killed was"


async def test_a_full_disk_holds_the_recorder_up(site: Site, check: Callable[..., None]) -> None:
    """It tries again until there is room, and the store then has everything."""
    sources = (SourcePlan(name="first", seconds=1.2), SourcePlan(name="other", seconds=1.2))
    said = "a batch cannot be stored"
    schedule = Schedule(
        name="full disk",
        seed=12,
        sources=sources,
        begun=True,
        steps=(Step(1.1, FullDisk(3.0, said)),),
    )
    check(await play(schedule, site))
    assert said in (site.folder / "recorder.log").read_text()


async def test_the_commands_survive_the_same(site: Site, check: Callable[..., None]) -> None:
    """Services as a user starts them: `dqmstream fill`, `compare`, `record` and `serve`."""
    sources = (SourcePlan(name="first", seconds=2.0), SourcePlan(name="other", seconds=2.0))
    schedule = Schedule(
        name="commands",
        seed=9,
        sources=sources,
        commands=True,
        steps=(
            Step(0.7, Kill("filler 0", "KILL", 0.1)),
            Step(1.2, Kill("recorder", "KILL", 0.1)),
            Step(1.5, Kill("comparator", "TERM", 0.1)),
            Step(1.8, Freeze("gateway", 1.0)),
            Step(2.2, Kill("gateway", "TERM", 0.1)),
            Step(3.4, Leave("filler 1")),
        ),
    )
    outcome = await play(schedule, site)
    check(outcome)
    assert outcome.met["restarts"] >= 4, "not all that was to be killed was"


@pytest.mark.slow
@pytest.mark.parametrize("seeds", SOAK, ids=_named)
async def test_soak(seeds: Sequence[int], site: Site, check: Callable[..., None]) -> None:
    """The same, for hours."""
    check(*await _play_all(seeds, site))
