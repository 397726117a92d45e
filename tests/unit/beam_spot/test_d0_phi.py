"""The linear fit of impact parameters."""

from dataclasses import replace

import numpy as np
import pytest

from dqmstream.beam_spot.d0_phi import at_line, fit_line
from dqmstream.beam_spot.ellipsoid import Ellipsoid
from dqmstream.beam_spot.simulation import simulate


@pytest.fixture
def exact(collisions, beam):
    """Tracks of a beam without width, measured without error."""

    def make(of: Ellipsoid):
        tracks = collisions(50).tracks
        x, y = of.x + of.dxdz * (tracks.z - of.z), of.y + of.dydz * (tracks.z - of.z)
        return replace(tracks, dxy=y * np.cos(tracks.phi) - x * np.sin(tracks.phi))

    return make


def test_the_point_is_found_with_its_sign(exact, beam) -> None:
    line = fit_line(exact(beam._replace(dxdz=0.0, dydz=0.0)))
    assert line.values == pytest.approx([0.17, -0.19])
    assert line.used == len(line.kept)


def test_slopes_give_the_point_at_z_0(exact, beam) -> None:
    line = fit_line(exact(beam), slopes=True)
    at_zero = [0.17 + 0.5 * 1e-3, -0.19 - 0.5 * 5e-4, 1e-3, -5e-4]
    assert line.values == pytest.approx(at_zero)


def test_far_tracks_are_dropped_round_by_round(exact, beam) -> None:
    tracks = exact(beam._replace(dxdz=0.0, dydz=0.0))
    tracks.dxy[:20] += 0.5
    once, often = fit_line(tracks, rounds=1), fit_line(tracks)
    assert once.used == len(tracks)
    assert once.values[0] != pytest.approx(0.17, abs=1e-3)
    assert often.used == len(tracks) - 20
    assert often.values == pytest.approx([0.17, -0.19])


def test_a_width_lowers_weights_and_chi2(collisions) -> None:
    tracks = collisions(300).tracks
    plain, wide = fit_line(tracks), fit_line(tracks, width=0.015)
    assert wide.chi2 / wide.used == pytest.approx(1.0, abs=0.15)
    assert plain.chi2 / plain.used > 1.3
    assert wide.covariance[0, 0] > plain.covariance[0, 0]


def test_tracks_of_one_direction_determine_nothing(collisions) -> None:
    tracks = collisions(20).tracks
    tracks.phi[:] = 0.3
    assert fit_line(tracks) is None
    assert fit_line(tracks.take(np.arange(3))) is None


def test_z_is_taken_where_tracks_pass_the_beam() -> None:
    """A far, narrow, tilted beam: vertices and their tracks are at the same z."""
    beam = Ellipsoid(-0.4, 0.6, 5.0, 6.0, 1e-4, 1e-4, 5e-3, -8e-3)
    found = simulate(beam, 50, np.random.default_rng(1))
    tracks = found.tracks
    x, y = beam.x - beam.z * beam.dxdz, beam.y - beam.z * beam.dydz
    line = np.array([x, y, beam.dxdz, beam.dydz])
    moved = at_line(tracks, line)
    where = found.vertices.position[tracks.group, 2]
    errors = np.hypot(tracks.z_error, np.sqrt(found.vertices.covariance[tracks.group, 2]))
    assert np.abs((tracks.z - where) / errors).max() > 100
    # What is left is the slope along that way: 0.05 cm where it was 5.
    assert np.abs((moved.z - where) / errors).max() < 10
