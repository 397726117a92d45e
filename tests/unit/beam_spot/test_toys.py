"""Pulls of simulated beam spots: values without bias, errors as large as the scatter."""

import pytest

from dqmstream.beam_spot.ellipsoid import Ellipsoid
from dqmstream.beam_spot.result import PARAMETERS
from dqmstream.beam_spot.toys import Pulls, toys
from dqmstream.beam_spot.tracks import fit_tracks
from dqmstream.beam_spot.vertices import fit_vertices

FITS = {
    "vertices": lambda collisions: fit_vertices(collisions.vertices),
    "tracks": lambda collisions: fit_tracks(collisions.tracks),
}
INJECTION = Ellipsoid(0.17, -0.19, -0.5, 6.0, 0.0145, 0.0145, 1e-3, -5e-4)
BEAMS = {
    "injection": INJECTION,
    "wide": INJECTION._replace(width_x=0.03, width_y=0.03),
    "flat": INJECTION._replace(width_x=0.008, width_y=0.02),
    "tilted": INJECTION._replace(dxdz=5e-3, dydz=-8e-3),
    "far": INJECTION._replace(x=-0.4, y=0.6, z=5.0),
    "short": INJECTION._replace(sigma_z=3.0, dxdz=0.0, dydz=0.0),
    "correlated": INJECTION._replace(xy_correlation=0.5),
}


def check(pulls: Pulls, tolerance: float, *, of_widths: float | None = None) -> None:
    assert pulls.failed == 0
    for name in PARAMETERS:
        mean, width = pulls.spread(name)
        allowed = of_widths if of_widths and name.startswith("width") else tolerance
        assert abs(mean) < allowed, f"{name}: pulls have a mean of {mean:.3f}"
        assert abs(width - 1) < tolerance, f"{name}: pulls have a width of {width:.3f}"
        assert len(pulls.by_parameter[name]) > 0.95 * pulls.toys, f"{name} is not measured"


@pytest.mark.parametrize("method", FITS)
def test_pulls_are_normal(method) -> None:
    """As many collisions as an LS may have. Of 150 toys a mean is known to 0.08."""
    check(toys(FITS[method], INJECTION, 200, 150, seed=2), tolerance=0.2)


def test_wrong_errors_would_be_noticed() -> None:
    """Tracks taken for independent of each other: their errors are too small."""
    from dataclasses import replace  # noqa: PLC0415

    import numpy as np  # noqa: PLC0415

    def apart(collisions):
        tracks = collisions.tracks
        return fit_tracks(replace(tracks, group=np.arange(len(tracks))))

    pulls = toys(apart, INJECTION, 200, 60, seed=2)
    assert pulls.spread("x").width > 1.2


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("n", [120, 1000])
@pytest.mark.parametrize("beam", BEAMS)
@pytest.mark.parametrize("method", FITS)
def test_pulls_are_normal_for_all_beams(method, beam, n) -> None:
    """Of 600 toys a mean is known to 0.041, so that 0.1 is more than what chance does."""
    if method == "tracks" and beam == "flat" and n == 120:
        n = 500  # so few tracks do not measure 80 um
    if beam == "correlated" and n == 120:
        n = 500  # with so few vertices no correlation is fitted
    # Dropping outliers takes a little more off the tracks' errors than off the width that tracks of
    # one vertex share; the correction is the same for both, and 0.7 % of the width is left.
    of_widths = 0.3 if method == "tracks" and n > 120 else None
    check(toys(FITS[method], BEAMS[beam], n, 600, seed=3), tolerance=0.12, of_widths=of_widths)
