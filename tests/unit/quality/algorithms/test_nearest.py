"""NearestReference."""

import numpy as np
import pytest

from dqmstream.quality.algorithms.nearest import NearestReference, nearest_reference
from tests.stacks import against, counts_stack

SHAPE = np.array([0.05, 0.2, 0.4, 0.25, 0.1])


def good(rows: int, shape: np.ndarray = SHAPE, entries: int = 1500, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).multinomial(entries, shape, rows)


def test_the_distance_of_good_lumisections_is_like_a_chi2_of_their_bins() -> None:
    data, reference = counts_stack(good(5000)), counts_stack(good(5000, seed=2))
    found = nearest_reference(against(data, reference), NearestReference())
    assert found.statistic is not None
    assert found.statistic.mean() == pytest.approx(4, rel=0.05)
    assert found.statistic.var() == pytest.approx(8, rel=0.15)
    assert (found.qtresult == 1).mean() > 0.99


def test_a_lumisection_is_good_if_it_is_like_some_of_the_references() -> None:
    data = counts_stack(good(100, SHAPE[::-1]))
    one, other = counts_stack(good(100, seed=2)), counts_stack(good(100, SHAPE[::-1], seed=3))
    parameters = NearestReference(neighbours=1)
    assert nearest_reference(against(data, one), parameters).qtresult.mean() < 0.3
    both = nearest_reference(against(data, one, other), parameters)
    assert (both.qtresult == 1).mean() > 0.95


def test_bins_that_differ_from_the_nearest_are_named() -> None:
    counts = np.array([[75, 0, 600, 375, 150]])
    found = nearest_reference(
        against(counts_stack(counts), counts_stack(good(1))), NearestReference()
    )
    assert found.severity is not None
    assert found.severity[0].argmax() == 1


def test_beyond_what_good_ones_are_alike_more_entries_say_no_more() -> None:
    few, many = counts_stack(good(1, SHAPE[::-1]) * 10), counts_stack(good(1, SHAPE[::-1]) * 1000)
    reference = counts_stack(good(1) * 10_000)
    one, other = (
        nearest_reference(against(data, reference), NearestReference()).measured[0]
        for data in (few, many)
    )
    assert one == pytest.approx(other, rel=1e-3)


def test_empty_references_are_no_verdict() -> None:
    empty = counts_stack(np.zeros((1, 5), int))
    found = nearest_reference(against(counts_stack(good(1)), empty), NearestReference())
    assert found.insufficient == {0: "no reference has entries"}
