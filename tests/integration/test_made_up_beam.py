"""From a plan to its beam: events written, read and decoded, and the beam spot fitted."""

from dataclasses import replace

import pytest

from dqmstream.beam_spot.result import BeamSpotFit
from dqmstream.beam_spot.tracks import fit_tracks
from dqmstream.beam_spot.vertices import fit_vertices
from dqmstream.sources.cms.encoding.objects import WRITTEN_2021
from dqmstream.sources.cms.madeup.plan import TRACKING_BRANCHES, Beam, Plan
from dqmstream.sources.cms.madeup.stream import MadeUpRun
from playback.bench.collisions import read_collisions

# The first reading may have to compile the kernels of decoding.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

BEAM = Beam(x=0.1, y=-0.05, z=1.0, width_x=0.010, width_y=0.015, sigma_z=4.0, dxdz=8e-4, dydz=-5e-4)
PLAN = Plan(seed=11, events=500, filled=1.0, beam=BEAM, drift=0.005)


@pytest.fixture(scope="module")
def fits(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[BeamSpotFit]]:
    """Of LSs 1 and 5, both fits: to vertices and to tracks."""
    folder = tmp_path_factory.mktemp("files")
    run = MadeUpRun(PLAN, TRACKING_BRANCHES, written=WRITTEN_2021)
    found = {}
    for lumisection in (1, 5):
        dat = run.write(folder, lumisection).dat
        assert dat is not None
        read = read_collisions(dat)
        found[lumisection] = [fit_vertices(read.vertices), fit_tracks(read.tracks)]
    return found


@pytest.mark.parametrize("lumisection", [1, 5])
@pytest.mark.parametrize("method", ["vertices", "tracks"])
def test_the_fit_finds_the_beam_that_was_planned(
    fits: dict[int, list[BeamSpotFit]], lumisection: int, method: str
) -> None:
    """Within four of its errors, which are as small as 500 collisions allow."""
    (fit,) = [one for one in fits[lumisection] if one.method == method]
    truth = replace(BEAM, x=BEAM.x + PLAN.drift * (lumisection - 1))
    assert fit.converged
    measured = [name for name in ("sigma_z", "dxdz", "dydz") if fit.measured(name)]
    assert {"dxdz", "dydz"} <= set(measured)
    for name in (*measured, "width_x", "width_y"):
        assert getattr(fit, name) == pytest.approx(getattr(truth, name), abs=4 * fit.error(name))
    crossing = fit.at(truth.z)
    errors = [crossing.covariance[axis][axis] ** 0.5 for axis in (0, 1)]
    assert crossing.x == pytest.approx(truth.x, abs=4 * errors[0])
    assert crossing.y == pytest.approx(truth.y, abs=4 * errors[1])
    assert max(errors) < 0.0015


def test_the_fit_follows_a_beam_that_drifts(fits: dict[int, list[BeamSpotFit]]) -> None:
    for first, later in zip(fits[1], fits[5], strict=True):
        assert later.at(1.0).x - first.at(1.0).x == pytest.approx(0.02, abs=0.004)
