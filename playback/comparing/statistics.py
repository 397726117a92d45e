"""How likely two histograms are two samples of the same: chi-squared and Kolmogorov-Smirnov. Pure.

Both sides have seen the same events, so that what differs is less than in two samples of their
own: these p-values are too large rather than too small, and what is found here differs indeed.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

__all__ = ["Agreement", "agreement"]

Floats = NDArray[np.float64]


class Agreement(NamedTuple):
    """P-value of the smaller of the two tests, corrected for their number, and which it was."""

    p_value: float
    test: str


def agreement(
    old: Floats, new: Floats, old_variances: Floats, new_variances: Floats, *, ordered: bool
) -> Agreement:
    """Whether two histograms agree in shape and in total.

    Parameters
    ----------
    old, new
        float64[...], contents of all bins, flow included.
    old_variances, new_variances
        float64[...], squared errors; for counts the counts themselves.
    ordered
        Whether the bins of a single axis follow each other, so that Kolmogorov-Smirnov applies.

    Returns
    -------
    Agreement
        1 where nothing can be compared: all is empty on both sides.
    """
    spread = old_variances + new_variances
    used = spread > 0
    if not used.any():
        same = bool(np.array_equal(old, new))
        return Agreement(1.0 if same else 0.0, "chi2")
    statistic = float((((new - old)[used] ** 2) / spread[used]).sum())
    found = [Agreement(float(stats.chi2.sf(statistic, int(used.sum()))), "chi2")]
    if bool(((new != old) & ~used).any()):
        found = [Agreement(0.0, "chi2")]
    if ordered and old.sum() > 0 and new.sum() > 0:
        found.append(_kolmogorov(old, new))
    best = min(found)
    return Agreement(min(1.0, best.p_value * len(found)), best.test)


def _kolmogorov(old: Floats, new: Floats) -> Agreement:
    first, second = old.ravel(), new.ravel()
    distance = np.abs(first.cumsum() / first.sum() - second.cumsum() / second.sum()).max()
    effective = first.sum() * second.sum() / (first.sum() + second.sum())
    return Agreement(float(stats.kstwobign.sf(distance * np.sqrt(max(effective, 0.0)))), "KS")
