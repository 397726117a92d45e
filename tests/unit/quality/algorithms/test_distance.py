"""KolmogorovSmirnov, AndersonDarling and Wasserstein."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy import stats
from scipy.special import kolmogorov

from dqmstream.messages.booking import Variable
from dqmstream.quality.algorithms import bridge
from dqmstream.quality.algorithms.distance import (
    AndersonDarling,
    KolmogorovSmirnov,
    Wasserstein,
    anderson_darling,
    kolmogorov_smirnov,
    wasserstein,
)
from tests.stacks import against, counts_stack, tail_deficit, tail_excess, weighted_stack

CENTRES = (np.arange(12) + 0.5) / 12
TESTS = (
    (kolmogorov_smirnov, KolmogorovSmirnov()),
    (anderson_darling, AndersonDarling()),
    (wasserstein, Wasserstein()),
)
each_test = pytest.mark.parametrize(("measure", "parameters"), TESTS, ids=("ks", "ad", "w"))


def pairs(number: int, bins: int, rate: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    shape = np.exp(-np.linspace(0, 3, bins))
    shape *= rate / shape.sum()
    return random.poisson(shape, (number, bins)), random.poisson(3 * shape, (number, bins))


def samples(counts: np.ndarray) -> np.ndarray:
    return np.repeat(CENTRES, counts)


def test_the_kolmogorov_smirnov_distance_is_scipys() -> None:
    data, reference = pairs(20, 12, 200)
    found = kolmogorov_smirnov(
        against(counts_stack(data), counts_stack(reference)), KolmogorovSmirnov(asymptotic=True)
    )
    for row in range(20):
        one, other = samples(data[row]), samples(reference[row])
        theirs = stats.ks_2samp(one, other, method="asymp")
        assert found.measured[row] == pytest.approx(theirs.statistic)
        n, m = len(one), len(other)
        root = math.sqrt(n * m / (n + m))
        assert found.p_value[row] == pytest.approx(kolmogorov(root * theirs.statistic))


def _scholz_stephens_sigma(*sizes: int) -> float:
    """Standard deviation of A^2 of two samples, from their eq. 4 for k = 2."""
    total, k = sum(sizes), len(sizes)
    inverse = sum(1 / size for size in sizes)
    index = np.arange(1, total)
    harmonic = (1 / index).sum()
    tails = np.cumsum((1 / index)[::-1])[::-1]
    g = sum(tails[i] / (total - i) for i in range(1, total - 1))
    a = (4 * g - 6) * (k - 1) + (10 - 6 * g) * inverse
    b = (2 * g - 4) * k**2 + 8 * harmonic * k
    b += (2 * g - 14 * harmonic - 4) * inverse - 8 * harmonic + 4 * g - 6
    c = (6 * harmonic + 2 * g - 2) * k**2 + (4 * harmonic - 4 * g + 6) * k
    c += (2 * harmonic - 6) * inverse + 4 * harmonic
    d = (2 * harmonic + 6) * k**2 - 4 * harmonic * k
    cubic = a * total**3 + b * total**2 + c * total + d
    return math.sqrt(cubic / ((total - 1.0) * (total - 2.0) * (total - 3.0)))


def test_the_anderson_darling_statistic_is_scipys() -> None:
    """Theirs is standardised: (A^2 - 1) / sigma."""
    data, reference = pairs(10, 12, 150)
    found = anderson_darling(
        against(counts_stack(data), counts_stack(reference)), AndersonDarling()
    )
    for row in range(10):
        one, other = samples(data[row]), samples(reference[row])
        theirs = stats.anderson_ksamp(
            [one, other], variant="midrank", method=stats.PermutationMethod(n_resamples=1)
        )
        sigma = _scholz_stephens_sigma(len(one), len(other))
        assert (found.statistic[row] - 1) / sigma == pytest.approx(theirs.statistic, rel=1e-6)


def test_the_wasserstein_distance_is_scipys_also_with_weights_and_uneven_bins() -> None:
    random = np.random.default_rng(2)
    edges = np.sort(random.uniform(0, 30, 13))
    centres = (edges[1:] + edges[:-1]) / 2
    entries, others = random.poisson(30, (2, 5, 12)) + 1
    data = weighted_stack(entries, entries * centres, entries * centres**2)
    reference = weighted_stack(others, others * 2.0, others * 4.0)
    stack = against(data, reference)
    found = wasserstein(
        dataclasses.replace(stack, axes=(Variable(edges=tuple(edges), unit="ns"),)), Wasserstein()
    )
    for row in range(5):
        theirs = stats.wasserstein_distance(
            centres, centres, entries[row] * centres, others[row] * 2.0
        )
        assert found.measured[row] == pytest.approx(theirs)
    assert found.unit == "ns"


@each_test
@pytest.mark.parametrize("bins", [4, 15, 100])
def test_p_values_are_not_too_small_if_nothing_is_wrong(measure, parameters, bins) -> None:
    data, reference = pairs(4000, bins, 1000)
    found = measure(against(counts_stack(data), counts_stack(reference)), parameters)
    # An approximation of the area may be 20 % too small in the middle.
    allowed = np.minimum(found.p_value * 1.25, 1) if measure is wasserstein else found.p_value
    assert tail_excess(allowed) > 1e-3


def test_p_values_are_uniform_or_nearly_so() -> None:
    data, reference = pairs(6000, 20, 1000)
    stack = against(counts_stack(data), counts_stack(reference))
    p_value = anderson_darling(stack, AndersonDarling()).p_value
    assert tail_deficit(p_value) > 1e-3
    # Too large by no more than half: as if stated for 2/3 of them.
    p_value = kolmogorov_smirnov(stack, KolmogorovSmirnov()).p_value
    assert tail_deficit(p_value / 1.5) > 1e-3
    asymptotic = kolmogorov_smirnov(stack, KolmogorovSmirnov(asymptotic=True)).p_value
    assert (asymptotic >= p_value * (1 - 1e-12)).all()


@pytest.mark.parametrize("bins", [5, 20, 60])
@pytest.mark.parametrize("d", [1.2, 1.7, 2.4])
def test_the_largest_of_a_bridge_is_bounded_as_tightly_as_said(bins: int, d: float) -> None:
    """Against integration over all edges of the density of a bridge that never reached +-d."""
    times = np.arange(1, bins) / bins
    nodes, weights = np.polynomial.legendre.leggauss(120)
    nodes, weights = nodes * d, weights * d
    density = stats.norm.pdf(nodes, 0, math.sqrt(times[0] * (1 - times[0])))
    for one, two in itertools.pairwise(times):
        left = (1 - two) / (1 - one)
        spread = math.sqrt((two - one) * left)
        density = stats.norm.pdf(nodes[:, None], nodes * left, spread) @ (weights * density)
    exact = 1 - (weights * density).sum()
    found = bridge.largest(np.array([d]), np.append(times, 1.0)[None])[0]
    assert exact * 0.999 <= found <= exact * (1.5 if bins > 5 else 1.02)


@pytest.mark.parametrize("statistic", [3.0, 8.0, 15.0])
def test_the_tail_of_squares_is_that_of_its_eigenvalues(statistic: float) -> None:
    """With two bins A^2 is one chi2; with many it is the limit of T. W. Anderson and D. A. Darling,
    whose eigenvalues are 1 / (i (i + 1)): a simulation of that sum, by its largest parts."""
    half = np.array([[0.25, 0.75]])
    variance = half * (1 - half) - 0.125
    found = bridge.squares(np.array([statistic]), half, np.full((1, 2), 0.5), variance)[0]
    # The saddle point is 8 % off for a single chi2, its worst case.
    assert found == pytest.approx(stats.chi2.sf(statistic, 1), rel=0.1)
    if statistic > 8:
        return
    shares = np.full((1, 400), 1 / 400)
    middle = np.cumsum(shares, axis=1) - shares / 2
    found = bridge.squares(
        np.array([statistic]), middle, shares, middle * (1 - middle) - shares / 4
    )[0]
    random = np.random.default_rng(3)
    index = np.arange(1, 40)
    sums = (random.normal(size=(400_000, 39)) ** 2 / (index * (index + 1.0))).sum(axis=1) + 1 / 40
    tail = (sums >= statistic).mean()
    assert found == pytest.approx(tail, rel=0.07, abs=4 * math.sqrt(tail / 400_000))


@each_test
def test_a_shift_is_found(measure, parameters) -> None:
    """Power: a Gaussian shifted by a fifth of its width, 3000 entries against 30000."""
    edges = np.linspace(-3, 3, 41)
    random = np.random.default_rng(4)
    good, bad = np.diff(stats.norm.cdf(edges)), np.diff(stats.norm.cdf(edges - 0.2))
    data, reference = random.poisson(3e3 * bad, (200, 40)), random.poisson(3e4 * good, (200, 40))
    found = measure(against(counts_stack(data), counts_stack(reference)), parameters)
    assert (found.p_value < 1e-6).mean() > 0.95
    assert (found.p_value < 1e-4).all()


@each_test
def test_the_worst_bin_is_named(measure, parameters) -> None:
    data, reference = pairs(1, 30, 3000)
    data[0, 20] += 600
    found = measure(against(counts_stack(data), counts_stack(reference)), parameters)
    assert found.p_value[0] < 1e-4
    assert found.severity[0].argmax() == 20


def test_a_tolerance_in_the_axis_unit_forgives_a_shift() -> None:
    data, reference = pairs(1, 30, 30000)
    moved = against(counts_stack(np.roll(data, 1, axis=1)), counts_stack(reference))
    assert wasserstein(moved, Wasserstein()).p_value[0] < 1e-6
    found = wasserstein(moved, Wasserstein(tolerance=0.1))
    assert found.p_value[0] > 0.5
    assert found.limit == "at most 0.1 but for chance"


@each_test
def test_nothing_to_compare_is_no_verdict(measure, parameters) -> None:
    found = measure(against(counts_stack([[5, 5]]), counts_stack([[0, 0]])), parameters)
    assert "not positive" in found.insufficient[0]
    assert np.isfinite(found.p_value).all()


def test_flow_is_a_bin_if_asked_for() -> None:
    stack = against(counts_stack([[100, 100]]), counts_stack([[100, 100]]))
    stack.entries[0, 0] = 100
    for measure, parameters in TESTS[:2]:
        wide = type(parameters)(flow=True)
        assert measure(stack, parameters).p_value[0] > 0.9
        assert measure(stack, wide).p_value[0] < 1e-6


@each_test
@given(
    both=nps.arrays(np.int64, (2, 3, 8), elements=st.integers(0, 200)),
    factor=st.integers(2, 5),
)
def test_a_stack_is_judged_as_each_element_and_its_scale_does_not_matter(
    measure, parameters, both, factor
) -> None:
    data, reference = both
    stack = against(counts_stack(data), counts_stack(reference))
    together = measure(stack, parameters)
    assert ((together.p_value >= 0) & (together.p_value <= 1)).all()
    other = measure(
        against(counts_stack(data), counts_stack(reference), scale=float(factor)), parameters
    )
    assert other.p_value == pytest.approx(together.p_value)
    for row in range(3):
        alone = measure(stack.row(row), parameters)
        assert together.p_value[row] == pytest.approx(alone.p_value[0], rel=1e-9)


@given(counts=nps.arrays(np.int64, (2, 12), elements=st.integers(0, 200)))
def test_equal_histograms_are_never_apart(counts) -> None:
    stack = against(counts_stack(counts), counts_stack(counts))
    for measure, parameters in TESTS:
        found = measure(stack, parameters)
        assert found.measured == pytest.approx(0, abs=1e-12)
        assert found.p_value == pytest.approx(1)
