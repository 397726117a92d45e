"""Simulated beam spots: vertices and tracks from a known one, to prove the fits by."""

from typing import NamedTuple

import numpy as np

from dqmstream.beam_spot.ellipsoid import Ellipsoid
from dqmstream.beam_spot.samples import Floats, TrackSample, VertexSample

__all__ = ["Collisions", "simulate"]

_VERTEX_ERROR = 0.012  # cm in x and y for two tracks; falls as 1/sqrt(tracks)
_TRACK_ERROR = 0.02


class Collisions(NamedTuple):
    """Vertices, and the tracks that come from the same true ones."""

    vertices: VertexSample
    tracks: TrackSample


def simulate(
    beam: Ellipsoid,
    n: int,
    random: np.random.Generator,
    *,
    outliers: float = 0.0,
    mean_tracks: float = 6.0,
    error_scale: float = 1.0,
) -> Collisions:
    """n vertices of a beam spot and their tracks.

    True vertices are normal around the beam line; each is measured with an error of its own,
    correlated between x, y and z, and has 2 tracks or more, each with an error of its own.
    Displacements are small against the radius of a track, so that tracks are straight lines.

    Parameters
    ----------
    beam
        The true one.
    outliers
        Fraction of vertices and of tracks that are flat within 1 cm instead.
    mean_tracks
        Of a vertex.
    error_scale
        True errors over stated ones.
    """
    truth = _truth(beam, n, random)
    number = 2 + random.poisson(max(mean_tracks - 2, 0), n)
    vertices = _measured(truth, number, random, error_scale)
    tracks = _tracks(truth, number, random, error_scale)
    far = random.random(n) < outliers
    vertices.position[far, :2] += random.uniform(-1, 1, (int(far.sum()), 2))
    strange = random.random(len(tracks)) < outliers
    tracks.dxy[strange] += random.uniform(-1, 1, int(strange.sum()))
    return Collisions(vertices, tracks)


def _truth(beam: Ellipsoid, n: int, random: np.random.Generator) -> Floats:
    a, b, c = random.standard_normal((3, n))
    z = beam.sigma_z * c
    rho = beam.xy_correlation
    x = beam.width_x * a + beam.dxdz * z
    y = beam.width_y * (rho * a + np.sqrt(1 - rho * rho) * b) + beam.dydz * z
    return np.stack([beam.x + x, beam.y + y, beam.z + z], axis=1)


def _measured(
    truth: Floats,
    number: np.ndarray[tuple[int], np.dtype[np.int64]],
    random: np.random.Generator,
    scale: float,
) -> VertexSample:
    n = len(truth)
    errors = _VERTEX_ERROR * np.sqrt(2 / number)[:, None] * random.uniform(0.6, 1.4, (n, 3))
    errors[:, 2] *= 1.5
    corner = np.linalg.cholesky(np.array([[1, 0.2, 0.1], [0.2, 1, -0.1], [0.1, -0.1, 1]]))
    noise = (random.standard_normal((n, 3)) @ corner.T) * errors
    xy, xz, yz = (
        errors[:, 0] * errors[:, 1],
        errors[:, 0] * errors[:, 2],
        errors[:, 1] * errors[:, 2],
    )
    mixed = np.stack([0.2 * xy, 0.1 * xz, -0.1 * yz], axis=1)
    ndof = (2 * number - 3).astype(np.float64)
    return VertexSample(
        position=truth + scale * noise,
        covariance=np.concatenate([errors**2, mixed], axis=1),
        chi2=random.chisquare(np.maximum(ndof, 1)),
        ndof=ndof,
        tracks=number.astype(np.float64),
        valid=np.ones(n, np.bool_),
    )


def _tracks(
    truth: Floats,
    number: np.ndarray[tuple[int], np.dtype[np.int64]],
    random: np.random.Generator,
    scale: float,
) -> TrackSample:
    group = np.repeat(np.arange(len(number)), number)
    n = len(group)
    x, y, z = truth[group].T
    phi = random.uniform(-np.pi, np.pi, n)
    eta = random.uniform(-2.4, 2.4, n)
    pt = 0.3 + random.exponential(0.7, n)
    error = _TRACK_ERROR * random.uniform(0.5, 1.5, n) / np.minimum(pt, 2)
    z_error = 1.5 * error
    # Seen from the origin, z is taken where the track passes it: a little along the track.
    along = (x * np.cos(phi) + y * np.sin(phi)) * np.sinh(eta)
    return TrackSample(
        phi=phi,
        dxy=y * np.cos(phi) - x * np.sin(phi) + scale * error * random.standard_normal(n),
        dxy_error=error,
        z=z - along + z_error * random.standard_normal(n),
        z_error=z_error,
        pt=pt,
        eta=eta,
        hits=np.full(n, 12.0),
        pixel_hits=np.full(n, 4.0),
        normalized_chi2=np.ones(n),
        group=group,
    )
