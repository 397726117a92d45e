"""EfficiencyMatchesReference and EfficiencyWithinExpected."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy import stats

from dqmstream.quality.algorithms.efficiency import (
    EfficiencyMatchesReference,
    EfficiencyWithinExpected,
    efficiency_matches_reference,
    efficiency_within_expected,
)
from dqmstream.quality.stack import Stack
from tests.stacks import against, profile_stack, tail_excess, weighted_stack

MATCHES = EfficiencyMatchesReference()


def efficiencies(passed: np.ndarray, entries: np.ndarray | int) -> Stack:
    passed = np.asarray(passed)
    return weighted_stack(np.broadcast_to(entries, passed.shape), passed, passed, profile=True)


def test_one_bin_is_fishers_exact_test() -> None:
    stack = against(efficiencies([[40]], 60), efficiencies([[90]], 100))
    found = efficiency_matches_reference(stack, MATCHES)
    law = stats.hypergeom(160, 130, 60)
    exact = 2 * law.cdf(40)
    # The worst bin, or the sum: two ways.
    assert exact * 0.9 <= found.p_value[0] <= 2 * exact * 1.35
    assert found.measured[0] == pytest.approx(-stats.norm.isf(exact / 2), rel=0.05)


@pytest.mark.parametrize(("efficiency", "entries"), [(0.98, 50), (0.5, 20), (0.9, 1000)])
def test_false_alarms_are_no_more_than_stated(efficiency: float, entries: int) -> None:
    random = np.random.default_rng(1)
    passed = random.binomial(entries, efficiency, (5000, 20))
    reference = random.binomial(4 * entries, efficiency, (5000, 20))
    stack = against(efficiencies(passed, entries), efficiencies(reference, 4 * entries))
    p_value = efficiency_matches_reference(stack, MATCHES).p_value
    assert tail_excess(p_value) > 1e-3
    if entries == 1000:
        assert (p_value < 0.1).mean() > 0.03


def test_an_inefficient_bin_is_found_and_named() -> None:
    random = np.random.default_rng(2)
    passed = random.binomial(200, 0.97, (100, 30))
    passed[:, 11] = random.binomial(200, 0.80, 100)
    reference = efficiencies(random.binomial(2000, 0.97, (100, 30)), 2000)
    found = efficiency_matches_reference(against(efficiencies(passed, 200), reference), MATCHES)
    assert (found.p_value < 1e-6).mean() > 0.95
    assert (found.severity.argmax(axis=1) == 11).mean() > 0.99
    tolerant = EfficiencyMatchesReference(tolerance=0.1)
    found = efficiency_matches_reference(against(efficiencies(passed, 200), reference), tolerant)
    assert (found.p_value > 1e-3).all()


def test_a_small_loss_in_all_bins_is_found_by_their_sum() -> None:
    random = np.random.default_rng(3)
    passed = efficiencies(random.binomial(3000, 0.88, (50, 100)), 3000)
    reference = efficiencies(random.binomial(30000, 0.90, (50, 100)), 30000)
    found = efficiency_matches_reference(against(passed, reference), MATCHES)
    assert (found.p_value < 1e-6).all()


@pytest.mark.parametrize("passed", [0, 100])
def test_full_and_no_efficiency_can_be_compared(passed: int) -> None:
    same = efficiencies([[passed]], 100)
    assert efficiency_matches_reference(against(same, same), MATCHES).p_value[0] == 1
    stack = against(efficiencies([[100 - passed]], 100), same)
    assert efficiency_matches_reference(stack, MATCHES).p_value[0] < 1e-20


def test_a_mean_of_other_values_is_no_efficiency() -> None:
    times = profile_stack(np.random.default_rng(4).normal(0.5, 0.1, (1, 5, 30)))
    found = efficiency_matches_reference(against(times, times), MATCHES)
    assert "not all 0 or 1" in found.insufficient[0]
    halves = profile_stack(np.full((1, 5, 30), 0.5))
    expected = EfficiencyWithinExpected(minimum=0.4)
    assert "not all 0 or 1" in efficiency_within_expected(halves, expected).insufficient[0]


def test_limits_are_judged_by_the_exact_binomial_tail() -> None:
    """80 of 100 where 0.9 is the least: P(80 or fewer) = 0.00198, twice; two bins, two ways."""
    stack = efficiencies([[80, 97]], 100)
    found = efficiency_within_expected(stack, EfficiencyWithinExpected(minimum=0.9))
    tail = 2 * stats.binom.cdf(80, 100, 0.9)
    assert found.p_value[0] == pytest.approx(1 - (1 - tail) ** 2, rel=1e-6)
    assert found.severity[0].argmax() == 0
    assert found.limit == "efficiencies from 0.9 to 1"
    high = efficiency_within_expected(stack, EfficiencyWithinExpected(maximum=0.5))
    assert high.p_value[0] < 1e-6
    assert high.measured[0] > 0
    good = efficiency_within_expected(stack, EfficiencyWithinExpected(minimum=0.7))
    assert good.p_value[0] == 1


def test_limits_that_allow_everything_are_refused() -> None:
    for wrong in ({}, {"minimum": 0.9, "maximum": 0.1}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, EfficiencyWithinExpected)


def test_few_entries_below_a_limit_are_chance() -> None:
    found = efficiency_within_expected(
        efficiencies([[1]], 3), EfficiencyWithinExpected(minimum=0.9)
    )
    assert found.p_value[0] > 0.05


@given(
    entries=nps.arrays(np.int64, (2, 3, 5), elements=st.integers(0, 50)),
    share=nps.arrays(float, (2, 3, 5), elements=st.floats(0, 1)),
)
def test_a_stack_is_judged_as_each_of_its_elements(entries, share) -> None:
    passed = np.round(entries * share)
    stack = against(*(efficiencies(*one) for one in zip(passed, entries, strict=True)))
    for measure, parameters in (
        (efficiency_matches_reference, MATCHES),
        (efficiency_within_expected, EfficiencyWithinExpected(minimum=0.5)),
    ):
        together = measure(stack, parameters)
        assert ((together.p_value >= 0) & (together.p_value <= 1)).all()
        for row in range(3):
            alone = measure(stack.row(row), parameters)
            assert together.p_value[row] == pytest.approx(alone.p_value[0])
            assert (row in together.insufficient) == (0 in alone.insufficient)
