"""DeadRegion and HotRegion."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.quality.algorithms.channels import DeadChannel, dead_channel
from dqmstream.quality.algorithms.region import DeadRegion, HotRegion, dead_region, hot_region
from tests.stacks import counts_stack


def maps(number: int, mean: float = 12.0, seed: int = 1) -> np.ndarray:
    """Maps that fall off along y, as occupancies do."""
    slope = np.linspace(1.3, 0.7, 20)[None, None, :]
    return np.random.default_rng(seed).poisson(mean * np.broadcast_to(slope, (number, 30, 20)))


def test_a_dead_region_of_bins_that_each_pass_alone_is_found_and_named() -> None:
    counts = maps(50)
    counts[:, 10:13, 5:8] = np.random.default_rng(2).binomial(counts[:, 10:13, 5:8], 0.1)
    alone = dead_channel(counts_stack(counts), DeadChannel(share=0.5))
    assert len(alone.insufficient) == 50
    found = dead_region(counts_stack(counts), DeadRegion())
    assert (found.qtresult < 1e-4).mean() > 0.9
    assert found.severity is not None
    certain = found.qtresult < 1e-7
    painted = found.severity[certain] > 0
    assert painted[:, 10:13, 5:8].mean() > 0.8
    assert painted.sum() < 1.6 * 9 * certain.sum()


def test_a_hot_region_is_found_and_named() -> None:
    counts = maps(50)
    counts[:, 0:2, 16:20] += np.random.default_rng(2).poisson(25, (50, 2, 4))
    found = hot_region(counts_stack(counts), HotRegion())
    assert (found.qtresult < 1e-6).mean() > 0.95
    assert found.severity is not None
    assert (found.severity[:, 0:2, 16:20] > 0).mean() > 0.8


@pytest.mark.parametrize("mean", [0.5, 5.0, 200.0])
def test_good_maps_have_no_regions(mean: float) -> None:
    stack = counts_stack(maps(200, mean))
    for found in (dead_region(stack, DeadRegion()), hot_region(stack, HotRegion())):
        assert (found.qtresult < 0.01).mean() <= 0.01
        assert found.severity is not None
        assert not found.severity.any()


def test_without_tolerance_flat_maps_fail_no_more_often_than_stated() -> None:
    stack = counts_stack(np.random.default_rng(3).poisson(3.0, (1000, 12, 12)))
    for found in (
        dead_region(stack, DeadRegion(share=1.0)),
        hot_region(stack, HotRegion(tolerance=0.0)),
    ):
        assert (found.qtresult < 0.05).sum() <= 75
        assert found.qtresult.min() < 0.9


def test_a_region_at_the_edge_is_compared_with_what_is_there() -> None:
    counts = np.full((1, 12, 12), 40)
    counts[0, :3, :3] = 0
    found = dead_region(counts_stack(counts), DeadRegion())
    assert found.severity is not None
    assert (found.severity[0, :3, :3] > 0).all()
    assert (found.severity[0] > 0).sum() == 9


def test_one_dimension_is_a_map_of_one_column() -> None:
    counts = np.full((1, 40), 10)
    counts[0, 20:26] = 0
    found = dead_region(counts_stack(counts), DeadRegion())
    assert found.qtresult[0] < 1e-4
    assert found.severity is not None
    assert found.severity.shape == (1, 40)


@given(seed=st.integers(0, 1000), row=st.integers(0, 3))
def test_a_stack_is_judged_as_each_of_its_elements(seed: int, row: int) -> None:
    stack = counts_stack(np.random.default_rng(seed).poisson(6, (4, 7, 9)))
    for measure, parameters in ((dead_region, DeadRegion()), (hot_region, HotRegion())):
        together, alone = measure(stack, parameters), measure(stack.row(row), parameters)
        assert together.qtresult[row] == alone.qtresult[0]


def test_an_empty_map_is_no_verdict() -> None:
    assert list(dead_region(counts_stack(np.zeros((1, 5, 5))), DeadRegion()).insufficient) == [0]
