"""The likelihood of vertices under an ellipsoid."""

import numpy as np
import pytest

from dqmstream.beam_spot.ellipsoid import Ellipsoid, VertexLikelihood


def test_it_is_that_of_a_normal_distribution_in_space(beam, collisions) -> None:
    """Against matrices made vertex by vertex, of independent parts along and across the line."""
    sample = collisions(20).vertices
    slope = np.array([beam.dxdz, beam.dydz, 1.0])
    ellipsoid = beam.sigma_z**2 * np.outer(slope, slope)
    ellipsoid += np.diag([beam.width_x**2, beam.width_y**2, 0.0])
    expected = 0.0
    for position, (xx, yy, zz, xy, xz, yz) in zip(sample.position, sample.covariance, strict=True):
        own = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        total = ellipsoid + 1.1**2 * own
        residual = position - (beam.x, beam.y, beam.z)
        expected += residual @ np.linalg.solve(total, residual) + np.linalg.slogdet(total)[1]
    assert VertexLikelihood(sample, 1.1).value(beam) == pytest.approx(expected)


@pytest.mark.parametrize("restricted", [False, True])
@pytest.mark.parametrize("slopes", [False, True])
def test_its_derivatives_are_what_small_steps_say(beam, collisions, restricted, slopes) -> None:
    likelihood = VertexLikelihood(
        collisions(50).vertices, 1.1, restricted=restricted, slopes=slopes
    )
    there = beam._replace(x=0.171, width_x=0.012, xy_correlation=-0.1, sigma_z=5.5)
    derivatives = likelihood.gradient(there)
    for name in Ellipsoid._fields:
        at = getattr(there, name)
        step = 1e-5 * (abs(at) or 1.0)
        above = likelihood.value(there._replace(**{name: at + step}))
        below = likelihood.value(there._replace(**{name: at - step}))
        by_steps = (above - below) / (2 * step)
        assert getattr(derivatives, name) == pytest.approx(by_steps, rel=1e-4, abs=1e-3), name


def test_moving_beam_and_vertices_alike_changes_nothing(beam, collisions) -> None:
    sample = collisions(30).vertices
    before = VertexLikelihood(sample, 1.0, restricted=True).value(beam)
    sample.position[:] += (0.3, -0.2, 4.0)
    moved = beam._replace(x=beam.x + 0.3, y=beam.y - 0.2, z=beam.z + 4.0)
    assert VertexLikelihood(sample, 1.0, restricted=True).value(moved) == pytest.approx(before)
