"""Tails of a sum of squares whose terms move together, from its moments in good LSs."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from dqmstream.quality.algorithms.compared import chi2_tail

__all__ = ["calibrated_tail"]

Floats = NDArray[np.float64]

_LEAST: Final = 1e-6


def calibrated_tail(statistic: Floats, ndof: Floats, moments: Floats | None) -> Floats:
    """float64[n]: P(statistic or more), never less than for independent terms.

    x = statistic / ndof is taken for a chi2 with the mean m, variance v and third central moment t
    that it has in good LSs: P(chi2_f >= (x - m + a f) / a), a = t / (4 v), f = 8 v^3 / t^2
    (E. S. Pearson, Biometrika 46 (1959) 364); one that is less skewed than a chi2 with the same
    mean and variance is taken for that, a = v / (2 m), f = 2 m^2 / v (F. E. Satterthwaite,
    Biometrics Bull. 2 (1946) 110). A sum of squares of normal deviations, however correlated, is a
    sum of scaled chi2, for whose upper tail three moments are good.

    Parameters
    ----------
    moments
        float64[n, 3], NaN where they are not known; None if they are of none.
    """
    independent = chi2_tail(statistic, ndof)
    if moments is None:
        return independent
    mean, variance, third = np.where(np.isfinite(moments), moments, 0.0).T
    sound = (mean > _LEAST) & (mean < 1 / _LEAST) & (ndof > 0)
    sound &= np.isfinite(moments).all(axis=1)
    relative = np.divide(variance, mean**2, out=np.zeros(len(mean)), where=sound)
    known = sound & (relative > _LEAST) & (relative < 1 / _LEAST)
    m, v = np.where(known, mean, 1.0), np.where(known, variance, 1.0)
    skew = np.clip(third, 2 * v**2 / m, 2 * v**2 / (m * _LEAST))
    unit, freedom = skew / (4 * v), 8 * v**3 / skew**2
    beyond = (statistic / np.maximum(ndof, 1.0) - m) / unit + freedom
    tail = chdtrc(freedom, np.maximum(beyond, 0.0))
    return np.where(known, np.maximum(independent, tail), independent)
