"""CheckVariance."""

import math

import numpy as np
import pytest

from dqmstream.messages.booking import Category, Histogram, Integer
from dqmstream.quality.algorithms.variance import (
    CheckVariance,
    check_variance,
    refuse_unless_one_dimension,
)
from tests.cmssw_stacks import cells_stack, means_stack
from tests.stacks import counts_stack

# Mean 2.5, squares of differences 2.25, 0.25, 0.25, 2.25: spread sqrt(5 / 4).
LINE = counts_stack([[1, 2, 3, 4]])
SPREAD = math.sqrt(1.25)


def judged(stack, **parameters):
    return check_variance(stack, CheckVariance(**parameters))


def test_a_spread_within_its_limits_is_good() -> None:
    found = judged(LINE, minimum=1.1, maximum=1.2)
    assert (found.qtresult[0], found.measured[0]) == (1.0, pytest.approx(SPREAD))


def test_the_result_says_by_what_factor_it_is_outside() -> None:
    assert judged(LINE, maximum=SPREAD / 2).qtresult[0] == pytest.approx(0.5)
    assert judged(LINE, minimum=SPREAD * 4).qtresult[0] == pytest.approx(0.25)


def test_bins_that_make_a_spread_too_large_are_listed() -> None:
    """1 and 4 are 1.5 from the mean, 2 and 3 are 0.5."""
    assert judged(LINE, maximum=1.0).severity[0].tolist() == [1.5, 0, 0, 1.5]


def test_what_errors_explain_may_be_left_out() -> None:
    """Of 0, 0, 0, 40 the variance is 300, and counting gives 10 of it."""
    stack = counts_stack([[0, 0, 0, 40]])
    found = judged(stack, maximum=10, beyond_errors=True)
    assert found.measured[0] == pytest.approx(math.sqrt(290))
    assert judged(LINE, maximum=1, beyond_errors=True).measured[0] == 0.0


def test_cmssw_takes_a_spread_for_a_probability() -> None:
    stack = means_stack([5, 5], [0.2, 0.8])
    assert judged(stack, cmssw_compatible=True).qtresult[0] == pytest.approx(0.3)
    assert judged(LINE, cmssw_compatible=True).qtresult[0] == 1.0
    assert judged(LINE, cmssw_compatible=True).measured[0] == pytest.approx(SPREAD)


def test_empty_bins_of_a_profile_are_0_to_cmssw_alone() -> None:
    """Means 2, 2 and nothing: spread 0; with a third 0 sqrt(8 / 9)."""
    stack = means_stack([5, 5, 0], [2, 2, 0])
    assert judged(stack, maximum=1).measured[0] == 0.0
    assert judged(stack, cmssw_compatible=True).measured[0] == pytest.approx(math.sqrt(8 / 9))


def test_contents_that_add_up_to_0_are_not_judged_by_cmssw() -> None:
    stack = cells_stack([0, 2, 2, 0], sums=[0, 1, -1, 0], squares=[0, 1, 1, 0])
    assert judged(stack, cmssw_compatible=True).insufficient == {0: "contents add up to 0"}
    assert judged(stack, maximum=1).qtresult[0] == 1.0


def test_one_bin_has_no_spread() -> None:
    assert judged(means_stack([5, 0], [1, 0]), maximum=1).insufficient


@pytest.mark.parametrize(
    "parameters",
    [{}, {"minimum": 2, "maximum": 1}, {"maximum": 1, "cmssw_compatible": True}],
)
def test_limits_that_say_nothing_are_refused(parameters) -> None:
    with pytest.raises(ValueError, match="expected"):
        CheckVariance(**parameters)


def test_it_is_of_one_dimension() -> None:
    axis = Integer(lower=0, upper=3)
    flat = Histogram(path="a", axes=(axis, axis), fill=("x", "y"))
    assert "needs one dimension" in refuse_unless_one_dimension(flat)
    line = Histogram(path="a", axes=(Category(codes=(1, 2)),), fill=("x",))
    assert not refuse_unless_one_dimension(line)


def test_a_shift_changes_nothing_and_a_factor_scales() -> None:
    contents = np.random.default_rng(2).poisson(50, (6, 30))
    first, moved, scaled = (
        judged(counts_stack(one), maximum=1).measured
        for one in (contents, contents + 7, 3 * contents)
    )
    np.testing.assert_allclose(first, moved)
    np.testing.assert_allclose(3 * first, scaled)
