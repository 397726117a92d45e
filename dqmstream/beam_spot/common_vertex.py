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
        self._line = np.add.reduceat(
            weighted[:, :, None] * design[:, None, :2], first, axis=0
        )  # [groups, parameters, 2]
        self._offset = np.add.reduceat(weighted[:, :2] * sample.dxy[:, None], first, axis=0)
        self._information = weighted.T @ design
        self._pull = weighted.T @ sample.dxy
        self._square = float((weights * sample.dxy**2).sum())

    def solve(self, width_x: float, width_y: float, scale: float) -> Solution:
        """The best line and -2 ln L for these widths [cm] and this scale on the tracks' errors.

        The line is float64[2 or 4] at z = 0, in the order of `line_design`.
        """
        root = np.array([width_x, width_y]) / scale
        inner = self._line[:, :2, :] * (root[:, None] * root[None, :])
        xx, yy, xy = 1 + inner[:, 0, 0], 1 + inner[:, 1, 1], inner[:, 0, 1]
        determinant = xx * yy - xy * xy
        shared = np.empty_like(inner)  # sqrt(W) M^-1 sqrt(W)
        shared[:, 0, 0] = root[0] * root[0] * yy / determinant
        shared[:, 1, 1] = root[1] * root[1] * xx / determinant
        shared[:, 0, 1] = shared[:, 1, 0] = -root[0] * root[1] * xy / determinant
        reduced = self._line @ shared
        information = self._information - np.einsum("gpi,gqi->pq", reduced, self._line)
        pull = self._pull - np.einsum("gpi,gi->p", reduced, self._offset)
        square = self._square - float(np.einsum("gi,gij,gj->", self._offset, shared, self._offset))
        covariance = np.linalg.inv(information)
        line = covariance @ pull
        chi2 = (square - float(pull @ line)) / scale**2
        value = chi2 + 2 * self.tracks * np.log(scale) + self._logarithms
        value += float(np.log(determinant).sum())
        value += float(np.linalg.slogdet(information)[1]) - 2 * len(line) * np.log(scale)
        return Solution(value, self.tracks, line, covariance * scale**2, chi2)
