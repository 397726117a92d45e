"""BetaBinomial, and the tails it uses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy import stats

from dqmstream.quality.algorithms.beta_binomial import BetaBinomial, beta_binomial_pulls
from dqmstream.quality.algorithms.tails import beta_binomial, hypergeometric
from tests.stacks import against, counts_stack, tail_deficit, tail_excess

EXACT = BetaBinomial(tolerance=0)


@pytest.mark.parametrize(
    ("k", "n", "alpha", "beta"),
    [(9, 50, 4, 90), (0, 60, 30, 70), (60, 200, 500, 2500), (50, 50, 3, 9)],
)
def test_tails_are_close_above_those_of_scipy(k: int, n: int, alpha: int, beta: int) -> None:
    law = stats.betabinom(n, alpha, beta)
    exact = 2 * (law.sf(k - 1) if k > law.mean() else law.cdf(k))
    found, relative = beta_binomial(*(np.array([float(one)]) for one in (k, n, alpha, beta)))
    assert exact * (1 - 1e-6) <= found[0] <= 1.35 * exact
    mean = np.array([n * alpha / (alpha + beta)])
    at_mean = beta_binomial(
        mean, np.array([float(n)]), np.array([float(alpha)]), np.array([float(beta)])
    )
    assert at_mean[1][0] == pytest.approx(0)
    nearest = np.exp(relative[0]) * max(law.pmf(int(mean[0])), law.pmf(int(mean[0]) + 1))
    assert law.pmf(k) == pytest.approx(nearest, rel=0.05)


@pytest.mark.parametrize(
    ("k", "n", "other", "m"), [(2, 40, 30, 80), (40, 40, 60, 100), (9, 100, 20, 1000)]
)
def test_hypergeometric_tails_are_close_above_those_of_scipy(k, n, other, m) -> None:
    law = stats.hypergeom(n + m, k + other, n)
    exact = 2 * (law.sf(k - 1) if k > law.mean() else law.cdf(k))
    found = hypergeometric(*(np.array([float(one)]) for one in (k, n, other, m)))[0]
    assert exact * (1 - 1e-6) <= found <= 1.35 * exact


def test_the_pull_of_autodqm_by_its_formula() -> None:
    """sqrt(chi2.isf(P(D) / P(mean), 1)), with R' of R = 400, m = 1000 and tolerance 0.05."""
    data, reference = np.array([[70, 30]]), np.array([[400, 600]])
    parameters = BetaBinomial(tolerance=0.05, autodqm_compatible=True)
    found = beta_binomial_pulls(against(counts_stack(data), counts_stack(reference)), parameters)
    pulls = []
    for k, r in ((70, 400), (30, 600)):
        s = 1 / np.sqrt(1 + (r * 0.05**2) ** 2)
        law = stats.betabinom(100, r * s + 1, (1000 - r) * s + 1)
        # Between integers the probability is continued by a parabola of logarithms here.
        near = np.floor(law.mean()) + np.arange(-1, 2)
        curve = np.polyfit(near, law.logpmf(near), 2)
        relative = np.exp(law.logpmf(k) - np.polyval(curve, law.mean()))
        pulls.append(np.sqrt(stats.chi2.isf(relative, 1)))
    assert found.statistic[0] == pytest.approx(np.mean(np.square(pulls)), rel=1e-3)
    assert abs(found.measured[0]) == pytest.approx(max(pulls), rel=1e-3)
    assert found.p_value is None


@pytest.mark.parametrize("rate", [200, 5000])
@pytest.mark.parametrize("ratio", [1, 10])
def test_false_alarms_are_no_more_than_stated(rate: int, ratio: int) -> None:
    random = np.random.default_rng(1)
    expected = rate * np.exp(-np.linspace(0, 4, 40)) / 12
    data = random.poisson(expected, (3000, 40))
    reference = random.poisson(ratio * expected, (3000, 40))
    stack = against(counts_stack(data), counts_stack(reference))
    p_value = beta_binomial_pulls(stack, EXACT).p_value
    assert tail_excess(p_value) > 1e-3
    assert tail_deficit(p_value / 3, (0.1, 0.01)) > 1e-3


def test_several_references_forgive_what_one_of_them_has() -> None:
    random = np.random.default_rng(2)
    rate = np.full(30, 300.0)
    hot = np.where(np.arange(30) == 12, 1.5, 1.0)
    data = counts_stack(random.poisson(rate * hot, (50, 30)))
    plain, like = (
        counts_stack(random.poisson(10 * rate * one, (50, 30))) for one in (np.ones(30), hot)
    )
    alone = beta_binomial_pulls(against(data, plain), EXACT)
    assert (alone.p_value < 1e-4).mean() > 0.95
    assert (alone.severity.argmax(axis=1) == 12).all()
    assert (beta_binomial_pulls(against(data, plain, like), EXACT).p_value > 1e-3).mean() > 0.95


def test_references_that_are_alike_tell_more_together() -> None:
    random = np.random.default_rng(4)
    rate = np.full(30, 300.0)
    data = counts_stack(random.poisson(rate, (3000, 30)))
    three = [random.poisson(rate, (3000, 30)) for _ in range(3)]
    pooled = BetaBinomial(tolerance=0, pooled=True)
    found = beta_binomial_pulls(against(data, *map(counts_stack, three)), pooled)
    one = beta_binomial_pulls(against(data, counts_stack(sum(three))), EXACT)
    assert found.p_value == pytest.approx(one.p_value)
    assert tail_excess(found.p_value) > 1e-3
    apart = beta_binomial_pulls(against(data, *map(counts_stack, three)), EXACT)
    assert (found.p_value < 0.1).sum() > 5 * (apart.p_value < 0.1).sum()


def test_a_tolerance_is_relative() -> None:
    reference = np.full((1, 20), 10**6)
    data = reference.copy()
    data[0, ::2] = 1_020_000
    stack = against(counts_stack(data), counts_stack(reference))
    assert beta_binomial_pulls(stack, EXACT).p_value[0] < 1e-6
    assert beta_binomial_pulls(stack, BetaBinomial(tolerance=0.03)).p_value[0] > 0.1


def test_one_spike_among_many_bins_is_found_and_named() -> None:
    random = np.random.default_rng(3)
    data, reference = random.poisson(20, (1, 60, 60)), random.poisson(200, (1, 60, 60))
    data[0, 10, 40] = 70
    found = beta_binomial_pulls(against(counts_stack(data), counts_stack(reference)), EXACT)
    assert found.p_value[0] < 1e-4
    assert np.unravel_index(found.severity[0].argmax(), (60, 60)) == (10, 40)
    assert found.measured[0] > 5


def test_references_without_entries_are_no_verdict() -> None:
    empty, full = counts_stack([[0, 0]]), counts_stack([[50, 60]])
    data = counts_stack([[20, 20]])
    assert "no reference" in beta_binomial_pulls(against(data, empty), EXACT).insufficient[0]
    one = beta_binomial_pulls(against(data, full), EXACT)
    both = beta_binomial_pulls(against(data, empty, full), EXACT)
    assert both.p_value == pytest.approx(one.p_value)
    assert not both.insufficient


@given(
    counts=nps.arrays(np.int64, (3, 3, 6), elements=st.integers(0, 500)),
    tolerance=st.sampled_from([0.0, 0.1]),
    autodqm=st.booleans(),
)
def test_a_stack_is_judged_as_each_element_whatever_the_order_of_references(
    counts, tolerance, autodqm
) -> None:
    data, *references = (counts_stack(one) for one in counts)
    parameters = BetaBinomial(tolerance=tolerance, autodqm_compatible=autodqm)
    stack = against(data, *references)
    together = beta_binomial_pulls(stack, parameters)
    assert ((together.qtresult >= 0) & (together.qtresult <= 1)).all()
    swapped = beta_binomial_pulls(against(data, *reversed(references)), parameters)
    assert swapped.qtresult == pytest.approx(together.qtresult)
    for row in range(3):
        alone = beta_binomial_pulls(stack.row(row), parameters)
        assert together.qtresult[row] == pytest.approx(alone.qtresult[0])
