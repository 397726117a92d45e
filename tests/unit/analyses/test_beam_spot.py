"""The analysis of the beam spot: LS by LS, the last ones, the run, and moves."""

import json
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from dqmstream.analyses.analysis import Closed, Sample
from dqmstream.analyses.beam_spot import COLUMNS, BeamSpotAnalysis
from dqmstream.analyses.registry import load_analysis
from dqmstream.beam_spot.ellipsoid import Ellipsoid
from dqmstream.beam_spot.samples import TrackSample, VertexSample
from dqmstream.beam_spot.simulation import simulate
from dqmstream.booking import analysis
from dqmstream.errors import BookingError
from dqmstream.histograms.element import MonitorElement
from dqmstream.histograms.layout import Layout
from dqmstream.messages.quality import Outcome
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.declaration import default_tests
from dqmstream.quality.judgement import judge
from dqmstream.workspaces.beam_spot import workspace

BEAM = Ellipsoid(0.17, -0.19, -0.5, 6.0, 0.0145, 0.0145, 1e-3, -5e-4)
SECOND = 1_000_000_000
START = 1_635_455_186 * SECOND
TRACKS = {"dz": "z", "dz_error": "z_error"}


def sample(lumisection: int, n: int = 90, beam: Ellipsoid = BEAM, fraction: float = 1.0) -> Sample:
    """An LS of n events with a vertex each, in the types of a source."""
    made = simulate(beam, n, np.random.default_rng([lumisection, n]))
    columns = {
        "time": START + 23 * SECOND * lumisection + np.arange(n) * 1000,
        "fill": np.full(n, 7517),
        **_vertices(made.vertices),
        **_tracks(made.tracks),
    }
    tracks = np.bincount(made.tracks.group, minlength=n)
    offsets = {"vertices": np.arange(n + 1), "tracks": np.concatenate([[0], np.cumsum(tracks)])}
    return Sample(1, lumisection, n, fraction, columns, offsets)


def _vertices(made: VertexSample) -> dict[str, np.ndarray]:
    columns = {}
    for at, axis in enumerate("xyz"):
        columns[f"vertices.{axis}"] = made.position[:, at]
        columns[f"vertices.{axis}_error"] = np.sqrt(made.covariance[:, at]).astype(np.float32)
    for at, axes in enumerate(("xy", "xz", "yz"), 3):
        columns[f"vertices.{axes}_covariance"] = made.covariance[:, at].astype(np.float32)
    return columns | {
        "vertices.chi2": made.chi2.astype(np.float32),
        "vertices.ndof": made.ndof.astype(np.float32),
        "vertices.tracks": made.tracks.astype(np.uint16),
        "vertices.valid": made.valid,
    }


def _tracks(made: TrackSample) -> dict[str, np.ndarray]:
    names = ("pt", "eta", "phi", "dxy", "dxy_error", "dz", "dz_error", "normalized_chi2")
    columns = {
        f"tracks.{name}": getattr(made, TRACKS.get(name, name)).astype(np.float32) for name in names
    }
    return columns | {
        "tracks.pixel_hits": np.full(len(made), 4, np.uint8),
        "tracks.strip_hits": np.full(len(made), 8, np.uint8),
        "tracks.vertex": np.zeros(len(made), np.int32),
    }


def nothing(lumisection: int, events: int = 0) -> Sample:
    """An LS of which no event brought an object."""
    per_event = {"time": np.full(events, np.nan), "fill": np.full(events, np.nan)}
    columns = {name: np.zeros(0) for name in COLUMNS} | per_event
    offsets = {name: np.zeros(events + 1, np.int64) for name in ("vertices", "tracks")}
    return Sample(1, lumisection, events, 1.0, columns, offsets)


def made(**parameters: float) -> BeamSpotAnalysis:
    given = analysis("beam_spot", columns=COLUMNS, **parameters)
    return BeamSpotAnalysis(Layout(msgspec.structs.replace(workspace, analysis=given)))


def play(fitted: BeamSpotAnalysis, samples: Sequence[Sample]) -> list[Closed]:
    """What comes of each LS in turn."""
    state, results = fitted.begin(1), []
    for end in range(1, len(samples) + 1):
        window = samples[max(0, end - 1 - fitted.lookback) : end]
        results.append(fitted.close(state, window))
        state = results[-1].state
    return results


def element(closed: Closed, path: str) -> MonitorElement:
    return MonitorElement.at(closed.contents, f"BeamSpot/{path}")


def value(closed: Closed, path: str) -> tuple[float, float]:
    found = element(closed, path)
    return float(found.values()[0]), float(found.errors()[0])


@pytest.fixture(scope="module")
def steady() -> list[Closed]:
    return play(made(), [sample(number) for number in range(1, 7)])


def test_it_is_the_installed_one_of_its_workspace() -> None:
    assert isinstance(load_analysis(Layout(workspace)), BeamSpotAnalysis)
    assert set(workspace.analysis.columns) == set(COLUMNS)


@pytest.mark.parametrize("folder", ["PerLS", "PerLS/Tracks", "LastN", "Running"])
@pytest.mark.parametrize("name", ["z", "sigma_z", "dxdz", "dydz", "width_x", "width_y"])
def test_what_is_shown_is_the_beam_spot_with_its_error(steady, folder, name) -> None:
    found, error = value(steady[-1], f"{folder}/{name}")
    assert error > 0
    assert abs(found - getattr(BEAM, name)) < 4 * error


def test_more_lumisections_have_smaller_errors(steady) -> None:
    errors = [value(steady[-1], f"{folder}/x")[1] for folder in ("PerLS", "LastN", "Running")]
    assert errors[0] > 1.9 * errors[1] > 1.9 * errors[2] * 0.95
    assert errors[1] > errors[2]


def test_an_error_is_that_of_the_fit_to_a_part_in_a_thousand(steady) -> None:
    """Values are profiles of as many entries as vertices, spread so that the mean has the error."""
    closed = steady[0]
    payload = json.loads(element(closed, "PerLS/payload").value)
    found, error = value(closed, "PerLS/x")
    assert found == pytest.approx(payload["position_"][0], rel=1e-6)
    assert error == pytest.approx(payload["covariance_"][0][0] ** 0.5, rel=1e-3)
    assert element(closed, "PerLS/x").entries == payload["intParams_"]["NUM_PVS"]


def test_the_sum_of_lumisections_is_their_weighted_mean(steady) -> None:
    total = steady[0].contents.copy()
    for closed in steady[1:]:
        total.add(closed.contents)
    summed = MonitorElement.at(total, "BeamSpot/PerLS/x")
    means = [value(closed, "PerLS/x")[0] for closed in steady]
    assert min(means) < summed.values()[0] < max(means)
    assert summed.errors()[0] < 0.6 * value(steady[0], "PerLS/x")[1]


def test_a_steady_beam_has_not_moved_and_fits_agree(steady) -> None:
    for closed in steady[1:]:
        assert np.all(element(closed, "Quality/moved").values() < 1)
        assert np.all(np.abs(element(closed, "Quality/difference").values()) < 4)
        assert list(element(closed, "Quality/converged").values()) == [1, 1, 1]
        assert element(closed, "Quality/restarts").value == 0


def test_a_move_is_seen_at_once_and_the_run_starts_again() -> None:
    moved = BEAM._replace(x=BEAM.x + 0.03)
    samples = [sample(n, 200) for n in range(1, 5)]
    samples += [sample(n, 200, moved) for n in range(5, 9)]
    results = play(made(), samples)
    distances = [element(closed, "Quality/moved").values()[0] for closed in results]
    assert np.isnan(distances[0])
    assert all(distance < 1 for distance in distances[1:4])
    assert distances[4] > 1
    assert element(results[4], "Quality/moved_distance").values()[0] == pytest.approx(300, abs=80)
    # One LS may be wrong: the run's beam spot stays until a second one says so.
    assert value(results[4], "Running/x")[0] == pytest.approx(BEAM.x, abs=0.006)
    assert value(results[5], "Running/x")[0] == pytest.approx(moved.x, abs=0.006)
    restarts = [element(closed, "Quality/restarts").value for closed in results]
    assert restarts == [0, 0, 0, 0, 0, 1, 1, 1]
    assert distances[7] < 1


def test_a_single_odd_lumisection_is_not_in_the_running_one() -> None:
    samples = [sample(n, 200) for n in range(1, 7)]
    samples[3] = sample(4, 200, BEAM._replace(y=BEAM.y - 0.05))
    results = play(made(), samples)
    assert element(results[3], "Quality/moved").values()[1] > 1
    assert element(results[5], "Quality/restarts").value == 0
    assert value(results[5], "Running/y")[0] == pytest.approx(BEAM.y, abs=0.004)


def outcomes(closed: Closed) -> dict[str, Outcome]:
    """What the quality tests of the release say of an LS."""
    layout = closed.contents.layout
    compiled = compile_tests(default_tests(), [layout]).workspaces[layout.hash]
    reports = judge(
        closed.contents,
        compiled,
        scope="lumisection",
        set_hash="set",
        run=1,
        lumisection=1,
        complete=True,
        versions=(1,),
    )
    return {report.qtname: report.outcome for report in reports.reports}


def test_a_steady_beam_is_green(steady) -> None:
    for closed in steady[1:]:
        assert set(outcomes(closed).values()) == {Outcome.GOOD}
        assert len(outcomes(closed)) == 5


def test_a_moved_beam_is_bad_and_everything_else_is_not() -> None:
    moved = BEAM._replace(x=BEAM.x + 0.03)
    results = play(made(lumisections=1), [sample(1, 200), sample(2, 200), sample(3, 200, moved)])
    found = outcomes(results[-1])
    assert found.pop("beam spot has not moved") is Outcome.BAD
    assert set(found.values()) == {Outcome.GOOD}


def test_a_lumisection_without_objects_is_not_judged() -> None:
    results = play(made(), [sample(1), nothing(2, 5)])
    assert set(outcomes(results[-1]).values()) == {Outcome.INSUFFICIENT}


def test_a_lumisection_with_few_collisions_is_a_warning() -> None:
    results = play(made(), [sample(1), sample(2, 2)])
    found = outcomes(results[-1])
    assert found["beam spot is fitted"] is Outcome.WARNING
    assert Outcome.BAD not in found.values()


def test_pulls_of_vertices_and_tracks_are_normal(steady) -> None:
    for name in ("Vertices/pull_x", "Vertices/pull_y", "Vertices/pull_z", "Tracks/pull_dxy"):
        pulls = [element(closed, name) for closed in steady]
        assert np.mean([pull.std() for pull in pulls]) == pytest.approx(1.0, abs=0.08), name
        assert np.mean([pull.mean() for pull in pulls]) == pytest.approx(0.0, abs=0.08), name


@pytest.mark.parametrize("events", [0, 7])
def test_a_lumisection_without_objects_has_no_fit_and_changes_nothing(events) -> None:
    results = play(made(), [sample(1), nothing(2, events), sample(3)])
    empty = results[1]
    assert element(empty, "PerLS/summary").value.startswith("no fit: 0 vertices")
    assert element(empty, "PerLS/x").entries == 0
    assert element(empty, "PerLS/payload").value is None
    assert element(empty, "Quality/converged").entries == 0
    assert value(empty, "Running/x") == pytest.approx(value(results[0], "Running/x"), rel=1e-6)
    assert not empty.contents.invalid


def test_a_run_without_any_object_says_so() -> None:
    closed = play(made(), [nothing(1, 3)])[0]
    assert element(closed, "Running/summary").value is None
    assert element(closed, "LastN/summary").value.startswith("no fit")


def test_equal_samples_give_equal_bits(steady) -> None:
    again = play(made(), [sample(number) for number in range(1, 7)])
    for first, second in zip(steady, again, strict=True):
        assert first.contents.equals(second.contents)
        assert first.state == second.state


def test_the_state_is_small(steady) -> None:
    assert max(len(closed.state) for closed in steady) < 5000


def test_a_thinned_lumisection_says_so() -> None:
    closed = play(made(), [sample(1, fraction=0.25)])[0]
    assert "0.25 of the events" in element(closed, "PerLS/summary").value


def test_parameters_reach_the_fits() -> None:
    closed = play(made(most_vertices=40, lumisections=1), [sample(1)])[0]
    assert element(closed, "PerLS/used").value <= 40
    strict = play(made(min_vertex_tracks=1000), [sample(1)])[0]
    assert "no fit: 0 vertices" in element(strict, "PerLS/summary").value


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"lumisection": 3}, "unknown field `lumisection`"),
        ({"lumisections": 0}, "lumisections is 0"),
        ({"lumisections": 2.5}, "int"),
        ({"known_width": -1}, "known_width is -1"),
    ],
)
def test_wrong_parameters_stop_the_start(parameters, reason) -> None:
    with pytest.raises(BookingError, match=reason):
        made(**parameters)


def test_a_column_that_is_missing_stops_the_start() -> None:
    given = analysis("beam_spot", columns=COLUMNS[:-1])
    with pytest.raises(BookingError, match=r"needs the columns tracks\.vertex"):
        BeamSpotAnalysis(Layout(msgspec.structs.replace(workspace, analysis=given)))
