"""CompareLastFilledBin."""

import numpy as np
import pytest

from dqmstream.quality.algorithms.last_filled import (
    CompareLastFilledBin,
    compare_last_filled_bin,
)
from tests.cmssw_stacks import cells_stack, means_stack
from tests.stacks import counts_stack

LINE = counts_stack([[5, 0, 3, 0]])
# Bins (x, y): 7 at (0, 1) and 2 at (1, 0).
MAP = counts_stack([[[0, 7], [2, 0]]])


def judged(stack, **parameters):
    return compare_last_filled_bin(stack, CompareLastFilledBin(**parameters))


def both(stack, **parameters) -> tuple[float, float]:
    """qtresult as it should be, and as CMSSW has it."""
    return tuple(
        float(judged(stack, cmssw_compatible=how, **parameters).qtresult[0])
        for how in (False, True)
    )


def test_the_last_content_has_to_be_above_min_and_at_most_max() -> None:
    assert judged(LINE).measured[0] == 3
    assert both(LINE) == (0.0, 0.0)
    assert both(LINE, max_val=3) == (1.0, 1.0)
    assert both(LINE, min_val=3, max_val=4) == (0.0, 0.0)
    assert np.flatnonzero(judged(LINE).severity[0]).tolist() == [2]


def test_filled_is_what_is_above_av_val() -> None:
    assert judged(LINE, av_val=4).measured[0] == 5
    assert both(LINE, av_val=3, max_val=4) == (0.0, 0.0)
    assert both(LINE, av_val=2.9, max_val=4) == (1.0, 1.0)


def test_in_a_map_it_is_the_last_y_of_the_last_x() -> None:
    """CMSSW takes the last x and the last y each on its own: the empty bin (1, 1)."""
    assert both(MAP, max_val=2) == (1.0, 0.0)
    assert both(MAP, min_val=-1) == (0.0, 1.0)
    theirs = judged(MAP, cmssw_compatible=True)
    assert theirs.measured[0] == 0
    assert np.argwhere(theirs.severity[0]).tolist() == [[1, 1]]


def test_without_a_filled_bin_there_is_nothing_to_judge() -> None:
    """CMSSW compares the underflow, of a map nothing."""
    line = cells_stack([9, 5, 0, 3, 0, 0])
    assert judged(line, av_val=6).insufficient == {0: "no bin holds more than 6"}
    assert judged(line, av_val=6, max_val=9, cmssw_compatible=True).qtresult[0] == 1.0
    assert judged(line, av_val=6, max_val=8, cmssw_compatible=True).qtresult[0] == 0.0
    assert judged(MAP, av_val=8, cmssw_compatible=True).qtresult[0] == 1.0


def test_a_negative_underflow_passes_with_cmssw() -> None:
    stack = cells_stack([1, 1, 0], sums=[-2.0, 1.0, 0.0], squares=[4.0, 1.0, 0.0])
    found = judged(stack, av_val=2, min_val=5, max_val=6, cmssw_compatible=True)
    assert found.qtresult[0] == 1.0


def test_means_are_contents() -> None:
    assert judged(means_stack([4, 4, 0], [0.2, 0.5, 0])).measured[0] == 0.5


def test_limits_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="min_val is 1, not below max_val 1"):
        CompareLastFilledBin(min_val=1)
