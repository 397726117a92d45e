"""ContentsWithinExpected."""

import numpy as np
import pytest

from dqmstream.quality.algorithms.expected import ContentsWithinExpected, contents_within_expected
from tests.cmssw_stacks import means_stack
from tests.stacks import counts_stack

MAP = counts_stack([[[5, 6], [7, 30]]])
WITH_EMPTY = counts_stack([[[0, 6], [7, 30]]])
# Means 5, 7 and 30 of 16 entries each, spreads 1, 2 and 4; one bin is empty.
PROFILE = means_stack([[16, 0], [16, 16]], [[5, 0], [7, 30]], [[1, 0], [2, 4]])


def judged(stack, **parameters):
    return contents_within_expected(stack, ContentsWithinExpected(**parameters))


def both(stack, **parameters) -> tuple[float, float]:
    """qtresult as it should be, and as CMSSW has it."""
    right = judged(stack, **parameters)
    theirs = judged(stack, cmssw_compatible=True, **parameters)
    assert not right.insufficient
    assert not theirs.insufficient
    return float(right.qtresult[0]), float(theirs.qtresult[0])


def test_contents_have_to_be_in_the_range() -> None:
    assert both(MAP, min_mean=5, max_mean=10) == (3 / 4, 3 / 4)
    assert both(MAP, min_mean=6) == (3 / 4, 3 / 4)
    assert both(MAP, max_mean=6) == (2 / 4, 2 / 4)


def test_contents_have_to_be_near_the_mean_of_all() -> None:
    """The mean is 12: within 6 of it lie 6 and 7; within 7.2 lies 5 too."""
    assert both(MAP, tolerance_mean=0.5) == (2 / 4, 2 / 4)
    assert both(MAP, tolerance_mean=0.6) == (3 / 4, 3 / 4)


def test_the_worst_bin_is_the_farthest_outside() -> None:
    """30 is 20 beyond 10, 5 is 1 below 6: in tens, the larger limit, 2 and 0.1."""
    found = judged(MAP, min_mean=6, max_mean=10)
    assert found.severity[0].tolist() == [[0.1, 0], [0, 2.0]]


def test_without_empty_bins_they_are_not_judged_or_count_as_good() -> None:
    limits = {"min_mean": 5, "max_mean": 10}
    assert both(WITH_EMPTY, **limits) == (2 / 4, 2 / 4)
    right, theirs = both(WITH_EMPTY, use_empty_bins=False, **limits)
    assert (right, theirs) == (pytest.approx(2 / 3), 3 / 4)


def test_without_limits_and_empty_bins_cmssw_lets_nothing_pass_but_0() -> None:
    found = judged(WITH_EMPTY, max_rms=9, use_empty_bins=False, cmssw_compatible=True)
    assert found.qtresult[0] == 1 / 4


def test_a_spread_is_of_a_profile() -> None:
    """Spreads 1, 2, 4 of 3 bins; CMSSW judges the empty one too, at 0."""
    assert both(PROFILE, max_rms=3) == (pytest.approx(2 / 3), 3 / 4)
    assert both(PROFILE, min_rms=1.5) == (pytest.approx(2 / 3), 2 / 4)


def test_or_an_error_of_the_mean() -> None:
    """Errors 1/4, 2/4, 4/4."""
    assert both(PROFILE, max_rms=0.9, error_of_mean=True) == (pytest.approx(2 / 3), 3 / 4)
    assert both(PROFILE, max_rms=0.4, error_of_mean=True) == (pytest.approx(1 / 3), 2 / 4)


def test_a_histogram_has_no_spread_but_errors() -> None:
    """Errors are the roots: 2.24, 2.45, 2.65, 5.48."""
    assert "have none" in judged(MAP, max_rms=3).insufficient[0]
    assert judged(MAP, max_rms=3, cmssw_compatible=True).qtresult[0] == 3 / 4
    assert both(MAP, min_rms=2.3, max_rms=3, error_of_mean=True) == (2 / 4, 2 / 4)


def test_bins_of_a_profile_need_their_part_of_the_entries() -> None:
    """Of 100 entries 25 in each of the 4 bins, which have 16: CMSSW lets all pass."""
    limits = {"min_mean": 5, "max_mean": 10}
    assert judged(PROFILE, min_entries=100, **limits).insufficient
    assert judged(PROFILE, min_entries=100, cmssw_compatible=True, **limits).qtresult[0] == 1.0
    # 7 / 4 is 1 there, so the empty bin is left out and counts as good.
    assert both(PROFILE, min_entries=7, **limits) == (pytest.approx(2 / 3), 3 / 4)
    # With 0 it is judged, at a mean of 0.
    assert both(PROFILE, **limits) == (pytest.approx(2 / 3), 2 / 4)


def test_a_part_of_the_entries_is_rounded_down_by_cmssw() -> None:
    stack = means_stack([1, 9], [50, 6])
    assert both(stack, min_entries=3, max_mean=10) == (1.0, 1 / 2)


def test_cmssw_judges_no_profile_without_empty_bins() -> None:
    found = judged(PROFILE, max_mean=9, use_empty_bins=False, cmssw_compatible=True)
    assert "does not judge profiles" in found.insufficient[0]
    assert judged(PROFILE, max_mean=9, use_empty_bins=False).qtresult[0] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "expected limits"),
        ({"min_mean": 2, "max_mean": 1}, "min_mean is 2, above max_mean 1"),
        ({"min_rms": 2, "max_rms": 1}, "min_rms is 2, above max_rms 1"),
    ],
)
def test_limits_that_limit_nothing_are_refused(parameters, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ContentsWithinExpected(**parameters)


def test_permuted_bins_give_the_same() -> None:
    random = np.random.default_rng(1)
    counts = random.poisson(20, (5, 4, 6))
    order = random.permutation(24)
    mixed = counts.reshape(5, 24)[:, order].reshape(5, 4, 6)
    for compatible in (False, True):
        parameters = {"min_mean": 15, "tolerance_mean": 0.3, "cmssw_compatible": compatible}
        first, second = (judged(counts_stack(one), **parameters) for one in (counts, mixed))
        np.testing.assert_array_equal(first.qtresult, second.qtresult)
