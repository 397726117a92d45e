"""The same when the broker itself is killed, restarted, frozen, or cannot be reached."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from playback.broker import Cluster
from tests.crash.play import Site, play
from tests.crash.schedule import Cut, Lose, Schedule, SourcePlan, Step, random_schedule

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

SOAK = range(2000, 2000 + int(os.environ.get("CRASH_SOAK", "300")) // 3)

Check = Callable[..., None]


def _site(cluster: Cluster, prefix: str, folder: Path) -> Site:
    return Site(servers=cluster.bootstrap, prefix=prefix, folder=folder, cluster=cluster)


def _two_sources(seed: int, *steps: Step) -> Schedule:
    sources = (SourcePlan(name="first", seconds=0.6), SourcePlan(name="other", seconds=0.6))
    return Schedule(name=f"outage {seed}", seed=seed, sources=sources, steps=steps)


@pytest.mark.parametrize("how", ["kill", "stop", "pause"])
async def test_a_broker_is_restarted(
    how: str, one_broker: Cluster, kafka_prefix: str, tmp_path: Path, check: Check
) -> None:
    """Nothing is lost, and nobody has to be started again."""
    schedule = _two_sources(1, Step(1.6, Lose(0, how, 1.5)))
    check(await play(schedule, _site(one_broker, kafka_prefix, tmp_path)))


@pytest.mark.parametrize("seconds", [5.0, 30.0])
async def test_the_broker_cannot_be_reached(
    seconds: float, one_broker: Cluster, kafka_prefix: str, tmp_path: Path, check: Check
) -> None:
    """Sources, live ones too, wait with what they have; fillers go on where they stood."""
    schedule = _two_sources(2, Step(1.4, Cut(seconds)))
    live = replace(schedule.sources[1], rereadable=False)
    schedule = replace(schedule, sources=(schedule.sources[0], live))
    check(await play(schedule, _site(one_broker, kafka_prefix, tmp_path)))


async def test_what_finds_no_room_is_dropped_and_counted(
    one_broker: Cluster, kafka_prefix: str, tmp_path: Path, check: Check
) -> None:
    """A live source past its buffer: each LS says how many events it lost, and is not complete."""
    first = SourcePlan(name="first", seconds=1.5)
    live = SourcePlan(name="other", seconds=1.5, rereadable=False)
    schedule = _two_sources(4, Step(0.3, Cut(6.0)))
    schedule = replace(schedule, sources=(first, live), buffer=1.0, begun=True)
    outcome = await play(schedule, _site(one_broker, kafka_prefix, tmp_path))
    check(outcome)
    assert outcome.met["dropped events"] > 0
    assert outcome.met["incomplete LSs"] > 0


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_broker_is_lost_while_services_crash(
    seed: int, one_broker: Cluster, kafka_prefix: str, tmp_path: Path, check: Check
) -> None:
    """Outages of the only broker among random crashes."""
    schedule = random_schedule(seed, brokers=1, cuts=True)
    check(await play(schedule, _site(one_broker, kafka_prefix, tmp_path)))


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_one_of_three_brokers_is_lost(
    seed: int, three_brokers: Cluster, kafka_prefix: str, tmp_path: Path, check: Check
) -> None:
    """One broker of three goes, and comes back, among random crashes of services."""
    schedule = random_schedule(seed, brokers=3)
    check(await play(schedule, _site(three_brokers, kafka_prefix, tmp_path)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", SOAK)
async def test_soak_of_one_of_three(
    seed: int, three_brokers: Cluster, kafka_prefix: str, tmp_path: Path, check: Check
) -> None:
    """The same, for hours."""
    schedule = random_schedule(seed, brokers=3)
    check(await play(schedule, _site(three_brokers, kafka_prefix, tmp_path)))
