"""Quantiles of bins, against numpy on entries spread over them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.histograms.quantiles import binned_quantile, quantile_edges
from dqmstream.messages.booking import Category, Integer, Regular, Variable

COUNTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=12)
FRACTION = st.floats(0, 1)


def edges_of(bins: int) -> np.ndarray:
    """Bins that are wider and wider."""
    return np.cumsum(np.arange(bins + 1)) / 7 - 3.0


@pytest.mark.parametrize("fraction", [0.01, 0.05, 0.25, 0.5, 0.75, 0.9, 0.999])
def test_a_quantile_is_that_of_entries_spread_evenly_over_their_bins(fraction) -> None:
    edges = edges_of(8)
    counts = np.random.default_rng(5).integers(200, 4_000, 8)
    spread = [
        low + (np.arange(n) + 0.5) / n * (high - low)
        for low, high, n in zip(edges, edges[1:], counts, strict=False)
    ]
    entries = np.concatenate(spread)
    found = binned_quantile(edges, counts[None].astype(np.float64), fraction)[0]
    expected = np.quantile(entries, fraction, method="hazen")
    assert found == pytest.approx(expected, abs=np.diff(edges).max() / counts.min())


@given(counts=COUNTS, first=FRACTION, second=FRACTION)
def test_quantiles_rise_with_the_fraction_and_lie_in_the_bin_of_their_entry(
    counts, first, second
) -> None:
    edges, row = edges_of(len(counts)), np.array([counts], np.float64)
    low, high = (binned_quantile(edges, row, q)[0] for q in sorted((first, second)))
    if not sum(counts):
        assert np.isnan(low)
        assert np.isnan(high)
        return
    assert low <= high
    for fraction, found in zip(sorted((first, second)), (low, high), strict=True):
        # The bin of the entry that numpy takes for this fraction, without any interpolation.
        wanted = fraction * sum(counts)
        at = next(
            k for k, n in enumerate(counts) if n and np.cumsum(counts, dtype=float)[k] >= wanted
        )
        assert edges[at] <= found <= edges[at + 1]


@given(counts=COUNTS.filter(any))
def test_the_ends_are_edges_of_the_outermost_bins_with_entries(counts) -> None:
    edges, row = edges_of(len(counts)), np.array([counts], np.float64)
    filled = np.flatnonzero(counts)
    assert binned_quantile(edges, row, 0.0)[0] == edges[filled[0]]
    assert binned_quantile(edges, row, 1.0)[0] == pytest.approx(edges[filled[-1] + 1])


def test_each_row_is_by_itself_and_negative_or_empty_ones_have_none() -> None:
    rows = np.array([[0, 4, 0], [0, 0, 0], [5, -1, 0], [1, 0, 1]], np.float64)
    found = binned_quantile(np.array([0.0, 1.0, 2.0, 3.0]), rows, 0.5)
    np.testing.assert_array_equal(found, [1.5, np.nan, np.nan, 1.0])


def test_integers_lie_in_the_middle_of_their_bins_and_categories_have_no_order() -> None:
    integers = quantile_edges(Integer(lower=3, upper=6))
    assert integers is not None
    assert binned_quantile(integers, np.array([[0.0, 7.0, 0.0]]), 0.5)[0] == 4.0
    regular = quantile_edges(Regular(bins=2, lower=0, upper=4))
    np.testing.assert_array_equal(regular, [0, 2, 4])
    np.testing.assert_array_equal(quantile_edges(Variable(edges=(0.0, 1.0, 9.0))), [0, 1, 9])
    assert quantile_edges(Category(codes=(1, 2))) is None


def test_a_fraction_beyond_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"1\.5, expected one from 0 to 1"):
        binned_quantile(np.array([0.0, 1.0]), np.ones((1, 1)), 1.5)
