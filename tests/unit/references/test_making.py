"""What a version says of itself: exposure, windows, bands by unit; and proposals of runs."""

import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import MessageError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking, Histogram, Profile, Regular
from dqmstream.messages.operations import Conditions
from dqmstream.references.banding import band_of
from dqmstream.references.contents import ReferenceData, pack
from dqmstream.references.making import (
    Decision,
    Described,
    Made,
    exposed_over,
    reference_of,
)
from dqmstream.references.proposals import Criteria, RunFacts, proposals
from tests.unit.references.made import DAY

AXIS = Regular(bins=2, lower=0.0, upper=1.0)
LAYOUT = Layout(
    Booking(
        workspace="pixel",
        elements=(
            Histogram(path="counts", axes=(AXIS,), fill=("x",)),
            Histogram(
                path="weights", axes=(AXIS,), fill=("x",), weight="w", weight_range=(0.0, 1.0)
            ),
            Profile(path="means", axes=(AXIS,), fill=("x",), value="y", value_range=(0.0, 1.0)),
        ),
    )
)


def cells_of(path: str, rows: list[list[float]]) -> Any:
    """int64[m, size] of m LSs with these numbers in the first plane's cells, or in all planes."""
    place = LAYOUT[path]
    cells = np.zeros((len(rows), place.size), np.int64)
    for row, numbers in zip(cells, rows, strict=True):
        row[: place.cells] = numbers[: place.cells]
        if place.planes == 3:
            sums, squares = numbers[4:8], numbers[8:12]
            row[4:8] = np.ldexp(sums, place.bits)
            row[8:12] = np.ldexp(squares, place.square_bits)
    return cells


def test_luminosity_is_known_only_if_it_is_of_every_lumisection():
    def told(n: int, **fields: Any) -> Conditions:
        return Conditions(run=1, lumisection=n, **fields)

    known = [told(1, recorded=0.5, delivered=0.6, pileup=50.0), told(2, recorded=0.25, pileup=60.0)]
    exposed = exposed_over(known)
    assert (exposed.lumisections, exposed.recorded, exposed.pileup) == (2, 0.75, 55.0)
    assert exposed.delivered is None
    assert exposed_over([*known, None]).recorded is None
    assert exposed_over([*known, None]).lumisections == 3
    assert exposed_over([]).recorded is None


def test_a_band_per_entry_is_of_shares_and_leaves_empty_lumisections_out():
    """Cells are underflow, two bins, overflow; the flow is no part of the entries."""
    rows = [[0, 30, 70, 10], [0, 60, 140, 20], [0, 0, 0, 4], [0, 15, 35, 5]]
    band = band_of(LAYOUT["counts"], cells_of("counts", rows), "entries")
    assert band.members == 3
    np.testing.assert_allclose(band.centre, [0, 0.3, 0.7, 0.1])
    np.testing.assert_allclose(band.lower, band.centre, atol=1e-12)
    expected = np.mean([30 / 100**2, 60 / 200**2, 15 / 50**2])
    assert band.statistical[1] == pytest.approx(expected)


def test_a_band_of_many_lumisections_says_how_their_bins_move_together():
    """Of 400: bins that move together scatter more in the sum of squares than ones that do not."""
    random = np.random.default_rng(1)

    def of(size):
        moved = 1 + size * random.normal(size=(400, 1)) * [[1, -1]]
        rows = np.pad(random.poisson(500 * np.maximum(moved, 0)), [(0, 0), (1, 1)])
        return band_of(LAYOUT["counts"], cells_of("counts", rows), "lumisections").usual

    still, moving = of(0.0), of(0.3)
    assert still == pytest.approx((1, 1, 4), rel=0.6)
    assert moving[1] > 1.5 * still[1]
    rows = [[0, 30, 70, 0]] * 99
    assert band_of(LAYOUT["counts"], cells_of("counts", rows), "lumisections").usual is None


@pytest.mark.parametrize(
    ("per", "centre"), [("lumisections", 40.0), ("none", 40.0), ("luminosity", 80.0)]
)
def test_a_band_per_lumisection_or_luminosity_is_of_contents_for_one_unit(per, centre):
    rows = [[0, n, 0, 0] for n in (20, 40, 60)]
    luminosity = np.array([0.25, 0.5, 0.75])
    band = band_of(LAYOUT["counts"], cells_of("counts", rows), per, luminosity)
    assert (band.centre[1], band.members) == (centre, 3)


def test_lumisections_of_unknown_luminosity_are_no_members_and_none_at_all_is_an_error():
    cells = cells_of("counts", [[0, 20, 0, 0], [0, 40, 0, 0]])
    band = band_of(LAYOUT["counts"], cells, "luminosity", np.array([np.nan, 0.5]))
    assert (band.members, band.centre[1]) == (1, 80.0)
    with pytest.raises(ValueError, match="counts"):
        band_of(LAYOUT["counts"], cells, "luminosity")


def test_a_band_of_weights_is_of_their_sums_and_squares():
    row = [0, 4, 0, 0, 0, 2.0, 0, 0, 0, 1.25, 0, 0]
    band = band_of(LAYOUT["weights"], cells_of("weights", [row, row]), "none")
    assert (band.centre[1], band.statistical[1]) == (2.0, 1.25)


def test_a_band_of_a_profile_is_of_means_whatever_the_unit():
    """Two values 0.25 and 0.75: mean 0.5, variance 0.125, error of the mean squared 0.0625."""
    row = [0, 2, 0, 0, 0, 1.0, 0, 0, 0, 0.625, 0, 0]
    one = [0, 1, 0, 0, 0, 0.5, 0, 0, 0, 0.25, 0, 0]
    for per in ("entries", "lumisections"):
        band = band_of(LAYOUT["means"], cells_of("means", [row, row, one]), per)
        assert band.centre[1] == pytest.approx(0.5)
        assert band.statistical[1] == pytest.approx(0.0625)
        assert np.isnan(band.centre[2])


def test_a_reference_without_anything_to_compare_with_is_refused():
    data = ReferenceData(contents=Contents.empty(LAYOUT))
    described = Described(name="a", workspace="pixel", owner="me", reason="none", paths=("x",))
    decision = Decision(status="accepted", who="me", why="none", when=1)
    with pytest.raises(MessageError, match="none of the elements x has contents"):
        reference_of(described, Made(kind="run"), data, pack(data), decision)


# -------------------------------------------------------------------- proposals


def facts(run: int, **fields: Any) -> RunFacts:
    given: dict[str, Any] = {
        "run_type": "pp_run",
        "lumisections": 100,
        "events": 10**6,
        "started": 100 * DAY,
        "luminosity": 2e34,
        "pileup": 60.0,
        "prescales": ("2p0E34",),
        "bad": 0.0,
        "energy": 6800.0,
    }
    return RunFacts(run=run, **(given | fields))


def test_a_run_that_is_alike_in_all_has_no_distance_and_comes_first():
    ranked = proposals(facts(10), [facts(1, luminosity=1e34), facts(2), facts(3, pileup=61.0)])
    assert [one.facts.run for one in ranked] == [2, 3, 1]
    assert ranked[0].distance == 0


@pytest.mark.parametrize(
    ("fields", "distance", "reason"),
    [
        ({"luminosity": 2.3e34}, 1.0, "luminosity 1.15 times as large"),
        ({"luminosity": 2e34 / 1.15}, 1.0, "luminosity 0.87 times as large"),
        ({"pileup": 60 * 1.15**2}, 2.0, "pile-up 1.32 times as large"),
        ({"started": 95 * DAY}, 0.5, "5.0 days before"),
        ({"started": 110 * DAY}, 1.0, "10.0 days after"),
        ({"prescales": ("1p0E34",)}, 1.0, "0% of its prescale columns"),
        ({"luminosity": None}, 1.0, "luminosity not known of both"),
        ({"started": 0}, 1.0, "age not known"),
        ({"energy": None}, 1.0, "energy not known of both"),
        ({"energy": 6799.0}, 0.0, "beams of 6799 GeV"),
    ],
)
def test_a_difference_counts_in_units_of_its_tolerance_and_is_told(fields, distance, reason):
    (one,) = proposals(facts(10), [facts(1, **fields)])
    assert one.distance == pytest.approx(distance, abs=1e-6)
    assert reason in one.reasons


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"run_type": "cosmics"}, "its run type is 'cosmics'"),
        ({"energy": 450.0}, "its beams had 450 GeV, not 6800 GeV"),
        ({"ended": False}, "it is not over"),
        ({"lumisections": 4}, "it has 4 LSs, expected at least 5"),
        ({"bad": 0.2}, "20.0% of its quality tests were BAD"),
        ({"marks": ("simulated",)}, "its data are marked simulated, not by nothing"),
    ],
)
def test_a_run_that_cannot_be_one_is_last_and_says_why(fields, why):
    ranked = proposals(facts(10), [facts(1, **fields), facts(2, luminosity=9e34)])
    assert [one.facts.run for one in ranked] == [2, 1]
    assert why in ranked[1].refused


@given(st.data())
def test_the_ranking_does_not_depend_on_the_order_and_holds_every_other_run_once(data):
    others = data.draw(
        st.lists(
            st.builds(
                facts,
                st.integers(1, 50),
                luminosity=st.sampled_from([None, 1e34, 2e34]),
                pileup=st.floats(1, 100),
                started=st.integers(1, 200).map(lambda days: days * DAY),
                ended=st.booleans(),
            ),
            unique_by=lambda one: one.run,
            max_size=8,
        )
    )
    shuffled = others.copy()
    random.Random(1).shuffle(shuffled)
    ranked = proposals(facts(10), others)
    assert ranked == proposals(facts(10), shuffled)
    assert sorted(one.facts.run for one in ranked) == sorted(
        one.run for one in others if one.run != 10
    )
    assert all(math.isfinite(one.distance) and one.distance >= 0 for one in ranked)
    assert ranked == proposals(facts(10), others, Criteria())
