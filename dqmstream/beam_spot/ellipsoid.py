"""Likelihood of vertices under a beam ellipsoid, their own errors taken into account."""

from typing import NamedTuple

import numpy as np

from dqmstream.beam_spot.samples import Floats, VertexSample

__all__ = ["Ellipsoid", "log_information", "vertex_terms"]


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


def vertex_terms(sample: VertexSample, beam: Ellipsoid, scale: float) -> tuple[Floats, Floats]:
    """Chi2 and ln det C of each vertex: -2 ln L is the sum of both, but for a constant.

    With r the distance of a vertex to the beam spot, C = scale^2 V + B: V its own covariance, B
    that of the beam,

        Bxx = width_x^2 + dxdz^2 sigma_z^2      Bxy = rho width_x width_y + dxdz dydz sigma_z^2
        Byy = width_y^2 + dydz^2 sigma_z^2      Bxz = dxdz sigma_z^2
        Bzz = sigma_z^2                         Byz = dydz sigma_z^2

    and chi2 = r C^-1 r. The method is that of CMS (cms-sw/cmssw RecoVertex/BeamSpotProducer,
    FcnBeamSpotFitPV.cc), which leaves out the terms of second order in slopes: there a slope of
    1e-3 would already be taken for a width of 40 um.

    Parameters
    ----------
    sample
        n vertices.
    scale
        Factor on their errors.

    Returns
    -------
    float64[n], float64[n]
    """
    rx, ry, rz = (sample.position - (beam.x, beam.y, beam.z)).T
    xx, yy, zz, xy, xz, yz = (scale * scale * sample.covariance).T
    long = beam.sigma_z**2
    xx = xx + beam.width_x**2 + beam.dxdz**2 * long
    yy = yy + beam.width_y**2 + beam.dydz**2 * long
    zz = zz + long
    xy = xy + beam.xy_correlation * beam.width_x * beam.width_y + beam.dxdz * beam.dydz * long
    xz = xz + beam.dxdz * long
    yz = yz + beam.dydz * long
    # Inverse by cofactors: n small matrices at once, much faster than a call for each.
    cxx, cxy, cxz = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
    cyy, cyz, czz = xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy
    determinant = xx * cxx + xy * cxy + xz * cxz
    squares = cxx * rx * rx + cyy * ry * ry + czz * rz * rz
    mixed = cxy * rx * ry + cxz * rx * rz + cyz * ry * rz
    return (squares + 2 * mixed) / determinant, np.log(determinant)


def log_information(sample: VertexSample, beam: Ellipsoid, scale: float, *, slopes: bool) -> float:
    """ln det of what the vertices say of position (and slopes), at given widths.

    Added to -2 ln L it makes the likelihood a restricted one (REML; H. D. Patterson, R. Thompson,
    Biometrika 58 (1971) 545): widths are then not too small for the degrees of freedom that the
    position took. The errors of z of vertices are small against sigma_z, so that x and y are
    taken at the vertex' own z.
    """
    xx, yy, zz, xy, _, _ = (scale * scale * sample.covariance).T
    xx = xx + beam.width_x**2
    yy = yy + beam.width_y**2
    xy = xy + beam.xy_correlation * beam.width_x * beam.width_y
    determinant = xx * yy - xy * xy
    weights = np.stack([yy, -xy, -xy, xx]) / determinant
    powers = [np.ones(len(sample))]
    if slopes:
        powers.append(sample.position[:, 2] - beam.z)
    blocks = [[(weights * (a * b)).sum(axis=1).reshape(2, 2) for b in powers] for a in powers]
    along = np.sum(1 / (zz + beam.sigma_z**2))
    return float(np.linalg.slogdet(np.block(blocks))[1] + np.log(along))
