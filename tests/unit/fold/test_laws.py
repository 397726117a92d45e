"""The laws of EXACTNESS hold on random schedules.

`HYPOTHESIS_PROFILE=soak pytest -m slow` plays thousands, larger ones.
"""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.fold.merge import Merger
from dqmstream.fold.testing.laws import LAWS, broken_laws
from dqmstream.fold.testing.plan import FAULTS, Plan
from dqmstream.fold.testing.toy import LAYOUTS
from dqmstream.fold.testing.world import World
from dqmstream.histograms.contents import Contents

HARMLESS = (
    "ahead",
    "filler_crashes",
    "refills",
    "repeats",
    "shuffle",
    "stale_checkpoints",
    "timeouts",
    "zombies",
)
"""Faults that lose no event."""


def plans(size: int = 1) -> st.SearchStrategy[Plan]:
    return st.builds(
        Plan,
        seed=st.integers(0, 2**32),
        partitions=st.integers(1, 3),
        max_open=st.integers(2, 6),
        ended_runs=st.sampled_from([8, 1]),
        runs=st.integers(1, 2 * size),
        lumisections=st.integers(1, 5 * size),
        rereadable=st.integers(0, 2),
        live=st.integers(0, 2),
        events=st.integers(1, 8 * size),
        chunk=st.integers(1, 4),
        fetch=st.integers(1, 12),
        faults=st.frozensets(st.sampled_from(FAULTS)),
    )


@given(plans())
def test_all_laws_hold(plan: Plan) -> None:
    assert broken_laws(World(plan).play()) == {}


@pytest.mark.slow
@given(plans(size=3))
def test_all_laws_hold_in_large_worlds(plan: Plan) -> None:
    assert broken_laws(World(plan).play()) == {}


@pytest.mark.parametrize("seed", range(10))
def test_all_laws_hold_when_everything_goes_wrong(seed: int) -> None:
    plan = Plan(
        seed=seed, partitions=3, runs=2, rereadable=2, live=2, chunk=1, faults=frozenset(FAULTS)
    )
    assert broken_laws(World(plan).play()) == {}


def test_the_laws_are_those_of_the_protocol() -> None:
    assert list(LAWS) == list(range(1, 12))


def total(world: World) -> dict[object, Contents]:
    """On time and late together, of every complete LS."""
    merger = Merger({layout.hash: layout for layout in LAYOUTS}.get)
    for piece in world.histograms:
        merger.apply(piece)
    found = {}
    for key in merger.keys():  # noqa: SIM118 a method of the merger, which is no mapping
        merged = merger.merged(key)
        contents = merged.contents.copy()
        if merged.late is not None:
            contents.add(merged.late, same_lumisection=True)
        assert merged.complete, merged.account.lacking
        found[key] = contents
    return found


@given(plans(), plans(), st.frozensets(st.sampled_from(HARMLESS)))
def test_totals_depend_on_the_events_alone(plan: Plan, other: Plan, faults: frozenset[str]) -> None:
    """Same detector, but other partitions, chunks, reads, owners, and other misfortunes."""
    first = replace(plan, ended_runs=8, faults=frozenset())
    second = replace(
        first,
        partitions=other.partitions,
        chunk=other.chunk,
        fetch=other.fetch,
        max_open=other.max_open,
        faults=faults,
    )
    one, two = total(World(first).play()), total(World(second).play())
    assert one.keys() == two.keys()
    for key, contents in one.items():
        assert (contents.cells == two[key].cells).all()
        values = [scalar.value for _, scalar in sorted(contents.scalars.items())]
        assert values == [scalar.value for _, scalar in sorted(two[key].scalars.items())]


@given(plans())
def test_the_same_schedule_gives_the_same_bytes(plan: Plan) -> None:
    one, two = World(plan).play(), World(plan).play()
    assert one.histograms == two.histograms
    assert one.checkpoints == two.checkpoints


def test_a_drawn_plan_is_a_function_of_its_seed() -> None:
    assert Plan.drawn(3, Random(3)) == Plan.drawn(3, Random(3))
