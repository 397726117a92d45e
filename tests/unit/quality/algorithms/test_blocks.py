"""ContentSigma."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dqmstream.quality.algorithms.blocks import ContentSigma, content_sigma
from tests.cmssw_stacks import cells_stack
from tests.stacks import counts_stack, tail_excess

# 20 bins of 10 with 100 in bin 10; and the other way round.
HOT = counts_stack(np.where(np.arange(20) == 10, 100, 10)[None])
DEAD = counts_stack(np.where(np.arange(20) == 10, 0, 100)[None])
NEAR = {"neighbours_x": 5}


def judged(stack, **parameters):
    return content_sigma(stack, ContentSigma(**parameters))


def failing(stack, **parameters) -> list[int]:
    return np.flatnonzero(judged(stack, **parameters).severity[0]).tolist()


def test_a_hot_block_is_noisy() -> None:
    """Ten bins of 10 around: e = sqrt(10) / sqrt(10) = 1, and P(N >= 100 | 13) is tiny."""
    found = judged(HOT, **NEAR)
    assert failing(HOT, **NEAR) == [10]
    assert found.qtresult[0] == 19 / 20
    assert found.p_value[0] == pytest.approx(20 * stats.poisson.sf(99, 13), rel=1e-6)


def test_tolerances_are_sigmas() -> None:
    """P(N >= 31 | 13) = 1.6e-5 is between 4 and 5 sigmas: 3.2e-5 and 2.9e-7."""
    stack = counts_stack(np.where(np.arange(20) == 10, 31, 10)[None])
    assert failing(stack, tolerance_noisy=4, **NEAR) == [10]
    assert failing(stack, tolerance_noisy=5, **NEAR) == []
    # P(0 | 100 - 3 sqrt(10)) = 5e-40 is between 13 and 14 sigmas: 6e-39 and 8e-45.
    assert failing(DEAD, tolerance_dead=13, **NEAR) == [10]
    assert failing(DEAD, tolerance_dead=14, **NEAR) == []


def test_either_may_be_left_out() -> None:
    assert failing(HOT, noisy=False, **NEAR) == []
    assert failing(DEAD, dead=False, **NEAR) == []
    assert failing(DEAD, noisy=False, **NEAR) == [10]


def test_one_count_among_empty_bins_is_not_noisy_and_many_are() -> None:
    """Nothing in 10 bins is compatible with 3 / 10 in each: 5 sigmas, 2.9e-7, are between
    P(N >= 6 | 0.3) = 7.8e-7 and P(N >= 7 | 0.3) = 3.3e-8."""
    for count, expected in ((1, []), (6, []), (7, [10])):
        stack = counts_stack(np.where(np.arange(20) == 10, count, 0)[None])
        assert failing(stack, **NEAR) == expected


def test_blocks_are_sums_listed_at_their_first_bin() -> None:
    """Ten blocks of 2 bins: 110 among 20 of 20; the last bin of 21 is left over."""
    contents = np.where(np.arange(21) == 11, 100, 10)[None]
    found = judged(counts_stack(contents), x_blocks=10, **NEAR)
    assert np.flatnonzero(found.severity[0]).tolist() == [10]
    assert found.qtresult[0] == 9 / 10
    assert found.content[0].tolist() == [20] * 10 + [110, 110] + [20] * 8 + [0]


def test_a_region_of_bins() -> None:
    """Bins 12 to 20, counted from 1: without the hot one, number 11."""
    assert failing(HOT, x_min=12, x_max=20, **NEAR) == []
    assert failing(HOT, x_min=11, x_max=20, **NEAR) == [10]
    assert judged(HOT, x_min=11, x_max=20, **NEAR).qtresult[0] == 9 / 10


def test_a_region_outside_is_not_judged_and_the_whole_to_cmssw() -> None:
    assert judged(HOT, x_min=5, x_max=30).insufficient == {0: "bins 5 to 30 in x are wanted of 20"}
    theirs = judged(HOT, x_min=5, x_max=30, cmssw_compatible=True, **NEAR)
    assert theirs.qtresult[0] == 19 / 20
    many = judged(HOT, x_blocks=30, cmssw_compatible=True)
    assert many.insufficient == {0: "30 blocks in x are wanted of 20 bins"}


def test_a_lone_block_has_nothing_around_it() -> None:
    assert judged(HOT, x_blocks=1).insufficient == {0: "no block has others"}
    assert judged(HOT, x_blocks=1, cmssw_compatible=True).qtresult[0] == 1.0


def test_y_is_as_x() -> None:
    random = np.random.default_rng(3)
    contents = random.poisson(30, (4, 8, 12))
    contents[1, 4, 5] = 400
    for compatible in (False, True):
        first = judged(
            counts_stack(contents),
            x_blocks=4,
            y_blocks=6,
            neighbours_x=1,
            neighbours_y=2,
            x_min=1,
            x_max=8,
            y_min=2,
            y_max=12,
            cmssw_compatible=compatible,
        )
        second = judged(
            counts_stack(contents.transpose(0, 2, 1)),
            x_blocks=6,
            y_blocks=4,
            neighbours_x=2,
            neighbours_y=1,
            x_min=2,
            x_max=12,
            y_min=1,
            y_max=8,
            cmssw_compatible=compatible,
        )
        np.testing.assert_array_equal(first.qtresult, second.qtresult)
        np.testing.assert_allclose(first.severity, second.severity.transpose(0, 2, 1))
        assert first.qtresult[1] < 1 or compatible


def test_cmssw_does_not_see_a_hot_block_of_few() -> None:
    """Among 10 with one block to each side, 100 is not noisy.

    The window, a bin too wide, has 10 + 100 + 10 + 10, so the mean is (130 - 100) / 2 = 15; its
    blocks, a bin too wide, have 110, 110 and 20, so that sigma is sqrt(2 95^2 + 5^2 - 85^2) =
    104.2 over sqrt(1) and 2: 52.1; 15 + 3 x 52.1 explains 100.
    """
    stack = counts_stack([[10, 10, 10, 100, 10, 10]])
    assert failing(stack) == [3]
    assert failing(stack, cmssw_compatible=True) == []


def test_cmssw_sees_one_among_many() -> None:
    """Of 12 bins around: mean 11, sigma sqrt(9 9^2 + 2 99^2 - 89^2) / 3 / 10 = 3.71."""
    assert failing(HOT, cmssw_compatible=True, **NEAR) == [10]
    found = judged(HOT, cmssw_compatible=True, **NEAR)
    mean = 11 + 3 * math.sqrt(9 * 9**2 + 2 * 99**2 - 89**2) / 3 / 10
    below = math.log(stats.norm.sf(5)) - math.log(stats.poisson.sf(99, mean))
    assert found.severity[0, 10] == pytest.approx(below, rel=1e-6)
    assert found.p_value is None
    assert failing(HOT, cmssw_compatible=True, tolerance_noisy=20, **NEAR) == []
    assert failing(HOT, cmssw_compatible=True, noisy=False, **NEAR) == []


def test_cmssw_sees_a_dead_one_among_many() -> None:
    """Mean 1100 / 10 = 110, sigma sqrt(9 90^2 + 2 10^2 - 110^2) / 3 / 10 = 8.2: P(0 | 85.3)."""
    assert failing(DEAD, cmssw_compatible=True, tolerance_dead=12, **NEAR) == [10]
    assert failing(DEAD, cmssw_compatible=True, tolerance_dead=13, **NEAR) == []
    assert failing(DEAD, cmssw_compatible=True, dead=False, **NEAR) == []


def test_cmssw_takes_contents_and_not_entries() -> None:
    sums = np.array([0, *np.where(np.arange(20) == 10, -100.0, 10), 0])
    stack = cells_stack([0, *[10] * 20, 0], sums=sums, squares=np.abs(sums))
    # A block is a sum of absolute contents; what is around it is not.
    assert failing(stack, cmssw_compatible=True, **NEAR) == [10]
    assert failing(stack, **NEAR) == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"noisy": False, "dead": False},
        {"x_min": 3},
        {"y_max": 3},
        {"x_min": 3, "x_max": 2},
    ],
)
def test_parameters_that_say_nothing_are_refused(parameters) -> None:
    with pytest.raises(ValueError, match="expected"):
        ContentSigma(**parameters)


@given(
    extents=st.one_of(
        st.tuples(st.integers(1, 9)), st.tuples(st.integers(1, 7), st.integers(1, 7))
    ),
    draw=st.data(),
)
def test_as_cmssw_walks_over_the_bins(extents: tuple[int, ...], draw: st.DataObject) -> None:
    """The sums over ranges are what loops over blocks and bins give, one by one."""
    both = [*extents, 1][:2]
    parameters = {}
    for axis, bins in zip("xy", both, strict=True):
        if draw.draw(st.booleans()):
            lower = draw.draw(st.integers(1, bins))
            parameters |= {f"{axis}_min": lower, f"{axis}_max": draw.draw(st.integers(lower, bins))}
        region = parameters.get(f"{axis}_max", bins) - parameters.get(f"{axis}_min", 1) + 1
        parameters[f"{axis}_blocks"] = draw.draw(st.integers(0, region)) if bins > 1 else 0
        parameters[f"neighbours_{axis}"] = draw.draw(st.integers(0, 4))
    tolerance = draw.draw(st.sampled_from([0.5, 1.0, 3.0]))
    parameters |= {"tolerance_noisy": tolerance, "tolerance_dead": tolerance}
    seed = draw.draw(st.integers(0, 1000))
    contents = np.random.default_rng(seed).negative_binomial(2, 0.1, (2, *extents))
    found = judged(counts_stack(contents), cmssw_compatible=True, **parameters)
    expected = [_walked(one.reshape(both), parameters, tolerance) for one in contents]
    assert found.qtresult.tolist() == pytest.approx(expected)


def _walked(contents: np.ndarray, parameters: dict[str, int], tolerance: float) -> float:
    """Fraction of good blocks, bin numbers from 1 as in ROOT."""
    first, last, blocks, width, reach = [], [], [], [], []
    for axis, bins in zip("xy", contents.shape, strict=True):
        low, high = parameters.get(f"{axis}_min", 0), parameters.get(f"{axis}_max", 0)
        first.append(low or 1)
        last.append(high or bins)
        region = last[-1] - first[-1] + 1
        blocks.append(parameters[f"{axis}_blocks"] or region)
        width.append(region // blocks[-1])
        near = parameters[f"neighbours_{axis}"]
        reach.append((region - 1) // 2 if 2 * near >= region else near)

    def total(ranges: list[tuple[int, int]]) -> float:
        """Sum over bins, both ends included."""
        (x, to_x), (y, to_y) = ranges
        return float(
            sum(contents[i - 1, j - 1] for i in range(x, to_x + 1) for j in range(y, to_y + 1))
        )

    failed = 0
    for group in np.ndindex(*blocks):
        own, window, number = [], [], 1
        for k in (0, 1):
            start = group[k] * width[k] + first[k]
            own.append((start, start + width[k] - 1))
            low = max(group[k] - reach[k], 0) * width[k] + first[k]
            window.append((low, min((group[k] + 1 + reach[k]) * width[k] + first[k], last[k])))
            if reach[k] > group[k]:
                number *= reach[k] + group[k] + 1
            elif reach[k] > blocks[k] - group[k] - 1:
                number *= blocks[k] - group[k] + reach[k]
            else:
                number *= 2 * reach[k] + 1
        block = total(own)
        if number == 1:
            continue
        mean = (total(window) - block) / (number - 1)
        square = -((mean - block) ** 2)
        for step in np.ndindex(2 * reach[0] + 1, 2 * reach[1] + 1):
            ranges = []
            for k in (0, 1):
                low = max(group[k] + step[k] - reach[k], 0) * width[k] + first[k]
                ranges.append((low, min(low + width[k], last[k])))
            square += (mean - total(ranges)) ** 2
        if mean == 0 or square < 0 or number == 2:
            continue
        error = 3 * math.sqrt(square) / math.sqrt(number - 2) / (number - 1)
        if block > mean:
            failed += stats.poisson.sf(block - 1, mean + error) < stats.norm.sf(tolerance)
        elif mean > error:
            failed += stats.poisson.cdf(block, mean - error) < stats.norm.sf(tolerance)
    return 1 - failed / (blocks[0] * blocks[1])


def test_p_values_are_never_too_small_and_a_hot_block_is_found() -> None:
    random = np.random.default_rng(8)
    quiet = random.poisson(40, (2000, 60))
    found = judged(counts_stack(quiet), neighbours_x=8)
    assert tail_excess(found.p_value) > 1e-3
    assert (found.qtresult == 1).all()
    hot = quiet[:50].copy()
    hot[:, 30] = random.poisson(140, 50)
    seen = judged(counts_stack(hot), neighbours_x=8)
    assert (seen.severity[:, 30] > 0).mean() > 0.95
