"""LevelShift, Drift and Outlier."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking, Histogram, Integer, Profile, Regular
from dqmstream.quality.algorithms.trend import (
    Drift,
    LevelShift,
    Outlier,
    drift,
    level_shift,
    outlier,
)
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.declaration import read_tests
from tests.past import after, values
from tests.stacks import counts_stack, tail_deficit, tail_excess

VALUE = {"quantity": "value"}


def good(rows: int, lumisections: int = 20, seed: int = 1, scatter: float = 0.0) -> np.ndarray:
    """values[rows, lumisections, 50 entries] of mean 10 and spread 2."""
    random = np.random.default_rng(seed)
    level = random.normal(10, scatter, (rows, lumisections, 1)) if scatter else 10.0
    return random.normal(level, 2, (rows, lumisections, 50))


@pytest.mark.parametrize("scatter", [0.0, 1.0])
def test_slopes_of_good_numbers_are_uniform(scatter: float) -> None:
    found = drift(values(good(5000, scatter=scatter)), Drift(**VALUE, scatter=scatter))
    assert tail_excess(found.qtresult, (0.1, 0.01)) > 1e-4
    assert tail_deficit(found.qtresult, (0.1, 0.01)) > 1e-4
    assert stats.kstest(found.qtresult, "uniform").statistic < 0.03


def test_a_slope_is_that_of_a_weighted_fit_and_gaps_do_no_harm() -> None:
    numbers = [1, 2, 7, 8, 15]
    rising = good(3, 5) + 0.3 * np.array(numbers)[None, :, None]
    stack = values(rising, numbers)
    found = drift(stack, Drift(**VALUE))
    mean = rising.mean(axis=2)
    error = rising.std(axis=2, ddof=1) / np.sqrt(50)
    for row in range(3):
        expected, covariance = np.polyfit(numbers, mean[row], 1, w=1 / error[row], cov="unscaled")
        assert found.measured[row] == pytest.approx(expected[0], rel=1e-6)
        z = expected[0] / np.sqrt(covariance[0, 0])
        assert found.qtresult[row] == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-6)


def test_a_slope_within_the_tolerance_is_good() -> None:
    rising = good(100) + 0.1 * np.arange(20)[None, :, None]
    assert (drift(values(rising), Drift(**VALUE)).qtresult < 1e-6).mean() > 0.9
    tolerant = drift(values(rising), Drift(**VALUE, tolerance=0.15))
    assert (tolerant.qtresult > 0.5).all()


def test_steps_of_good_numbers_are_no_more_frequent_than_stated() -> None:
    found = level_shift(values(good(5000)), LevelShift(**VALUE))
    assert tail_excess(found.qtresult, (0.1, 0.01)) > 1e-4


@pytest.mark.parametrize("since", [1, 2, 5])
def test_a_step_is_found_however_old_it_is(since: int) -> None:
    stepped = good(200)
    stepped[:, -since:] += 2.0
    found = level_shift(values(stepped), LevelShift(**VALUE))
    assert (found.qtresult < 1e-4).mean() > 0.95
    assert found.measured.mean() == pytest.approx(2.0, abs=0.2)


def test_an_outlier_is_found_beside_wild_ones_before() -> None:
    wild = good(200)
    wild[:, 5] += 50
    found = outlier(values(wild), Outlier(**VALUE))
    assert (found.qtresult < 1e-3).mean() < 0.02
    wild[:, -1] += 8
    found = outlier(values(wild), Outlier(**VALUE))
    assert (found.qtresult < 1e-4).mean() > 0.9


@pytest.mark.parametrize("scatter", [0.0, 2.0])
def test_good_numbers_are_seldom_outliers(scatter: float) -> None:
    found = outlier(values(good(5000, scatter=scatter)), Outlier(**VALUE))
    share = (found.qtresult < 1e-3).mean()
    assert share < 2e-3
    assert (found.qtresult < 0.1).mean() == pytest.approx(0.1 if scatter else 0.04, abs=0.02)


def test_the_mean_of_a_histogram_is_a_number() -> None:
    random = np.random.default_rng(4)
    shape = stats.norm.pdf(np.arange(40), 20, 4)
    shifted = stats.norm.pdf(np.arange(40), 22, 4)
    stacks = [counts_stack(random.multinomial(1000, shape / shape.sum(), 50)) for _ in range(19)]
    stacks.append(counts_stack(random.multinomial(1000, shifted / shifted.sum(), 50)))
    for found in (
        level_shift(after(stacks), LevelShift()),
        outlier(after(stacks), Outlier()),
    ):
        assert found.measured.mean() == pytest.approx(2 / 40, rel=0.1)
        assert (found.qtresult < 1e-3).all()


def test_empty_lumisections_are_left_out_and_few_are_no_verdict() -> None:
    full, empty = counts_stack([[50, 80, 50]]), counts_stack([[0, 0, 0]])
    found = outlier(after([full, empty, full, empty, full, full]), Outlier())
    assert found.insufficient == {}
    assert found.measured[0] == pytest.approx(0)
    for measure, parameters in (
        (outlier, Outlier()),
        (drift, Drift()),
        (level_shift, LevelShift()),
    ):
        assert list(measure(after([full, empty, empty]), parameters).insufficient) == [0]


@pytest.mark.parametrize(
    ("quantity", "refused"),
    [("mean", {"map", "profile"}), ("value", {"line", "map"}), ("entries", set())],
)
def test_elements_without_the_number_are_refused(quantity: str, refused: set[str]) -> None:
    line, codes = Regular(bins=4, lower=0, upper=1), Integer(lower=0, upper=3)
    elements = (
        Histogram(path="line", axes=(line,), fill=("x",)),
        Histogram(path="map", axes=(line, codes), fill=("x", "y")),
        Profile(path="profile", axes=(line,), fill=("x",), value="y", value_range=(0, 1)),
    )
    layout = Layout(Booking(workspace="w", elements=elements))
    for name in ("LevelShift", "Drift", "Outlier"):
        (test,) = read_tests(
            f'[[quality_test]]\nname = "t"\nalgorithm = "{name}"\npath = "**"\n'
            f'parameters = {{ quantity = "{quantity}" }}\n',
            "tests",
        )
        (compiled,) = compile_tests([test], [layout]).workspaces[layout.hash].tests
        assert {one.element.path for one, _ in compiled.refused} == refused
        assert all(f"quantity is {quantity}" in why for _, why in compiled.refused)


def test_steps_against_the_median_are_no_more_frequent_than_stated() -> None:
    found = level_shift(values(good(5000)), LevelShift(**VALUE, against="median"))
    assert tail_excess(found.qtresult, (0.1, 0.01)) > 1e-4
    few = level_shift(values(good(5000, 4, seed=2)), LevelShift(**VALUE, against="median"))
    assert tail_excess(few.qtresult, (0.1, 0.01)) > 1e-4


def test_a_number_that_is_back_is_a_step_against_the_mean_alone() -> None:
    """Off by ten errors for four of twelve LSs, right again in the last one."""
    excursion = good(200, 12)
    excursion[:, 7:11] += 3.0
    by_mean, by_median = (
        level_shift(values(excursion), LevelShift(**VALUE, recent=1, against=against))
        for against in ("mean", "median")
    )
    assert (by_mean.qtresult < 1e-3).mean() > 0.5
    assert (by_median.qtresult < 1e-3).mean() < 0.05
    excursion[:, -1] += 3.0
    found = level_shift(values(excursion), LevelShift(**VALUE, recent=1, against="median"))
    assert (found.qtresult < 1e-6).mean() > 0.95


def test_entries_by_luminosity_have_no_step_where_both_step() -> None:
    lumisections = [counts_stack([[1000]]) for _ in range(8)] + [counts_stack([[2000]])]
    parameters = LevelShift(quantity="entries", recent=1)
    assert level_shift(after(lumisections), parameters).qtresult[0] < 1e-6
    known = [replace(one, luminosity=1.0) for one in lumisections[:-1]]
    known.append(replace(lumisections[-1], luminosity=2.0))
    found = level_shift(after(known), parameters)
    assert found.measured[0] == pytest.approx(0)
    assert found.qtresult[0] == pytest.approx(1)
