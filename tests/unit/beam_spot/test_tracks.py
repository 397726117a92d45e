"""The beam spot from tracks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from dqmstream.beam_spot.common_vertex import CommonVertex
from dqmstream.beam_spot.d0_phi import line_design
from dqmstream.beam_spot.result import PARAMETERS
from dqmstream.beam_spot.samples import TrackSample
from dqmstream.beam_spot.settings import TrackSettings
from dqmstream.beam_spot.tracks import fit_tracks, good_tracks


@pytest.mark.parametrize("slopes", [False, True])
def test_tracks_of_one_vertex_share_its_place(collisions, slopes) -> None:
    """Against the whole covariance of all tracks, with the restricted likelihood written out."""
    tracks = collisions(12).tracks
    a, b, s = 0.012, 0.02, 1.3
    design = line_design(tracks, slopes=slopes)
    same = tracks.group[:, None] == tracks.group[None, :]
    across = design[:, :2] @ np.diag([a * a, b * b]) @ design[:, :2].T
    total = np.diag((s * tracks.dxy_error) ** 2) + np.where(same, across, 0.0)
    inverse = np.linalg.inv(total)
    information = design.T @ inverse @ design
    line = np.linalg.solve(information, design.T @ inverse @ tracks.dxy)
    residual = tracks.dxy - design @ line
    value = residual @ inverse @ residual + np.linalg.slogdet(total)[1]
    value += np.linalg.slogdet(information)[1]
    shuffled = tracks.take(np.random.default_rng(1).permutation(len(tracks)))
    found = CommonVertex(shuffled, slopes=slopes).solve(a, b, s)
    assert found.line == pytest.approx(line)
    assert found.covariance == pytest.approx(np.linalg.inv(information))
    assert found.chi2 == pytest.approx(residual @ inverse @ residual)
    assert found.value == pytest.approx(value)


def test_the_beam_spot_is_found(beam, collisions) -> None:
    fit = fit_tracks(collisions(400).tracks)
    assert (fit.converged, fit.order, fit.reason, fit.not_measured) == (True, "full", "", ())
    place = fit.at(beam.z)
    assert abs(place.x - beam.x) < 4 * place.covariance[0, 0] ** 0.5
    assert abs(place.y - beam.y) < 4 * place.covariance[1, 1] ** 0.5
    for name in PARAMETERS[2:]:
        assert abs(getattr(fit, name) - getattr(beam, name)) < 4 * fit.error(name), name
    assert fit.error_scale == pytest.approx(1.0, abs=0.06)


def test_errors_that_are_too_small_are_found_out(beam, collisions) -> None:
    fit = fit_tracks(collisions(300, error_scale=1.7).tracks)
    assert fit.error_scale == pytest.approx(1.7, abs=0.1)
    assert abs(fit.width_x - beam.width_x) < 4 * fit.error("width_x")


def test_a_narrow_width_is_not_measurable(beam, collisions) -> None:
    narrow = beam._replace(width_x=0.0005, width_y=0.03)
    fit = fit_tracks(collisions(80, of=narrow).tracks)
    assert fit.converged
    assert fit.not_measured == ("width_x",)
    assert fit.reason == "width_x not measurable"
    assert (fit.width_x, fit.error("width_x")) == (0.006, 0.0)
    assert fit.measured("width_y")


def test_tracks_without_vertices_still_give_the_place(beam, collisions) -> None:
    tracks = collisions(300).tracks
    alone = replace(tracks, group=np.arange(len(tracks)))
    fit = fit_tracks(alone)
    place = fit.at(beam.z)
    assert place.x == pytest.approx(beam.x, abs=5 * place.covariance[0, 0] ** 0.5)


@pytest.mark.parametrize(
    ("n", "reason"),
    [(1, "at least 10 are needed"), (12, "width_x and width_y not measurable")],
)
def test_few_tracks_give_less_and_say_so(collisions, n, reason) -> None:
    fit = fit_tracks(collisions(n).tracks)
    assert reason in fit.reason
    assert fit.converged is (n == 12)


def test_tracks_of_one_direction_are_no_beam_spot(collisions) -> None:
    tracks = collisions(30).tracks
    tracks.phi[:] = 1.0
    fit = fit_tracks(tracks)
    assert not fit.converged
    assert fit.reason == f"the directions of {len(tracks)} tracks do not determine a line"


def test_outliers_are_counted_and_change_little(beam, collisions) -> None:
    tracks = collisions(300, outliers=0.05).tracks
    fit = fit_tracks(tracks)
    assert 0.03 < fit.rejected / len(tracks) < 0.07
    place = fit.at(beam.z)
    assert abs(place.x - beam.x) < 4 * place.covariance[0, 0] ** 0.5


@pytest.mark.parametrize(
    ("change", "value"),
    [
        *(("dxy", np.nan), ("dxy", 2.1), ("dxy_error", 0.0), ("z_error", -1.0), ("z", 61.0)),
        *(("eta", 2.8), ("pt", 0.4), ("hits", 7.0), ("pixel_hits", 1.0)),
        ("normalized_chi2", 11.0),
    ],
)
def test_tracks_of_no_use_are_not_selected(collisions, change, value) -> None:
    tracks = collisions(30).tracks
    tracks.pt[:] = 1.0
    getattr(tracks, change)[7] = value
    asked = TrackSettings(min_pt=0.5, min_hits=8, min_pixel_hits=2)
    assert list(np.flatnonzero(~good_tracks(tracks, asked))) == [7]
    assert fit_tracks(tracks, asked).not_selected == 1


def test_vertex_numbers_are_within_an_event() -> None:
    """Tracks of one event and vertex go together; -1 is no vertex, so each of these is alone."""
    numbers = {"vertex": np.array([0, 0, -1, -1, 0, 1, 0])}
    zeros = np.zeros(7)
    offsets = np.array([0, 4, 4, 7])
    sample = TrackSample.from_columns(lambda name: numbers.get(name, zeros), offsets)
    groups = [set(np.flatnonzero(sample.group == number)) for number in set(sample.group)]
    assert sorted(map(sorted, groups)) == [[0, 1], [2], [3], [4, 6], [5]]
    twice = TrackSample.together(sample, sample)
    assert len(set(twice.group)) == 10


NUMBERS = st.floats(allow_nan=True, allow_infinity=True, width=32)


@given(data=st.data(), n=st.integers(0, 60))
@settings(max_examples=25)
def test_no_input_makes_a_fit_raise(data, n) -> None:
    def draw(elements: st.SearchStrategy[float] = NUMBERS):
        return data.draw(nps.arrays(np.float64, n, elements=elements))

    wild = [draw() for _ in range(10)]
    group = data.draw(nps.arrays(np.int64, n, elements=st.integers(0, 5)))
    assert not fit_tracks(TrackSample(*wild, group)).used > n
    small = st.floats(-1, 1, width=32)
    errors = st.floats(2**-20, 0.125, width=32)
    near = TrackSample(
        draw(), draw(small), draw(errors), draw(small), draw(errors), *np.ones((5, n)), group
    )
    fit = fit_tracks(near)
    assert fit.used + fit.rejected + fit.not_selected == n or not fit.converged
