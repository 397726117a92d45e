"""The contents of real CMS events in their workspaces, against figures of an independent reader."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from dqmstream.histograms.element import MonitorElement
from dqmstream.messages.booking import Integer
from dqmstream.messages.quality import Outcome
from tests.content_file import File

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def files(real_data: Path) -> Mapping[str, File]:
    """By the number of their lumisection."""
    found = sorted((real_data / "cms-streamer").glob("*.dat"))
    return {path.name.split("_")[1]: File(path) for path in found}


def _labels(element: MonitorElement, axis: int = 0) -> tuple[str, ...]:
    """Names of the bins, as a shifter reads them."""
    found = element.axes[axis]
    assert isinstance(found, Integer)
    return found.labels


def test_workspaces_are_chosen_by_what_a_stream_carries(files: Mapping[str, File]) -> None:
    collisions = {"dqm_stream", "tracking", "vertex"}
    assert files["ls0027"].workspaces == files["ls0028"].workspaces == collisions
    assert files["ls0174"].workspaces == {
        *("ctpps_status", "dcs_luminosity", "dqm_stream", "event_info", "fed"),
        *("scouting", "scouting_egamma", "scouting_jet", "scouting_muon"),
    }


@pytest.mark.parametrize("file", ["ls0027", "ls0028", "ls0174"])
def test_nothing_is_invalid_and_nothing_lies_outside_its_range(
    files: Mapping[str, File], file: str
) -> None:
    for elements in files[file].filled.values():
        for path, element in elements.items():
            assert not element.invalid, path
            assert not element.place.planes or element.nan == element.outside == 0, path


@pytest.mark.parametrize("file", ["ls0027", "ls0028", "ls0174"])
def test_quality_tests_find_real_events_good_or_too_few(
    files: Mapping[str, File], file: str
) -> None:
    reports = list(files[file].reports())
    outcomes = {report.outcome for report in reports}
    assert outcomes == {Outcome.GOOD, Outcome.INSUFFICIENT}
    good = sum(report.outcome is Outcome.GOOD for report in reports)
    assert good > len(reports) / 2


TRACKS: Final = {
    "ls0027": {
        "Tracking/per_event": 907,
        "Tracking/Hits/pixel_hits": 3738,
        "Tracking/Hits/strip_hits": 5957,
        "Tracking/Hits/hits": 3738 + 5957,
        "Tracking/Hits/missing_hits": 167,
        "Tracking/Hits/inactive_hits": 211,
        "Tracking/Hits/pixel_layers": 3634,
        "Tracking/Hits/strip_layers": 5273,
    },
    "ls0028": {
        "Tracking/per_event": 742,
        "Tracking/Hits/pixel_hits": 3074,
        "Tracking/Hits/strip_hits": 4925,
        "Tracking/Hits/hits": 3074 + 4925,
        "Tracking/Hits/missing_hits": 156,
        "Tracking/Hits/inactive_hits": 191,
        "Tracking/Hits/pixel_layers": 2985,
        "Tracking/Hits/strip_layers": 4363,
    },
}
"""Sums over all tracks."""


@pytest.mark.parametrize("file", TRACKS)
def test_tracks_and_their_hits_are_those_of_the_files(files: Mapping[str, File], file: str) -> None:
    found = files[file]
    assert {path: found.total(path) for path in TRACKS[file]} == TRACKS[file]
    assert found.value("Tracking/number") == TRACKS[file]["Tracking/per_event"]


@pytest.mark.parametrize(
    ("file", "most", "charges", "algorithms"),
    [
        ("ls0027", 27, {0: 428, 2: 479}, {0: 1, 31: 100, 32: 806}),
        ("ls0028", 22, {0: 385, 2: 357}, {0: 1, 31: 87, 32: 654}),
    ],
)
def test_charges_algorithms_and_quality_are_those_of_the_files(
    files: Mapping[str, File],
    file: str,
    most: int,
    charges: dict[int, int],
    algorithms: dict[int, int],
) -> None:
    found = files[file]
    assert max(found.counts("Tracking/per_event")) == most
    assert found.counts("Tracking/Parameters/charge") == charges
    assert found.counts("Tracking/Fit/algorithm") == algorithms
    assert found.counts("Tracking/Fit/quality") == {7: sum(charges.values())}


@pytest.mark.parametrize(
    ("file", "chi2", "pt"), [("ls0027", 1.0451, 0.60471), ("ls0028", 1.0883, 0.60603)]
)
def test_means_of_tracks_are_those_of_the_files(
    files: Mapping[str, File], file: str, chi2: float, pt: float
) -> None:
    found = files[file]
    assert found["Tracking/Fit/normalized_chi2"].mean() == pytest.approx(chi2, abs=0.003)
    assert found["Tracking/Parameters/low_pt"].mean() == pytest.approx(pt, abs=0.003)
    assert found["Tracking/Parameters/pt_mean"].values()[0] == pytest.approx(pt, abs=1e-4)


@pytest.mark.parametrize(
    ("file", "by_crossing"),
    [("ls0027", {0: (266, 436), 206: (252, 471)}), ("ls0028", {0: (251, 306), 206: (233, 436)})],
)
def test_tracks_by_bunch_crossing_are_those_of_both_colliding_bunches(
    files: Mapping[str, File], file: str, by_crossing: dict[int, tuple[int, int]]
) -> None:
    """Crossings 1 and 1237 in groups of 6: events, and tracks of them."""
    profile = files[file]["Tracking/by_bunch_crossing"]
    events, means = profile.counts(), profile.values()
    assert {
        int(bin_): (int(events[bin_]), round(events[bin_] * means[bin_]))
        for bin_ in np.flatnonzero(events)
    } == by_crossing


@pytest.mark.parametrize(
    ("file", "vertices", "tracks", "mean"),
    [
        ("ls0027", 83, 713, (0.16940, -0.19096, -0.5255)),
        ("ls0028", 57, 564, (0.17377, -0.18634, -1.2200)),
    ],
)
def test_vertices_are_those_of_the_files(
    files: Mapping[str, File],
    file: str,
    vertices: int,
    tracks: int,
    mean: tuple[float, float, float],
) -> None:
    found = files[file]
    assert found.value("Vertex/number") == vertices
    assert found.counts("Vertex/valid") == {1: vertices}
    assert found.total("Vertex/Fit/tracks") == tracks
    for axis, expected, width in zip("xyz", mean, (0.01, 0.01, 0.5), strict=True):
        shown = found[f"Vertex/Position/{axis}"]
        assert shown.mean() == pytest.approx(expected, abs=width / 4)
        exact = found[f"Vertex/Position/{axis}_mean"].values()[0]
        assert exact == pytest.approx(expected, abs=1e-4)


def test_impact_parameters_show_where_the_beams_are(files: Mapping[str, File]) -> None:
    """d0 by phi is x0 sin(phi) - y0 cos(phi), by weighted least squares on the bins of the plot."""
    profile = files["ls0027"]["Tracking/Impact/d0_by_phi"]
    phi = (np.arange(32) + 0.5) * np.pi / 16 - np.pi
    weights = np.sqrt(profile.counts())
    design = np.column_stack([np.sin(phi), -np.cos(phi)]) * weights[:, None]
    (x, y), *_ = np.linalg.lstsq(design, profile.values() * weights, rcond=None)
    assert (x, y) == pytest.approx((0.166, -0.195), abs=0.01)


def test_objects_of_scouting_are_those_of_the_file(files: Mapping[str, File]) -> None:
    found = files["ls0174"]
    assert {
        path: found.value(f"Scouting/{path}/number")
        for path in (
            *("Electron", "Photon", "Muon/vtx", "Muon/no_vtx", "Jet", "Particle", "Track"),
            "Vertex",
        )
    } == {
        "Electron": 46,
        "Photon": 131,
        "Muon/vtx": 28,
        "Muon/no_vtx": 23,
        "Jet": 1409,
        "Particle": 13736,
        "Track": 3266,
        "Vertex": 970,
    }
    assert found.total("Scouting/Vertex/displaced_vtx_per_event") == 5
    assert found.total("Scouting/Vertex/displaced_no_vtx_per_event") == 3
    assert found.total("Scouting/Vertex/tracks") == 11_810
    assert found["Scouting/Event/rho"].mean() == pytest.approx(32.7787, abs=0.2)
    assert found["Scouting/Event/met_pt"].mean() == pytest.approx(34.7014, abs=0.8)
    assert found["Scouting/Jet/pt"].entries == 1409


def test_raw_data_are_those_of_the_global_trigger(files: Mapping[str, File]) -> None:
    found = files["ls0174"]
    assert found.counts("FED/present") == {1404: 35}
    assert found.counts("FED/per_event") == {1: 35}
    assert found["FED/per_event_mean"].values()[0] == 1
    assert found["FED/Size/total_mean"].values()[0] == 8600
    assert found.value("FED/Size/bytes") == 301_000
    assert found["FED/Size/by_fed"].values()[1404] == 8600
    assert found.counts("FED/Faults/per_event") == {0: 35}


def test_the_global_trigger_says_what_it_did(files: Mapping[str, File]) -> None:
    found = files["ls0174"]
    assert found.counts("EventInfo/Record/prescale_column") == {2: 35}
    assert found.counts("EventInfo/Record/boards") == {6: 35}
    assert found.counts("EventInfo/Record/orbit_difference") == {5: 35}
    for stage, mean in (("initial", 91.9), ("intermediate", 90.9), ("final", 12.3)):
        bits = found.total(f"EventInfo/L1/{stage}_per_event")
        assert bits / 35 == pytest.approx(mean, abs=0.05)
        assert found[f"EventInfo/L1/{stage}"].entries == bits


def test_both_records_of_the_trigger_agree(files: Mapping[str, File]) -> None:
    found = files["ls0174"]
    assert found.counts("EventInfo/HLT/agreement") == {1: 35}
    rejected = found["EventInfo/HLT/last_module"].entries
    assert rejected == found["DQMStream/HLT/states"].counts()[:, 2].sum() > 0


def test_high_voltage_and_luminosity_are_those_of_the_record(files: Mapping[str, File]) -> None:
    found = files["ls0174"]
    on = dict(zip(_labels(found["DCS/on"]), found["DCS/on"].values().tolist(), strict=True))
    assert {name for name, share in on.items() if share == 1} == set(on) - {
        *("CASTOR", "ZDC", "GEM+", "GEM-")
    }
    assert on["GEM+"] == on["GEM-"] == 0
    assert np.isnan([on["CASTOR"], on["ZDC"]]).all()
    assert found.value("DCS/Magnet/lowest_current") == pytest.approx(18_163.994)
    assert found["DCS/Luminosity/luminosity"].mean() == pytest.approx(21_633.22, abs=130)
    assert found["DCS/Luminosity/pileup"].mean() == pytest.approx(62.8661, abs=0.5)
    ages = found.counts("DCS/Luminosity/age")
    assert {bin_ - 16 for bin_ in ages} <= {4, 5, 6, 7}
    assert sum(ages.values()) == 35


def test_roman_pots_are_those_of_the_record(files: Mapping[str, File]) -> None:
    found = files["ls0174"]
    states = found["CTPPSStatus/states"].counts()
    pots = _labels(found["CTPPSStatus/states"], axis=1)
    ok, bad = ({pots[pot] for pot in np.flatnonzero(states[state])} for state in (3, 1))
    assert ok == {
        *(f"{arm}_{pot}" for arm in (45, 56) for pot in ("210_FR_HR", "220_C1", "220_FR_HR")),
        "45_220_NR_HR",
    }
    assert bad == {"56_220_NR_HR"}
    assert states.sum() == 700
