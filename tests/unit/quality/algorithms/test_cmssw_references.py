"""Comp2RefEqualH, Comp2RefChi2, Comp2Ref2DChi2 and Comp2RefKolmogorov."""

import math

import numpy as np
import pytest
from scipy import special, stats

from dqmstream.messages.booking import Category, Histogram, Integer, Profile, Scalar
from dqmstream.quality.algorithms import equality, kolmogorov, reference
from dqmstream.quality.algorithms.equality import Comp2RefEqualH, comp2ref_equal
from dqmstream.quality.algorithms.kolmogorov import Comp2RefKolmogorov, comp2ref_kolmogorov
from dqmstream.quality.algorithms.reference import (
    Comp2Ref2DChi2,
    Comp2RefChi2,
    comp2ref_2d_chi2,
    comp2ref_chi2,
)
from dqmstream.quality.stack import Stack
from tests.cmssw_stacks import cells_stack, means_stack
from tests.stacks import against, counts_stack, tail_excess, weighted_stack

# Shares 0.2, 0.3, 0.5 and 0.25, 0.25, 0.5.
FIRST, SECOND = [[20, 30, 50]], [[25, 25, 50]]
CHI2 = 25 / 45 + 25 / 55


def equal(stack, other, *, scale=1.0, **parameters):
    return comp2ref_equal(against(stack, other, scale=scale), Comp2RefEqualH(**parameters))


def test_equal_contents_are_equal_flow_included() -> None:
    stack = cells_stack([1, 2, 3, 4])
    assert equal(stack, stack).qtresult[0] == 1.0
    for place in range(4):
        cells = [1, 2, 3, 4]
        cells[place] += 1
        for compatible in (False, True):
            found = equal(stack, cells_stack(cells), cmssw_compatible=compatible)
            assert found.qtresult[0] == 0.0
            assert found.measured[0] == 1
            assert np.flatnonzero(found.severity[0]).tolist() == [place]


def test_a_reference_is_scaled_and_never_by_cmssw() -> None:
    stack, other = cells_stack([0, 2, 4, 0]), cells_stack([0, 1, 2, 0])
    assert equal(stack, other, scale=2.0).qtresult[0] == 1.0
    assert equal(stack, other, scale=2.0, cmssw_compatible=True).qtresult[0] == 0.0


def test_cmssw_does_not_come_by_the_last_cells_of_a_map() -> None:
    """Of 2 x 2 bins, 4 x 4 cells, it compares the first 6, by rows of y: y = 0 and two of y = 1."""
    contents = np.arange(16).reshape(1, 4, 4)
    axes = (Integer(lower=0, upper=2),) * 2
    stack = Stack(axes=axes, entries=contents)
    seen = []
    for x, y in np.ndindex(4, 4):
        other = contents.copy()
        other[0, x, y] += 1
        changed = Stack(axes=axes, entries=other)
        assert equal(stack, changed).qtresult[0] == 0.0
        if equal(stack, changed, cmssw_compatible=True).qtresult[0] == 0.0:
            seen.append((y, x))
    assert sorted(seen) == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1)]


def test_categories_have_no_underflow_to_compare() -> None:
    axes = (Category(codes=(1, 2)), Integer(lower=0, upper=2))
    contents = np.arange(12).reshape(1, 3, 4)
    stack = Stack(axes=axes, entries=contents)
    other = contents.copy()
    other[0, 0, 0] += 1  # x bin 1 of 4, underflow of y: the second cell of ROOT's
    changed = Stack(axes=axes, entries=other)
    assert equal(stack, changed, cmssw_compatible=True).qtresult[0] == 0.0
    assert np.argwhere(equal(stack, changed).severity[0]).tolist() == [[1, 0]]


def test_profiles_are_equal_by_their_means() -> None:
    one, other = means_stack([4, 0, 2], [1, 0, 3]), means_stack([8, 0, 1], [1, 0, 3])
    assert equal(one, other, scale=7.0).qtresult[0] == 1.0
    # A mean of 0 and none are not the same, to CMSSW they are.
    filled = means_stack([8, 1, 1], [1, 0, 3])
    assert equal(one, filled).qtresult[0] == 0.0


def chi2(data, other, **parameters):
    stack = against(data, other, scale=parameters.pop("scale", None))
    return comp2ref_chi2(stack, Comp2RefChi2(**parameters))


def test_chi2_by_hand() -> None:
    """5^2 / 45 + 5^2 / 55 with 2 degrees of freedom: p = exp(-chi2 / 2).

    CMSSW: 3 bins, both halved: chi2 / 2 with int(3 / 2) = 1.
    """
    data, other = counts_stack(FIRST), counts_stack(SECOND)
    right, theirs = chi2(data, other), chi2(data, other, cmssw_compatible=True)
    assert right.p_value[0] == right.qtresult[0] == pytest.approx(math.exp(-CHI2 / 2))
    assert (right.statistic[0], right.ndof[0]) == (pytest.approx(CHI2), 2)
    assert theirs.qtresult[0] == pytest.approx(math.erfc(math.sqrt(CHI2 / 2 / 2)))
    assert (theirs.statistic[0], theirs.ndof[0]) == (pytest.approx(CHI2), 3)
    assert theirs.p_value is None  # it is none


@pytest.mark.parametrize("compatible", [False, True])
def test_chi2_is_of_shapes_whatever_the_scale(compatible: bool) -> None:
    data = counts_stack(FIRST)
    found = [
        chi2(data, counts_stack(SECOND), scale=scale, cmssw_compatible=compatible).qtresult[0]
        for scale in (1.0, 4.0)
    ]
    assert found[0] == found[1]


def test_sparse_bins_are_merged_unless_told_otherwise() -> None:
    data, other = counts_stack([[20, 30, 50, 1]]), counts_stack([[25, 25, 50, 0]])
    assert chi2(data, other, min_expected=5).ndof[0] == 2
    assert chi2(data, other, min_expected=0).ndof[0] == 3


def test_a_bin_that_is_empty_in_both_takes_no_part() -> None:
    data, other = counts_stack([[20, 0, 30, 50]]), counts_stack([[25, 0, 25, 50]])
    assert chi2(data, other, cmssw_compatible=True).ndof[0] == 3


def test_of_one_bin_cmssws_chi2_is_0() -> None:
    """int(1 / 2) degrees of freedom: ROOT says 0, so that equal histograms are an error."""
    data = counts_stack([[7, 0]])
    assert chi2(data, data, cmssw_compatible=True).qtresult[0] == 0.0
    assert chi2(data, data).insufficient


def test_what_cannot_be_compared_is_insufficient() -> None:
    full, empty = counts_stack(FIRST), counts_stack([[0, 0, 0]])
    for run in (chi2, flat, distance):
        for compatible in (False, True):
            shape = (1, 3, 1) if run is flat else (1, 3)
            one, none = (
                counts_stack(each.entries[:, 1:-1].reshape(shape)) for each in (full, empty)
            )
            assert run(one, none, cmssw_compatible=compatible).insufficient
            assert run(none, one, cmssw_compatible=compatible).insufficient


def test_a_content_without_error_is_insufficient_to_cmssws_chi2() -> None:
    one = means_stack([4, 4], [1, 2], [0, 0])
    found = chi2(one, one, cmssw_compatible=True)
    assert found.insufficient == {0: "a bin has a content and no error"}


def test_profiles_by_hand() -> None:
    """Means 2 and 4 +- 1/2 against 3 and 3: shares 1/3, 2/3 of 6 +- 1/12 and 1/2 +- 1/12.

    Each term is (1/6)^2 / (2 / 144) = 2; the halves of 4 and 2: P(2 | 1).
    """
    one = means_stack([4, 4], [2, 4], [1, 1])
    other = means_stack([4, 4], [3, 3], [1, 1])
    found = chi2(one, other, cmssw_compatible=True)
    assert found.statistic[0] == pytest.approx(4.0)
    assert found.qtresult[0] == pytest.approx(stats.chi2.sf(2, 1))
    # 4 entries each: Welch's t of each bin, no sum to scale to.
    assert chi2(one, other, min_expected=2).ndof[0] == 2


def flat(data, other, **parameters):
    return comp2ref_2d_chi2(against(data, other), Comp2Ref2DChi2(**parameters))


def test_chi2_in_two_dimensions_by_hand() -> None:
    """The three bins again, and one that is empty in both: exp(-chi2 / 2), with CMSSW too."""
    data = counts_stack(np.reshape([20, 30, 50, 0], (1, 2, 2)))
    other = counts_stack(np.reshape([25, 25, 50, 0], (1, 2, 2)))
    for compatible in (False, True):
        found = flat(data, other, cmssw_compatible=compatible)
        assert (found.statistic[0], found.ndof[0]) == (pytest.approx(CHI2), 2)
        assert found.qtresult[0] == pytest.approx(math.exp(-CHI2 / 2))


def test_cmssw_takes_weights_for_counts_in_two_dimensions() -> None:
    """Contents as before, errors ten times larger: chi2 is 100 times smaller."""

    def weighted(contents: list[int]) -> Stack:
        content = np.reshape(contents, (1, 2, 2))
        return weighted_stack(np.full((1, 2, 2), 30), content, 100.0 * content)

    data, other = weighted([20, 30, 50, 60]), weighted([25, 25, 50, 60])
    assert flat(data, other, cmssw_compatible=True).statistic[0] == pytest.approx(CHI2)
    assert flat(data, other).statistic[0] == pytest.approx(CHI2 / 100)
    assert flat(data, other, min_expected=0).ndof[0] == 3


def distance(data, other, **parameters):
    return comp2ref_kolmogorov(against(data, other), Comp2RefKolmogorov(**parameters))


@pytest.mark.parametrize("compatible", [False, True])
def test_kolmogorov_by_hand(compatible: bool) -> None:
    """1/6, 1/2, 1 against 1/2, 5/6, 1: d = 1/3, n m / (n + m) = 30, z = sqrt(30) / 3.

    K(z) = 2 (exp(-2 z^2) - exp(-8 z^2) + ...) = 2 exp(-20 / 3) = 0.00255.
    """
    found = distance(
        counts_stack([[10, 20, 30]]), counts_stack([[30, 20, 10]]), cmssw_compatible=compatible
    )
    assert found.statistic[0] == pytest.approx(1 / 3)
    assert found.p_value[0] == pytest.approx(2 * math.exp(-20 / 3), rel=1e-6)
    assert found.severity[0, 1] == pytest.approx(1 / 3)


def test_flow_counts_in_the_distance_and_not_in_cmssws_entries() -> None:
    """60 of 100 below against 0 of 40: d = 0.6; n, m are 100 and 40, for CMSSW 40 and 40."""
    data, other = cells_stack([60, 20, 20, 0]), cells_stack([0, 20, 20, 0])
    right, theirs = distance(data, other), distance(data, other, cmssw_compatible=True)
    assert right.qtresult[0] == pytest.approx(special.kolmogorov(0.6 * math.sqrt(4000 / 140)))
    assert theirs.qtresult[0] == pytest.approx(special.kolmogorov(0.6 * math.sqrt(20)))


@pytest.mark.parametrize(
    ("entries", "weight", "right", "theirs"),
    [
        ([30, 90], 0.5, 120, 120),  # more entries than contents: (60)^2 / 30
        ([5, 25], 2.0, 30, 60),  # fewer: taken for counts
        ([1, 1], 0.5, 2, 1),  # as many as bins: taken for contents that were set
    ],
)
def test_entries_of_weights(entries: list[int], weight: float, right: int, theirs: int) -> None:
    number = np.array([0, *entries, 0])
    data = cells_stack(number, sums=number * weight, squares=number * weight**2)
    other = cells_stack([0, 500, 500, 0])
    far = abs(entries[0] / sum(entries) - 0.5)
    for compatible, n in ((False, right), (True, theirs)):
        found = distance(data, other, cmssw_compatible=compatible)
        z = far * math.sqrt(n * 1000 / (n + 1000))
        assert found.qtresult[0] == pytest.approx(special.kolmogorov(z))


def test_a_profile_is_a_distribution_to_cmssw_alone() -> None:
    one = means_stack([4, 4], [2, 4], [1, 1])
    assert distance(one, one).insufficient == {0: "a profile is no distribution"}
    assert distance(one, one, cmssw_compatible=True).qtresult[0] == 1.0


def test_p_values_are_never_too_small() -> None:
    random = np.random.default_rng(9)
    data, other = (random.multinomial(200, np.full(30, 1 / 30), 3000) for _ in range(2))
    for run in (distance, chi2):
        assert tail_excess(run(counts_stack(data), counts_stack(other)).p_value) > 1e-3


@pytest.mark.parametrize("run", [chi2, distance])
def test_the_same_is_1_and_a_shift_is_found(run) -> None:
    shape = np.exp(-((np.arange(40) - 20) ** 2) / 50)
    random = np.random.default_rng(4)
    other = random.poisson(100 * shape)[None]
    assert run(counts_stack(other), counts_stack(other)).qtresult[0] == pytest.approx(1.0)
    moved = random.poisson(100 * np.roll(shape, 2))[None]
    assert run(counts_stack(moved), counts_stack(other)).qtresult[0] < 1e-6


def test_what_has_no_bins_is_refused() -> None:
    number = Scalar(path="a", value="x", combine="sum")
    axis, codes = Integer(lower=0, upper=3), Category(codes=(1, 2))
    line = Histogram(path="a", axes=(axis,), fill=("x",))
    flat_one = Histogram(path="a", axes=(axis, axis), fill=("x", "y"))
    named = Profile(path="a", axes=(codes,), fill=("x",), value="y", value_range=(0, 1))
    refusals = {
        one.name: one.refusal
        for module in (equality, reference, kolmogorov)
        for one in module.ALGORITHMS
    }
    assert len(refusals) == 4
    assert all(refusal(number) for refusal in refusals.values())
    assert not refusals["Comp2RefEqualH"](flat_one)
    assert refusals["Comp2RefChi2"](flat_one)
    assert refusals["Comp2Ref2DChi2"](line)
    assert not refusals["Comp2Ref2DChi2"](flat_one)
    assert "categories" in refusals["Comp2RefKolmogorov"](named)
    assert not refusals["Comp2RefChi2"](named)
