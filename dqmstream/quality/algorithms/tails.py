"""Tails of discrete distributions, for many bins at once.

The distributions are log-concave: the ratio of one probability to the one before falls on and on,
so that a tail is at most a geometric series, P(k or more) <= P(k) / (1 - P(k+1) / P(k)). Far out,
where tails matter, the bound is close: by the reciprocal square of the pull for a normal one.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtri

from dqmstream.quality.algorithms.compared import MAX_PULL

__all__ = ["beta_binomial", "hypergeometric", "pulls_of_tails"]

Floats = NDArray[np.float64]


def beta_binomial(k: Floats, n: Floats, alpha: Floats, beta: Floats) -> tuple[Floats, Floats]:
    """Two-sided probability of k of n, the chance of each being Beta(alpha, beta) distributed.

    Twice the bound on the tail that k lies in, at most 1; and log P(k) - log P(mean), with P
    continued between integers, of which -2 times is about a chi2(1).

    Parameters
    ----------
    k, n, alpha, beta
        float64, broadcast together; 0 <= k <= n, alpha and beta at least 1.
    """
    mean = n * alpha / (alpha + beta)
    here, there = _changing(k, n, alpha, beta), _changing(mean, n, alpha, beta)
    fixed = gammaln(n + 1) + gammaln(alpha + beta) - gammaln(n + alpha + beta)
    log_p = here + fixed - gammaln(alpha) - gammaln(beta)
    relative = np.minimum(here - there, 0.0)
    above = k > mean
    up = (n - k) * (k + alpha) / ((k + 1) * np.maximum(n - k - 1 + beta, 1e-9))
    down = k * (n - k + beta) / ((n - k + 1) * np.maximum(k - 1 + alpha, 1e-9))
    return _two_sided(log_p, np.where(above, up, down)), relative


def hypergeometric(k: Floats, n: Floats, other: Floats, m: Floats) -> Floats:
    """Two-sided probability of k of n beside `other` of m, if the chance is the same.

    R. A. Fisher's test: given the k + other that are there, k is hypergeometric whatever the chance
    is. Conservative.

    Parameters
    ----------
    k, n, other, m
        float64, broadcast together; 0 <= k <= n, 0 <= other <= m.
    """
    total = k + other
    log_p = _log_choose(n, k) + _log_choose(m, other) - _log_choose(n + m, total)
    mean = n * total / np.maximum(n + m, 1.0)
    up = (n - k) * other / ((k + 1) * (m - other + 1))
    down = k * (m - other) / ((n - k + 1) * (other + 1))
    return _two_sided(log_p, np.where(k > mean, up, down))


def pulls_of_tails(p_value: Floats, sign: Floats) -> Floats:
    """The pull of a normal distribution with the same two-sided tail, within +-MAX_PULL."""
    size = -ndtri(np.maximum(p_value / 2, 1e-300))
    pulls: Floats = np.clip(size, 0.0, MAX_PULL) * np.sign(sign)
    return pulls


def _two_sided(log_p: Floats, ratio: Floats) -> Floats:
    left = np.maximum(1 - ratio, 1e-300)
    with np.errstate(over="ignore"):
        tail: Floats = np.minimum(2 * np.exp(np.minimum(log_p - np.log(left), 0.0)), 1.0)
    return tail


def _changing(k: Floats, n: Floats, alpha: Floats, beta: Floats) -> Floats:
    """What of the logarithm of a beta-binomial probability changes with k."""
    ways = gammaln(k + 1) + gammaln(n - k + 1)
    log_p: Floats = gammaln(k + alpha) + gammaln(n - k + beta) - ways
    return log_p


def _log_choose(n: Floats, k: Floats) -> Floats:
    log_ways: Floats = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return log_ways
