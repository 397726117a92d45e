"""Minimising with Minuit: MIGRAD, then HESSE for the covariance."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np
from iminuit import Minuit

from dqmstream.beam_spot.samples import Floats

__all__ = ["Minimum", "Start", "minimise", "unbiased_width"]

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


def unbiased_width(width: float, error: float) -> float:
    """A fitted width without its bias at small samples: width (1 + (error/width)^2/2).

    Of a variance v the likelihood (restricted, so that position and slopes take nothing off it) is
    without bias to the order 1/n: of normal numbers with variances v + e_i, e_i known, the third
    derivative of ln L and its covariance with the second cancel (D. R. Cox, E. J. Snell, J. R.
    Stat. Soc. B 30 (1968) 248, eq. 20). So its root is too small: E[sqrt(v)] = sigma (1 - var(v)/
    (8 sigma^4)), where var(v) = (2 sigma error)^2. Without errors e_i this is the known c4, 1 -
    1/(4 n).
    """
    return float(width * (1 + (error / width) ** 2 / 2)) if width > 0 else width
