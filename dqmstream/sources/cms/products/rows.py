"""Objects of all events in a row: where those of an event begin, their numbers, and pairs."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["numbers_within", "pair_rows", "starts_of"]


def starts_of(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index of the first object of each event among the objects of all events."""
    return np.cumsum(counts) - counts


def numbers_within(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of each object in its event, from 0 on: int64[objects of all events]."""
    return np.arange(counts.sum()) - np.repeat(starts_of(counts), counts)


def pair_rows(
    counts: NDArray[np.int64], at_most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """All pairs of the first `at_most` objects of each event.

    Returns
    -------
    pairs, first, second
        int64[events], and int64[pairs of all events]: rows of both objects among those of all
        events, the first one before the second.
    """
    paired = np.minimum(counts, at_most)
    # Each object opens as many pairs as there are paired ones behind it in its event.
    rows = np.repeat(starts_of(counts), paired) + numbers_within(paired)
    behind = np.repeat(starts_of(counts) + paired, paired) - rows - 1
    first = np.repeat(rows, behind)
    second = first + numbers_within(behind) + 1
    return paired * (paired - 1) // 2, first, second
