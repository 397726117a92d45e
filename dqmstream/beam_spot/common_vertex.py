"""Likelihood of impact parameters where tracks of one vertex share its place in the beam."""

from typing import NamedTuple

import numpy as np

from dqmstream.beam_spot.d0_phi import line_design
from dqmstream.beam_spot.samples import Floats, TrackSample

__all__ = ["CommonVertex", "Solution"]


class Solution(NamedTuple):
    """The best line at given widths: `value` is -2 ln L, restricted, but for a constant."""

    value: float
    tracks: int
    line: Floats
    covariance: Floats
    chi2: float


class CommonVertex:
    """-2 ln L of impact parameters as a function of the beam widths and an error scale.

    Tracks of one vertex are all off the beam line by the same displacement (u, v) of their
    vertex, normal with widths a = width_x and b = width_y. Of m tracks with design G (m, 2) in x
    and y, the residuals have the covariance C = s^2 D + G W G^T, D their own variances, W =
    diag(a^2, b^2), s the error scale. With A = G^T D^-1 G / s^2, M = 1 + sqrt(W) A sqrt(W) and
    the matrix-inversion and determinant lemmas

        r C^-1 r  = r D^-1 r / s^2 - c^T sqrt(W) M^-1 sqrt(W) c,   c = G^T D^-1 r / s^2
        ln det C  = sum ln(s^2 D) + ln det M.

    The line (x, y and slopes) is linear in the residuals: for given widths it is solved for, and
    the widths' likelihood restricted (REML; H. D. Patterson, R. Thompson, Biometrika 58 (1971)
    545). A fit that takes tracks for independent gets errors that are too small by as much as
    tracks come from the same vertex, and cannot see a width but in excess of the tracks' errors.

    Parameters
    ----------
    sample
        n tracks, in any order.
    slopes
        Whether the line has slopes.
    """

    def __init__(self, sample: TrackSample, *, slopes: bool) -> None:
        order = np.argsort(sample.group, kind="stable")
        sample = sample.take(order)
        self.tracks = len(sample)
        _, first = np.unique(sample.group, return_index=True)
        design = line_design(sample, slopes=slopes)
        weights = 1 / sample.dxy_error**2
        self._logarithms = float(np.log(sample.dxy_error**2).sum())
        weighted = design * weights[:, None]
        # Sums over the tracks of each vertex; the first two columns of the design are x and y.
        self._x = np.add.reduceat(weighted * design[:, :1], first, axis=0)  # [groups, parameters]
        self._y = np.add.reduceat(weighted * design[:, 1:2], first, axis=0)
        offset = np.add.reduceat(weighted[:, :2] * sample.dxy[:, None], first, axis=0)
        self._offset_x, self._offset_y = np.ascontiguousarray(offset.T)
        self._information = weighted.T @ design
        self._pull = weighted.T @ sample.dxy
        self._square = float((weights * sample.dxy**2).sum())

    def solve(self, width_x: float, width_y: float, scale: float) -> Solution:
        """The best line and -2 ln L for these widths [cm] and this scale on the tracks' errors.

        The line is float64[2 or 4] at z = 0, in the order of `line_design`.
        """
        a, b = width_x / scale, width_y / scale
        xx, yy = 1 + a * a * self._x[:, 0], 1 + b * b * self._y[:, 1]
        xy = a * b * self._x[:, 1]
        determinant = xx * yy - xy * xy
        # sqrt(W) M^-1 sqrt(W), element by element.
        sxx, syy = a * a * yy / determinant, b * b * xx / determinant
        sxy = -a * b * xy / determinant
        reduced_x = sxx[:, None] * self._x + sxy[:, None] * self._y
        reduced_y = sxy[:, None] * self._x + syy[:, None] * self._y
        u, v = self._offset_x, self._offset_y
        information = self._information - reduced_x.T @ self._x - reduced_y.T @ self._y
        pull = self._pull - reduced_x.T @ u - reduced_y.T @ v
        square = self._square - float(u @ (sxx * u) + 2 * (u @ (sxy * v)) + v @ (syy * v))
        covariance = np.linalg.inv(information)
        line = covariance @ pull
        chi2 = (square - float(pull @ line)) / scale**2
        value = chi2 + 2 * self.tracks * np.log(scale) + self._logarithms
        value += float(np.log(determinant).sum())
        value += float(np.linalg.slogdet(information)[1]) - 2 * len(line) * np.log(scale)
        return Solution(value, self.tracks, line, np.asarray(covariance * scale**2), chi2)
