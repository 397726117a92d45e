"""Scouting, records and raw data of real events have the figures of an independent reading.

The figures were made by a prototype that shares no code with this project; L1 and DCS were checked
against CMSSW's numbering.
"""

from collections import Counter
from typing import Final

import numpy as np
import pytest

from tests.real_products import Read, RealFile

pytestmark = [pytest.mark.realdata, pytest.mark.timeout(300)]


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


def _of_event(file: RealFile, collection: str, event: int) -> list[int]:
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


def _raw_branch(file: RealFile) -> int:
    classes = [branch.class_name for branch in file.branches]
    return classes.index("FEDRawDataCollection")
