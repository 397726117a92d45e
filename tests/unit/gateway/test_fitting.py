"""Fits of functions to histograms: toys of known parameters come out right, with right errors."""

import numpy as np
import pytest
from scipy import integrate, stats

from services.gateway.fit_models import MODELS, Bins, FitError
from services.gateway.fitting import fit
from tests.unit.gateway.test_references import stored, system  # noqa: F401

EDGES = np.linspace(-5.0, 5.0, 51)


def counted(sample, edges=EDGES):
    values = np.histogram(sample, edges)[0].astype(np.float64)
    return Bins(edges, values, np.sqrt(values), True)


def named(found):
    return {one.name: one for one in found.parameters}


def test_pulls_of_a_gaussian_are_normal_also_where_bins_are_nearly_empty():
    rng = np.random.default_rng(1)
    pulls = []
    for _ in range(150):
        found = fit("gaussian", counted(rng.normal(0.4, 1.2, 120)))
        assert found.valid
        parameters = named(found)
        for name, truth in (("mean", 0.4), ("sigma", 1.2)):
            one = parameters[name]
            pulls.append((one.value - truth) / one.error)
    pulls = np.array(pulls)
    # 300 pulls: a mean is known to 0.06, a width to 0.04; sigma of 120 entries is low by its bias.
    assert abs(pulls.mean()) < 0.25
    assert 0.85 < pulls.std() < 1.15


def test_chi2_of_counts_is_distributed_as_one():
    rng = np.random.default_rng(2)
    chances = [fit("gaussian", counted(rng.normal(0, 1.5, 20_000))).probability for _ in range(60)]
    assert stats.kstest(chances, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("edges", [EDGES, np.concatenate([EDGES[:25], EDGES[25::5]])])
def test_the_yield_is_the_number_of_entries_whatever_the_widths_of_bins(edges):
    sample = np.random.default_rng(3).normal(0, 1, 10_000)
    amount = named(fit("gaussian", counted(sample, edges)))["yield"]
    assert amount.value == pytest.approx(10_000, rel=0.01)
    assert amount.error == pytest.approx(100, rel=0.05)


def test_a_landau_an_exponential_and_a_peak_on_a_line_are_found():
    rng = np.random.default_rng(4)
    edges = np.linspace(0, 60, 121)
    landau = named(fit("landau", counted(stats.landau.rvs(20, 2, 20_000, random_state=rng), edges)))
    assert abs(landau["location"].value - 20) < 4 * landau["location"].error
    assert abs(landau["width"].value - 2) < 4 * landau["width"].error
    decay = named(fit("exponential", counted(rng.exponential(8, 20_000), edges)))
    assert abs(decay["slope"].value + 1 / 8) < 4 * decay["slope"].error
    both = np.concatenate([rng.normal(30, 2, 3_000), rng.uniform(0, 60, 12_000)])
    peak = named(fit("gaussian-line", counted(both, edges)))
    assert abs(peak["mean"].value - 30) < 4 * peak["mean"].error
    assert abs(peak["yield"].value - 3_000) < 4 * peak["yield"].error
    wide = named(
        fit("breit-wigner", counted(stats.cauchy.rvs(30, 1.5, 20_000, random_state=rng), edges))
    )
    assert abs(wide["width"].value - 3) < 5 * wide["width"].error


def test_means_are_fitted_by_least_squares_with_their_errors():
    rng = np.random.default_rng(5)
    middle = (EDGES[1:] + EDGES[:-1]) / 2
    values = 2 + 0.5 * middle + rng.normal(0, 0.1, len(middle))
    values[7] = np.nan
    found = fit("line", Bins(EDGES, values, np.full(len(middle), 0.1), False, contents=False))
    slope = named(found)["slope"]
    assert abs(slope.value - 0.5) < 4 * slope.error
    assert slope.error == pytest.approx(0.1 / np.sqrt((middle**2).sum()), rel=0.05)
    assert (found.ndf, found.bins) == (47, 49)


def test_a_range_leaves_out_what_is_outside_of_it():
    rng = np.random.default_rng(6)
    sample = np.concatenate([rng.normal(-2, 0.3, 5_000), rng.normal(2, 0.5, 5_000)])
    found = fit("gaussian", counted(sample), 0.5, 4.0)
    assert named(found)["mean"].value == pytest.approx(2, abs=0.05)
    assert 0.4 <= found.span[0] < found.span[1] <= 4.2


def test_the_curve_lies_on_the_bins():
    found = fit("gaussian", counted(np.random.default_rng(7).normal(0, 1, 50_000)))
    x, y = found.curve
    # In contents of a bin of 0.2: the area below is that of all entries times the width.
    assert integrate.trapezoid(y, x) == pytest.approx(50_000 * 0.2, rel=0.01)


@pytest.mark.parametrize("model", MODELS)
def test_what_is_empty_or_too_short_is_refused_with_the_reason(model):
    empty = Bins(EDGES, np.zeros(50), np.zeros(50), True)
    with pytest.raises(FitError, match="filled bins"):
        fit(model, empty)
    with pytest.raises(FitError, match="no bin lies"):
        fit(model, empty, 50.0, 60.0)


def test_an_unknown_model_is_refused():
    with pytest.raises(FitError, match="expected one of gaussian"):
        fit("rubbish", counted([0.0, 1.0]))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seed", range(4))
def test_nonsense_ends_with_an_answer_or_a_reason(model, seed):
    rng = np.random.default_rng(seed)
    values = rng.choice([0.0, 1.0, 1e12, 3.0], 50)
    found = fit(model, Bins(EDGES, values, np.sqrt(values), True))
    assert np.isfinite(found.chi2)
    assert all(np.isfinite(one.value) for one in found.parameters)


@pytest.mark.parametrize("contents", [True, False])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "values", [-np.arange(1.0, 51.0), np.full(50, -1.0), np.full(50, 2.0), -np.eye(50)[7] - 1]
)
def test_means_below_zero_and_flat_ones_end_with_an_answer_or_a_reason(model, values, contents):
    bins = Bins(EDGES, values, np.ones(50), False, contents)
    if model == "exponential" and values.max() <= 0:
        with pytest.raises(FitError, match="0 bins above zero"):
            fit(model, bins)
        return
    found = fit(model, bins)
    assert np.isfinite(found.chi2)
    assert all(np.isfinite(one.value) for one in found.parameters)


async def test_a_route_fits_between_the_outer_edges_of_an_axis(system):  # noqa: F811
    charge = await system.get("runs/400001/fit", path="pixel/charge")
    assert (charge["from"], charge["to"], charge["bins"]) == (0.0, 100.0, 50)
    assert len(charge["curve"]["x"]) == len(charge["curve"]["y"])
    assert charge["curve"]["x"][0] == 0.0
    paths = await system.get("runs/400001/fit", path="trigger/paths", model="line")
    assert (paths["from"], paths["to"]) == (-0.5, paths["bins"] - 0.5), "integers are in the middle"
