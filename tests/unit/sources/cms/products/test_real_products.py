"""Columns of real collisions have the figures that an independent reading of the files gave.

That was done by a prototype which shares no code with this project.
"""

from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from dqmstream.sources.cms.decoding.decoder import available_members
from dqmstream.sources.cms.file import StreamerFile
from tests.real_products import FILES, Read

pytestmark = [pytest.mark.realdata, pytest.mark.timeout(300)]


@pytest.mark.parametrize("name", FILES)
def test_every_raw_member_is_one_of_the_class_tables_and_nothing_is_left_out(
    read: Read, name: str
) -> None:
    file = read(name)
    assert (file.decoded.unknown, file.decoded.broken) == (Counter(), Counter())
    for index, members in file.plan.wanted.items():
        known = available_members(file.branches[index].class_name)
        # Names in between may be left out, and are here in one: paths_ of TriggerResults.
        assert {m for m in members if m not in known} <= {"paths_", "data_", "value"}


_TRACKS: Final = {
    "A": {
        "tracks.pt": 548.470,
        "tracks.chi2": 15932.330,
        "tracks.ndof": 14855,
        "tracks.charge": 479 - 428,
        "tracks.hits": 3738 + 5957,
        "tracks.pixel_hits": 3738,
        "tracks.strip_hits": 5957,
        "tracks.missing_hits": 167,
        "tracks.inactive_hits": 211,
        "tracks.pixel_layers": 3634,
        "tracks.strip_layers": 5273,
        "vertices.chi2": 1006.729,
        "vertices.ndof": 923.297,
        "vertices.tracks": 713,
        "vertices.valid": 83,
    },
    "B": {
        "tracks.pt": 449.676,
        "tracks.chi2": 13258.636,
        "tracks.ndof": 12288,
        "tracks.charge": 357 - 385,
        "tracks.hits": 3074 + 4925,
        "tracks.pixel_hits": 3074,
        "tracks.strip_hits": 4925,
        "tracks.missing_hits": 156,
        "tracks.inactive_hits": 191,
        "tracks.pixel_layers": 2985,
        "tracks.strip_layers": 4363,
        "vertices.chi2": 876.803,
        "vertices.ndof": 735.517,
        "vertices.tracks": 564,
        "vertices.valid": 57,
    },
}


@pytest.mark.parametrize(("name", "column"), [(n, c) for n in _TRACKS for c in _TRACKS[n]])
def test_sums_over_tracks_and_vertices(read: Read, name: str, column: str) -> None:
    assert read(name).total(column) == pytest.approx(_TRACKS[name][column], abs=6e-4)


@pytest.mark.parametrize(("name", "expected"), [("A", (907, 145, 27)), ("B", (742, 119, 22))])
def test_tracks_of_events(read: Read, name: str, expected: tuple[int, int, int]) -> None:
    counts = read(name).counts("tracks")
    assert (counts.sum(), np.count_nonzero(counts), counts.max()) == expected


@pytest.mark.parametrize(
    ("name", "column", "expected"),
    [
        ("A", "tracks.pt", (0.60471, 0.14140, 4.18668)),
        ("A", "tracks.eta", (-0.37280, -2.63527, 1.56831)),
        ("B", "tracks.pt", (0.60603, 0.15821, 3.57567)),
        ("B", "tracks.eta", (-0.31368, -2.61788, 1.66321)),
    ],
)
def test_means_and_ranges_of_tracks(
    read: Read, name: str, column: str, expected: tuple[float, ...]
) -> None:
    values = read(name).member(column)
    assert (values.mean(), values.min(), values.max()) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "algorithms"), [("A", {32: 806, 31: 100, 0: 1}), ("B", {32: 654, 31: 87, 0: 1})]
)
def test_algorithms_and_qualities_of_tracks(
    read: Read, name: str, algorithms: dict[int, int]
) -> None:
    file = read(name)
    assert Counter(file.member("tracks.algorithm").tolist()) == algorithms
    assert set(file.member("tracks.quality").tolist()) == {7}


@pytest.mark.parametrize("name", ["A", "B"])
def test_degrees_of_freedom_are_twice_the_valid_hits_less_five(read: Read, name: str) -> None:
    file = read(name)
    assert np.array_equal(file.member("tracks.ndof"), 2 * file.member("tracks.hits") - 5)


@pytest.mark.parametrize("name", ["A", "B"])
def test_each_reference_of_a_vertex_is_a_track_that_knows_it(read: Read, name: str) -> None:
    file = read(name)
    vertex = file.member("tracks.vertex")
    # Never two vertices in an event here, so that no track is named twice.
    assert set(vertex.tolist()) == {-1, 0}
    assert np.count_nonzero(vertex == 0) == file.total("vertices.tracks")
    assert file.total("tracks.vertex_weight") == pytest.approx(
        file.total("vertices.weight_sum"), abs=1e-3
    )
    assert not file.member("tracks.vertex_weight")[vertex < 0].any()
    residual = file.member("vertices.ndof") - (2 * file.member("vertices.weight_sum") - 3)
    assert np.abs(residual).max() < 0.12


@pytest.mark.parametrize(
    ("name", "means", "spreads"),
    [
        ("A", (0.16940, -0.19096, -0.5255), (0.01655, 0.02040, 5.9729)),
        ("B", (0.17377, -0.18634, -1.2200), (0.01417, 0.01556, 6.8385)),
    ],
)
def test_positions_of_vertices(
    read: Read, name: str, means: tuple[float, ...], spreads: tuple[float, ...]
) -> None:
    file = read(name)
    for axis, mean, spread in zip("xyz", means, spreads, strict=True):
        values = file.member(f"vertices.{axis}")
        assert values.mean() == pytest.approx(mean, abs=6e-5)
        assert values.std(ddof=1) == pytest.approx(spread, abs=6e-5)


@pytest.mark.parametrize(
    ("name", "crossing", "figures"),
    [
        ("A", 1, (266, 436, 38)),
        ("A", 1237, (252, 471, 45)),
        ("B", 1, (251, 306, 26)),
        ("B", 1237, (233, 436, 31)),
    ],
)
def test_tracks_and_vertices_by_bunch_crossing(
    read: Read, name: str, crossing: int, figures: tuple[int, int, int]
) -> None:
    file = read(name)
    of_it = file.bunch_crossings == crossing
    tracks, vertices = (file.counts(name)[of_it].sum() for name in ("tracks", "vertices"))
    assert (np.count_nonzero(of_it), tracks, vertices) == figures


@pytest.mark.parametrize(
    ("name", "x0", "y0", "used"),
    [("A", 0.16626, -0.19533, 850), ("B", 0.16932, -0.19025, 700)],
)
def test_impact_parameters_follow_the_beam_around_the_azimuth(
    read: Read, name: str, x0: float, y0: float, used: int
) -> None:
    """dxy = -x0 sin(phi) + y0 cos(phi), by least squares with residuals below 1 mm."""
    file = read(name)
    dxy, phi = file.member("tracks.dxy"), file.member("tracks.phi")
    weights = 1 / file.member("tracks.dxy_error") ** 2
    shape = np.stack([-np.sin(phi), np.cos(phi)])
    kept = np.ones(dxy.size, np.bool_)
    fitted = np.zeros(2)
    for _ in range(10):
        weighted = shape[:, kept] * weights[kept]
        fitted = np.linalg.solve(weighted @ shape[:, kept].T, weighted @ dxy[kept])
        kept = np.abs(dxy - fitted @ shape) < 0.1
    assert fitted.tolist() == pytest.approx([x0, y0], abs=2e-5)
    assert np.count_nonzero(kept) == pytest.approx(used, abs=2)


def test_trigger_results_are_the_states_of_the_header(read: Read, real_data: Path) -> None:
    for name in FILES:
        file = StreamerFile(real_data / "cms-streamer" / FILES[name])
        states = [
            state
            for batch in file.batches()
            for state in batch["hlt"].values.field("state").to_pylist()
        ]
        assert read(name).member("trigger_results.state").tolist() == states
