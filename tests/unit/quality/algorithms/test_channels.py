"""DeadChannel and NoisyChannel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from dqmstream.messages.booking import Integer
from dqmstream.messages.quality import Outcome
from dqmstream.quality.algorithms.channels import (
    DeadChannel,
    NoisyChannel,
    dead_channel,
    noisy_channel,
)
from dqmstream.quality.stack import Stack

DEAD = 'algorithm = "DeadChannel"\npath = "me"\n'
NOISY = 'algorithm = "NoisyChannel"\npath = "me"\n'


def stack_of(counts: np.ndarray) -> Stack:
    """counts[n, bins...] as a stack with empty flow bins."""
    axes = tuple(Integer(lower=0, upper=bins) for bins in counts.shape[1:])
    padding = [(0, 0)] + [(1, 1)] * len(axes)
    return Stack(axes=axes, entries=np.pad(counts.astype(np.int64), padding))


@pytest.fixture
def modules(channels, filled, with_flow):
    """Contents with these counts per module."""

    def make(counts):
        counts = np.asarray(counts)
        return filled((channels("me", *counts.shape),), {"me": with_flow(counts)})

    return make


def test_an_empty_bin_among_full_ones_is_dead(modules, judged) -> None:
    counts = np.full(20, 500)
    counts[7] = 0
    report = judged(modules(counts), DEAD)["me"]
    assert report.qtresult == pytest.approx(19 / 20)
    assert report.outcome is Outcome.WARNING
    assert [one.bins for one in report.bad_channels] == [(7,)]
    assert "module 7 holds 0" in report.message
    assert "9500 entries" in report.message


def test_a_dead_bin_in_two_dimensions_is_named_by_both(modules, judged) -> None:
    counts = np.full((4, 5), 500)
    counts[2, 3] = 0
    report = judged(modules(counts), DEAD)["me"]
    assert report.bad_channels[0].bins == (2, 3)
    assert report.bad_channels[0].label == "module 2, module 3"


def test_few_entries_make_no_dead_channel_and_no_green_one(modules, judged) -> None:
    counts = np.full(20, 50)
    counts[7] = 0
    report = judged(modules(counts), DEAD)["me"]
    assert report.outcome is Outcome.INSUFFICIENT
    assert "as few as 10 entries" in report.message


def test_a_bin_at_the_threshold_is_dead_only_if_so_few_are_incredible(modules, judged) -> None:
    """With 50 expected, 5 entries are incredible and 30 are not."""
    counts = np.full(10, 250)
    counts[3] = 5
    assert judged(modules(counts), DEAD + "parameters = {threshold = 5}")["me"].bad_count == 1
    report = judged(modules(counts), DEAD + "parameters = {threshold = 30}")["me"]
    assert report.outcome is Outcome.INSUFFICIENT


def test_dead_modules_do_not_hide_each_other(modules, judged) -> None:
    """The expectation is the median of live bins, whatever part of the detector is off."""
    counts = np.zeros(20, int)
    counts[:5] = 1000
    report = judged(modules(counts), DEAD)["me"]
    assert (report.outcome, report.bad_count) == (Outcome.BAD, 15)


def test_a_hot_bin_kills_no_others(modules, judged) -> None:
    counts = np.full(20, 500)
    counts[0] = 10**9
    assert judged(modules(counts), DEAD)["me"].outcome is Outcome.GOOD


def test_a_hot_bin_is_noisy_wherever_it_stands(modules, judged) -> None:
    for place in (0, 1, 10, 19):
        counts = np.full(20, 500)
        counts[place] = 5000
        report = judged(modules(counts), NOISY)["me"]
        assert [one.bins for one in report.bad_channels] == [(place,)]
        assert report.outcome is Outcome.WARNING


def test_a_hot_bin_in_two_dimensions_keeps_its_place(modules, judged) -> None:
    counts = np.full((6, 7), 100)
    counts[5, 2] = 2000
    assert judged(modules(counts), NOISY)["me"].bad_channels[0].bins == (5, 2)


def test_a_hot_bin_among_empty_ones_is_noisy(modules, judged) -> None:
    counts = np.zeros(20, int)
    counts[4] = 1000
    assert judged(modules(counts), NOISY)["me"].bad_count == 1


def test_few_entries_beside_fewer_are_a_fluctuation(modules, judged) -> None:
    """CMSSW's criterion alone would call this noisy: 6 is 5 times the mean around it."""
    counts = np.ones(100, int)
    counts[50] = 6
    assert judged(modules(counts), NOISY)["me"].outcome is Outcome.GOOD


def test_an_excess_within_the_tolerance_is_never_noisy(modules, judged) -> None:
    counts = np.full(20, 10**6)
    counts[4] = 3 * 10**6 - 1
    toml = NOISY + "parameters = {tolerance = 2.0}"
    assert judged(modules(counts), toml)["me"].outcome is Outcome.GOOD
    counts[4] = 31 * 10**5
    assert judged(modules(counts), toml)["me"].bad_count == 1


def test_good_channels_raise_no_alarm_in_a_long_run() -> None:
    """4000 channels of different occupancy over 300 LSs and three rates: nothing fails."""
    random = np.random.default_rng(20240607)
    shape = random.uniform(0.5, 1.5, size=4000).reshape(1, -1)
    for rate in (0.1, 5.0, 200.0):
        stack = stack_of(random.poisson(rate * shape, size=(300, 4000)))
        noisy = noisy_channel(stack, NoisyChannel(tolerance=2.0))
        dead = dead_channel(stack, DeadChannel())
        assert noisy.qtresult.min() == 1.0
        assert np.all(np.isin(np.flatnonzero(dead.qtresult < 1), list(dead.insufficient)))
        assert len(dead.insufficient) == (0 if rate == 200.0 else 300)


counts_1d = nps.arrays(np.int64, (2, 9), elements=st.integers(0, 3000))
counts_2d = nps.arrays(np.int64, (2, 4, 5), elements=st.integers(0, 3000))


@given(counts=counts_1d | counts_2d, neighbours=st.integers(1, 3))
def test_noisy_bins_are_those_a_plain_loop_finds(counts: np.ndarray, neighbours: int) -> None:
    """The window, cut at the edges, against a loop over bins; no statistics are asked for."""
    tiny = 1e-9
    parameters = NoisyChannel(tolerance=0.5, neighbours=neighbours, sigmas=tiny)
    found = noisy_channel(stack_of(counts), parameters)
    for row, one in enumerate(counts):
        for place in np.ndindex(one.shape):
            window = tuple(slice(max(i - neighbours, 0), i + neighbours + 1) for i in place)
            around = one[window].sum() - one[place]
            mean = around / (one[window].size - 1)
            if found.severity[row][place] > 0:
                assert one[place] > 1.5 * mean
            elif one[place] > 4 * mean and one[place] > 50:
                pytest.fail(f"{one[place]} beside a mean of {mean} is not noisy")


@given(counts=counts_1d, row=st.integers(0, 1))
def test_an_element_is_judged_alone_as_in_a_stack(counts: np.ndarray, row: int) -> None:
    for measure, parameters in (
        (dead_channel, DeadChannel()),
        (noisy_channel, NoisyChannel()),
    ):
        together = measure(stack_of(counts), parameters)
        alone = measure(stack_of(counts).row(row), parameters)
        assert alone.qtresult[0] == together.qtresult[row]
        assert alone.entries[0] == together.entries[row]
        assert np.array_equal(alone.severity[0], together.severity[row])
