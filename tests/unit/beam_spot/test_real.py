"""Beam spots of real collisions: the figures of an independent reader and fit.

Run 346373 are collisions at injection energy with a wide beam, run 392642 at full energy with a
narrow one, of which scouting has tracks, and the beam spot that CMS used.
"""

from pathlib import Path

import numpy as np
import pytest

from dqmstream.beam_spot.compare import compare
from dqmstream.beam_spot.d0_phi import fit_line
from dqmstream.beam_spot.result import PARAMETERS
from dqmstream.beam_spot.samples import TrackSample, VertexSample
from dqmstream.beam_spot.settings import VertexSettings
from dqmstream.beam_spot.simulation import Collisions
from dqmstream.beam_spot.tracks import fit_tracks
from dqmstream.beam_spot.vertices import fit_vertices
from playback.bench.collisions import read_collisions

# The first reading may have to compile the kernels of decoding.
pytestmark = [pytest.mark.realdata, pytest.mark.timeout(300)]

NAMES = {
    "LS 27": "run346373_ls0027_streamDQMOnlineBeamspot_sm-c2a11-43-01.dat",
    "LS 28": "run346373_ls0028_streamDQMOnlineBeamspot_sm-c2a11-43-01.dat",
    "scouting": "run392642_ls0174_streamDQMOnlineScouting_pid1152594.dat",
}
EVERY_VERTEX = VertexSettings(
    min_ndof=-3,
    min_tracks=0,
    min_mean_weight=0,
    max_error=1,
    enough_for_slopes=10_000,
    restricted=False,
)
"""Without slopes, and without correction of the widths: as the figures were made."""


@pytest.fixture(scope="module")
def files(real_data: Path) -> dict[str, Collisions]:
    read = {key: read_collisions(real_data / "cms-streamer" / name) for key, name in NAMES.items()}
    both = [read["LS 27"], read["LS 28"]]
    read["both"] = Collisions(
        VertexSample.together(*(each.vertices for each in both)),
        TrackSample.together(*(each.tracks for each in both)),
    )
    return read


@pytest.mark.parametrize(
    ("which", "cut", "point", "errors", "tracks"),
    [
        ("LS 27", 0.1, (0.16626, -0.19533), (0.00067, 0.00065), 850),
        ("LS 28", 0.1, (0.16932, -0.19025), (0.00074, 0.00071), 700),
        ("both", 0.1, (0.16755, -0.19305), (0.00050, 0.00048), 1552),
        ("scouting", 0.05, (0.08825, -0.18868), (0.00013, 0.00012), 3183),
    ],
)
def test_the_linear_fit_has_the_known_figures(files, *, which, cut, point, errors, tracks) -> None:
    line = fit_line(files[which].tracks, max_residual=cut)
    assert line.used == tracks
    assert np.round(line.values, 5) == pytest.approx(point, abs=1.1e-5)
    assert np.round(np.sqrt(np.diag(line.covariance)), 5) == pytest.approx(errors, abs=1e-9)


def test_the_beam_is_wider_than_the_errors_of_tracks(files) -> None:
    chi2 = {
        width: (line := fit_line(files["both"].tracks, width=width)).chi2 / line.used
        for width in (0.0, 0.015)
    }
    assert chi2[0.0] == pytest.approx(4.64, abs=0.01)
    assert chi2[0.015] == pytest.approx(2.00, abs=0.01)


@pytest.mark.parametrize(
    ("which", "figures"),
    [
        ("LS 27", [(0.1691, 0.0018), (0.0145, 0.0014), (-0.1912, 0.0021), (0.0177, 0.0017)]),
        ("LS 28", [(0.1739, 0.0019), (0.0123, 0.0014), (-0.1860, 0.0020), (0.0138, 0.0015)]),
    ],
)
def test_the_likelihood_of_vertices_has_the_known_figures(files, which, figures) -> None:
    """Those are of each axis on its own: a fit in three dimensions differs by 0.2 errors."""
    fit = fit_vertices(files[which].vertices, EVERY_VERTEX)
    assert (fit.used, fit.rejected) == (len(files[which].vertices), 0)
    names = ("x", "width_x", "y", "width_y")
    for name, (value, error) in zip(names, figures, strict=True):
        assert getattr(fit, name) == pytest.approx(value, abs=0.2 * error), name
        assert fit.error(name) == pytest.approx(error, abs=1.1e-4), name


@pytest.mark.parametrize("which", ["LS 27", "LS 28", "both"])
def test_vertices_and_tracks_agree(files, which) -> None:
    vertices, tracks = fit_vertices(files[which].vertices), fit_tracks(files[which].tracks)
    assert (vertices.order, tracks.order) == ("full", "full")
    found = compare(vertices, tracks)
    assert set(found) == set(PARAMETERS)
    pulls = {name: difference.pull for name, difference in found.items()}
    assert max(map(abs, pulls.values())) < 3, pulls


def test_two_lumisections_agree(files) -> None:
    found = compare(fit_vertices(files["LS 27"].vertices), fit_vertices(files["LS 28"].vertices))
    assert max(abs(difference.pull) for difference in found.values()) < 3


def test_the_errors_of_low_momentum_tracks_are_too_small(files) -> None:
    """Which the fit finds out, so that its own errors are not: chi2 is as for right ones."""
    fit = fit_tracks(files["both"].tracks)
    assert 1.5 < fit.error_scale < 2.0
    assert fit.chi2 / fit.ndof == pytest.approx(1.0, abs=0.003)


def test_a_narrow_beam_has_a_place_but_no_width_from_few_scouting_tracks(files) -> None:
    """Place and slopes are those of the beam spot that CMS used in that LS."""
    fit = fit_tracks(files["scouting"].tracks)
    assert fit.not_measured == ("width_x", "width_y")
    place = fit.at(0.166965)
    assert abs(place.x - 0.0882678) < 2 * place.covariance[0, 0] ** 0.5 < 0.0015
    assert abs(place.y + 0.1889630) < 2 * place.covariance[1, 1] ** 0.5 < 0.0015
    assert abs(fit.dxdz - 1.239e-4) < 2 * fit.error("dxdz")
    assert files["scouting"].vertices.position.shape == (0, 3)
