"""Where along z the vertices of tracks are, and how far they spread."""

from typing import Final, NamedTuple

import numpy as np

from dqmstream.beam_spot.minimum import unbiased_width
from dqmstream.beam_spot.robust import NARROW, robust_spread
from dqmstream.beam_spot.samples import TrackSample

__all__ = ["Height", "height_of"]

_FAR: Final = 6.0  # robust widths: vertices beyond count no more


class Height(NamedTuple):
    """Where along z the vertices of tracks are, and how far they spread, with errors."""

    z: float
    z_error: float
    sigma_z: float
    sigma_z_error: float


def height_of(sample: TrackSample) -> Height:
    """z and sigma_z: mean and spread of the vertices' z, by medians first, errors taken off.

    Each vertex is the weighted mean of its tracks; vertices farther than six robust widths are
    left out. The errors of z are those of a normal distribution, sigma/sqrt(n) and
    sigma/sqrt(2(n - 1)): the errors of vertices are small against sigma_z.
    """
    order = np.argsort(sample.group, kind="stable")
    _, first = np.unique(sample.group[order], return_index=True)
    weights = 1 / sample.z_error[order] ** 2
    total = np.add.reduceat(weights, first)
    z = np.add.reduceat(weights * sample.z[order], first) / total
    centre = np.median(z)
    spread = float(robust_spread(z, centre))
    near = np.abs(z - centre) <= _FAR * spread
    z, total = z[near], total[near]
    n = len(z)
    if n < 2:
        return Height(float(centre), spread, spread, 0.0)
    variance = max(float(np.var(z, ddof=1) - np.mean(1 / total)), NARROW**2)
    sigma = float(np.sqrt(variance))
    error = sigma / float(np.sqrt(2 * (n - 1)))
    return Height(float(z.mean()), sigma / float(np.sqrt(n)), unbiased_width(sigma, error), error)
