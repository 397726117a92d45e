"""Many tests at once: p-values corrected for how many there are."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["benjamini_hochberg"]


def benjamini_hochberg(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjusted p-values: calling bad whatever is at most q makes the fraction of false ones < q.

    Of m p-values sorted upwards the j-th is adjusted to the minimum over k >= j of p_k m / k, at
    most 1. Of thousands of tests of an LS in which nothing is wrong the chance that any is at most
    q is q. Holds for independent p-values, and for positively dependent ones such as those of
    correlated plots. Source: Y. Benjamini, Y. Hochberg, J. R. Stat. Soc. B 57 (1995) 289;
    Y. Benjamini, D. Yekutieli, Ann. Stat. 29 (2001) 1165.

    Parameters
    ----------
    p_values
        float64[m] in [0, 1].

    Returns
    -------
    float64[m]
        In the order of `p_values`, none smaller than before.
    """
    count = len(p_values)
    order = np.argsort(-p_values, kind="stable")
    rank = np.arange(count, 0, -1)
    adjusted = np.empty(count)
    adjusted[order] = np.minimum.accumulate(np.minimum(p_values[order] * (count / rank), 1.0))
    return np.maximum(adjusted, p_values)
