"""MeanWithinExpected."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from dqmstream.messages.booking import Integer, Regular
from dqmstream.messages.quality import Outcome
from dqmstream.quality.algorithms.mean import MeanWithinExpected, mean_within_expected
from dqmstream.quality.stack import Stack

MEAN = 'algorithm = "MeanWithinExpected"\npath = "me"\n'


@pytest.fixture
def times(histogram, filled):
    """Times in 10 bins of 1 ns around 0, 100 entries each in the two bins given."""
    axis = Regular(bins=10, lower=-5, upper=5, label="time", unit="ns")

    def make(first: int, second: int, entries: int = 100):
        cells = np.zeros(12, int)
        cells[[first + 1, second + 1]] = entries
        return filled((histogram(axis),), {"me": cells})

    return make


def test_a_mean_in_the_range_is_certain(times, judged) -> None:
    report = judged(times(4, 5), MEAN + "parameters = {xmin = -1, xmax = 1}")["me"]
    assert (report.outcome, report.qtresult, report.measured) == (Outcome.GOOD, 1.0, 0.0)


def test_a_shift_is_measured_in_errors_on_the_mean(times, judged) -> None:
    """Mean 1, RMS 0.5 and 200 entries: the error is 0.0354, the range ends 0.1 below."""
    report = judged(times(5, 6), MEAN + "parameters = {xmin = -1, xmax = 0.9}")["me"]
    z = 0.1 / (0.5 / math.sqrt(200))
    assert report.qtresult == pytest.approx(math.erfc(z / math.sqrt(2)))
    assert report.outcome is Outcome.GOOD
    assert "mean of time is 1 ns" in report.message
    assert "expected from -1 to 0.9 ns" in report.message


def test_the_same_shift_with_more_entries_is_bad(times, judged) -> None:
    report = judged(times(5, 6, 10_000), MEAN + "parameters = {xmin = -1, xmax = 0.9}")["me"]
    assert report.outcome is Outcome.BAD


def test_a_natural_scatter_widens_what_is_expected(times, judged) -> None:
    strict = judged(times(5, 6, 10_000), MEAN + "parameters = {mean = 0.5}")["me"]
    tolerant = judged(times(5, 6, 10_000), MEAN + "parameters = {mean = 0.5, sigma = 0.5}")["me"]
    assert strict.outcome is Outcome.BAD
    assert tolerant.qtresult == pytest.approx(math.erfc(1 / math.sqrt(2)), rel=1e-3)


def test_with_use_rms_the_spread_of_the_histogram_is_allowed(times, judged) -> None:
    report = judged(times(5, 6, 10_000), MEAN + "parameters = {mean = 0.5, use_rms = true}")["me"]
    assert report.qtresult == pytest.approx(math.erfc(1 / math.sqrt(2)))


def test_few_entries_are_insufficient_and_not_an_error(times, judged) -> None:
    report = judged(times(0, 0, 20), MEAN + "parameters = {mean = 4}")["me"]
    assert report.outcome is Outcome.INSUFFICIENT
    assert "20 entries, needs 100" in report.message


def test_entries_all_in_one_bin_have_the_spread_of_its_width(times, judged) -> None:
    report = judged(times(5, 5, 1200), MEAN + "parameters = {mean = 0.49}")["me"]
    z = 0.01 / (1 / math.sqrt(12) / math.sqrt(1200))
    assert report.qtresult == pytest.approx(math.erfc(z / math.sqrt(2)))


def test_entries_all_of_one_integer_have_no_spread(histogram, filled, judged) -> None:
    contents = filled((histogram(Integer(lower=0, upper=3)),), {"me": [0, 0, 0, 200, 0]})
    off = judged(contents, MEAN + "parameters = {mean = 1}")["me"]
    on = judged(contents, MEAN + "parameters = {mean = 2}")["me"]
    assert (off.qtresult, on.qtresult) == (0.0, 1.0)


@given(counts=nps.arrays(np.int64, (3, 8), elements=st.integers(0, 50)))
def test_mean_and_error_are_those_of_the_entries_at_bin_centres(counts: np.ndarray) -> None:
    counts[:, 0] += 1  # underflow is left out
    counts[:, 2:4] += 1
    axis = Regular(bins=6, lower=0, upper=12)
    found = mean_within_expected(Stack(axes=(axis,), entries=counts), MeanWithinExpected(xmin=20))
    for row in range(3):
        entries = np.repeat(np.arange(1, 13, 2), counts[row, 1:-1])
        error = max(entries.std(), 2 / math.sqrt(12)) / math.sqrt(len(entries))
        z = (20 - entries.mean()) / error
        assert found.measured[row] == pytest.approx(entries.mean())
        assert found.qtresult[row] == pytest.approx(math.erfc(z / math.sqrt(2)))
        assert found.entries[row] == len(entries)
