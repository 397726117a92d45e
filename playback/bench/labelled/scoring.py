"""How well scores tell bad LSs from good ones: pure functions of scores and labels."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

__all__ = ["area", "by_run", "folds", "found", "halves", "resampled"]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Runs = NDArray[np.int64]


def area(score: Floats, bad: Booleans) -> float:
    """Area under the ROC curve: chance that a bad LS has a larger score than a good one.

    The statistic of Mann and Whitney over its maximum, ties counted half; NaN without both kinds.
    """
    many, others = int(bad.sum()), int((~bad).sum())
    if not many or not others:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[bad].sum() - many * (many + 1) / 2) / (many * others))


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


def by_run(score: Floats, run: Runs) -> Floats:
    """float64[n]: median score of the other LSs of the same run; its own where there are none."""
    context = score.copy()
    for one in np.unique(run):
        members = np.flatnonzero(run == one)
        for member in members if len(members) > 1 else ():
            context[member] = np.median(score[members[members != member]])
    return context
