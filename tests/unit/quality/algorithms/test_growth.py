"""EntriesStopped, RateChange and Freshness."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dqmstream.quality.algorithms.growth import (
    EntriesStopped,
    Freshness,
    RateChange,
    entries_stopped,
    freshness,
    rate_change,
)
from tests.past import rates
from tests.stacks import tail_deficit, tail_excess


def test_so_few_entries_have_the_probability_of_a_binomial() -> None:
    found = entries_stopped(rates([[100, 120, 80, 3]]), EntriesStopped(share=0.2))
    expected = stats.binom.cdf(3, 303, 0.2 / 3.2)
    assert found.qtresult[0] == pytest.approx(expected, rel=1e-9)
    assert found.measured[0] == pytest.approx(0.03)


def test_none_after_few_is_no_verdict() -> None:
    found = entries_stopped(rates([[2, 3, 1, 0], [900, 1000, 950, 0]]), EntriesStopped())
    assert list(found.insufficient) == [0]
    assert found.qtresult[1] < 1e-6


def test_entries_beyond_32_bits_are_judged_too() -> None:
    many = 2**31
    found = entries_stopped(rates([[many, many, many // 2], [many, many, 5]]), EntriesStopped())
    assert found.qtresult == pytest.approx([1, 0])
    assert found.measured == pytest.approx([0.5, 5 / many])


def test_stopping_is_not_seen_at_the_smallest_good_rate() -> None:
    random = np.random.default_rng(1)
    before, now = random.poisson(100, (20_000, 5)), random.poisson(20, (20_000, 1))
    found = entries_stopped(rates(np.hstack([before, now])), EntriesStopped(share=0.2))
    assert tail_excess(found.qtresult) > 1e-4


@given(
    before=st.lists(st.integers(0, 500), min_size=1, max_size=8).filter(any),
    now=st.integers(0, 600),
)
def test_without_tolerance_a_rate_is_compared_as_two_poisson_counts(before, now) -> None:
    total, lumisections = sum(before), len(before)
    stack = rates([[*before, now]])
    for direction, expected in (
        ("down", stats.binom.cdf(now, total + now, 1 / (lumisections + 1))),
        ("up", stats.binom.sf(now - 1, total + now, 1 / (lumisections + 1))),
    ):
        found = rate_change(stack, RateChange(tolerance=0.0, direction=direction))
        assert found.qtresult[0] == pytest.approx(expected, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("scatter", [0.0, 0.05])
def test_p_values_of_rates_are_uniform_if_good_rates_scatter_as_stated(scatter: float) -> None:
    random = np.random.default_rng(2)
    mean = 2000 * random.normal(1, scatter, (20_000, 11)) if scatter else 2000.0
    counts = random.poisson(mean, (20_000, 11))
    found = rate_change(rates(counts), RateChange(tolerance=scatter))
    assert tail_excess(found.qtresult) > 1e-4
    assert found.p_value is not None
    # Good rates scatter as a normal distribution here, as a gamma distribution in the formula.
    assert stats.kstest(found.p_value, "uniform").statistic < (0.035 if scatter else 0.02)
    if not scatter:
        assert tail_deficit(found.qtresult, (0.1, 0.01)) > 1e-4


def test_a_rate_that_falls_by_a_fifth_is_found_and_for_how_long_with_a_gap() -> None:
    random = np.random.default_rng(3)
    counts = random.poisson(2000, (500, 20))
    counts[:, -2:] = random.poisson(1600, (500, 2))
    plain = rate_change(rates(counts), RateChange(lumisections=19, tolerance=0.02))
    gap = rate_change(rates(counts), RateChange(lumisections=17, gap=2, tolerance=0.02))
    assert (plain.qtresult < 1e-4).mean() > 0.95
    assert (gap.qtresult < plain.qtresult).mean() > 0.95


def test_a_rate_after_nothing_is_no_verdict() -> None:
    assert list(rate_change(rates([[0, 0, 5]]), RateChange()).insufficient) == [0]


def test_freshness_counts_lumisections_and_not_records() -> None:
    stack = rates([[5, 0, 0], [5, 5, 5], [0, 0, 0]], numbers=[10, 12, 16])
    found = freshness(stack, Freshness(lumisections=3))
    assert found.measured.tolist() == [6, 0, 0]
    assert found.qtresult.tolist() == [0.5, 1.0, 1.0]
    assert list(found.insufficient) == [2]
