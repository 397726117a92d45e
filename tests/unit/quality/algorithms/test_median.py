"""CompareToMedian."""

import numpy as np
import pytest

from dqmstream.quality.algorithms.median import CompareToMedian, compare_to_median
from tests.cmssw_stacks import means_stack

TEN = np.full((2, 4), 10)
# Two columns: medians 2.5 (of 3 the upper one) and 2.
COLUMNS = means_stack(TEN, [[1, 2, 3, 8], [2, 2, 2, 2]])


def judged(stack, **parameters):
    return compare_to_median(stack, CompareToMedian(**parameters))


def both(stack, **parameters) -> tuple[float, float]:
    """qtresult as it should be, and as CMSSW has it."""
    right = judged(stack, **parameters)
    theirs = judged(stack, cmssw_compatible=True, **parameters)
    return float(right.qtresult[0]), float(theirs.qtresult[0])


def test_a_bin_is_compared_with_the_median_of_its_column() -> None:
    """0.5 to 7.5 are allowed; CMSSW takes the upper median: 0.6 to 9."""
    assert both(COLUMNS) == (7 / 8, 1.0)
    assert np.argwhere(judged(COLUMNS).severity[0]).tolist() == [[0, 3]]


def test_relative_limits() -> None:
    """At least 1.25, or 1.5; at most 5, or 6."""
    assert both(COLUMNS, min_rel=0.5) == (6 / 8, 7 / 8)
    assert both(COLUMNS, max_rel=2.0) == (7 / 8, 7 / 8)
    assert both(COLUMNS, min_rel=0.5, max_rel=2.0) == (6 / 8, 6 / 8)


def test_a_median_off_its_limits_condemns_the_column() -> None:
    assert both(COLUMNS, max_abs=2.2) == (4 / 8, 4 / 8)
    # 2 is below 2.2: so is not the other column, of which 8 fails, or does not.
    assert both(COLUMNS, min_abs=2.2) == (3 / 8, 4 / 8)


def test_columns_of_few_entries_are_not_judged_or_count_as_good() -> None:
    """2.5 x 10 and 2 x 10 are compared with 22; 8 fails where at most 2 medians are allowed."""
    assert both(COLUMNS, max_rel=2.0, stat_cut=22) == (3 / 4, 7 / 8)


def test_cmssw_counts_the_entries_of_the_last_bin_alone() -> None:
    stack = means_stack([[10, 10, 10, 1]], [[1, 2, 3, 8]])
    assert both(stack, max_rel=2.0, stat_cut=22) == (3 / 4, 1.0)


def test_empty_bins_may_be_used() -> None:
    """0 of one without entries is below 0.2 x 2: never a failure for CMSSW."""
    stack = means_stack([[0, 10, 10, 10]], [[0, 2, 2, 2]])
    assert both(stack) == (1.0, 1.0)
    assert both(stack, use_empty_bins=True) == (3 / 4, 1.0)
    # With 3 of 4 empty the median is 0, and the absolute limits are compared.
    lone = means_stack([[0, 0, 0, 10]], [[0, 0, 0, 20]])
    assert both(lone, use_empty_bins=True) == (3 / 4, 3 / 4)


def test_a_mean_of_0_is_no_empty_bin() -> None:
    """CMSSW leaves it out of the number of bins, 3, and lets it fail."""
    stack = means_stack([[10, 10, 10, 10]], [[0, 2, 2, 2]])
    right, theirs = both(stack)
    assert (right, theirs) == (3 / 4, pytest.approx(1 - 1 / 3))


def test_a_median_of_0_leaves_the_absolute_limits() -> None:
    stack = means_stack([[10, 10, 10, 10]], [[0, 0, 0, 5]])
    # CMSSW: 5 is the only value and median, above 4, so 4 bins fail of 1: below 0.
    assert both(stack, max_abs=4) == (3 / 4, 0.0)
    assert both(stack, max_abs=4, use_empty_bins=True) == (3 / 4, 3 / 4)


def test_a_negative_median_has_few_entries_to_cmssw() -> None:
    """-10 x 10 is below a stat_cut of 0; -2 to -30 are allowed, and -100 is not."""
    stack = means_stack([[10, 10, 10, 10]], [[-10, -10, -10, -100]])
    assert both(stack, min_abs=-100) == (3 / 4, 1.0)


def test_nothing_to_judge_passes_nowhere() -> None:
    stack = means_stack([[0, 0]], [[0, 0]])
    assert judged(stack).insufficient
    assert judged(stack, cmssw_compatible=True).insufficient


@pytest.mark.parametrize("name", ["rel", "abs"])
def test_limits_out_of_order_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"min_{name} is 5, above max_{name} 4"):
        CompareToMedian(**{f"min_{name}": 5, f"max_{name}": 4})


@pytest.mark.parametrize("compatible", [False, True])
def test_order_within_a_column_and_of_columns_does_not_matter(compatible: bool) -> None:
    random = np.random.default_rng(5)
    means = random.uniform(0.1, 6, (6, 9))
    number = np.full((6, 9), 7)
    mixed = random.permuted(means, axis=1)[random.permutation(6)]
    first, second = (
        judged(means_stack(number, one), min_rel=0.6, max_rel=1.7, cmssw_compatible=compatible)
        for one in (means, mixed)
    )
    assert first.qtresult[0] == second.qtresult[0] < 1


@pytest.mark.parametrize("compatible", [False, True])
def test_a_common_factor_changes_nothing_but_the_absolute_limits(compatible: bool) -> None:
    means = np.random.default_rng(6).uniform(0.1, 6, (6, 9))
    first, second = (
        judged(
            means_stack(np.full((6, 9), 7), factor * means),
            min_rel=0.6,
            max_rel=1.7,
            max_abs=10 * factor,
            cmssw_compatible=compatible,
        )
        for factor in (1, 4)
    )
    assert first.qtresult[0] == second.qtresult[0] < 1
