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


ALLOWED = 0.1
"""Of the mean of pulls, and of their width less 1."""


def check(pulls: Pulls) -> None:
    """Beside what is allowed there is what chance does to so many toys: 2.5 standard errors of a
    mean, 1/sqrt(toys), and of a width, 1/sqrt(2 toys)."""
    assert pulls.failed == 0
    chance = 2.5 / pulls.toys**0.5
    for name in PARAMETERS:
        mean, width = pulls.spread(name)
        assert abs(mean) < ALLOWED + chance, f"{name}: pulls have a mean of {mean:.3f}"
        wide = ALLOWED + chance / 2**0.5
        assert abs(width - 1) < wide, f"{name}: pulls have a width of {width:.3f}"
        assert len(pulls.by_parameter[name]) > 0.95 * pulls.toys, f"{name} is not measured"


@pytest.mark.parametrize("method", FITS)
def test_pulls_are_normal(method) -> None:
    """As many collisions as an LS may have."""
    check(toys(FITS[method], INJECTION, 200, 150, seed=2))


def test_widths_of_few_vertices_have_no_bias() -> None:
    """Of 60 the root of the mean square would be too small by 0.07 of its error."""
    pulls = toys(FITS["vertices"], INJECTION, 60, 150, seed=2)
    for name in ("width_x", "width_y", "sigma_z"):
        assert abs(pulls.spread(name).mean) < ALLOWED + 2.5 / 150**0.5, name


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
    """What chance adds is 0.10 for a mean and 0.07 for a width."""
    if method == "tracks" and beam == "flat" and n == 120:
        n = 500  # so few tracks do not measure 80 um
    if method == "vertices" and beam == "correlated" and n == 120:
        n = 250  # below 200 no correlation is fitted
    check(toys(FITS[method], BEAMS[beam], n, 600, seed=3))
