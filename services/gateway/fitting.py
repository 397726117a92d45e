"""Fits of functions to one-dimensional histograms, by MINUIT.

Counts are fitted by their Poisson likelihood, as the chi2 of Baker and Cousins (S. Baker, R. D.
Cousins, Nucl. Instrum. Meth. 221 (1984) 437, eq. 8), so that empty bins count; sums of weights and
means by least squares with their errors. The expectation of a bin is the mean of the function over
it (Simpson's rule over both ends and the middle), times its width for contents.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.gateway.fit_models import LEAST, MODELS, Bins, FitError, Floats, Model

__all__ = ["Fit", "Parameter", "fit"]

_MOST_CALLS: Final = 3_000
_POINTS: Final = 240


@dataclass(frozen=True, slots=True)
class Parameter:
    """A fitted number and its standard error; `unit` is `x`, `y`, `yield`, `y/x` or nothing."""

    name: str
    value: float
    error: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class Fit:
    """What came out: `chi2` of `statistic`; `valid` says that MINUIT found a minimum and errors."""

    parameters: tuple[Parameter, ...]
    chi2: float
    ndf: int
    probability: float | None
    statistic: str
    valid: bool
    bins: int
    span: tuple[float, float]
    curve: tuple[Floats, Floats]


def fit(model: str, bins: Bins, low: float | None = None, high: float | None = None) -> Fit:
    """Fit a model to the bins whose middles lie in [low, high].

    Raises
    ------
    FitError
        If the model is unknown, or fewer bins can be used than it has parameters and one more.
    """
    if model not in MODELS:
        msg = f"model is {model!r}, expected one of {', '.join(MODELS)}"
        raise FitError(msg)
    chosen, here = MODELS[model], bins.within(low, high)
    usable = np.isfinite(here.values)
    if not here.counts:
        usable &= np.isfinite(here.errors) & (here.errors > 0)
    names = tuple(chosen.units)
    filled = int(np.count_nonzero(usable & (here.values != 0)))
    if int(np.count_nonzero(usable)) <= len(names) or filled < 2:
        msg = (
            f"{filled} filled bins between {here.edges[0]:g} and {here.edges[-1]:g}, expected more "
            f"than the {len(names)} parameters of {model}"
        )
        raise FitError(msg)
    return _minimised(chosen, here, usable, names)


def _minimised(model: Model, bins: Bins, usable: NDArray[np.bool_], names: tuple[str, ...]) -> Fit:
    from iminuit import Minuit  # noqa: PLC0415

    lower, upper = bins.edges[:-1][usable], bins.edges[1:][usable]
    values, errors = bins.values[usable], bins.errors[usable]
    widths = upper - lower if bins.contents else np.ones(len(lower))

    def expected(parameters: tuple[float, ...]) -> Floats:
        middle = model.function((lower + upper) / 2, *parameters)
        ends = model.function(lower, *parameters) + model.function(upper, *parameters)
        return np.asarray(widths * (ends + 4 * middle) / 6, np.float64)

    def cost(*parameters: float) -> float:
        with np.errstate(all="ignore"):
            mean = expected(parameters)
            if bins.counts:
                mean = np.maximum(mean, LEAST)
                ratio = np.where(values > 0, values / mean, 1.0)
                total = 2 * float(np.sum(mean - values + values * np.log(ratio)))
            else:
                total = float(np.sum(((values - mean) / errors) ** 2))
        return total if math.isfinite(total) else 1e30

    start = model.start(bins)
    minuit = Minuit(cost, *(start[name] for name in names), name=names)
    minuit.errordef = Minuit.LEAST_SQUARES
    for name, limits in model.limits.items():
        minuit.limits[name] = limits
    minuit.migrad(ncall=_MOST_CALLS)
    if minuit.valid:
        minuit.hesse()
    found = tuple(float(minuit.values[name]) for name in names)
    ndf = len(values) - len(names)
    chi2 = float(minuit.fval or 0.0)
    points = np.linspace(bins.edges[0], bins.edges[-1], _POINTS)
    return Fit(
        parameters=tuple(
            Parameter(name, value, _error(minuit, name), model.units[name])
            for name, value in zip(names, found, strict=True)
        ),
        chi2=chi2,
        ndf=ndf,
        probability=_probability(chi2, ndf),
        statistic="Baker-Cousins χ²/ndf" if bins.counts else "χ²/ndf",
        valid=bool(minuit.valid and minuit.accurate),
        bins=len(values),
        span=(float(bins.edges[0]), float(bins.edges[-1])),
        curve=(points, _drawn(model, bins, points, found)),
    )


def _drawn(model: Model, bins: Bins, points: Floats, found: tuple[float, ...]) -> Floats:
    """The function as it is drawn over bins: contents of the bin that a point lies in."""
    heights = np.asarray(model.function(points, *found), np.float64)
    if not bins.contents:
        return heights
    at = np.searchsorted(bins.edges, points, side="right").clip(1, len(bins.edges) - 1) - 1
    return np.asarray(heights * np.diff(bins.edges)[at], np.float64)


def _error(minuit: Any, name: str) -> float | None:
    error = float(minuit.errors[name])
    return error if math.isfinite(error) else None


def _probability(chi2: float, ndf: int) -> float | None:
    from scipy.stats import chi2 as distribution  # noqa: PLC0415

    return float(distribution.sf(chi2, ndf)) if ndf > 0 else None
