"""How surprising a count is. Upper bounds on Poisson and binomial tails, in closed form.

Both bounds are Chernoff's (H. Chernoff, Ann. Math. Stat. 23 (1952) 493): never below the exact
tail, so a false alarm is at most as frequent as stated. They are returned as natural logarithms,
since tails of interest underflow. With Z^2/2 = -log p, the binomial one is the significance of
Li and Ma (Astrophys. J. 272 (1983) 317, eq. 17) for a source over a measured background.
"""

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["log_binomial_excess", "log_normal_tail", "log_poisson_deficit", "times_log"]

Floats = NDArray[np.float64]


def log_normal_tail(sigmas: float) -> float:
    """Log of the probability that a normal variable exceeds its mean by `sigmas` or more."""
    return math.log(math.erfc(sigmas / math.sqrt(2)) / 2)


def log_poisson_deficit(count: Floats | float, mean: Floats | float) -> Floats:
    """Bound on log P(N <= count) for a Poisson N of the given mean; 0 where count >= mean.

    Parameters
    ----------
    count, mean
        float64, broadcast together; both at least 0.

    Returns
    -------
    float64
        count - mean - count log(count / mean).
    """
    count, mean = np.broadcast_arrays(np.asarray(count, float), np.asarray(mean, float))
    low = count < mean
    bound = count - mean - times_log(count, count, mean)
    return np.where(low, bound, 0.0)


def log_binomial_excess(
    inside: Floats | float, outside: Floats | float, odds: Floats | float
) -> Floats:
    """Bound on log P(inside or more of all), each falling inside with the given odds.

    The conditional test of two Poisson rates (J. Przyborowski and H. Wilenski, Biometrika 31
    (1940) 313): given their sum, `inside` is binomial, whatever the common rate is.

    Parameters
    ----------
    inside, outside
        float64 counts, broadcast together; at least 0.
    odds
        Expected inside / expected outside, positive.

    Returns
    -------
    float64
        -n KL(inside/n, q), q = odds / (1 + odds); 0 where inside/n <= q.
    """
    inside, outside, odds = np.broadcast_arrays(
        np.asarray(inside, float), np.asarray(outside, float), np.asarray(odds, float)
    )
    total = inside + outside
    expected = total * odds / (1 + odds)
    high = inside > expected
    bound = -times_log(inside, inside, expected)
    bound -= times_log(outside, outside, total - expected)
    return np.where(high, np.minimum(bound, 0.0), 0.0)


def times_log(factor: Floats, numerator: Floats, denominator: Floats) -> Floats:
    """factor * log(numerator / denominator), and 0 where the factor is 0."""
    valid = (factor > 0) & (denominator > 0)
    ratio = np.divide(numerator, denominator, out=np.ones(factor.shape), where=valid)
    return np.where(valid, factor * np.log(ratio), 0.0)
