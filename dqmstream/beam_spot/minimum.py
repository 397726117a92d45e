"""Minimising with Minuit: MIGRAD, then HESSE for the covariance."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np
from iminuit import Minuit

from dqmstream.beam_spot.samples import Floats

__all__ = ["Minimum", "Start", "minimise"]

_CALLS: Final = 5000
_NOWHERE: Final = 1e300
"""Instead of what is not a number: MIGRAD then turns round."""


class Start(NamedTuple):
    """Where a parameter starts, its first step, and its limits."""

    value: float
    step: float
    lower: float = -np.inf
    upper: float = np.inf


class Minimum(NamedTuple):
    """The lowest point: `covariance` is float64[k, k] of the k parameters by their order."""

    valid: bool
    values: Mapping[str, float]
    covariance: Floats
    lowest: float


def minimise(
    function: Callable[[Floats], float],
    starts: Mapping[str, Start],
    *,
    gradient: Callable[[Floats], Floats] | None = None,
) -> Minimum:
    """The minimum of -2 ln L, or of a chi2 (so errors are where it has risen by 1).

    Parameters
    ----------
    function
        Of float64[k], the parameters in the order of `starts`.
    starts
        By name of the parameter.
    gradient
        Its derivatives, float64[k]; None: they are found by steps.
    """
    names = tuple(starts)

    def finite(values: Floats) -> float:
        with np.errstate(all="ignore"):
            value = function(values)
        return value if np.isfinite(value) else _NOWHERE

    def slope(values: Floats) -> Floats:
        assert gradient is not None  # noqa: S101 only called with one
        with np.errstate(all="ignore"):
            return gradient(values)

    first = np.array([start.value for start in starts.values()])
    minuit = Minuit(finite, first, name=names, grad=slope if gradient else None)
    minuit.errordef = Minuit.LEAST_SQUARES
    for name, start in starts.items():
        minuit.errors[name] = start.step
        minuit.limits[name] = (start.lower, start.upper)
    minuit.migrad(ncall=_CALLS)
    if minuit.valid:
        minuit.hesse()
    accurate = minuit.valid and minuit.accurate and minuit.covariance is not None
    size = len(names)
    covariance = np.array(minuit.covariance) if accurate else np.full((size, size), np.nan)
    return Minimum(
        valid=bool(accurate and np.all(np.isfinite(covariance))),
        values=dict(zip(names, map(float, minuit.values), strict=True)),
        covariance=covariance,
        lowest=float(minuit.fval) if minuit.fval is not None else np.nan,
    )
