"""What dropping outliers leaves of the moments of tracks, and how the kept ones look to a fit."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from dqmstream.beam_spot.samples import Floats, TrackSample

__all__ = ["Kept", "Spreads", "as_kept"]


class Spreads(NamedTuple):
    """Widths [cm] of a beam, and the scale on the errors of tracks."""

    width_x: float
    width_y: float
    scale: float


class _Cut(NamedTuple):
    """What a cut leaves of the second moments of two normal numbers that are correlated by rho.

    Each is kept where it is within c sigmas. Of variances 1 is left `variance`, k = 1 - 2 c phi(c)/
    (2 Phi(c) - 1), 0.973 for c = 3, and of their covariance rho k^2 and more: the normal density of
    both is the sum of rho^n/n! He_n(x) He_n(y) phi(x) phi(y) (F. G. Mehler, J. reine angew. Math.
    66 (1866) 161), so that the covariance is the sum of rho^n/n! m_n^2, m_n the mean of z He_n(z)
    within the cut, as the probability to keep both is that of independent ones but for 4e-4 rho^2.
    """

    variance: float
    third: float
    fifth: float

    def covariance(self, rho: float) -> float:
        """What is left of a covariance, over what it was; to the fifth order."""
        return self.variance**2 + self.third * rho**2 + self.fifth * rho**4


def _cut_at(c: float) -> _Cut:
    """The cut at c sigmas. Means of even powers of z: (n - 1) times that of the one before, less
    what is outside, 2 c^(n - 1) phi(c)/(2 Phi(c) - 1)."""
    edge = 2 * math.exp(-c * c / 2) / math.sqrt(2 * math.pi) / math.erf(c / math.sqrt(2))
    second = 1 - c * edge
    fourth = 3 * second - c**3 * edge
    sixth = 5 * fourth - c**5 * edge
    third_order = fourth - 3 * second
    fifth_order = sixth - 10 * fourth + 15 * second
    return _Cut(second, third_order**2 / 6, fifth_order**2 / 120)


class Kept(NamedTuple):
    """How the tracks look that a fit said to keep: see `as_kept`."""

    sample: TrackSample
    width: float
    """Widths are smaller by this factor."""
    scale: float


def as_kept(sample: TrackSample, design: Floats, found: Spreads | None, rejection: float) -> Kept:
    """Tracks with the errors that those have which are kept where `found` were the spreads, at
    `rejection` sigmas; None: none was dropped.

    Tracks of one vertex have the covariance G W G^T + s^2 D, as in `CommonVertex`. Of those that
    are within the cut, variances are smaller by k and covariances by q (`_Cut`), so that they have

        q G W G^T + k s^2 (D + (k - q)/k diag(G W G^T)/s^2)

    and the fit, which knows of no cut, has to be given larger errors, and finds widths that are
    smaller by sqrt(q), and a scale smaller by sqrt(k). As q depends a little on the correlation,
    that of the pairs that tell most of the width is taken: the mean over pairs by its square.
    """
    if found is None:
        return Kept(sample, 1.0, 1.0)
    cut = _cut_at(rejection)
    shared = (found.width_x * design[:, 0]) ** 2 + (found.width_y * design[:, 1]) ** 2
    correlation = shared / (shared + (found.scale * sample.dxy_error) ** 2)
    rho = float(np.square(correlation).sum() / max(correlation.sum(), 1e-300))
    left = cut.covariance(rho)
    more = (cut.variance - left) / cut.variance * shared / found.scale**2
    errors = np.sqrt(sample.dxy_error**2 + more)
    kept = replace(sample, dxy_error=errors)
    return Kept(kept, math.sqrt(left), math.sqrt(cut.variance))
