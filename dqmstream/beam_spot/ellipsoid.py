"""Likelihood of vertices under a beam ellipsoid, their own errors taken into account."""

from typing import Any, NamedTuple

import numpy as np

from dqmstream.beam_spot.samples import Floats, VertexSample

__all__ = ["Ellipsoid", "VertexLikelihood"]


class Ellipsoid(NamedTuple):
    """Beam spot as a normal distribution in space.

    z is normal around `z` with width `sigma_z`; at a given z, x and y are normal around the beam
    line with widths `width_x`, `width_y` and correlation `xy_correlation`.
    """

    x: float
    y: float
    z: float
    sigma_z: float
    width_x: float
    width_y: float
    dxdz: float = 0.0
    dydz: float = 0.0
    xy_correlation: float = 0.0


class _Covariance(NamedTuple):
    """Symmetric 3 x 3 matrices, or sums of them, element by element."""

    xx: Any
    yy: Any
    zz: Any
    xy: Any
    xz: Any
    yz: Any


class VertexLikelihood:
    """-2 ln L of vertices, but for a constant, as a function of the ellipsoid.

    With r the distance of a vertex to the beam spot, C = s^2 V + B: V its own covariance, s the
    scale on its errors, B the covariance of the beam,

        Bxx = width_x^2 + dxdz^2 sigma_z^2      Bxy = rho width_x width_y + dxdz dydz sigma_z^2
        Byy = width_y^2 + dydz^2 sigma_z^2      Bxz = dxdz sigma_z^2
        Bzz = sigma_z^2                         Byz = dydz sigma_z^2

    a vertex has the chi2 r C^-1 r, and -2 ln L is the sum of all chi2 + ln det C. The method is
    that of CMS (cms-sw/cmssw RecoVertex/BeamSpotProducer, FcnBeamSpotFitPV.cc), which leaves out
    the terms of second order in slopes: there a slope of 1e-3 would already be taken for a width of
    40 um.

    A restricted likelihood (REML; H. D. Patterson, R. Thompson, Biometrika 58 (1971) 545) has in
    addition ln det of what the vertices say of position and slopes, so that widths are not too
    small for the degrees of freedom which these took. For it x and y are taken at each vertex' own
    z, as errors of z are small against sigma_z.

    Parameters
    ----------
    sample
        n vertices.
    scale
        Factor on their errors.
    restricted
        Whether widths are to be corrected.
    slopes
        Whether slopes are fitted, for the correction.
    """

    def __init__(
        self, sample: VertexSample, scale: float, *, restricted: bool = False, slopes: bool = True
    ) -> None:
        self._position = np.ascontiguousarray(sample.position.T)
        self._own = _Covariance(*np.ascontiguousarray(scale * scale * sample.covariance.T))
        self._restricted = restricted
        ones = np.ones(len(sample))
        heights = sample.position[:, 2] - sample.position[:, 2].mean() if slopes else None
        self._powers = [ones] if heights is None else [ones, heights]

    def value(self, beam: Ellipsoid) -> float:
        """-2 ln L."""
        chi2, logarithms = self.terms(beam)
        total = float(chi2.sum() + logarithms.sum())
        return total + self._log_information(beam) if self._restricted else total

    def terms(self, beam: Ellipsoid) -> tuple[Floats, Floats]:
        """Chi2 and ln det C of each vertex: float64[n] each."""
        residual = self._residual(beam)
        cofactors, determinant = self._inverse(beam)
        return np.asarray(_form(cofactors, residual) / determinant), np.log(determinant)

    def gradient(self, beam: Ellipsoid) -> Ellipsoid:
        """Derivatives of `value` by each parameter.

        With W = C^-1 and u = W r, chi2 changes by -2 u with the position, and the sum of chi2 and
        ln det C by G = W - u u^T with each element of C; then the chain rule for B.
        """
        rx, ry, rz = self._residual(beam)
        cofactors, determinant = self._inverse(beam)
        w = _Covariance(*(element / determinant for element in cofactors))
        ux = w.xx * rx + w.xy * ry + w.xz * rz
        uy = w.xy * rx + w.yy * ry + w.yz * rz
        uz = w.xz * rx + w.yz * ry + w.zz * rz
        g = _Covariance(
            *(w.xx.sum() - ux @ ux, w.yy.sum() - uy @ uy, w.zz.sum() - uz @ uz),
            *(w.xy.sum() - ux @ uy, w.xz.sum() - ux @ uz, w.yz.sum() - uy @ uz),
        )
        a, b, s, rho = beam.width_x, beam.width_y, beam.sigma_z, beam.xy_correlation
        p, q = beam.dxdz, beam.dydz
        along = p * p * g.xx + q * q * g.yy + g.zz + 2 * (p * q * g.xy + p * g.xz + q * g.yz)
        k, length = self._information_gradient(beam) if self._restricted else (_NOTHING, 0.0)
        xx, yy, xy = g.xx + k.xx, g.yy + k.yy, g.xy + k.xy
        return Ellipsoid(
            x=-2 * float(ux.sum()),
            y=-2 * float(uy.sum()),
            z=-2 * float(uz.sum()),
            sigma_z=2 * s * float(along) + length,
            width_x=2 * float(a * xx + rho * b * xy),
            width_y=2 * float(b * yy + rho * a * xy),
            dxdz=2 * s * s * float(p * g.xx + q * g.xy + g.xz),
            dydz=2 * s * s * float(q * g.yy + p * g.xy + g.yz),
            xy_correlation=2 * a * b * float(xy),
        )

    def _residual(self, beam: Ellipsoid) -> Floats:
        return np.asarray(self._position - np.array([[beam.x], [beam.y], [beam.z]]))

    def _inverse(self, beam: Ellipsoid) -> tuple[_Covariance, Floats]:
        """Cofactors and determinant of C: n small matrices at once, not a call for each."""
        s = beam.sigma_z**2
        p, q = beam.dxdz, beam.dydz
        own = self._own
        xx = own.xx + (beam.width_x**2 + p * p * s)
        yy = own.yy + (beam.width_y**2 + q * q * s)
        zz = own.zz + s
        xy = own.xy + (beam.xy_correlation * beam.width_x * beam.width_y + p * q * s)
        xz = own.xz + p * s
        yz = own.yz + q * s
        cofactors = _Covariance(
            *(yy * zz - yz * yz, xx * zz - xz * xz, xx * yy - xy * xy),
            *(xz * yz - xy * zz, xy * yz - xz * yy, xy * xz - xx * yz),
        )
        return cofactors, xx * cofactors.xx + xy * cofactors.xy + xz * cofactors.xz

    def _across(self, beam: Ellipsoid) -> tuple[Floats, Floats]:
        """Inverse of the covariance of x and y at a given z, [3, n] for xx, yy, xy; and the
        information on z, [n]."""
        own = self._own
        xx = own.xx + beam.width_x**2
        yy = own.yy + beam.width_y**2
        xy = own.xy + beam.xy_correlation * beam.width_x * beam.width_y
        determinant = xx * yy - xy * xy
        return np.stack([yy, xx, -xy]) / determinant, 1 / (own.zz + beam.sigma_z**2)

    def _information(self, weights: Floats) -> Floats:
        """What the vertices say of x, y (and dxdz, dydz): float64[2, 2] or [4, 4]."""
        size = 2 * len(self._powers)
        information = np.empty((size, size))
        for i, a in enumerate(self._powers):
            for j, b in enumerate(self._powers):
                xx, yy, xy = weights @ (a * b)
                information[2 * i : 2 * i + 2, 2 * j : 2 * j + 2] = (xx, xy), (xy, yy)
        return information

    def _log_information(self, beam: Ellipsoid) -> float:
        weights, along = self._across(beam)
        return float(np.linalg.slogdet(self._information(weights))[1] + np.log(along.sum()))

    def _information_gradient(self, beam: Ellipsoid) -> tuple[_Covariance, float]:
        """Derivatives of `_log_information` by the elements of the beam's covariance across it,
        and by sigma_z.

        With K the inverse of a vertex' covariance, and Q what is known of the line at its z (the
        inverse information, at its height), ln det changes by -K Q K with that covariance.
        """
        (kxx, kyy, kxy), along = self._across(beam)
        inverse = np.linalg.inv(self._information(np.stack([kxx, kyy, kxy])))
        qxx, qyy, qxy = (
            sum(
                inverse[2 * i + row, 2 * j + column] * a * b
                for i, a in enumerate(self._powers)
                for j, b in enumerate(self._powers)
            )
            for row, column in ((0, 0), (1, 1), (0, 1))
        )
        across = _Covariance(
            xx=-np.sum(kxx * kxx * qxx + 2 * kxx * kxy * qxy + kxy * kxy * qyy),
            yy=-np.sum(kyy * kyy * qyy + 2 * kyy * kxy * qxy + kxy * kxy * qxx),
            xy=-np.sum(kxx * kxy * qxx + (kxx * kyy + kxy * kxy) * qxy + kxy * kyy * qyy),
            zz=0.0,
            xz=0.0,
            yz=0.0,
        )
        return across, -2 * beam.sigma_z * float((along @ along) / along.sum())


_NOTHING = _Covariance(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def _form(matrix: _Covariance, vector: Floats) -> Floats:
    """v M v of each vertex."""
    x, y, z = vector
    squares = matrix.xx * x * x + matrix.yy * y * y + matrix.zz * z * z
    mixed = matrix.xy * x * y + matrix.xz * x * z + matrix.yz * y * z
    return np.asarray(squares + 2 * mixed)
