"""Chi2 against a reference."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy import stats

from dqmstream.messages.booking import Category
from dqmstream.quality.algorithms.chi2 import Chi2, chi2
from dqmstream.quality.algorithms.compared import merge_low
from dqmstream.quality.stack import ReferenceStack, Stack
from tests.stacks import (
    against,
    counts_stack,
    per_row,
    profile_stack,
    tail_deficit,
    tail_excess,
    weighted_stack,
)

ALL = Chi2(min_expected=0)
SHAPE = np.exp(-np.linspace(0, 5, 40)) * 100


def test_counts_are_compared_as_in_a_table_of_two_rows() -> None:
    """Pearson's chi2 of homogeneity, which Gagunashvili's is for counts."""
    random = np.random.default_rng(3)
    data, reference = random.poisson(SHAPE + 3, (2, 30, 40))
    found = chi2(against(counts_stack(data), counts_stack(reference)), ALL)
    for row in range(30):
        table = stats.chi2_contingency([data[row], reference[row]], correction=False)
        assert found.statistic[row] == pytest.approx(table.statistic, rel=1e-9)
        assert found.ndof[row] == table.dof
        assert found.p_value[row] == pytest.approx(table.pvalue, rel=1e-9)


def test_an_amount_by_hand() -> None:
    """Scale 2, bins 30 and 10 of 10 and 8: (30 - 20)^2 / (2 40) + (10 - 16)^2 / (2 18) = 2.25."""
    stack = against(counts_stack([[30, 10]]), counts_stack([[10, 8]]), scale=2.0)
    found = chi2(stack, ALL)
    assert found.statistic[0] == pytest.approx(2.25)
    assert found.ndof[0] == 2
    assert found.p_value[0] == pytest.approx(np.exp(-2.25 / 2))


def test_weights_by_hand() -> None:
    """Sums 6 and 3 +- sqrt 2 and 1 against 2 and 4 +- 1 and 2, scale 1.5 of equal sums:
    (6 - 3)^2 / (2 + 2.25) + (3 - 6)^2 / (1 + 9) = 3.0176."""
    data = weighted_stack([[3, 3]], [[6.0, 3.0]], [[2.0, 1.0]])
    reference = weighted_stack([[2, 2]], [[2.0, 4.0]], [[1.0, 4.0]])
    found = chi2(against(data, reference, scale=1.5), ALL)
    assert found.statistic[0] == pytest.approx(9 / 4.25 + 9 / 10)
    assert found.ndof[0] == 1


def _minimised(counts: np.ndarray, weights: np.ndarray, variance: np.ndarray) -> float:
    """Gagunashvili's chi2 of counts and weights by his formula for p, with N and W."""
    total, sums = counts.sum(), weights.sum()
    part = sums * weights - total * variance
    p = (part + np.sqrt(part**2 + 4 * sums**2 * variance * counts)) / (2 * sums**2)
    terms = (counts - total * p) ** 2 / (total * p) + (weights - sums * p) ** 2 / variance
    return float(terms.sum())


@pytest.mark.parametrize("data_is_weighted", [False, True])
def test_counts_against_weights_follow_the_formula_of_the_paper(data_is_weighted: bool) -> None:
    random = np.random.default_rng(4)
    counts = random.poisson(60, (5, 12))
    entries = random.poisson(40, (5, 12))
    weights, squares = entries * 0.7, entries * 0.6
    plain = weighted_stack(counts, counts, counts)
    other = weighted_stack(entries, weights, squares)
    pair = (other, plain) if data_is_weighted else (plain, other)
    sums = [per_row(one.sums) for one in pair]
    found = chi2(against(*pair, scale=sums[0] / sums[1]), ALL)
    expected = [_minimised(*row) for row in zip(counts, weights, squares, strict=True)]
    assert found.statistic == pytest.approx(expected, rel=1e-9)
    assert found.ndof == pytest.approx(11)


@pytest.mark.parametrize(("added", "statistic", "p"), [(0, 21.09, 0.33), (17, 32.33, 0.029)])
def test_the_example_of_root_gives_what_root_says(added: int, statistic: float, p: float) -> None:
    """Counts against weights, of the paper and of the documentation of TH1::Chi2Test."""
    counts = np.array(
        [[0, 1, 0, 1, 1, 6, 7, 2, 22, 30, 27, 20, 13, 9, 9 + added, 13, 19, 11, 9, 0]]
    )
    weights = np.array(
        [[2.20173025, 3.30143857, 2.5892849, 2.99990201, 4.92877054, 8.33036995, 6.95084763],
         [15.206357, 23.9236012, 44.3848114, 49.4465599, 25.1868858, 16.3129692, 13.0289612],
         [16.7857609, 22.9914703, 30.5279255, 12.5252123, 16.4104557, 7.86067867, 0]]
    ).reshape(1, -1)[:, :20]  # fmt: skip
    errors = np.array(
        [[0.38974303, 0.536510944, 0.529702604, 0.642001867, 0.969341516, 1.47611344, 1.69797957],
         [3.28577447, 5.40784931, 9.10106468, 9.73541737, 5.55019951, 3.57914758, 2.77877331],
         [3.23697519, 4.3608489, 5.77172089, 3.38666105, 2.98861837, 1.58402085, 0]]
    ).reshape(1, -1)[:, :20]  # fmt: skip
    data = weighted_stack(counts, counts, counts)
    reference = weighted_stack(np.round((weights / errors) ** 2), weights, errors**2)
    found = chi2(against(data, reference, scale=counts.sum() / weights.sum()), ALL)
    assert found.statistic[0] == pytest.approx(statistic, abs=0.005)
    assert found.ndof[0] == 19
    assert found.p_value[0] == pytest.approx(p, abs=0.005)


def test_one_bin_that_differs_is_the_worst() -> None:
    random = np.random.default_rng(5)
    data, reference = random.poisson(100, (2, 1, 50))
    data[0, 31] = 300
    found = chi2(against(counts_stack(data), counts_stack(reference)), Chi2())
    assert found.p_value[0] < 1e-4
    assert found.severity[0].argmax() == 31
    assert found.content[0, 31] == 300


def test_the_amount_is_tested_only_if_the_scale_is_not_fitted() -> None:
    random = np.random.default_rng(6)
    data, reference = random.poisson(80, (1, 50)), random.poisson(100, (1, 50))
    stack, other = counts_stack(data), counts_stack(reference)
    assert chi2(against(stack, other), Chi2()).p_value[0] > 0.01
    assert chi2(against(stack, other, scale=1.0), Chi2()).p_value[0] < 1e-6
    assert chi2(against(stack, other, scale=0.8), Chi2()).p_value[0] > 0.01


def test_a_tolerance_forgives_what_it_says() -> None:
    reference = np.full((1, 20), 10**6)
    data = reference.copy()
    data[0, ::2] = 1_010_000
    stack = against(counts_stack(data), counts_stack(reference), scale=1.0)
    assert chi2(stack, Chi2()).p_value[0] < 1e-6
    assert chi2(stack, Chi2(tolerance=0.02)).p_value[0] > 0.5


def test_flow_is_compared_if_asked_for() -> None:
    stack = against(counts_stack([[100, 100]]), counts_stack([[100, 100]]))
    stack.entries[0, -1] = 60
    assert chi2(stack, Chi2()).p_value[0] == 1
    found = chi2(stack, Chi2(flow=True))
    assert found.p_value[0] < 1e-6
    assert found.first_bin == -1
    assert found.content[0].tolist() == [0, 100, 100, 60]


def test_a_category_axis_has_no_underflow() -> None:
    axes = (Category(codes=(1, 2)),)
    stack = Stack(axes=axes, entries=np.array([[50, 50, 300]]))
    reference = Stack(axes=axes, entries=np.array([[50, 50, 10]]))
    chosen = (ReferenceStack(stack=reference, scale=np.ones(1)),)
    found = chi2(dataclasses.replace(stack, references=chosen), Chi2(flow=True))
    assert found.content[0].tolist() == [0, 50, 50, 300]
    assert found.severity[0].argmax() == 3


def test_an_empty_reference_is_no_verdict() -> None:
    found = chi2(against(counts_stack([[100, 100]]), counts_stack([[0, 0]])), Chi2())
    assert "no two bins" in found.insufficient[0]


def test_a_shifted_mean_of_a_profile_is_found_in_its_bin() -> None:
    random = np.random.default_rng(7)
    values, reference = random.normal(10, 1, (2, 1, 20, 30))
    values[0, 4] += 3
    found = chi2(against(profile_stack(values), profile_stack(reference)), Chi2())
    assert found.p_value[0] < 1e-6
    assert found.severity[0].argmax() == 4
    assert (
        chi2(against(profile_stack(values), profile_stack(reference)), Chi2(tolerance=3.0)).p_value[
            0
        ]
        > 0.01
    )


def test_means_without_spread_are_equal_or_far_apart() -> None:
    same = np.full((1, 3, 10), 2.0)
    found = chi2(against(profile_stack(same), profile_stack(same)), Chi2())
    assert found.p_value[0] == 1
    found = chi2(against(profile_stack(same + 1), profile_stack(same)), Chi2())
    assert found.p_value[0] == 0
    assert np.isfinite(found.measured[0])


@pytest.mark.parametrize("fitted", [True, False])
@pytest.mark.parametrize("ratio", [1, 5])
def test_p_values_are_uniform_if_nothing_is_wrong(fitted: bool, ratio: int) -> None:
    random = np.random.default_rng(8)
    data, reference = random.poisson(SHAPE, (6000, 40)), random.poisson(ratio * SHAPE, (6000, 40))
    scale = None if fitted else 1 / ratio
    found = chi2(against(counts_stack(data), counts_stack(reference), scale=scale), Chi2())
    assert stats.kstest(found.p_value, "uniform").pvalue > 1e-3
    assert tail_excess(found.p_value) > 1e-3
    assert tail_deficit(found.p_value) > 1e-3


def test_p_values_of_weights_are_uniform() -> None:
    random = np.random.default_rng(9)

    def weighted(rate: float) -> Stack:
        light, heavy = random.poisson(rate * (SHAPE + 20), (2, 4000, 40))
        return weighted_stack(light + heavy, light + 2.0 * heavy, light + 4.0 * heavy)

    found = chi2(against(weighted(1), weighted(2), scale=0.5), Chi2())
    assert stats.kstest(found.p_value, "uniform").pvalue > 1e-3
    assert tail_excess(found.p_value, (0.1, 0.01)) > 1e-3


@pytest.mark.parametrize("entries", [5, 40])
def test_p_values_of_profiles_are_never_too_small(entries: int) -> None:
    random = np.random.default_rng(10)
    values, reference = random.normal(0, 1, (2, 3000, 10, entries))
    found = chi2(against(profile_stack(values), profile_stack(reference)), Chi2())
    assert tail_excess(found.p_value) > 1e-3
    # Welch's t is conservative where there are very few.
    assert entries < 10 or stats.kstest(found.p_value, "uniform").pvalue > 1e-3


def test_a_tenth_of_a_sigma_is_found_with_many_entries() -> None:
    """Power: a Gaussian of 1e5 entries shifted by 0.1 sigma, against 1e6."""
    edges = np.linspace(-3, 3, 31)
    random = np.random.default_rng(11)
    good, bad = np.diff(stats.norm.cdf(edges)), np.diff(stats.norm.cdf(edges - 0.1))
    data, reference = random.poisson(1e5 * bad, (200, 30)), random.poisson(1e6 * good, (200, 30))
    found = chi2(against(counts_stack(data), counts_stack(reference)), Chi2())
    assert (found.p_value < 1e-6).all()


rows = nps.arrays(np.int64, (2, 3, 8), elements=st.integers(0, 400))


@given(both=rows, least=st.sampled_from([0.0, 5.0]), scale=st.sampled_from([None, 0.5, 3.0]))
def test_a_stack_is_judged_as_each_of_its_elements(both, least, scale) -> None:
    data, reference = both
    stack = against(counts_stack(data), counts_stack(reference), scale=scale)
    parameters = Chi2(min_expected=least)
    together = chi2(stack, parameters)
    for row in range(3):
        alone = chi2(stack.row(row), parameters)
        assert together.p_value[row] == pytest.approx(alone.p_value[0])
        assert together.ndof[row] == alone.ndof[0]
        assert (row in together.insufficient) == (0 in alone.insufficient)


@given(both=rows)
def test_data_and_reference_can_be_exchanged(both) -> None:
    data, reference = both + 1
    stacks = counts_stack(data), counts_stack(reference)
    forth, back = chi2(against(*stacks), ALL), chi2(against(*reversed(stacks)), ALL)
    assert forth.statistic == pytest.approx(back.statistic)


@given(
    expected=nps.arrays(float, (3, 12), elements=st.floats(0, 20)),
    least=st.sampled_from([0.0, 1.0, 5.0, 1000.0]),
)
def test_bins_are_added_up_until_each_has_enough(expected, least) -> None:
    slots = merge_low(expected, least)
    for row in range(3):
        sums = np.bincount(slots[row], weights=expected[row], minlength=12)
        assert sums.sum() == pytest.approx(expected[row].sum())
        left = np.unique(slots[row])
        if expected[row].sum() < least:
            assert len(left) == 1
        else:
            assert (sums[left] >= least * (1 - 1e-12)).all()
        high = expected[row] >= least
        assert (slots[row][high] == np.flatnonzero(high)).all()
