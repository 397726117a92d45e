"""Whether two fits agree."""

import math

import pytest
from msgspec.structs import replace

from dqmstream.beam_spot.compare import compare
from dqmstream.beam_spot.result import failed
from dqmstream.beam_spot.tracks import fit_tracks
from dqmstream.beam_spot.vertices import fit_vertices


def test_fits_to_the_same_collisions_agree_closely(collisions) -> None:
    made = collisions(300)
    found = compare(fit_vertices(made.vertices), fit_tracks(made.tracks))
    assert set(found) == {"x", "y", "z", "dxdz", "dydz", "sigma_z", "width_x", "width_y"}
    assert all(abs(difference.pull) < 3 for difference in found.values())


def test_a_pull_is_the_difference_over_both_errors(collisions) -> None:
    fit = fit_vertices(collisions(300).vertices)
    error = fit.error("dxdz")
    found = compare(fit, replace(fit, dxdz=fit.dxdz - error), ["dxdz"])["dxdz"]
    assert found.error == pytest.approx(math.sqrt(2) * error)
    assert found.pull == pytest.approx(1 / math.sqrt(2))


def test_what_one_of_them_did_not_measure_is_not_compared(collisions) -> None:
    fit = fit_vertices(collisions(300).vertices)
    without = replace(fit, not_measured=("width_x",))
    assert "width_x" not in compare(fit, without)
    assert compare(fit, failed("tracks", "none")) == {}
