"""What a cut leaves of the moments of correlated numbers."""

import numpy as np
import pytest

from dqmstream.beam_spot.kept import Spreads, _cut_at, as_kept


@pytest.mark.parametrize("c", [2.0, 3.0, 4.0])
@pytest.mark.parametrize("rho", [0.1, 0.5, 0.8])
def test_variance_and_covariance_are_those_of_the_cut_normal_distribution(c, rho) -> None:
    """Against the integral over the square within the cut, by Gauss and Legendre."""
    nodes, weights = np.polynomial.legendre.leggauss(80)
    x, y = c * nodes[:, None], c * nodes[None, :]
    density = np.exp(-(x * x - 2 * rho * x * y + y * y) / (2 * (1 - rho * rho)))
    density *= weights[:, None] * weights[None, :]
    covariance = (density * x * y).sum() / density.sum()
    alone = np.exp(-c * c * nodes * nodes / 2) * weights
    cut = _cut_at(c)
    assert cut.variance == pytest.approx((alone * (c * nodes) ** 2).sum() / alone.sum(), rel=1e-9)
    # Orders above the fifth, and what is common to the probabilities to keep both.
    allowed = 0.002 if c >= 3 else 0.03
    assert rho * cut.covariance(rho) == pytest.approx(covariance, rel=allowed)


def test_nothing_changes_where_nothing_was_dropped(collisions) -> None:
    tracks = collisions(20).tracks
    design = np.zeros((len(tracks), 2))
    kept = as_kept(tracks, design, None, 3.0)
    assert kept == (tracks, 1.0, 1.0)
    kept = as_kept(tracks, design, Spreads(0.01, 0.01, 1.0), 30.0)
    assert (kept.width, kept.scale) == (1.0, 1.0)
    assert kept.sample.dxy_error == pytest.approx(tracks.dxy_error)
