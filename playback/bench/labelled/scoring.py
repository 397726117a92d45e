"""How well scores tell bad LSs from good ones: pure functions of scores and labels."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["folds", "found", "halves", "resampled"]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Runs = NDArray[np.int64]


def found(score: Floats, bad: Booleans, false_alarms: float = 0.01) -> float:
    """Share of bad LSs above the score that this share of good ones exceeds."""
    if not bad.any() or bad.all():
        return float("nan")
    return float((score[bad] > np.quantile(score[~bad], 1 - false_alarms)).mean())


def folds(run: Runs, number: int, seed: int) -> Iterator[Booleans]:
    """bool[n] for each fold: its LSs, all of a run in one fold."""
    mixed = np.random.default_rng(seed).permutation(np.unique(run))
    for first in range(number):
        yield np.isin(run, mixed[first::number])


def halves(run: Runs, seed: int) -> Booleans:
    """bool[n]: the LSs of one half of the runs."""
    return next(folds(run, 2, seed))


def resampled(run: Runs, number: int, seed: int) -> Iterator[NDArray[np.intp]]:
    """Indices of LSs of as many runs, drawn with replacement: a bootstrap by run.

    LSs of one run are alike, so that a bootstrap by LS would make errors too small.
    """
    runs, which = np.unique(run, return_inverse=True)
    members = [np.flatnonzero(which == at) for at in range(len(runs))]
    random = np.random.default_rng(seed)
    for _ in range(number):
        yield np.concatenate([members[at] for at in random.integers(0, len(runs), len(runs))])
