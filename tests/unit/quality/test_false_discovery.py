"""P-values corrected for the number of tests."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy.stats import false_discovery_control

from dqmstream.quality.false_discovery import benjamini_hochberg

P_VALUES = nps.arrays(
    np.float64,
    st.integers(0, 60),
    elements=st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1e-300, 0.01, 1.0])),
)


@given(P_VALUES)
def test_they_are_those_of_scipy(p_values: np.ndarray) -> None:
    expected = false_discovery_control(p_values) if len(p_values) else p_values
    np.testing.assert_allclose(benjamini_hochberg(p_values), expected, rtol=1e-12, atol=0)


@given(P_VALUES, st.randoms(use_true_random=False))
def test_order_does_not_matter_and_none_becomes_smaller(p_values: np.ndarray, random) -> None:
    adjusted = benjamini_hochberg(p_values)
    assert np.all((adjusted >= p_values) & (adjusted <= 1))
    order = list(range(len(p_values)))
    random.shuffle(order)
    np.testing.assert_array_equal(benjamini_hochberg(p_values[order]), adjusted[order])
    ranked = np.argsort(p_values, kind="stable")
    assert np.all(np.diff(adjusted[ranked]) >= 0)


def test_one_test_alone_is_not_corrected() -> None:
    assert benjamini_hochberg(np.array([0.03])).tolist() == [0.03]


def test_among_good_ones_hardly_any_is_called_bad() -> None:
    """At q = 0.05 one set of 1000 good tests in 20 has any; uncorrected each would have 50."""
    rng = np.random.default_rng(7)
    sets = [benjamini_hochberg(rng.uniform(size=1000)).min() <= 0.05 for _ in range(400)]
    assert 8 <= sum(sets) <= 36


def test_of_those_called_bad_few_are_good() -> None:
    """100 faulty among 1000: the share of false ones stays below q, and most faults are found."""
    rng = np.random.default_rng(8)
    shares, found = [], []
    for _ in range(100):
        p_values = rng.uniform(size=1000)
        p_values[:100] *= 1e-4
        bad = benjamini_hochberg(p_values) <= 0.05
        shares.append(bad[100:].sum() / max(1, bad.sum()))
        found.append(bad[:100].mean())
    assert np.mean(shares) < 0.055
    assert np.mean(found) > 0.99
