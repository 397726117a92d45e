"""Widths of samples with outliers, from which fits start."""

from typing import Final

import numpy as np

from dqmstream.beam_spot.samples import Floats

__all__ = ["NARROW", "robust_spread"]

NARROW: Final = 1e-5
"""cm: no beam is narrower."""
_NORMAL: Final = 1.4826  # sigma of a normal distribution in units of its median deviation


def robust_spread(values: Floats, centre: Floats | np.float64) -> Floats:
    """Widths of float64[n, ...] around a centre, float64[...] and never 0, by median deviations."""
    return np.maximum(_NORMAL * np.median(np.abs(values - centre), axis=0), NARROW)
