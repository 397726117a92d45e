"""Bounds on tails: never below the exact tail, and not far above."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.quality.algorithms.significance import (
    log_binomial_excess,
    log_normal_tail,
    log_poisson_deficit,
)


def poisson_tail(count: int, mean: float) -> float:
    """P(N <= count), summed term by term."""
    return math.fsum(
        math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count + 1)
    )


def binomial_tail(inside: int, total: int, q: float) -> float:
    """P(inside or more of total), summed term by term."""
    return math.fsum(
        math.comb(total, k) * q**k * (1 - q) ** (total - k) for k in range(inside, total + 1)
    )


@given(count=st.integers(0, 60), mean=st.floats(0.1, 200))
def test_a_deficit_is_at_least_as_probable_as_stated(count: int, mean: float) -> None:
    bound = math.exp(float(log_poisson_deficit(count, mean)))
    assert poisson_tail(count, mean) <= bound * (1 + 1e-9)


@given(inside=st.integers(0, 80), outside=st.integers(0, 80), odds=st.floats(0.05, 3))
def test_an_excess_is_at_least_as_probable_as_stated(
    inside: int, outside: int, odds: float
) -> None:
    bound = math.exp(float(log_binomial_excess(inside, outside, odds)))
    exact = binomial_tail(inside, inside + outside, odds / (1 + odds))
    assert exact <= bound * (1 + 1e-9)


def test_no_entries_where_many_are_expected_have_the_exact_poisson_probability() -> None:
    assert float(log_poisson_deficit(0, 12.5)) == -12.5


def test_all_entries_inside_have_the_exact_binomial_probability() -> None:
    assert float(log_binomial_excess(10, 0, 1.0)) == pytest.approx(10 * math.log(0.5))


def test_an_excess_has_the_significance_of_li_and_ma() -> None:
    """Equation 17 of Astrophys. J. 272 (1983) 317, written as it stands there."""
    on, off, alpha = 140.0, 500.0, 0.2
    term_on = on * math.log((1 + alpha) / alpha * on / (on + off))
    term_off = off * math.log((1 + alpha) * off / (on + off))
    squared = 2 * (term_on + term_off)
    assert -2 * float(log_binomial_excess(on, off, alpha)) == pytest.approx(squared)


def test_what_is_expected_or_on_the_good_side_is_certain() -> None:
    assert np.all(log_poisson_deficit(np.array([5.0, 6.0]), 5.0) == 0)
    assert np.all(log_binomial_excess(np.array([0.0, 5.0]), np.array([0.0, 5.0]), 1.0) == 0)


def test_five_sigmas_are_three_in_ten_million() -> None:
    assert math.exp(log_normal_tail(5)) == pytest.approx(2.8665e-7, rel=1e-4)
