"""ContentsXRange and ContentsYRange."""

import numpy as np
import pytest

from dqmstream.messages.booking import Integer, Regular
from dqmstream.messages.quality import Outcome

X_RANGE = 'algorithm = "ContentsXRange"\npath = "me"\n'
Y_RANGE = 'algorithm = "ContentsYRange"\npath = "me"\n'


@pytest.fixture
def energies(histogram, filled):
    """Energies in 4 bins of 10 GeV; the cells begin with underflow."""
    axis = Regular(bins=4, lower=0, upper=40, label="energy", unit="GeV")
    return lambda cells: filled((histogram(axis),), {"me": cells})


def test_entries_outside_count_with_flow_and_are_listed_worst_first(energies, judged) -> None:
    report = judged(
        energies([3, 100, 700, 190, 5, 2]), X_RANGE + "parameters = {xmin = 10, xmax = 30}"
    )["me"]
    assert report.qtresult == report.measured == pytest.approx(0.89)
    assert report.outcome is Outcome.WARNING
    assert report.entries == 1000
    assert [one.label for one in report.bad_channels] == [
        "energy 0 to 10 GeV",
        "energy 30 to 40 GeV",
        "energy underflow",
        "energy overflow",
    ]
    assert [one.bins for one in report.bad_channels] == [(0,), (3,), (-1,), (4,)]
    assert report.message == (
        "fraction of contents with energy from 10 to 30 GeV is 0.89, expected at least 0.9 "
        "(BAD below 0.5); 1000 entries; 4 bad bins, worst first: energy 0 to 10 GeV holds 100, "
        "energy 30 to 40 GeV holds 5, energy underflow holds 3, ..."
    )


def test_an_overflow_lies_beyond_any_finite_limit_and_within_no_limit(energies, judged) -> None:
    cells = [0, 0, 0, 0, 0, 200]
    far = judged(energies(cells), X_RANGE + "parameters = {xmax = 1e9}")["me"]
    none = judged(energies(cells), X_RANGE + "parameters = {xmin = 10}")["me"]
    assert (far.outcome, none.outcome) == (Outcome.BAD, Outcome.GOOD)


def test_an_empty_histogram_does_not_pass(energies, judged) -> None:
    report = judged(energies(np.zeros(6)), X_RANGE + "min_entries = 0\nparameters = {xmin = 10}")
    assert report["me"].outcome is Outcome.INSUFFICIENT


def test_integers_lie_at_their_own_value(histogram, filled, judged) -> None:
    contents = filled((histogram(Integer(lower=0, upper=3)),), {"me": [0, 50, 50, 100, 0]})
    report = judged(contents, X_RANGE + "parameters = {xmin = 1, xmax = 2}")["me"]
    assert report.measured == pytest.approx(0.75)


def test_weights_and_not_entries_are_what_lies_outside(histogram, filled, judged) -> None:
    axis = Regular(bins=2, lower=0, upper=2)
    element = histogram(axis, weight="w", weight_range=(0, 1))
    unit = 1 << 30
    planes = [
        [0, 100, 100, 0],
        [0, 30 * unit, 10 * unit, 0],
        [0, 9 * unit, 1 * unit, 0],
    ]
    report = judged(filled((element,), {"me": planes}), X_RANGE + "parameters = {xmin = 1}")["me"]
    assert report.measured == pytest.approx(0.25)
    assert report.entries == 200


def test_bins_without_entries_are_left_out_of_the_denominator(energies, judged) -> None:
    toml = Y_RANGE + "parameters = {ymin = 10, ymax = 20}"
    report = judged(energies([0, 15, 0, 15, 99, 0]), toml)["me"]
    assert report.qtresult == pytest.approx(2 / 3)
    assert [one.content for one in report.bad_channels] == [99.0]


def test_bins_without_entries_fail_when_they_are_to_be_used(energies, judged) -> None:
    toml = Y_RANGE + "parameters = {ymin = 10, ymax = 20, use_empty_bins = true}"
    report = judged(energies([0, 15, 0, 15, 99, 0]), toml)["me"]
    assert report.qtresult == pytest.approx(2 / 4)
    assert report.bad_count == 2
    assert report.bad_channels[0].content == 99.0


def test_a_profile_is_judged_by_its_means(profile, filled, judged) -> None:
    element = profile(Integer(lower=0, upper=3, label="crystal"))
    scale = 1 << 23  # values up to 100 need 7 of the 30 bits
    planes = [[0, 10, 10, 0, 0], [0, 20 * scale, 500 * scale, 0, 0], [0, 0, 0, 0, 0]]
    report = judged(
        filled((element,), {"me": planes}),
        Y_RANGE + "parameters = {ymin = 1, ymax = 3, use_empty_bins = true}",
    )["me"]
    assert report.qtresult == 0.5
    assert report.bad_channels[0].content == 50.0
    assert report.bad_channels[0].label == "crystal 1"
