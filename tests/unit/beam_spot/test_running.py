"""The running beam spot: fits of LSs together, and what a move is."""

import msgspec
import numpy as np
import pytest

from dqmstream.beam_spot.result import PARAMETERS, Period
from dqmstream.beam_spot.running import MoveLimits, Running, beyond, moves
from dqmstream.beam_spot.samples import VertexSample
from dqmstream.beam_spot.settings import VertexSettings
from dqmstream.beam_spot.vertices import fit_vertices


def test_fits_of_lumisections_add_up_to_the_fit_of_all(collisions) -> None:
    samples = [collisions(150, seed=seed).vertices for seed in range(12)]
    running = Running()
    for number, sample in enumerate(samples, 1):
        period = Period(
            run=7, first_lumisection=number, last_lumisection=number, first_time=number,
            last_time=number + 1, events=150,
        )  # fmt: skip
        running = running.add(fit_vertices(sample, period=period))
    mean, together = running.fit("vertices"), fit_vertices(VertexSample.together(*samples))
    for name in PARAMETERS:
        error = together.error(name)
        assert getattr(mean, name) == pytest.approx(getattr(together, name), abs=0.5 * error), name
        assert mean.error(name) == pytest.approx(error, rel=0.06), name
    assert running.lumisections == 12
    assert mean.used == pytest.approx(together.used, abs=3)
    assert mean.chi2 / mean.ndof == pytest.approx(1.0, abs=0.35)
    assert mean.period == Period(
        run=7, first_lumisection=1, last_lumisection=12, first_time=1, last_time=13, events=1800
    )


def test_one_fit_is_its_own_mean(collisions) -> None:
    fit = fit_vertices(collisions(150).vertices)
    mean = Running().add(fit).fit("vertices")
    for name in PARAMETERS:
        assert getattr(mean, name) == pytest.approx(getattr(fit, name), rel=1e-6), name
        assert mean.error(name) == pytest.approx(fit.error(name), rel=0.05), name


def test_nothing_has_no_mean() -> None:
    assert Running().fit("vertices") is None


def test_fits_without_slopes_count_for_the_place(collisions) -> None:
    running = Running()
    for seed in range(4):
        running = running.add(fit_vertices(collisions(24, seed=seed).vertices))
    mean = running.fit("vertices")
    assert mean.not_measured == ("dxdz", "dydz")
    assert mean.order == "no slopes"
    assert 0 < mean.error("x") < 0.004


def test_it_is_small_however_long_the_run(collisions) -> None:
    running, fit = Running(), fit_vertices(collisions(100).vertices)
    for _ in range(300):
        running = running.add(fit)
    packed = msgspec.msgpack.encode(running)
    assert len(packed) < 1000
    assert msgspec.msgpack.decode(packed, type=Running) == running


def test_a_move_is_seen_in_sigmas_and_distance(beam, collisions) -> None:
    before = fit_vertices(collisions(400, seed=1).vertices)
    after = fit_vertices(collisions(400, seed=2, of=beam._replace(x=beam.x + 0.01)).vertices)
    found = moves(after, before)
    assert found["x"].value == pytest.approx(0.01, abs=4 * found["x"].error)
    assert beyond(found["x"], "x", MoveLimits()) > 1
    assert beyond(found["y"], "y", MoveLimits()) < 1


@pytest.mark.parametrize(
    ("limits", "moved"),
    [
        (MoveLimits(), True),
        (MoveLimits(distance=0.02), False),
        (MoveLimits(sigmas=50), False),
    ],
)
def test_a_move_must_be_significant_and_large(beam, collisions, limits, moved) -> None:
    before = fit_vertices(collisions(400, seed=1).vertices)
    after = fit_vertices(collisions(400, seed=2, of=beam._replace(x=beam.x + 0.01)).vertices)
    assert (beyond(moves(after, before)["x"], "x", limits) > 1) is moved


def test_places_are_compared_at_one_z(beam, collisions) -> None:
    """Two samples of one tilted beam, far apart in z, are the same beam."""
    tilted = beam._replace(dxdz=0.005)
    sample = collisions(1500, of=tilted).vertices
    z = sample.position[:, 2]
    settings = VertexSettings(rejection=1e9)
    low, high = (fit_vertices(sample.take(which), settings) for which in (z < 0, z > 0))
    assert abs(low.x - high.x) > 0.02
    assert abs(moves(low, high)["x"].pull) < 4
    assert np.sign(low.z) != np.sign(high.z)
