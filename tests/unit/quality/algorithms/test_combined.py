"""CombinedDistance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from dqmstream.errors import ConfigurationError
from dqmstream.quality.algorithms.chi2 import Chi2, chi2
from dqmstream.quality.algorithms.combined import (
    PARTS,
    TAILS,
    CombinedDistance,
    Part,
    combined_distance,
    distances_of,
    score_of,
    share_beyond,
)
from dqmstream.quality.algorithms.distance import (
    AndersonDarling,
    KolmogorovSmirnov,
    Wasserstein,
    anderson_darling,
    kolmogorov_smirnov,
    wasserstein,
)
from dqmstream.quality.algorithms.likelihood import LikelihoodRatio, likelihood_ratio
from dqmstream.quality.algorithms.nearest import NearestReference, nearest_reference
from dqmstream.quality.declaration import read_tests
from tests.stacks import against, counts_stack

SHAPE = np.exp(-0.5 * ((np.arange(20) - 9.5) / 3) ** 2)
USUAL = tuple(map(float, range(len(TAILS))))


def good(rows: int, seed: int, entries: float = 1500, width: float = 1.0) -> np.ndarray:
    shape = SHAPE ** (1 / width**2)
    return np.random.default_rng(seed).poisson(entries * shape / shape.sum(), (rows, len(shape)))


def parameters(**parts: float) -> CombinedDistance:
    """Weights of some parts, in units of their values."""
    given = {name: Part(weight=one, centre=0.0, spread=1.0) for name, one in parts.items()}
    return CombinedDistance(**given, usual=USUAL)


def test_its_distances_are_those_of_the_tests_against_the_sum_of_all_references() -> None:
    data, first, second = (counts_stack(good(30, seed)) for seed in (1, 2, 3))
    both = counts_stack(good(30, 2) + good(30, 3))
    found = distances_of(against(data, first, second))
    assert set(found) == set(PARTS)
    one = against(data, both)
    alone = {
        "chi2": chi2(one, Chi2()).measured + 0.01,
        "likelihood": likelihood_ratio(one, LikelihoodRatio()).measured + 0.01,
        "kolmogorov_smirnov": kolmogorov_smirnov(one, KolmogorovSmirnov()).statistic + 1e-3,
        "anderson_darling": anderson_darling(one, AndersonDarling()).measured + 1e-3,
        "wasserstein": wasserstein(one, Wasserstein()).measured / 0.95 + 1e-3,
        "nearest": nearest_reference(against(data, first, second), NearestReference()).statistic
        + 0.1,
    }
    for name, values in alone.items():
        assert found[name] == pytest.approx(np.log(values)), name


def test_an_amount_is_compared_with_the_reference_that_is_nearest_to_it() -> None:
    """Three LSs with 10, 0 and 80 entries; expected are 20 or 40."""
    counts = np.zeros((3, 4), int)
    counts[[0, 2], 1] = 10, 80
    ones = counts_stack(np.full((3, 4), 100))
    apart = distances_of(against(counts_stack(counts), ones, ones, scale=None), ("amount",))
    assert apart["amount"] == pytest.approx([0, 0, 0])
    one = against(counts_stack(counts), ones, scale=0.05).references
    other = against(counts_stack(counts), ones, scale=0.1).references
    stack = against(counts_stack(counts))
    stack = type(stack)(axes=stack.axes, entries=stack.entries, references=one + other)
    apart = distances_of(stack, ("amount",))
    assert apart["amount"] == pytest.approx([np.log(2), 0, np.log(2)])


def test_the_score_is_a_weighted_sum_in_spreads_and_each_term_has_bounds() -> None:
    learned = CombinedDistance(
        chi2=Part(weight=0.5, centre=1.0, spread=2.0),
        amount=Part(weight=3.0, centre=0.0, spread=0.1),
        likelihood=Part(weight=0.0, centre=0.0, spread=1.0),
        usual=USUAL,
    )
    values = {"chi2": np.array([3.0, -99.0]), "amount": np.array([0.2, 5.0])}
    assert score_of(values, learned) == pytest.approx([0.5 + 6, 0.5 * -6 + 3 * 10])


def test_shares_are_those_of_the_usual_scores_and_go_on_as_from_one_percent_on() -> None:
    assert share_beyond(np.array(USUAL), USUAL) == pytest.approx(TAILS)
    assert share_beyond(np.array([-1.0, -50.0]), USUAL) == pytest.approx([1, 1])
    assert share_beyond(np.array([11.0]), USUAL) == pytest.approx([1e-4])
    assert share_beyond(np.array([1e9]), USUAL) == pytest.approx([1e-6])


@given(
    nps.arrays(np.float64, 30, elements=st.floats(-50, 50)),
    nps.arrays(np.float64, len(TAILS), elements=st.floats(0.01, 10)),
)
def test_the_larger_a_score_the_smaller_its_share(score, steps) -> None:
    share = share_beyond(np.sort(score), tuple(np.cumsum(steps)))
    assert (np.diff(share) <= 1e-12).all()
    assert ((share > 0) & (share <= 1)).all()


def test_what_is_unlike_all_references_is_bad_and_its_bins_are_named() -> None:
    references = [counts_stack(good(200, seed)) for seed in (1, 2)]
    wide = good(200, 4)
    wide[:, 3] += 300
    values = distances_of(against(counts_stack(good(2000, 5)), *(counts_stack(good(2000, 6)),) * 2))
    learned = CombinedDistance(
        nearest=(part := Part(weight=1.0, centre=3.0, spread=0.5)),
        usual=tuple(np.quantile((values["nearest"] - 3) / 0.5, 1 - np.array(TAILS)).tolist()),
    )
    assert learned.parts == {"nearest": part}
    usual = combined_distance(against(counts_stack(good(200, 3)), *references), learned)
    found = combined_distance(against(counts_stack(wide), *references), learned)
    assert (usual.qtresult > 0.01).mean() > 0.95
    assert (usual.qtresult < 0.5).mean() == pytest.approx(0.5, abs=0.15)
    assert (found.qtresult < 0.001).all()
    assert (found.severity.argmax(axis=1) == 3).all()


def test_without_entries_there_is_no_verdict() -> None:
    empty = counts_stack(np.zeros((2, 20), int))
    data = counts_stack(good(2, 1) * [[1], [0]])
    found = combined_distance(against(data, empty), parameters(chi2=1, nearest=1, amount=1))
    assert found.insufficient == {0: "no reference has entries", 1: "no entries"}
    found = combined_distance(against(data, counts_stack(good(2, 2))), parameters(nearest=1))
    assert found.insufficient == {1: "no entries"}


@settings(max_examples=15)
@given(
    counts=nps.arrays(np.int64, (3, 6), elements=st.integers(0, 300)),
    reference=nps.arrays(np.int64, (2, 3, 6), elements=st.integers(0, 10**6)),
    scale=st.sampled_from([None, 0.0, 1e-9, 1.0, 1e9]),
)
def test_a_stack_is_judged_as_each_of_its_elements(counts, reference, scale) -> None:
    stack = against(counts_stack(counts), *map(counts_stack, reference), scale=scale)
    learned = parameters(**dict.fromkeys(PARTS, 1.0))
    together = combined_distance(stack, learned)
    assert ((together.qtresult > 0) & (together.qtresult <= 1)).all()
    assert np.isfinite(together.measured).all()
    for row in range(3):
        alone = combined_distance(stack.row(row), learned)
        assert together.measured[row] == pytest.approx(alone.measured[0], abs=1e-6)


DECLARED = """
[[quality_test]]
name = "combined"
algorithm = "CombinedDistance"
path = "*"
[quality_test.parameters]
"""
NEAREST = "nearest = { weight = 1.0, centre = 3.0, spread = 0.5 }\n"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (NEAREST, "give both, or neither"),
        (f"usual = {list(USUAL)}", "give both, or neither"),
        (f"{NEAREST}usual = {[1.0, *USUAL[1:]]}", "has to grow"),
        (f"{NEAREST}usual = [1.0, 2.0]", "usual"),
        ("nearest = { weight = -1.0, centre = 3.0, spread = 0.5 }", "nearest"),
        ("farthest = { weight = 1.0 }", "'parameters.farthest' is unknown"),
    ],
)
def test_parameters_that_say_nothing_are_refused(written: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        read_tests(DECLARED + written, "tests")


def test_what_was_learned_is_read_from_a_file_of_tests() -> None:
    (test,) = read_tests(f"{DECLARED}{NEAREST}usual = {list(USUAL)}", "tests")
    assert isinstance(test.parameters, CombinedDistance)
    assert test.parameters.parts == {"nearest": Part(weight=1, centre=3, spread=0.5)}
    assert (test.warning, test.error) == (0.01, 0.001)
