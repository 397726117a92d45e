"""Learning from LSs that people judged: the weights of CombinedDistance."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from dqmstream.quality.algorithms.combined import (
    TAILS,
    UNITS,
    CombinedDistance,
    Part,
    score_of,
)

__all__ = ["fit_combined", "parts_by_run"]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Runs = NDArray[np.int64]

_SHRINKAGE: Final = 10.0
_WORTH: Final = 100.0
_PARTS: Final = 5
_LEAST_STEP: Final = 1e-6
_LEAST_CURVATURE: Final = 1e-3
_LONGEST: Final = 3.0
_ROUNDS, _TURNS = 60, 30
_PRECISE: Final = 1e-6


def fit_combined(values: Mapping[str, Floats], bad: Booleans, run: Runs) -> CombinedDistance:
    """Weights by which distances tell bad LSs from good ones, and the scores good ones have.

    Logistic regression with a ridge, none of its weights below 0: minimises the sum over LSs of
    c log(1 + exp(-y (b + w z))) + 5 |w|^2 with y = 1 of bad and -1 of good ones, z = (x - median) /
    standard deviation of good ones. c makes both kinds count 100 in all, and a run as the root of
    its LSs, as these are alike. That no weight is below 0 is knowledge, not a convenience: no
    distance makes an LS better; and parts that add nothing get 0, and are left out.

    Scores that good LSs have are of runs that their weights have not seen: five parts by run.

    Parameters
    ----------
    values
        float64[n] of each distance (`distances_of`), with references of other runs.
    bad
        bool[n].
    run
        int64[n].

    Raises
    ------
    ValueError
        If there are fewer than 5 runs with good LSs, no bad LS, or no distance tells anything.
    """
    good = ~bad
    runs = np.unique(run[good])
    if not bad.any() or len(runs) < _PARTS:
        msg = (
            f"{int(bad.sum())} bad LSs, and good ones in {len(runs)} runs: expected at least one, "
            f"and {_PARTS} runs"
        )
        raise ValueError(msg)
    parts = _weighed(values, bad, run)
    if not parts:
        msg = f"none of the distances {', '.join(values)} is larger for bad LSs than for good ones"
        raise ValueError(msg)
    seen = np.full(len(run), np.nan)
    for part in parts_by_run(run):
        rest = {name: one[~part] for name, one in values.items()}
        # Without a bad LS in the rest there is nothing to learn: then by the weights of all.
        others = _weighed(rest, bad[~part], run[~part]) if bad[~part].any() else {}
        seen[part] = score_of(
            {name: one[part] for name, one in values.items()}, _combined(others or parts)
        )
    return _combined(parts, seen[good])


def parts_by_run(run: Runs) -> Iterator[Booleans]:
    """bool[n] for each of five parts: its LSs, all of a run in one part."""
    order = np.unique(run)
    for first in range(_PARTS):
        yield np.isin(run, order[first::_PARTS])


def _combined(parts: Mapping[str, Part], good: Floats | None = None) -> CombinedDistance:
    levels = 1 - np.array(TAILS)
    scores = np.arange(len(TAILS)) * 1.0 if good is None else np.quantile(good, levels)
    # Of few good LSs some are the same: a score has to be above the one before.
    rising = np.maximum.accumulate(scores) + _LEAST_STEP * np.arange(len(scores))
    return CombinedDistance(**parts, usual=tuple(map(float, rising)))


def _weighed(values: Mapping[str, Floats], bad: Booleans, run: Runs) -> dict[str, Part]:
    """The parts with a weight."""
    names = list(values)
    known = np.stack([values[name] for name in names], axis=1)
    centre = np.median(known[~bad], axis=0)
    spread = np.maximum(known[~bad].std(axis=0), 1e-9)
    weights = _logistic(np.clip((known - centre) / spread, *UNITS), bad, _counted(bad, run))
    return {
        name: Part(weight=float(weights[at]), centre=float(centre[at]), spread=float(spread[at]))
        for at, name in enumerate(names)
        if weights[at] > 1e-3
    }


def _counted(bad: Booleans, run: Runs) -> Floats:
    """float64[n]: how much each LS counts."""
    counts = np.zeros(len(bad))
    for kind in (bad, ~bad):
        _, which, number = np.unique(run[kind], return_inverse=True, return_counts=True)
        each = 1 / np.sqrt(number[which])
        counts[kind] = _WORTH * each / each.sum()
    return counts


def _logistic(units: Floats, bad: Booleans, counts: Floats) -> Floats:
    """float64[parts]: weights, at least 0, by Newton's method."""
    columns = np.column_stack([np.ones(len(units)), units])
    ridge = np.concatenate([[0.0], np.full(units.shape[1], _SHRINKAGE)])
    weights = np.zeros(columns.shape[1])
    for _ in range(_ROUNDS):
        chance = expit(columns @ weights)
        slope = columns.T @ (counts * (chance - bad)) + ridge * weights
        # The floor keeps a step short where all LSs are told apart for certain.
        each = counts * np.maximum(chance * (1 - chance), _LEAST_CURVATURE)
        curvature = columns.T @ (columns * each[:, None]) + np.diag(ridge)
        step = _least(curvature, slope, weights)
        weights = weights + step
        if np.abs(step).max() < _PRECISE:
            break
    return weights[1:]


def _least(curvature: Floats, slope: Floats, weights: Floats) -> Floats:
    """The step to where slope s + s curvature s / 2 is least, with no weight but the first < 0.

    Weight by weight in turn, which converges as the curvature is positive definite.
    """
    low = np.concatenate([[-np.inf], -weights[1:]])
    step = np.zeros(len(weights))
    for _ in range(_TURNS):
        before = step.copy()
        for at in range(len(step)):
            rest = slope[at] + curvature[at] @ step - curvature[at, at] * step[at]
            step[at] = np.maximum(-rest / curvature[at, at], low[at])
        if np.abs(step - before).max() < _PRECISE / 10:
            break
    return np.clip(step, np.maximum(low, -_LONGEST), _LONGEST)
