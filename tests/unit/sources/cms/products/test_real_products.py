"""Columns of real events have the figures that an independent reading of the files gave.

The figures are those of the fact sheet on event payloads, sections 3, 4, 5 and 7, made by a
prototype that shares no code with this project; L1 and DCS were checked against CMSSW's numbering.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from dqmstream.booking.columns import Columns, decode_batch, encode_batch
from dqmstream.sources.cms.decoding.branch import Branch, Decoded
from dqmstream.sources.cms.decoding.decoder import PayloadDecoder, available_members
from dqmstream.sources.cms.decoding.job_header import read_branches
from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.products import ProductPlan, products_of

pytestmark = [pytest.mark.realdata, pytest.mark.timeout(300)]

_FILES: Final = {
    "A": "run346373_ls0027_streamDQMOnlineBeamspot_sm-c2a11-43-01.dat",
    "B": "run346373_ls0028_streamDQMOnlineBeamspot_sm-c2a11-43-01.dat",
    "C": "run392642_ls0174_streamDQMOnlineScouting_pid1152594.dat",
}


class _File(NamedTuple):
    branches: tuple[Branch, ...]
    plan: ProductPlan
    payloads: list[bytes]
    bunch_crossings: NDArray[np.int32]
    orbits: NDArray[np.int64]
    numbers: list[int]
    decoded: Decoded
    columns: Columns

    def built(self, payloads: list[bytes]) -> Columns:
        decoded = PayloadDecoder(self.branches, self.plan.wanted).decode(payloads)
        return _columns(self.plan, decoded, self.bunch_crossings)

    def member(self, name: str) -> NDArray[Any]:
        """All values of a member, integers and floats in 64 bits."""
        collection, _, member = name.partition(".")
        values = self.columns.collections[collection].members[member]
        return values.astype(np.float64 if values.dtype.kind == "f" else np.int64)

    def total(self, name: str) -> float:
        return float(self.member(name).sum())

    def counts(self, name: str) -> NDArray[np.int64]:
        """Objects of each event."""
        return np.diff(self.columns.collections[name].offsets)

    def of_event(self, number: int, collection: str) -> int:
        return int(self.counts(collection)[self.numbers.index(number)])


def _columns(plan: ProductPlan, decoded: Decoded, bunch_crossings: NDArray[np.int32]) -> Columns:
    events = bunch_crossings.size
    made = plan.build(decoded, bunch_crossing=bunch_crossings, events=events)
    batch = pa.RecordBatch.from_arrays(made, schema=pa.schema(plan.fields))
    return decode_batch(encode_batch(batch), selected=events)


@pytest.fixture(scope="module")
def read(real_data: Path) -> Callable[[str], _File]:
    """All columns of a file, each file decoded once."""
    known: dict[str, _File] = {}

    def open_file(name: str) -> _File:
        if name not in known:
            known[name] = _read(real_data / "cms-streamer" / _FILES[name])
        return known[name]

    return open_file


def _read(path: Path) -> _File:
    file = StreamerFile(path)
    events = list(file.events())
    assert file.init is not None
    branches = read_branches(file.init.payload)
    offered = products_of(branches)
    plan = offered.plan(offered.columns, feds=[1404, 813])
    payloads = [event.payload or b"" for event in events]
    found = [event.auxiliary for event in events if event.auxiliary]
    assert len(found) == len(events)
    crossings = np.array([one.bunch_crossing for one in found], np.int32)
    decoded = PayloadDecoder(branches, plan.wanted).decode(payloads)
    return _File(
        branches=branches,
        plan=plan,
        payloads=payloads,
        bunch_crossings=crossings,
        orbits=np.array([one.orbit for one in found], np.int64),
        numbers=[one.event for one in found],
        decoded=decoded,
        columns=_columns(plan, decoded, crossings),
    )


Read = Callable[[str], _File]


@pytest.mark.parametrize("name", _FILES)
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
    for name in _FILES:
        file = StreamerFile(real_data / "cms-streamer" / _FILES[name])
        states = [
            state
            for batch in file.batches()
            for state in batch["hlt"].values.field("state").to_pylist()
        ]
        assert read(name).member("trigger_results.state").tolist() == states


_SCOUTING: Final = {
    "scouting_electrons": (46, 782.555, 188.848, -2.315, 2.417),
    "scouting_photons": (131, 1671.522, 129.918, -2.450, 2.324),
    "scouting_muons_vtx": (28, 230.819, 19.590, -2.067, 2.386),
    "scouting_muons_no_vtx": (23, 192.454, 19.667, -2.067, 2.277),
    "scouting_jets": (1409, 42549.73, 309.5, -4.957, 4.984),
    "scouting_particles": (13736, 31804.12, 183.625, -2.951, 2.951),
    "scouting_tracks": (3266, 9631.02, 501, -3.021, 2.797),
}


@pytest.mark.parametrize("collection", _SCOUTING)
def test_momenta_and_directions_of_scouting(read: Read, collection: str) -> None:
    file = read("C")
    objects, total, most, lowest, highest = _SCOUTING[collection]
    pt, eta = file.member(f"{collection}.pt"), file.member(f"{collection}.eta")
    assert pt.size == objects
    assert pt.sum() == pytest.approx(total, abs=6e-3)
    assert pt.max() == pytest.approx(most, abs=6e-3)
    assert (eta.min(), eta.max()) == pytest.approx((lowest, highest), abs=6e-4)


def test_vertices_of_scouting(read: Read) -> None:
    file = read("C")
    primary = "scouting_vertices_primary"
    assert file.counts(primary).sum() == 970
    assert (file.counts(primary).min(), file.counts(primary).max()) == (17, 48)
    assert file.total(f"{primary}.tracks") == 11810
    means = [file.member(f"{primary}.{axis}").mean() for axis in "xyz"]
    assert means == pytest.approx([0.08826, -0.18896, 0.1228], abs=6e-5)
    assert file.member(f"{primary}.z").std(ddof=1) == pytest.approx(3.645, abs=6e-4)
    # Primary vertices lie on the beam line: no errors across it.
    assert not file.member(f"{primary}.x_error").any()
    assert file.member(f"{primary}.z_error").all()
    assert file.counts("scouting_vertices_displaced_vtx").sum() == 5
    assert file.counts("scouting_vertices_displaced_no_vtx").sum() == 3


def test_numbers_of_events(read: Read) -> None:
    values = read("C").columns.values
    assert values["scouting_rho"].mean() == pytest.approx(32.7787, abs=6e-5)
    assert values["scouting_met_pt"].mean() == pytest.approx(34.7014, abs=6e-5)
    assert np.abs(values["scouting_met_phi"]).max() <= np.pi


def test_energies_of_jets_are_those_of_their_four_momenta(read: Read) -> None:
    """All kinds of constituents make the energy, but for what rounding to 10 bits takes."""
    file = read("C")
    pt, eta, m = (file.member(f"scouting_jets.{name}") for name in ("pt", "eta", "m"))
    energies = np.sqrt((pt * np.cosh(eta)) ** 2 + m**2)
    summed = file.member("scouting_jets.energy")
    # A jet's momentum is calibrated, its constituents are not.
    assert 0.5 < np.median(summed / energies) < 1.5
    assert file.total("scouting_jets.muon_energy") == pytest.approx(180.766, abs=1e-3)


def test_pairs_of_muons_of_each_event(read: Read) -> None:
    file = read("C")
    for name in ("vtx", "no_vtx"):
        muons = file.counts(f"scouting_muons_{name}")
        pairs = file.counts(f"scouting_dimuons_{name}")
        assert np.array_equal(pairs, muons * (muons - 1) // 2)
        assert (file.member(f"scouting_dimuons_{name}.mass") > 2 * 0.1056).all()


def test_one_event_in_full(read: Read) -> None:
    file = read("C")
    found = {
        name: file.of_event(228800262, f"scouting_{name}")
        for name in ("electrons", "photons", "jets", "particles", "tracks", "vertices_primary")
    }
    assert found == {
        "electrons": 2,
        "photons": 10,
        "jets": 35,
        "particles": 342,
        "tracks": 57,
        "vertices_primary": 27,
    }
    row = file.numbers.index(228800262)
    assert file.member("fed.l1_id")[row] == 2209507
    assert file.member("fed.bunch_crossing")[row] == 1612
    assert file.member("fed.crc")[row] == 0x9BAE


def test_the_beam_spot_of_the_trigger(read: Read) -> None:
    file = read("C")
    assert file.counts("beam_spot").tolist() == [1] * 35
    assert set(file.member("beam_spot.type").tolist()) == {1}
    spots = np.stack([file.member(f"beam_spot.{name}") for name in ("x", "y", "z", "sigma_z")])
    early = spots[3] < 3.84
    assert np.count_nonzero(early) == 7
    first = [0.0882822, -0.1889260, 0.109978, 3.82189]
    later = [0.0882678, -0.1889630, 0.166965, 3.86246]
    tolerance = np.array([6e-8, 6e-8, 6e-7, 6e-6])[:, None]
    assert (np.abs(spots[:, early] - np.array(first)[:, None]) < tolerance).all()
    assert (np.abs(spots[:, ~early] - np.array(later)[:, None]) < tolerance).all()
    others = [
        file.member(f"beam_spot.{name}")[~early][0] for name in ("width_x", "width_y", "dxdz")
    ]
    assert others == pytest.approx([0.0012246, 0.0011021, 1.239e-4], abs=6e-8)


def test_luminosity_and_its_age(read: Read) -> None:
    file = read("C")
    luminosity, pileup = file.member("luminosity.luminosity"), file.member("luminosity.pileup")
    assert luminosity.mean() == pytest.approx(21633.22, abs=6e-3)
    assert (luminosity.min(), luminosity.max()) == pytest.approx((21571.7, 21672.3), abs=6e-2)
    assert pileup.mean() == pytest.approx(62.8661, abs=6e-5)
    assert (pileup.min(), pileup.max()) == pytest.approx((62.687, 62.980), abs=6e-4)
    assert Counter(file.member("luminosity.lumisection").tolist()) == {174: 32, 173: 3}


def test_states_of_the_detector(read: Read) -> None:
    file = read("C")
    columns = file.columns.collections["dcs"].members
    states = {name: set(found.tolist()) for name, found in columns.items() if found.dtype == "i1"}
    odd = {name: found for name, found in states.items() if found != {1}}
    assert len(states) == 27
    assert odd == {"castor": {-1}, "zdc": {-1}, "gemp": {0}, "gemm": {0}}
    assert file.member("dcs.magnet_current").mean() == pytest.approx(18163.994, abs=1e-3)
    assert file.member("dcs.magnet_field").mean() == pytest.approx(3.810, abs=6e-4)
    by_partition = np.bincount(file.member("dcs_partitions.state"))
    assert by_partition.tolist() == [2 * 35, 23 * 35, 2 * 35]


def test_roman_pots(read: Read) -> None:
    file = read("C")
    statuses = file.member("ctpps_pots.status").reshape(35, 20)
    word = sum(int(status) << 2 * pot for pot, status in enumerate(statuses[0]))
    assert word == 0x10CCC30CCC
    assert (statuses == statuses[0]).all()
    # 210_FR_HR, 220_C1, 220_FR_HR of both arms and 45_220_NR_HR are good, 56_220_NR_HR is bad.
    assert np.flatnonzero(statuses[0] == 3).tolist() == [1, 3, 5, 8, 11, 13, 15]
    assert np.flatnonzero(statuses[0] == 1).tolist() == [18]


def test_the_only_fed_passes_all_checks_and_the_other_expected_one_is_missing(read: Read) -> None:
    file = read("C")
    assert file.total("fed.size") == 301000
    assert set(file.member("fed.id").tolist()) == {1404}
    flags = ("framed", "size_ok", "crc_ok", "source_id_ok", "bunch_crossing_ok", "l1_id_ok")
    assert {name: int(file.total(f"fed.{name}")) for name in flags} == dict.fromkeys(flags, 35)
    assert not file.member("fed.status").any()
    assert file.member("fed_missing.id").tolist() == [813] * 35
    # A counter that was reset: not the event number, but as far from it in all events.
    assert set(np.array(file.numbers) - file.member("fed.l1_id")) == {226590755}


def test_bits_of_the_global_trigger(read: Read) -> None:
    file = read("C")
    assert np.array_equal(file.member("l1.orbit"), file.orbits + 1)
    assert set(file.member("l1.prescale_column").tolist()) == {2}
    assert set(file.member("l1.boards").tolist()) == {6}
    stages = [file.counts(f"l1_{stage}") for stage in ("final", "intermediate", "initial")]
    assert [round(float(n.mean()), 1) for n in stages] == [12.3, 90.9, 91.9]
    for event in range(35):
        final, intermediate, initial = (
            set(_of_event(file, f"l1_{stage}", event))
            for stage in ("final", "intermediate", "initial")
        )
        assert final <= intermediate <= initial


def _of_event(file: _File, collection: str, event: int) -> list[int]:
    found = file.columns.collections[collection]
    bits: list[int] = found.members["bit"][found.offsets[event] : found.offsets[event + 1]].tolist()
    return bits


def test_one_flipped_bit_of_a_fragment_is_found_by_its_checksum_alone(read: Read) -> None:
    file = read("C")
    payload = file.payloads[0]
    fragment = file.decoded.products[_raw_branch(file)].ragged["data_"].values[:8600].tobytes()
    start = payload.index(fragment)
    changed = bytearray(payload)
    changed[start + 4321] ^= 0x10
    columns = file.built([bytes(changed), *file.payloads[1:]]).collections["fed"].members
    assert columns["crc_ok"].tolist() == [False] + [True] * 34
    for name in ("framed", "size_ok", "source_id_ok", "bunch_crossing_ok", "l1_id_ok"):
        assert columns[name].all()


def _raw_branch(file: _File) -> int:
    classes = [branch.class_name for branch in file.branches]
    return classes.index("FEDRawDataCollection")
