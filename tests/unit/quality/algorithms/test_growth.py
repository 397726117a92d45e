"""EntriesStopped, RateChange and Freshness."""

from dataclasses import replace

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
from dqmstream.quality.stack import Stack
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


def by_luminosity(counts: list[int], luminosities: list[float]) -> Stack:
    """Entries of one element in LSs of these luminosities, the last one judged."""
    stack = rates([counts])
    past = tuple(
        replace(one, stack=replace(one.stack, luminosity=luminosity))
        for one, luminosity in zip(stack.past, luminosities, strict=False)
    )
    return replace(stack, luminosity=luminosities[-1], past=past)


def test_half_of_the_entries_of_half_of_the_luminosity_are_the_same_rate() -> None:
    counts, halved = [1000, 1000, 1000, 500], [2.0, 2.0, 2.0, 1.0]
    alone = rate_change(rates([counts]), RateChange(tolerance=0.0))
    found = rate_change(by_luminosity(counts, halved), RateChange(tolerance=0.0))
    assert alone.qtresult[0] < 1e-6
    assert found.measured[0] == pytest.approx(1.0)
    assert found.quantity == "entries in units of those per luminosity before"
    # Given the sum, each entry is one of the LS judged with its share of the luminosity.
    for x, direction in ((450, "down"), (550, "up")):
        stack = by_luminosity([1000, 1000, 1000, x], halved)
        found = rate_change(stack, RateChange(tolerance=0.0, direction=direction))
        tail = stats.binom.cdf(x, 3000 + x, 1 / 7)
        tail = tail if direction == "down" else stats.binom.sf(x - 1, 3000 + x, 1 / 7)
        assert found.qtresult[0] == pytest.approx(tail, rel=1e-6)


def test_entries_stop_by_luminosity_too() -> None:
    stack = by_luminosity([1000, 1000, 2], [1.0, 1.0, 0.01])
    assert entries_stopped(rates([[1000, 1000, 2]]), EntriesStopped()).qtresult[0] < 1e-6
    found = entries_stopped(stack, EntriesStopped())
    assert found.measured[0] == pytest.approx(0.2)
    assert found.qtresult[0] == pytest.approx(stats.binom.cdf(2, 2002, 0.2 / 200.2), rel=1e-6)


@pytest.mark.parametrize(("before", "judged"), [(4, False), (5, True)])
def test_a_rate_needs_so_many_lumisections_beyond_the_gap(before: int, judged: bool) -> None:
    parameters = RateChange(lumisections=10, gap=2, least=3)
    found = rate_change(rates([[100] * before + [100]]), parameters)
    assert (found.insufficient == {}) is judged
    if not judged:
        assert found.insufficient[0] == "2 LSs more than 2 LSs ago, 3 are needed"


@pytest.mark.parametrize(
    ("counts", "luminosities", "found"),
    [
        ([1000, 1000, 1000, 500], [2.0, 2.0, 2.0, 1.0], False),  # falls with the luminosity
        ([1000, 1000, 1000, 1000], [1.0, 1.0, 1.0, 2.0], False),  # is limited
        ([1000, 1000, 1000, 700], [1.0, 1.0, 1.0, 1.0], True),
        ([1000, 1000, 1000, 350], [2.0, 2.0, 2.0, 1.0], True),
    ],
)
def test_a_rate_that_may_be_limited_falls_by_luminosity_and_by_lumisection(
    counts: list[int], luminosities: list[float], found: bool
) -> None:
    parameters = RateChange(tolerance=0.02, direction="down", capped=True)
    measured = rate_change(by_luminosity(counts, luminosities), parameters)
    assert (measured.qtresult[0] < 1e-6) is np.bool_(found)
