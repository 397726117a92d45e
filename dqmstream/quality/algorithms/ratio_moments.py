"""Mean and variance of a bin's likelihood ratio under the null, for few entries too."""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

__all__ = ["ratio_moments"]

Floats = NDArray[np.float64]

_FEW: Final = 10.0
"""Expected entries on the thinner side below which moments are summed up, not expanded."""
_THIN: Final = 0.02
"""Share below which a binomial is as good as Poisson."""
_STEP: Final = 0.05
_PAIRS: Final = 1 << 11


def ratio_moments(total: Floats, share: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of g = 2 (n log(n / (t q)) + (t - n) log((t - n) / (t (1 - q)))).

    n is binomial of t = `total` with the chance q = `share`, so g is the likelihood ratio of a bin
    given the entries of data and reference together; q = 0 is the limit of a Poisson n of mean t,
    g = 2 (t - n + n log(n / t)), of a reference without fluctuations.

    Where 10 entries or more are expected on both sides: 1 + (1/q + 1/(1 - q) - 1) / (6 t), the
    correction of D. A. Williams (Biometrika 63 (1976) 33), and twice its square. Below, sums over
    all n; of a Poisson distribution if q or 1 - q is below 0.02, interpolated in a table.

    Parameters
    ----------
    total, share
        float64 of one shape; 0 <= share < 1.

    Returns
    -------
    mean, variance
        float64 of that shape; 0 for a total of 0.
    """
    thin = np.minimum(share, 1 - share)
    poisson = thin < _THIN
    expected = np.where(share == 0, total, total * thin)
    inverse = np.divide(1.0, expected, out=np.zeros(total.shape), where=expected > 0)
    wide = np.divide(1.0, total * (1 - thin), out=np.zeros(total.shape), where=total > 0)
    rest = np.divide(1.0, total, out=np.zeros(total.shape), where=total > 0)
    mean = 1 + np.where(share == 0, inverse, inverse + wide - rest) / 6
    variance = 2 * mean**2
    few = (expected < _FEW) & (total > 0)
    tabled = few & poisson
    if tabled.any():
        grid, means, variances = _poisson_table()
        mean[tabled] = np.interp(expected[tabled], grid, means)
        variance[tabled] = np.interp(expected[tabled], grid, variances)
    summed = np.flatnonzero(few & ~poisson)
    if len(summed):
        # Complex numbers sort as pairs do, many times as fast.
        pairs = np.round(total.flat[summed]) + 1j * thin.flat[summed]
        unique, back = np.unique(pairs, return_inverse=True)
        moments = _binomial_moments(unique.real, unique.imag)[:, back]
        mean.flat[summed], variance.flat[summed] = moments
    return np.where(total > 0, mean, 0.0), np.where(total > 0, variance, 0.0)


@cache
def _poisson_table() -> tuple[Floats, Floats, Floats]:
    grid = np.arange(0, _FEW + 2 * _STEP, _STEP)
    n, t = np.arange(80.0), np.maximum(grid, 1e-12)[:, None]
    g = 2 * (t - n + xlogy(n, n) - xlogy(n, t))
    chance = np.exp(xlogy(n, t) - t - gammaln(n + 1))
    mean = (chance * g).sum(axis=1)
    return grid, mean, (chance * (g - mean[:, None]) ** 2).sum(axis=1)


def _binomial_moments(total: Floats, share: Floats) -> Floats:
    """[2, pairs]: mean and variance, summed over all n, for rising totals."""
    found = np.zeros((2, len(total)))
    for start in range(0, len(total), _PAIRS):
        t, q = total[start : start + _PAIRS, None], share[start : start + _PAIRS, None]
        numbers = np.arange(t.max() + 1)
        ways = gammaln(numbers + 1)
        n = np.minimum(numbers, t)
        rest = t - n
        log_n, log_rest = n * np.log(q), rest * np.log1p(-q)
        whole, left = n.astype(np.intp), rest.astype(np.intp)
        chance = np.exp(gammaln(t + 1) - ways[whole] - ways[left] + log_n + log_rest)
        chance *= numbers <= t
        itself = xlogy(numbers, numbers)
        g = 2 * (itself[whole] + itself[left] - t * np.log(t) - log_n - log_rest)
        mean = (chance * g).sum(axis=1)
        variance = (chance * (g - mean[:, None]) ** 2).sum(axis=1)
        found[:, start : start + _PAIRS] = mean, variance
    return found
