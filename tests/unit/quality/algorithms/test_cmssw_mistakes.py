"""The tests that CMSSW runs most, as CMSSW runs them: with what is a mistake there."""

import math

import numpy as np
import pytest

from dqmstream.messages.booking import Integer, Regular, Variable
from dqmstream.quality.algorithms.channels import (
    DeadChannel,
    NoisyChannel,
    dead_channel,
    noisy_channel,
)
from dqmstream.quality.algorithms.mean import MeanWithinExpected, mean_within_expected
from dqmstream.quality.algorithms.range import (
    ContentsXRange,
    ContentsYRange,
    contents_x_range,
    contents_y_range,
)
from tests.cmssw_stacks import cells_stack, means_stack
from tests.stacks import counts_stack

CMSSW = {"cmssw_compatible": True}


def x_range(stack, **limits: float) -> float:
    return float(contents_x_range(stack, ContentsXRange(**CMSSW, **limits)).qtresult[0])


def y_range(stack, **limits: float) -> float:
    return float(contents_y_range(stack, ContentsYRange(**CMSSW, **limits)).qtresult[0])


@pytest.mark.parametrize(
    ("axis", "inside"),
    [
        (Regular(bins=4, lower=0, upper=40), -5.0),  # half of 10 below 0
        (Variable(edges=(0, 1, 2, 3, 40)), -5.0),  # half of the mean width 40 / 4 below 0
        (Integer(lower=0, upper=4), -1.0),  # centres are the integers
    ],
)
def test_an_underflow_lies_half_a_bin_below_the_axis(axis, inside: float) -> None:
    stack = cells_stack([30, 70, 0, 0, 0, 0], axis)
    assert x_range(stack, xmin=inside) == 1.0
    assert x_range(stack, xmin=inside + 0.1) == 0.7
    right = contents_x_range(stack, ContentsXRange(xmin=inside))
    assert right.qtresult[0] == 0.7


def test_an_overflow_lies_half_a_bin_above_the_axis() -> None:
    stack = cells_stack([0, 0, 0, 0, 70, 30], Regular(bins=4, lower=0, upper=40))
    assert (x_range(stack, xmax=45), x_range(stack, xmax=44)) == (1.0, 0.7)


def test_empty_bins_that_cannot_fail_count_as_good() -> None:
    """Contents 0, 5, 7, 30 and limits 5 to 10: 30 fails."""
    stack = counts_stack([[0, 5, 7, 30]])
    assert y_range(stack, ymin=5, ymax=10) == 3 / 4
    assert y_range(stack, ymin=5, ymax=10, use_empty_bins=True) == 2 / 4
    right = contents_y_range(stack, ContentsYRange(ymin=5, ymax=10))
    assert right.qtresult[0] == pytest.approx(2 / 3)


def test_an_empty_bin_of_a_profile_holds_0() -> None:
    stack = means_stack([10, 0], [6.0, 0.0])
    assert y_range(stack, ymin=5, ymax=10, use_empty_bins=True) == 1 / 2
    right = contents_y_range(stack, ContentsYRange(ymin=5, ymax=10, use_empty_bins=True))
    assert right.qtresult[0] == 1.0


def test_any_bin_at_the_threshold_is_dead_however_few_entries_there_are() -> None:
    stack = counts_stack([[0, 1, 2, 3]])
    for threshold, alive in ((0, 3), (0.05, 3), (1, 2), (2.5, 1)):
        found = dead_channel(stack, DeadChannel(threshold=threshold, **CMSSW))
        assert found.qtresult[0] == alive / 4
        assert np.count_nonzero(found.severity) == 4 - alive
    assert dead_channel(stack, DeadChannel()).insufficient


def test_a_threshold_between_counts_is_the_one_below() -> None:
    stack = counts_stack([[0, 1, 1000, 1000]])
    assert dead_channel(stack, DeadChannel(threshold=0.5)).qtresult[0] == 3 / 4
    assert dead_channel(stack, DeadChannel(threshold=1)).qtresult[0] == 2 / 4


@pytest.mark.parametrize(("neighbours", "failed"), [(1, [2]), (2, [2]), (3, [2])])
def test_noise_is_relative_to_the_mean_around(neighbours: int, failed: list[int]) -> None:
    """Of 2, 1, 9, 1, 2 the middle has 1 around it, 1.5 in both: 8 and 5 times more."""
    found = noisy_channel(
        counts_stack([[2, 1, 9, 1, 2]]),
        NoisyChannel(tolerance=4.0, neighbours=neighbours, **CMSSW),
    )
    assert np.flatnonzero(found.severity[0]).tolist() == failed
    assert found.severity[0, 2] == pytest.approx(8 if neighbours == 1 else 5)
    assert found.qtresult[0] == 4 / 5


def test_a_window_is_pushed_inward_at_the_edge() -> None:
    """The first bin of 8, 1, 3, 40, 40 is compared with the next two: (8 - 2) / 2 = 3."""
    stack = counts_stack([[8, 1, 3, 40, 40]])
    found = noisy_channel(stack, NoisyChannel(tolerance=2.9, neighbours=1, **CMSSW))
    assert found.severity[0, 0] == pytest.approx(3.0)
    at_it = noisy_channel(stack, NoisyChannel(tolerance=3.0, neighbours=1, **CMSSW))
    assert at_it.severity[0, 0] == 0  # more than the tolerance fails, as much does not


def test_noise_in_two_dimensions_is_listed_where_it_is() -> None:
    """Of 3 x 3 bins of 1 the corner (0, 2) has 19: (19 - 1) / 1 = 18."""
    counts = np.ones((1, 3, 3), int)
    counts[0, 0, 2] = 19
    found = noisy_channel(counts_stack(counts), NoisyChannel(tolerance=17, neighbours=1, **CMSSW))
    assert np.argwhere(found.severity[0]).tolist() == [[0, 2]]
    assert found.qtresult[0] == 8 / 9


def test_among_empty_bins_nothing_is_noisy() -> None:
    stack = counts_stack([[0, 0, 1000, 0, 0]])
    assert noisy_channel(stack, NoisyChannel(neighbours=1, **CMSSW)).qtresult[0] == 1.0
    assert noisy_channel(stack, NoisyChannel(neighbours=1)).qtresult[0] == 4 / 5


def mean_test(stack, **parameters: float) -> float:
    found = mean_within_expected(stack, MeanWithinExpected(**CMSSW, **parameters))
    return float(found.qtresult[0])


# Half at 4 and half at 6: mean 5, RMS 1.
AT_4_AND_6 = cells_stack([0, 0, 0, 0, 0, 50, 0, 50, 0, 0])


def test_a_mean_is_in_the_range_or_it_is_not() -> None:
    assert mean_test(AT_4_AND_6, xmin=5, xmax=6) == 1.0
    assert mean_test(AT_4_AND_6, xmax=4.999) == 0.0
    right = mean_within_expected(AT_4_AND_6, MeanWithinExpected(xmax=4.999))
    assert right.qtresult[0] == pytest.approx(math.erfc(0.001 / 0.1 / math.sqrt(2)))


def test_sigma_knows_no_statistical_error() -> None:
    """The mean is 2 sigmas off: 0.0455, however many entries there are."""
    assert mean_test(AT_4_AND_6, mean=4, sigma=0.5) == pytest.approx(0.04550026)
    right = mean_within_expected(AT_4_AND_6, MeanWithinExpected(mean=4, sigma=0.5))
    assert right.qtresult[0] == pytest.approx(math.erfc(1 / math.hypot(0.5, 0.1) / math.sqrt(2)))


def test_an_rms_may_stand_for_sigma() -> None:
    assert mean_test(AT_4_AND_6, mean=4, use_rms=True) == pytest.approx(0.31731051)
    assert mean_test(cells_stack([0, 0, 9, 0]), mean=1, use_rms=True) == 0.0  # RMS 0 fails


def test_a_mean_alone_is_refused() -> None:
    with pytest.raises(ValueError, match="expected sigma, use_rms or a range"):
        MeanWithinExpected(mean=3, **CMSSW)
