"""LikelihoodRatio."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy import stats

from dqmstream.messages.booking import Histogram, Regular
from dqmstream.quality.algorithms.likelihood import ALGORITHMS, LikelihoodRatio, likelihood_ratio
from dqmstream.quality.algorithms.ratio_moments import ratio_moments
from tests.stacks import against, counts_stack, tail_deficit, tail_excess

SHAPE = np.exp(-np.linspace(0, 4, 50))


def test_it_is_scipys_of_a_table_of_two_rows() -> None:
    random = np.random.default_rng(1)
    data, reference = random.poisson(30, (2, 20, 15))
    found = likelihood_ratio(
        against(counts_stack(data), counts_stack(reference)), LikelihoodRatio()
    )
    for row in range(20):
        table = stats.chi2_contingency(
            [data[row], reference[row]], correction=False, lambda_="log-likelihood"
        )
        assert found.statistic[row] == pytest.approx(table.statistic)
        assert found.ndof[row] == table.dof == 14
        assert found.p_value[row] == pytest.approx(table.pvalue, rel=0.1)


def test_an_exact_reference_by_hand() -> None:
    """20 and 5 where 10 and 8 are expected: 2 (10 - 20 + 20 log 2 + 8 - 5 + 5 log(5/8)) = 9.026."""
    stack = against(counts_stack([[20, 5]]), counts_stack([[5, 4]]), scale=2.0)
    found = likelihood_ratio(stack, LikelihoodRatio(exact_reference=True))
    assert found.statistic[0] == pytest.approx(2 * (20 * np.log(2) - 10 + 3 + 5 * np.log(5 / 8)))
    assert found.ndof[0] == 2


@pytest.mark.parametrize(("total", "share"), [(1, 0.5), (7, 0.3), (40, 0.1), (200, 0.03)])
def test_moments_are_sums_over_the_binomial(total: int, share: float) -> None:
    n = np.arange(total + 1.0)
    chance = stats.binom.pmf(n, total, share)
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = (
            n * np.log(n / (total * share)),
            (total - n) * np.log((total - n) / (total * (1 - share))),
        )
    g = 2 * (np.nan_to_num(one) + np.nan_to_num(other))
    mean, variance = ratio_moments(np.array([[total * 1.0]]), np.array([[share]]))
    assert mean[0, 0] == pytest.approx(chance @ g)
    assert variance[0, 0] == pytest.approx(chance @ (g - chance @ g) ** 2)


@pytest.mark.parametrize("mean", [0.1, 1.0, 4.0, 30.0])
def test_moments_without_fluctuations_of_the_reference_are_poisson(mean: float) -> None:
    n = np.arange(200.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        g = 2 * (mean - n + np.nan_to_num(n * np.log(n / mean)))
    chance = stats.poisson.pmf(n, mean)
    found = ratio_moments(np.array([[mean]]), np.zeros((1, 1)))
    assert found[0][0, 0] == pytest.approx(chance @ g, rel=2e-3)
    assert found[1][0, 0] == pytest.approx(chance @ (g - chance @ g) ** 2, rel=0.03)


@pytest.mark.parametrize("rate", [100, 5000])
@pytest.mark.parametrize("ratio", [1, 3, 100])
@pytest.mark.parametrize("fitted", [True, False])
def test_p_values_are_uniform_down_to_two_entries_per_bin(rate, ratio, fitted) -> None:
    random = np.random.default_rng(2)
    expected = rate * SHAPE / SHAPE.sum()
    data = random.poisson(expected, (3000, 50))
    reference = counts_stack(random.poisson(ratio * expected, (3000, 50)))
    stack = against(counts_stack(data), reference, scale=None if fitted else 1 / ratio)
    p_value = likelihood_ratio(stack, LikelihoodRatio()).p_value
    # As if stated for 1.3 times as many: what fitting a scale to few entries costs.
    assert tail_excess(p_value * 1.3) > 1e-3
    assert tail_deficit(p_value / 1.3) > 1e-3


def test_p_values_against_an_exact_reference_are_uniform() -> None:
    random = np.random.default_rng(3)
    expected = np.round(40 * SHAPE * 1000)
    data = random.poisson(expected / 1000, (4000, 50))
    reference = counts_stack(np.broadcast_to(expected, (4000, 50)))
    stack = against(counts_stack(data), reference, scale=1e-3)
    p_value = likelihood_ratio(stack, LikelihoodRatio(exact_reference=True)).p_value
    assert tail_excess(p_value * 1.2) > 1e-3
    assert tail_deficit(p_value / 1.2) > 1e-3


def test_few_entries_in_the_wrong_place_are_found() -> None:
    """Power: 30 entries over 50 bins, none of which a chi2 could judge alone."""
    random = np.random.default_rng(4)
    expected = 30 * SHAPE / SHAPE.sum()
    data = random.poisson(expected[::-1], (200, 50))
    reference = counts_stack(random.poisson(50 * expected, (200, 50)))
    found = likelihood_ratio(against(counts_stack(data), reference), LikelihoodRatio())
    assert (found.p_value < 1e-6).mean() > 0.95


def test_the_amount_is_tested_by_lumisections_and_the_worst_bin_named() -> None:
    random = np.random.default_rng(5)
    data, reference = random.poisson(100, (1, 50)), random.poisson(100, (1, 50))
    data[0, 33] = 10
    found = likelihood_ratio(
        against(counts_stack(data), counts_stack(reference)), LikelihoodRatio()
    )
    assert found.p_value[0] < 1e-6
    assert found.severity[0].argmax() == 33
    double = against(counts_stack(data), counts_stack(reference), scale=2.0)
    assert likelihood_ratio(double, LikelihoodRatio()).p_value[0] < 1e-100


def test_weights_are_refused_and_an_empty_reference_is_no_verdict() -> None:
    axis = Regular(bins=2, lower=0, upper=1)
    weighted = Histogram(path="me", axes=(axis,), fill=("x",), weight="w", weight_range=(0, 1))
    assert "weights" in ALGORITHMS[0].refusal(weighted)
    stack = against(counts_stack([[9, 9]]), counts_stack([[0, 0]]))
    assert "fewer than two bins" in likelihood_ratio(stack, LikelihoodRatio()).insufficient[0]


@given(
    both=nps.arrays(np.int64, (2, 3, 6), elements=st.integers(0, 60)),
    exact=st.booleans(),
    scale=st.sampled_from([None, 0.5, 0.001]),
)
def test_a_stack_is_judged_as_each_of_its_elements(both, exact, scale) -> None:
    stack = against(counts_stack(both[0]), counts_stack(both[1]), scale=scale)
    parameters = LikelihoodRatio(exact_reference=exact)
    together = likelihood_ratio(stack, parameters)
    assert ((together.p_value >= 0) & (together.p_value <= 1)).all()
    for row in range(3):
        alone = likelihood_ratio(stack.row(row), parameters)
        assert together.p_value[row] == pytest.approx(alone.p_value[0], rel=1e-9)
