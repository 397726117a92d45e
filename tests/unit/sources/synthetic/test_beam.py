"""Bunch crossings, orbits and pile-up of the synthetic beam."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.sources.synthetic.beam import (
    BUNCH_SLOTS,
    REVOLUTION_FREQUENCY,
    Crossings,
    crossings,
    filled_bunches,
)

ORBIT_NS = 1e9 / REVOLUTION_FREQUENCY


def made(lumisection: int = 1, events: int = 20_000) -> Crossings:
    return crossings(
        np.random.default_rng(1),
        lumisection=lumisection,
        pileup=60,
        first=0,
        size=events,
        events=events,
        before=(lumisection - 1) * events,
        seconds=23.31,
    )


def test_the_filling_scheme_has_2652_bunches_in_trains_and_an_abort_gap() -> None:
    filled = filled_bunches()
    gaps = np.diff(filled) - 1
    assert len(filled) == len(set(filled.tolist())) == 2652
    assert set(gaps.tolist()) == {0, 7, 31}
    assert BUNCH_SLOTS - filled[-1] > 119


def test_2_to_the_18_orbits_are_one_lumisection() -> None:
    seconds = 2**18 / REVOLUTION_FREQUENCY
    assert seconds == pytest.approx(23.31, abs=0.005)


def test_events_lie_in_filled_bunches_and_within_the_lumisection() -> None:
    beam = made(lumisection=3)
    assert np.isin(beam.bunch_crossing, filled_bunches()).all()
    assert beam.time.min() >= 0
    assert beam.time.max() < 23.31e9
    assert (np.diff(beam.orbit.astype(int)) >= 0).all()


def test_time_orbit_and_bunch_crossing_say_the_same() -> None:
    beam = made()
    orbit = beam.time // ORBIT_NS
    slot = (beam.time % ORBIT_NS) / ORBIT_NS * BUNCH_SLOTS
    assert np.array_equal(orbit, beam.orbit)
    assert slot == pytest.approx(beam.bunch_crossing.astype(float) - 1, abs=0.1)


def test_orbits_and_events_go_on_from_one_lumisection_to_the_next() -> None:
    first, second = made(1), made(2)
    assert second.orbit.min() >= first.orbit.max()
    assert second.event[0] == first.event[-1] + 1


@given(size=st.integers(0, 30), first=st.integers(0, 70))
def test_events_keep_their_numbers_wherever_a_block_begins(size: int, first: int) -> None:
    beam = crossings(
        np.random.default_rng(1),
        lumisection=2,
        pileup=60,
        first=first,
        size=size,
        events=100,
        before=100,
        seconds=1,
    )
    assert beam.event.tolist() == list(range(101 + first, 101 + first + size))


def test_pileup_differs_from_bunch_to_bunch_about_its_mean() -> None:
    pileup = made(1).pileup
    assert pileup.mean() == pytest.approx(60, rel=0.002)
    assert pileup.min() == pytest.approx(0.96 * 60, rel=0.001)
    assert pileup.max() == pytest.approx(1.04 * 60, rel=0.001)
