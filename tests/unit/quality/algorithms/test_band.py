"""RobustBand."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy import stats

from dqmstream.quality.algorithms.band import RobustBand, count_pulls, robust_band
from dqmstream.quality.bands import make_band
from dqmstream.quality.stack import BandStack, Stack
from tests.stacks import counts_stack, per_row, profile_stack, tail_excess, within

SHAPE = np.exp(-np.linspace(0, 4, 40)) * 200


def good_lumisections(number: int, seed: int, scatter: float = 0.0) -> np.ndarray:
    """Counts whose expectations scatter by nature, each bin for itself."""
    random = np.random.default_rng(seed)
    nature = np.maximum(random.normal(1, scatter, (number, 40)), 0)
    return random.poisson(SHAPE * nature)


@pytest.mark.parametrize(("count", "mean"), [(0, 6.0), (20, 6.0), (4, 0.1), (180, 100.0)])
def test_pulls_are_those_of_a_poisson_tail(count: int, mean: float) -> None:
    tail = stats.poisson.sf(count - 1, mean) if count > mean else stats.poisson.cdf(count, mean)
    pull = count_pulls(np.array([count * 1.0]), np.array([mean]), np.zeros(1))[0]
    assert pull == pytest.approx(np.sign(count - mean) * stats.norm.isf(tail), rel=1e-6)


@pytest.mark.parametrize(("count", "mean", "variance"), [(60, 20.0, 30.0), (0, 40.0, 50.0)])
def test_with_an_intrinsic_variance_pulls_are_negative_binomial(count, mean, variance) -> None:
    size, share = mean**2 / variance, mean / (mean + variance)
    law = stats.nbinom(size, share)
    assert law.var() == pytest.approx(mean + variance)
    tail = law.sf(count - 1) if count > mean else law.cdf(count)
    found = count_pulls(np.array([count * 1.0]), np.array([mean]), np.array([variance]))[0]
    assert found == pytest.approx(np.sign(count - mean) * stats.norm.isf(tail), rel=1e-6)


@pytest.mark.parametrize("scatter", [0.0, 0.1])
@pytest.mark.parametrize("by_entries", [True, False])
def test_false_alarms_are_no_more_than_stated(scatter: float, by_entries: bool) -> None:
    """The band is made of 1000 LSs, others are judged; expectations scatter or do not."""
    members = good_lumisections(1000, 1, scatter)
    stack = within(
        counts_stack(good_lumisections(5000, 2, scatter)), members, by_entries=by_entries
    )
    p_value = robust_band(stack, RobustBand()).p_value
    assert tail_excess(p_value, (0.1, 0.01)) > 1e-4
    assert (p_value < 1e-3).mean() < 2.5e-3
    # It is not so conservative as to be blind either.
    assert (p_value < 0.1).mean() > 0.04


def test_false_alarms_of_few_entries_are_no_more_than_stated() -> None:
    random = np.random.default_rng(3)
    rate = np.geomspace(0.01, 30, 40)
    stack = within(counts_stack(random.poisson(rate, (5000, 40))), random.poisson(rate, (500, 40)))
    assert tail_excess(robust_band(stack, RobustBand()).p_value) > 1e-3


def test_what_scatters_by_nature_is_no_fault_and_what_does_not_is() -> None:
    """A bin 40 % off: 6 sigmas of Poisson, but within 2 of what good LSs do."""
    counts = good_lumisections(1, 4)
    counts[0, 0] = 280
    steady = within(counts_stack(counts), good_lumisections(500, 5))
    moving = within(counts_stack(counts), good_lumisections(500, 5, 0.25))
    assert robust_band(steady, RobustBand()).p_value[0] < 1e-2
    assert robust_band(moving, RobustBand()).p_value[0] > 0.05
    assert robust_band(steady, RobustBand(tolerance=0.2)).p_value[0] > 0.05


@pytest.mark.parametrize("content", [0, 100_000])
def test_one_dead_or_hot_bin_is_named_and_blames_no_other(content: int) -> None:
    counts = good_lumisections(50, 6)
    counts[:, 7] = content
    found = robust_band(within(counts_stack(counts), good_lumisections(300, 7)), RobustBand())
    assert (found.p_value < 1e-6).all()
    assert (found.severity.argmax(axis=1) == 7).all()
    assert (np.sign(found.measured) == (1 if content else -1)).all()
    assert np.count_nonzero(found.severity, axis=1).mean() < 5


def test_a_spike_is_found_among_ten_thousand_bins() -> None:
    random = np.random.default_rng(8)
    counts, members = random.poisson(20, (1, 100, 100)), random.poisson(20, (200, 100, 100))
    counts[0, 30, 60] = 70
    found = robust_band(within(counts_stack(counts), members), RobustBand())
    assert found.p_value[0] < 1e-4
    assert np.unravel_index(found.severity[0].argmax(), (100, 100)) == (30, 60)


def test_a_small_shift_of_all_bins_is_found_by_their_sum() -> None:
    random = np.random.default_rng(10)
    tilt = np.where(np.arange(40) % 2, 1.1, 0.9)
    rate = np.full(40, 600.0)
    stack = within(
        counts_stack(random.poisson(rate * tilt, (20, 40))), random.poisson(rate, (1000, 40))
    )
    found = robust_band(stack, RobustBand())
    assert (found.p_value < 1e-4).all()
    assert (np.abs(found.measured) < 6).all()


def test_an_amount_is_judged_by_lumisections() -> None:
    """Rate -20 %: nothing to see by entries, plain to see by LSs."""
    random = np.random.default_rng(11)
    lower = counts_stack(random.poisson(0.8 * SHAPE, (20, 40)))
    members = good_lumisections(300, 12)
    assert (robust_band(within(lower, members), RobustBand()).p_value > 1e-4).all()
    by_lumisections = within(lower, members, by_entries=False)
    assert (robust_band(by_lumisections, RobustBand()).p_value < 1e-3).all()


def test_a_bin_that_was_always_empty_may_have_one_entry_and_not_many() -> None:
    members = good_lumisections(100, 13)
    members[:, -1] = 0
    for content, expected in ((1, False), (6, True)):
        counts = good_lumisections(1, 14)
        counts[0, -1] = content
        found = robust_band(within(counts_stack(counts), members), RobustBand())
        assert bool(found.p_value[0] < 1e-6) is expected


def profile_band(stack: Stack, members: np.ndarray, entries: int) -> Stack:
    """members[m, bins] means of so many entries with a spread of 1."""
    band = make_band(members, np.ones(len(members)), np.full(members.shape, 1 / entries))
    parts = {
        name: np.broadcast_to(np.pad(getattr(band, name), 1), stack.entries.shape)
        for name in ("centre", "lower", "upper", "statistical")
    }
    rows = len(stack)
    whole = BandStack(**parts, scale=np.ones(rows), members=np.full(rows, len(members)))
    return dataclasses.replace(stack, bands=(whole,))


def test_means_of_a_profile_are_judged_with_their_own_errors() -> None:
    random = np.random.default_rng(15)
    members = random.normal(10, np.hypot(0.1, 1 / np.sqrt(50)), (500, 20))
    nature = random.normal(10, 0.1, (3000, 20, 1))
    good = profile_stack(nature + random.normal(0, 1, (3000, 20, 12)))
    p_value = robust_band(profile_band(good, members, 50), RobustBand()).p_value
    assert tail_excess(p_value, (0.1, 0.01)) > 1e-4
    assert (p_value < 0.1).mean() > 0.05
    bad = nature[:1] + random.normal(0, 1, (1, 20, 400))
    bad[0, 3] += 1
    found = robust_band(profile_band(profile_stack(bad), members, 50), RobustBand())
    assert found.p_value[0] < 1e-6
    assert found.severity[0].argmax() == 3


def test_a_band_of_few_lumisections_is_no_verdict() -> None:
    stack = within(counts_stack(good_lumisections(2, 16)), good_lumisections(5, 17))
    found = robust_band(stack, RobustBand())
    assert "made of 5 LSs, needs 10" in found.insufficient[1]


@given(
    counts=nps.arrays(np.int64, (3, 6), elements=st.integers(0, 300)),
    members=nps.arrays(np.int64, (12, 6), elements=st.integers(0, 300)),
    by_entries=st.booleans(),
)
def test_a_stack_is_judged_as_each_of_its_elements(counts, members, by_entries) -> None:
    members[0] += 1
    stack = within(counts_stack(counts), members, by_entries=by_entries)
    together = robust_band(stack, RobustBand())
    assert ((together.p_value >= 0) & (together.p_value <= 1)).all()
    assert np.isfinite(together.measured).all()
    for row in range(3):
        alone = robust_band(stack.row(row), RobustBand())
        assert together.p_value[row] == pytest.approx(alone.p_value[0])
        assert together.measured[row] == pytest.approx(alone.measured[0])


def test_weights_are_judged_as_counts_of_their_mean() -> None:
    """All weights 2: the pulls are those of the counts."""
    members, counts = good_lumisections(200, 18), good_lumisections(4, 19)
    plain = within(counts_stack(counts), members)
    flow = np.pad(counts, [(0, 0), (1, 1)]).astype(float)
    doubled = dataclasses.replace(
        plain,
        sums=2 * flow,
        squares=4 * flow,
        bands=(dataclasses.replace(plain.bands[0], scale=2.0 * per_row(counts)),),
    )
    one, two = robust_band(plain, RobustBand()), robust_band(doubled, RobustBand())
    assert two.measured == pytest.approx(one.measured, rel=0.2, abs=0.3)
