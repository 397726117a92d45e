"""Dropping outliers among tracks of common vertices, and how the kept ones look to a fit."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqmstream.beam_spot.samples import Floats, TrackSample

__all__ = [
    "Displaced",
    "Predicted",
    "Spreads",
    "as_kept",
    "displaced",
    "left_of_variance",
    "predicted",
    "uncut_width",
]

_LEAST_LEFT = 0.5  # of a track's own variance: what is predicted badly says nothing of its error
_WEIGHTLESS = 1e-5  # 1/cm^2: what the tracks of a vertex measure if none is kept
_SINGULAR = 1e-6  # of what tracks measure along them: what they measure across, if it is nothing


class Spreads(NamedTuple):
    """Widths [cm] of a beam, and the scale on the errors of tracks."""

    width_x: float
    width_y: float
    scale: float


class Predicted(NamedTuple):
    """How far tracks are from where the beam and the other tracks of their vertex say.

    Attributes
    ----------
    residual, variance
        float64[n], cm and cm^2: residuals less their prediction, and their variances.
    """

    residual: Floats
    variance: Floats

    def within(self, sigmas: float) -> NDArray[np.bool_]:
        """Which tracks are within so many sigmas: bool[n]."""
        return np.asarray(self.residual**2 <= sigmas**2 * self.variance)


def predicted(
    sample: TrackSample, design: Floats, line: Floats, spreads: Spreads, kept: NDArray[np.bool_]
) -> Predicted:
    """Residuals of n tracks to a beam line, each as the kept other tracks of its vertex predict it.

    With the covariance C = s^2 D + G W G^T of `CommonVertex`, and A = G^T D^-1 G, c = G^T D^-1 r
    summed over those others, the displacement of the vertex is normal with covariance s^2 P and
    mean P c, where P = sqrt(V) (1 + sqrt(V) A sqrt(V))^-1 sqrt(V), V = W/s^2. So residuals less
    their prediction, r - G P c, have the variances s^2 (D + G P G^T), and do not depend on the
    others: dropping some of them changes nothing of the rest.
    """
    a, b = spreads.width_x / spreads.scale, spreads.width_y / spreads.scale
    gx, gy = design[:, 0], design[:, 1]
    residual = sample.dxy - design @ line
    weight = np.where(kept, 1 / sample.dxy_error**2, 0.0)
    _, group = np.unique(sample.group, return_inverse=True)

    def of_others(values: Floats) -> Floats:
        own = weight * values
        return np.asarray(np.bincount(group, own)[group] - own)

    xx = 1 + a * a * of_others(gx * gx)
    yy = 1 + b * b * of_others(gy * gy)
    xy = a * b * of_others(gx * gy)
    determinant = xx * yy - xy * xy
    pxx, pyy, pxy = a * a * yy / determinant, b * b * xx / determinant, -a * b * xy / determinant
    cx, cy = of_others(gx * residual), of_others(gy * residual)
    mean = gx * (pxx * cx + pxy * cy) + gy * (pxy * cx + pyy * cy)
    spread = gx * gx * pxx + 2 * gx * gy * pxy + gy * gy * pyy
    return Predicted(residual - mean, spreads.scale**2 * (sample.dxy_error**2 + spread))


class Displaced(NamedTuple):
    """How far vertices are from a beam line, as their kept tracks measure it.

    Attributes
    ----------
    chi2
        float64[n] of the vertex of each track, 2 degrees of freedom.
    errors
        float64[2], cm: of a vertex' place in x and y by its tracks alone, root of the mean square;
        vertices count by what they say of the widths.
    """

    chi2: Floats
    errors: Floats

    def within(self, sigmas: float) -> NDArray[np.bool_]:
        """Which tracks have vertices as probable as a number within so many sigmas: bool[n]."""
        return np.asarray(self.chi2 <= -2 * math.log(math.erfc(sigmas / math.sqrt(2))))


def displaced(
    sample: TrackSample, design: Floats, line: Floats, spreads: Spreads, kept: NDArray[np.bool_]
) -> Displaced:
    """How far the vertices of n tracks are from a beam line: two decays of one particle agree with
    each other, and only their vertex says that they are not from the beam.

    Of A and c as in `predicted`, now over all kept tracks of a vertex, the displacement is A^-1 c,
    with covariance s^2 A^-1 + W, and its chi2 is c^T (A + A V A)^-1 c/s^2. A little is added to A
    for vertices of one direction, which measure one displacement only.
    """
    residual = sample.dxy - design @ line
    weight = np.where(kept, 1 / sample.dxy_error**2, 0.0)
    _, group = np.unique(sample.group, return_inverse=True)
    g = design[:, :2]
    a = np.zeros((int(group.max()) + 1, 2, 2))
    for i, j in ((0, 0), (0, 1), (1, 1)):
        a[:, i, j] = a[:, j, i] = np.bincount(group, weight * g[:, i] * g[:, j])
    c = np.stack([np.bincount(group, weight * g[:, i] * residual) for i in (0, 1)], axis=1)
    a += np.eye(2) * (_SINGULAR * np.trace(a, axis1=1, axis2=2) + _WEIGHTLESS)[:, None, None]
    v = np.diag(np.square(spreads[:2])) / spreads.scale**2
    chi2 = np.einsum("gi,gij,gj->g", c, np.linalg.inv(a + a @ v @ a), c) / spreads.scale**2
    measured = spreads.scale**2 * np.diagonal(np.linalg.inv(a), axis1=1, axis2=2)
    counts = 1 / (np.square(spreads[:2]) + measured) ** 2
    return Displaced(chi2[group], np.sqrt((counts * measured).sum(axis=0) / counts.sum(axis=0)))


def uncut_width(width: float, error: float, sigmas: float) -> float:
    """Of a beam: what it is where `width` is that of the vertices within `sigmas`.

    Of two normal numbers whose chi2 is at most -2 ln p the variances are smaller by k = 1 + p ln p/
    (1 - p). So those of displacements, W + E, are k (W + E) after the cut, of which the fit takes
    their errors E off.
    """
    p = math.erfc(sigmas / math.sqrt(2))
    k = 1 + p * math.log(p) / (1 - p)
    return math.sqrt((width**2 + (1 - k) * error**2) / k)


def left_of_variance(c: float) -> float:
    """What is left of the variance of a normal number that is kept within c sigmas: 1 - 2 c phi(c)/
    (2 Phi(c) - 1), 0.973 for c = 3."""
    edge = 2 * math.exp(-c * c / 2) / math.sqrt(2 * math.pi) / math.erf(c / math.sqrt(2))
    return 1 - c * edge


def as_kept(sample: TrackSample, found: Predicted, scale: float, rejection: float) -> TrackSample:
    """Tracks with the errors that those have which are kept at `rejection` sigmas.

    As a residual less its prediction does not depend on the other tracks, cutting it takes (1 - k)
    of its variance v off the track's own, k = `left_of_variance`, and nothing off what it shares
    with others: to the first order in 1 - k, C becomes C - (1 - k) diag(v). So errors look smaller,
    and widths and scale as they are.
    """
    less = (1 - left_of_variance(rejection)) * found.variance / scale**2
    own = sample.dxy_error**2
    return replace(sample, dxy_error=np.sqrt(np.maximum(own - less, _LEAST_LEFT * own)))
