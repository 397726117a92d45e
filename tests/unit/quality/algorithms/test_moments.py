"""p-values of bands whose bins move together."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy import stats

from dqmstream.quality.algorithms.band import RobustBand, robust_band
from dqmstream.quality.algorithms.band_usual import usual_squares
from dqmstream.quality.algorithms.compared import chi2_tail
from dqmstream.quality.algorithms.moments import calibrated_tail
from dqmstream.quality.stack import Stack
from tests.stacks import counts_stack, within

X = np.linspace(-3, 3, 40)
RATE = 300 * np.exp(-(X**2) / 2)


def drifting(number: int, seed: int, size: float, shape: np.ndarray = X) -> np.ndarray:
    """Counts of a peak that moves: all bins by one number an LS."""
    random = np.random.default_rng(seed)
    moved = 1 + size * random.normal(size=(number, 1)) * shape
    return random.poisson(RATE * np.maximum(moved, 0))


def calibrated(counts: np.ndarray, members: np.ndarray) -> Stack:
    """Beside a band that knows what its members do."""
    stack = within(counts_stack(counts), members)
    moments = usual_squares(
        counts_stack(members),
        np.pad(members, [(0, 0), (1, 1)]).astype(float),
        members.sum(axis=1).astype(float),
    )
    assert moments is not None
    band = dataclasses.replace(stack.bands[0], usual=np.tile(moments, (len(counts), 1)))
    return dataclasses.replace(stack, bands=(band,))


@pytest.mark.parametrize("size", [0.03, 0.1])
@pytest.mark.parametrize("shape", [X, np.sign(X)])
def test_p_values_hold_where_bins_move_together(size: float, shape: np.ndarray) -> None:
    """Of 3000 LSs, with a band of 400 that drift as much."""
    counts = drifting(3000, 1, size, shape)
    plain = within(counts_stack(counts), drifting(400, 2, size, shape))
    stack = calibrated(counts, drifting(400, 2, size, shape))
    before, after = (robust_band(one, RobustBand()).p_value for one in (plain, stack))
    assert (before < 0.01).mean() > 0.018
    # Three moments of 400 LSs are known to a tenth, and the tail is as good as they are.
    for level, factor in ((0.1, 1.3), (0.01, 1.8), (0.001, 4)):
        assert (after < level).mean() < factor * level
    assert (after < 0.1).mean() > 0.03


def test_faults_beside_a_drift_are_still_found() -> None:
    counts = drifting(50, 3, 0.05)
    counts[:, 12] = 0
    found = robust_band(calibrated(counts, drifting(400, 4, 0.05)), RobustBand())
    assert (found.p_value < 1e-6).all()
    assert (found.severity.argmax(axis=1) == 12).all()


def test_independent_bins_are_judged_as_by_a_chi2() -> None:
    counts, members = drifting(2000, 5, 0), drifting(400, 6, 0)
    plain = robust_band(within(counts_stack(counts), members), RobustBand()).p_value
    found = robust_band(calibrated(counts, members), RobustBand()).p_value
    assert (found >= plain - 1e-12).all()
    assert np.median(found / plain) < 2


def test_three_moments_are_exact_for_scaled_chi2() -> None:
    """x = c chi2_f: mean c f, variance 2 c^2 f, third central moment 8 c^3 f."""
    c, f, ndof = 0.4, 3.0, np.array([7.0, 7.0, 7.0])
    x = np.array([0.3, 2.0, 9.0])
    moments = np.tile([c * f, 2 * c**2 * f, 8 * c**3 * f], (3, 1))
    expected = np.maximum(stats.chi2.sf(x / c, f), chi2_tail(x * ndof, ndof))
    assert calibrated_tail(x * ndof, ndof, moments) == pytest.approx(expected)


def test_a_sum_of_one_large_and_many_small_terms_is_good_in_the_tail() -> None:
    weights = np.array([5.0, *([0.2] * 20)])
    random = np.random.default_rng(7)
    x = (weights * random.normal(size=(200_000, 21)) ** 2).sum(axis=1)
    moments = [weights.sum(), 2 * (weights**2).sum(), 8 * (weights**3).sum()]
    ones = np.ones(len(x))
    p_value = calibrated_tail(x, ones, np.tile(moments, (len(x), 1)))
    for level in (0.01, 0.001):
        assert (p_value < level).mean() == pytest.approx(level, rel=0.15)


@settings(max_examples=40)
@given(
    nps.arrays(np.float64, 8, elements=st.floats(0, 1e6)),
    nps.arrays(np.float64, 8, elements=st.floats(0, 1e4)),
    nps.arrays(np.float64, (8, 3), elements=st.floats(-1e6, 1e6) | st.just(np.nan)),
)
def test_a_tail_is_a_probability_and_never_below_that_of_independent_terms(
    statistic, ndof, moments
) -> None:
    independent = chi2_tail(statistic, ndof)
    found = calibrated_tail(statistic, ndof, moments)
    assert ((found >= independent) & (found <= 1)).all()
    unknown = np.isnan(moments).any(axis=1)
    assert (found[unknown] == independent[unknown]).all()


def test_few_members_say_nothing() -> None:
    members = drifting(99, 8, 0.1)
    padded = np.pad(members, [(0, 0), (1, 1)]).astype(float)
    assert usual_squares(counts_stack(members), padded, padded.sum(axis=1)) is None
