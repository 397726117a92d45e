"""Trends of one number over LSs: a step, a drift, an LS that is unlike those before.

All three look at a number of each element and its statistical error in the LSs before, and use the
numbers of LSs: gaps do no harm. `scatter` is how far good LSs scatter by nature, beyond their
statistics; with 0 a long run makes the smallest change significant.
"""

from typing import Annotated, Any, Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from dqmstream.quality.algorithm import Algorithm, Findings, Needs, Parameters
from dqmstream.quality.algorithms.compared import chi2_tail, two_sided_tail
from dqmstream.quality.algorithms.series import (
    WORDS,
    Quantity,
    Series,
    per_exposure,
    refuse_unless_number,
    refuse_without,
    series_findings,
    series_of,
)
from dqmstream.quality.stack import Stack

__all__ = ["ALGORITHMS", "Drift", "LevelShift", "Outlier", "drift", "level_shift", "outlier"]

Floats = NDArray[np.float64]

_LEAST: Final = 3
_OF_MAD: Final = 1.482602218505602
"""Standard deviation of a normal distribution in units of its median absolute deviation."""
_OF_MEDIAN: Final = np.pi / 2
"""Variance of the median of many normal values in units of that of their mean."""
_EFFICIENCY: Final = 0.368
"""Of the median absolute deviation against the standard deviation: its degrees of freedom."""


class _Trend(Parameters, frozen=True, kw_only=True):
    quantity: Quantity = "mean"
    lumisections: Annotated[int, msgspec.Meta(ge=4, le=1000)] = 20
    scatter: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class LevelShift(_Trend, frozen=True, kw_only=True):
    """Number, LSs looked at, natural scatter in the number's unit.

    `recent` is how many LSs, the one judged included, a step may be old at most. `against` is what
    the level before is: the mean, or the median, which fewer than half of the LSs do not move: a
    number that was off for some LSs and is back is then no step.
    """

    recent: Annotated[int, msgspec.Meta(ge=1, le=100)] = 5
    against: Literal["mean", "median"] = "mean"

    def __post_init__(self) -> None:
        if self.recent > self.lumisections - _LEAST:
            msg = f"recent is {self.recent}, expected at most lumisections - {_LEAST}"
            raise ValueError(msg)


class Drift(_Trend, frozen=True, kw_only=True):
    """Number, LSs looked at, natural scatter; `tolerance` is a slope per LS that is good."""

    tolerance: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class Outlier(_Trend, frozen=True, kw_only=True):
    """Number, LSs looked at, and the natural scatter that is allowed at least."""


def level_shift(stack: Stack, parameters: LevelShift) -> Findings:
    """Probability that a number steps as much as this by chance, wherever in the last LSs.

    z_k = (mean of the last k - mean of those before) / error, means weighted with 1 / (error^2 +
    scatter^2), for k = 1..recent; the largest |z| counts, corrected for `recent` trials by Sidak.
    For normal errors it is the likelihood ratio of a step against none (D. M. Hawkins, J. Am.
    Stat. Assoc. 72 (1977) 180). Needs 3 LSs before. Valid for known errors; trials are correlated,
    which makes it conservative. Against the weighted median of those before, whose variance is pi
    / 2 times that of their mean for many LSs and less for few (M. G. Kendall and A. Stuart, The
    Advanced Theory of Statistics 1, 10.10), it is a little more so.
    """
    series = _series(stack, parameters)
    weight, value = _weighted(series, parameters.scatter)
    recent = min(parameters.recent, value.shape[1] - _LEAST)
    best, step = np.zeros(len(value)), np.zeros(len(value))
    trials = np.zeros(len(value))
    for last in range(1, recent + 1):
        late, early = weight[:, -last:].sum(axis=1), weight[:, :-last].sum(axis=1)
        enough = (late > 0) & ((weight[:, :-last] > 0).sum(axis=1) >= _LEAST)
        late, early = np.where(enough, late, 1.0), np.where(enough, early, 1.0)
        after = (weight * value)[:, -last:].sum(axis=1) / late
        if parameters.against == "median":
            before = _weighted_median(weight[:, :-last], value[:, :-last])
            spread = 1 / late + _OF_MEDIAN / early
        else:
            before = (weight * value)[:, :-last].sum(axis=1) / early
            spread = 1 / late + 1 / early
        z = np.where(enough, (after - before) / np.sqrt(spread), 0.0)
        better = np.abs(z) > np.abs(best)
        best, step = np.where(better, z, best), np.where(better, after - before, step)
        trials += enough
    p_value = two_sided_tail(best, np.maximum(trials, 1.0))
    return _findings(
        f"step of the {WORDS[parameters.quantity]}",
        "no step",
        series,
        (p_value, step, best),
        trials > 0,
    )


def drift(stack: Stack, parameters: Drift) -> Findings:
    """Probability of a slope as far from 0, or from +-tolerance, as this one.

    The slope of a straight line over the numbers of LSs, fitted with weights 1 / (error^2 +
    scatter^2): z = (|slope| - tolerance) / error, p = erfc(z / sqrt 2). Exact for normal errors
    that are known. Needs 3 LSs.
    """
    series = _series(stack, parameters)
    weight, value = _weighted(series, parameters.scatter)
    total = weight.sum(axis=1)
    enough = (weight > 0).sum(axis=1) >= _LEAST
    safe = np.where(enough, total, 1.0)
    x = series.lumisection - (weight @ series.lumisection / safe)[:, None]
    lever = np.where(enough, (weight * x**2).sum(axis=1), 1.0)
    slope = np.where(enough, (weight * x * value).sum(axis=1) / lever, 0.0)
    z = np.maximum(np.abs(slope) - parameters.tolerance, 0.0) * np.sqrt(lever)
    return _findings(
        f"slope per LS of the {WORDS[parameters.quantity]}",
        f"within +-{parameters.tolerance:g}" if parameters.tolerance else "no drift",
        series,
        (chi2_tail(z**2, np.ones(len(z))), slope, np.sign(slope) * z),
        enough,
    )


def outlier(stack: Stack, parameters: Outlier) -> Findings:
    """Probability that the number of this LS is as far from the median of those before by chance.

    t = (value - median) / s, s^2 = max((1.4826 MAD)^2, scatter^2) (1 + pi / (2 m)) or the
    statistical errors of both, whichever is larger; MAD is the median absolute deviation of the m
    LSs before. p is Student's with 0.37 (m - 1) degrees of freedom, what a MAD of normal values is
    worth (P. J. Rousseeuw and C. Croux, J. Am. Stat. Assoc. 88 (1993) 1273), so that wild LSs
    before hide nothing. Good to a factor of 2 at p = 1e-3 for m >= 10 where values scatter more
    than their errors; conservative where they do not. Needs 3 LSs before.
    """
    series = _series(stack, parameters)
    known = series.known
    before = np.where(known[:, :-1], series.value[:, :-1], np.nan)
    number = known[:, :-1].sum(axis=1)
    enough = (number >= _LEAST) & known[:, -1]
    before[~enough] = 0.0
    median = np.nanmedian(before, axis=1)
    deviation = _OF_MAD * np.nanmedian(np.abs(before - median[:, None]), axis=1)
    of_median = 1 + np.pi / (2 * np.maximum(number, 1))
    errors = np.where(known, series.error, np.nan)
    errors[~enough] = 1.0
    own, typical = errors[:, -1], np.nanmedian(errors[:, :-1], axis=1)
    statistical = own**2 + typical**2 * (of_median - 1)
    natural = np.maximum(deviation, parameters.scatter) ** 2 * of_median
    apart = np.where(enough, series.value[:, -1] - median, 0.0)
    spread = np.sqrt(np.maximum(natural, statistical))
    t = np.divide(apart, spread, out=np.where(apart == 0, 0.0, np.inf), where=spread > 0)
    freedom = np.maximum(_EFFICIENCY * (number - 1), 0.5)
    p_value = 2 * stdtr(freedom, -np.minimum(np.abs(t), 1e15))
    return _findings(
        f"{WORDS[parameters.quantity]} less the median of LSs before",
        "none",
        series,
        (p_value, apart, t),
        enough,
    )


def _series(stack: Stack, parameters: _Trend) -> Series:
    series = series_of(stack, parameters.quantity)
    return per_exposure(series) if parameters.quantity == "entries" else series


def _weighted_median(weight: Floats, value: Floats) -> Floats:
    """The value at which half of the weight is on either side, float64[n] of [n, m]; the middle
    between two where it is exactly so."""
    order = np.argsort(value, axis=1, kind="stable")
    ranked = np.take_along_axis(value, order, axis=1)
    running = np.take_along_axis(weight, order, axis=1).cumsum(axis=1)
    half = running[:, -1:] / 2
    slack = 1e-9 * running[:, -1:]
    lower = np.argmax(running >= half - slack, axis=1)
    upper = np.argmax(running > half + slack, axis=1)
    rows = np.arange(len(value))
    middle: Floats = (ranked[rows, lower] + ranked[rows, upper]) / 2
    return middle


def _weighted(series: Series, scatter: float) -> tuple[Floats, Floats]:
    """Weights and values [n, m]: both 0 where nothing is known."""
    variance = np.where(series.known, series.error, 1.0) ** 2 + scatter**2
    positive = series.known & (variance > 0)
    weight = np.where(positive, 1 / np.where(positive, variance, 1.0), 0.0)
    return weight, np.where(positive, series.value, 0.0)


def _findings(
    quantity: str,
    limit: str,
    series: Series,
    results: tuple[Floats, Floats, Floats],
    enough: NDArray[np.bool_],
) -> Findings:
    p_value, measured, statistic = results
    own = series.known[:, -1]
    reasons = {int(row): "too few LSs before" for row in np.flatnonzero(~enough)}
    reasons |= {int(row): "nothing to compare in this LS" for row in np.flatnonzero(~own)}
    results = p_value, measured, np.nan_to_num(statistic)
    return series_findings(quantity, limit, series, results, reasons)


def _lookback(parameters: _Trend) -> int:
    return parameters.lumisections - 1


def _declared(name: str, parameters: Any, measure: Any) -> Algorithm[Any]:
    return Algorithm(
        name=name,
        parameters=parameters,
        measure=measure,
        refusal=refuse_unless_number,
        refusal_with=lambda chosen, element: refuse_without(chosen.quantity, element),
        warning=1e-4,
        error=1e-6,
        min_entries=100,
        needs=Needs.PAST,
        lookback=_lookback,
        counts=lambda chosen: chosen.quantity == "entries",
    )


ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
    _declared("LevelShift", LevelShift, level_shift),
    _declared("Drift", Drift, drift),
    _declared("Outlier", Outlier, outlier),
)
