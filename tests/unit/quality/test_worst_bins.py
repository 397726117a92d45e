"""The worst failed bins of a stack, against finding them row by row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dqmstream.messages.booking import Integer
from dqmstream.quality.algorithm import Findings
from dqmstream.quality.worst_bins import MAX_BAD_CHANNELS, WorstBins

AXES = (Integer(lower=0, upper=9, label="x"), Integer(lower=0, upper=9, label="y"))


def findings(severity: np.ndarray, first_bin: int = 0) -> Findings:
    ones = np.ones(len(severity))
    content = 10.0 * np.arange(severity.size).reshape(severity.shape)
    return Findings(
        quantity="bins",
        qtresult=ones,
        measured=ones,
        entries=ones.astype(np.int64),
        content=content,
        severity=severity,
        first_bin=first_bin,
    )


@given(
    arrays.arrays(
        np.float64,
        arrays.array_shapes(min_dims=2, max_dims=3, max_side=9),
        elements=st.sampled_from([0.0, 0.0, 1.0, 2.5, np.inf]),
    )
)
def test_they_are_those_of_each_row_sorted_by_itself(severity: np.ndarray) -> None:
    found = findings(severity)
    worst = WorstBins(found, AXES[: severity.ndim - 1])
    assert found.content is not None
    for row in range(len(severity)):
        channels, count = worst.of(row)
        failed = [place for place in np.ndindex(severity.shape[1:]) if severity[row][place]]
        failed.sort(key=lambda place: -severity[row][place])
        assert count == len(failed)
        assert [one.bins for one in channels] == failed[:MAX_BAD_CHANNELS]
        assert [one.content for one in channels] == [
            found.content[row][place] for place in failed[:MAX_BAD_CHANNELS]
        ]
        names = ("x {}", "x {}, y {}")[severity.ndim - 2]
        assert [one.label for one in channels] == [names.format(*one.bins) for one in channels]


def test_bins_of_flow_have_their_numbers_and_names() -> None:
    worst = WorstBins(findings(np.array([[1.0, 0, 2.0]]), first_bin=-1), AXES[:1])
    channels, count = worst.of(0)
    assert count == 2
    assert [(one.bins, one.label) for one in channels] == [((1,), "x 1"), ((-1,), "x underflow")]


def test_a_bin_that_is_not_there_costs_the_rows_that_have_it() -> None:
    severity = np.zeros((2, 30))
    severity[0, 3], severity[1, 29] = 1.0, 1.0
    worst = WorstBins(findings(severity), AXES[:1])
    assert worst.of(0)[0][0].label == "x 3"
    with pytest.raises(IndexError):
        worst.of(1)


def test_a_test_that_judges_no_bins_lists_none() -> None:
    one = np.ones(1)
    none = Findings(quantity="mean", qtresult=one, measured=one, entries=one.astype(np.int64))
    assert WorstBins(none, AXES).of(0) == ((), 0)
