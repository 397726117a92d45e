"""What so few bad runs can decide: how much better than others any test would have to be."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from playback.bench.labelled.division import COMBINED
from playback.bench.labelled.measured import CLEAR, FOUND, FOUND_AT_TEN, MEASURES, Measures
from playback.bench.labelled.scorers import CHI2, PCA
from playback.bench.row import Row

__all__ = ["independent", "least_found", "reach", "runs_of_half"]

Floats = NDArray[np.float64]
Runs = NDArray[np.int64]

_PERCENT: Final = 0.01
_TRIES: Final = 200
_CHANCES: Final = np.linspace(0.02, 1.0, 50)
_SEED: Final = 7


def reach(words: str, measured: Measures) -> Iterator[Row]:
    """What there is to tell good from bad by, and which advantage would be a clear one."""
    runs = np.unique(measured.run[measured.bad])
    yield Row(name=f"{words}: runs with bad LSs", value=len(runs), unit="")
    worth = independent(measured.run[measured.bad])
    yield Row(name=f"{words}: independent ones that they are worth", value=worth, unit="")
    several, good = measured.scores(COMBINED), ~measured.bad
    whole_runs = measured.bad & ~np.isin(measured.run, measured.run[good])
    name = f"{words}: bad LSs of runs without a good one"
    yield Row(name=name, value=int(whole_runs.sum()), unit="LSs")
    above = [one > np.quantile(one[good], 1 - _PERCENT) for one in several]
    half = [runs_of_half(measured.run[one & good]) for one in above]
    name = f"{words}, combined: runs that half of the false alarms at 1 % are in"
    yield Row(name=name, value=float(np.mean(half)), unit="")
    whole = measured.of(COMBINED, FOUND_AT_TEN)
    yield whole.row(f"{words}, combined: {FOUND_AT_TEN}")
    for base in (CHI2, PCA):
        for what in MEASURES:
            yield from _clear(words, measured, base, what)
        other = measured.of(base, FOUND_AT_TEN)
        yield other.row(f"{words}, {base}: {FOUND_AT_TEN}")
        apart = whole.less(other)
        yield apart.row(f"{words}, combined - {base}: {FOUND_AT_TEN}")
        if apart.error > 0:
            name = f"{words}, combined - {base}: {FOUND_AT_TEN}, in errors"
            yield Row(name=name, value=apart.value / apart.error, unit="")
        least = least_found(measured, base)
        if not np.isnan(least):
            name = f"{words}: least {FOUND} that would be clearly more than {base}"
            yield Row(name=name, value=least, unit="")


def _clear(words: str, measured: Measures, base: str, what: str) -> Iterator[Row]:
    other = measured.of(base, what)
    best, mine = measured.of_labels(what).less(other), measured.of(COMBINED, what).less(other)
    if best.error > 0:
        name = f"{words}, the labels themselves - {base}: {what}, in errors"
        yield Row(name=name, value=best.value / best.error, unit="")
    if mine.value > 0:
        runs = len(np.unique(measured.run[measured.bad]))
        needed = runs * max((CLEAR * mine.error / mine.value) ** 2, 1.0)
        name = f"{words}, combined - {base}: {what}, runs with bad LSs to make it clear"
        yield Row(name=name, value=needed, unit="")


def independent(run: Runs) -> float:
    """How many independent LSs those of some runs are worth, if LSs of a run are all the same.

    (sum n)^2 / sum n^2, n LSs of each run: L. Kish, Survey Sampling (1965).
    """
    _, number = np.unique(run, return_counts=True)
    return float(number.sum() ** 2 / max((number**2).sum(), 1))


def runs_of_half(run: Runs) -> int:
    """The least number of runs that half of some LSs are in; 0 if there are none."""
    _, number = np.unique(run, return_counts=True)
    upto = np.cumsum(np.sort(number)[::-1])
    return int((upto < len(run) / 2).sum()) + 1 if len(run) else 0


def least_found(measured: Measures, base: str) -> float:
    """The least share found at 1 % false alarms that half of the time is clearly more than base's.

    Of the tests that are most easily clearly better: such a one finds all that base finds, and of
    the runs with bad LSs that base misses each with the same chance, whole. Its threshold is known
    without error. NaN if even finding all would not be clear.
    """
    bad, several = measured.bad, measured.scores(base)
    hits = np.mean([one > np.quantile(one[~bad], 1 - _PERCENT) for one in several], axis=0)[bad]
    counts = np.stack([np.bincount(one, minlength=len(bad))[bad] for one in measured.drawn])
    counts = counts[counts.sum(axis=1) > 0]
    _, run = np.unique(measured.run[bad], return_inverse=True)
    random = np.random.default_rng(_SEED)
    luck = random.random((run.max() + 1, _TRIES))
    for chance in _CHANCES:
        more = (1 - hits)[:, None] * (luck < chance)[run]
        error = (counts @ more / counts.sum(axis=1, keepdims=True)).std(axis=0)
        gain = more.mean(axis=0)
        clear = (gain > CLEAR * error) & (gain > 0)
        if clear.mean() >= 1 / 2:
            return float(hits.mean() + gain.mean())
    return float("nan")
