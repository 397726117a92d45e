"""Tracks and vertices that are outliers, and what dropping them takes off the others."""

import math

import numpy as np
import pytest

from dqmstream.beam_spot.d0_phi import line_design
from dqmstream.beam_spot.kept import (
    Spreads,
    as_kept,
    displaced,
    left_of_variance,
    predicted,
    uncut_width,
)
from dqmstream.beam_spot.samples import TrackSample

SPREADS = Spreads(0.012, 0.02, 1.3)
LINE = np.array([0.17, -0.19])


def dense(tracks: TrackSample, design):
    """The covariance of all tracks, written out."""
    g = design[:, :2] * np.array([SPREADS.width_x, SPREADS.width_y])
    same = tracks.group[:, None] == tracks.group[None, :]
    return (g @ g.T) * same + np.diag((SPREADS.scale * tracks.dxy_error) ** 2)


def test_predictions_are_those_of_the_inverse_covariance(collisions) -> None:
    tracks = collisions(15).tracks
    design = line_design(tracks, slopes=False)
    found = predicted(tracks, design, LINE, SPREADS, np.ones(len(tracks), np.bool_))
    inverse = np.linalg.inv(dense(tracks, design))
    residual = tracks.dxy - design @ LINE
    assert found.variance == pytest.approx(1 / np.diag(inverse))
    assert found.residual == pytest.approx(inverse @ residual / np.diag(inverse), abs=1e-12)


def test_a_dropped_track_predicts_nothing_and_is_predicted_by_the_rest(collisions) -> None:
    tracks = collisions(15).tracks
    design = line_design(tracks, slopes=False)
    kept = np.arange(len(tracks)) % 4 > 0
    found = predicted(tracks, design, LINE, SPREADS, kept)
    rest = predicted(
        tracks.take(kept), design[kept], LINE, SPREADS, np.ones(int(kept.sum()), np.bool_)
    )
    assert found.residual[kept] == pytest.approx(rest.residual, abs=1e-12)
    one = np.flatnonzero(~kept)[1]
    others = kept & (tracks.group == tracks.group[one])
    c = dense(tracks, design)
    gain = np.linalg.solve(c[np.ix_(others, others)], c[others, one])
    residual = tracks.dxy - design @ LINE
    assert found.residual[one] == pytest.approx(residual[one] - gain @ residual[others])
    assert found.variance[one] == pytest.approx(c[one, one] - gain @ c[others, one])


def test_chi2_of_a_vertex_is_that_of_its_displacement(collisions) -> None:
    tracks = collisions(15).tracks
    design = line_design(tracks, slopes=False)
    found = displaced(tracks, design, LINE, SPREADS, np.ones(len(tracks), np.bool_))
    for group in np.unique(tracks.group):
        own = tracks.group == group
        weighted = design[own].T / (SPREADS.scale * tracks.dxy_error[own]) ** 2
        a = weighted @ design[own]
        place = np.linalg.solve(a, weighted @ (tracks.dxy - design @ LINE)[own])
        covariance = np.linalg.inv(a) + np.diag(np.square(SPREADS[:2]))
        chi2 = place @ np.linalg.solve(covariance, place)
        assert found.chi2[own] == pytest.approx(chi2, rel=1e-3)


def test_vertices_are_dropped_as_often_as_numbers_beyond_so_many_sigmas(collisions) -> None:
    tracks = collisions(10).tracks
    design = line_design(tracks, slopes=False)
    found = displaced(tracks, design, LINE, SPREADS, np.ones(len(tracks), np.bool_))
    edge = found._replace(chi2=np.array([11.82, 11.84]))  # chi2 of 2 degrees at 0.27 %
    assert found.within(30.0).all()
    assert list(edge.within(3.0)) == [True, False]


@pytest.mark.parametrize("c", [2.0, 3.0, 4.0])
def test_variance_is_that_of_the_cut_normal_distribution(c) -> None:
    """Against the integral within the cut, by Gauss and Legendre."""
    nodes, weights = np.polynomial.legendre.leggauss(80)
    density = np.exp(-c * c * nodes * nodes / 2) * weights
    expected = (density * (c * nodes) ** 2).sum() / density.sum()
    assert left_of_variance(c) == pytest.approx(expected, rel=1e-9)


def test_a_cut_on_two_numbers_is_taken_back() -> None:
    """Against the integral over the circle within the cut."""
    width, error, sigmas = 0.015, 0.01, 3.0
    p = math.erfc(sigmas / math.sqrt(2))
    nodes, weights = np.polynomial.legendre.leggauss(200)
    chi2 = -math.log(p) * (nodes + 1)
    density = np.exp(-chi2 / 2) * weights
    left = (density * chi2 / 2).sum() / density.sum()
    seen = math.sqrt(left * (width**2 + error**2) - error**2)
    assert uncut_width(seen, error, sigmas) == pytest.approx(width, rel=1e-9)


def test_cuts_far_out_change_nothing(collisions) -> None:
    tracks = collisions(20).tracks
    design = line_design(tracks, slopes=False)
    found = predicted(tracks, design, LINE, SPREADS, np.ones(len(tracks), np.bool_))
    assert as_kept(tracks, found, SPREADS.scale, 30.0).dxy_error == pytest.approx(tracks.dxy_error)
    assert uncut_width(0.015, 0.01, 30.0) == pytest.approx(0.015)
