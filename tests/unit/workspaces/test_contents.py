"""Workspaces on the contents of CMS events: good events are good, each fault is found by name."""

from collections.abc import Callable
from functools import cache
from importlib import import_module, resources
from typing import Any

import numpy as np
import pytest

from dqmstream.booking import required_columns
from dqmstream.histograms.element import MonitorElement
from dqmstream.messages.booking import Booking, Integer, Scalar
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome, QualityReport
from dqmstream.sources.cms.columns import column_names
from dqmstream.sources.cms.detector import PARTITIONS
from dqmstream.sources.cms.products import COLLECTIONS
from dqmstream.testing import fill, judge
from dqmstream.workspaces.fed_numbers import PARTS_FROM
from tests.content_file import BEAMS, TRACKER
from tests.contents import FEDS, Made, made

WORKSPACES = (
    "ctpps_status",
    "dcs_luminosity",
    "event_info",
    "fed",
    "scouting",
    "scouting_egamma",
    "scouting_jet",
    "scouting_muon",
    "tracking",
    "vertex",
)
EVENTS = 1000

MAY_BE_EMPTY = (
    "FED/missing",
    "FED/missing_by_part",
    "FED/Faults/by_part",
)
"""Histograms of what good events have none of."""
WINDOWS = "Scouting/Dimuon/"
"""Masses about one resonance: most pairs are of another."""

Break = Callable[[Made], None]


def workspace(name: str) -> Booking:
    booking = import_module(f"dqmstream.workspaces.{name}").workspace
    assert isinstance(booking, Booking)
    return booking


@cache
def declared_for(name: str) -> str:
    """The shipped quality tests of one workspace, as text."""
    text = (resources.files("dqmstream.quality") / "default.toml").read_text(encoding="utf-8")
    tables = text.split("[[quality_test]]")[1:]
    mine = [table for table in tables if f'workspace = "{name}"\n' in table]
    return "".join(f"[[quality_test]]{table}" for table in mine)


def filled(name: str, broken: Break | None = None, **settings: Any) -> dict[str, MonitorElement]:
    events = made(**{"events": EVENTS, **settings})
    if broken is not None:
        broken(events)
    return fill(workspace(name), events.columns())


def judged(name: str, broken: Break | None = None) -> dict[tuple[str, str], QualityReport]:
    """Reports of both scopes; those of the run so far win where a test has both."""
    elements = filled(name, broken)
    found: dict[tuple[str, str], QualityReport] = {}
    for scope in ("lumisection", "run"):
        found |= judge(elements, declared_for(name), scope=scope, conditions=BEAMS)  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize("name", WORKSPACES)
def test_every_element_has_entries_within_its_axes(name: str) -> None:
    for path, element in filled(name).items():
        assert not element.invalid, path
        if isinstance(element.booked, Scalar):
            assert element.value is not None, path
            continue
        everything, inside = element.counts(flow=True).sum(), element.counts().sum()
        assert path in MAY_BE_EMPTY or everything > 0, path
        assert inside >= 0.97 * everything or path.startswith(WINDOWS), path
        assert element.nan == element.outside == 0, path


@pytest.mark.parametrize("name", WORKSPACES)
def test_good_events_are_good_and_nothing_else_is_said(name: str) -> None:
    outcomes = {key: report.outcome for key, report in judged(name).items()}
    assert outcomes
    assert {key: found for key, found in outcomes.items() if found is not Outcome.GOOD} == {}


@pytest.mark.parametrize("name", WORKSPACES)
def test_few_events_are_never_bad(name: str) -> None:
    elements = filled(name, events=5)
    found = judge(elements, declared_for(name), conditions=BEAMS)
    outcomes = {report.outcome for report in found.values()}
    assert outcomes <= {Outcome.INSUFFICIENT, Outcome.GOOD}


@pytest.mark.parametrize("name", WORKSPACES)
def test_no_column_is_read_that_no_product_gives(name: str) -> None:
    known = column_names() | {collection.name for collection in COLLECTIONS}
    for collection in COLLECTIONS:
        known |= {f"{collection.name}.{member.name}" for member in collection.members}
    assert required_columns(workspace(name)) <= known


def _worse(collection: str, member: str, change: Callable[[Any], Any]) -> Break:
    """Break a member of all objects."""

    def broken(events: Made) -> None:
        members = events.members[collection]
        members[member] = change(members[member])

    return broken


def _number(column: str, change: Callable[[Any], Any]) -> Break:
    """Break a number that each event has."""

    def broken(events: Made) -> None:
        events.values[column] = change(events.values[column])

    return broken


def _lost(collection: str, lost: Callable[[dict[str, Any]], Any]) -> Break:
    """Lose some objects."""
    return lambda events: events.keep(collection, ~lost(events.members[collection]))


def _wrong(flag: str, fed: int) -> Break:
    """A flag of one FED is false in a tenth of the events."""

    def broken(events: Made) -> None:
        members = events.members["fed"]
        members[flag] = members[flag] & ((members["id"] != fed) | (members["l1_id"] % 10 > 0))

    return broken


def _missing(events: Made) -> None:
    """FED 1404 has no bytes in every tenth event."""
    number = events.values["event"].size
    lost = np.arange(number) % 10 == 0
    events.add("fed_missing", lost.astype(int), id=np.full(int(lost.sum()), 1404))


FAULTS: dict[str, tuple[str, Break, str, str]] = {
    "misaligned": (
        "tracking",
        _worse("tracks", "normalized_chi2", lambda x: 3 * x),
        "Tracking/Fit/normalized_chi2",
        "tracks fit their hits",
    ),
    "one charge": (
        "tracking",
        _worse("tracks", "charge", lambda x: np.where(np.arange(x.size) % 3 > 0, 1, -1)),
        "Tracking/Parameters/charge",
        "tracks of both charges",
    ),
    "a pixel layer is off": (
        "tracking",
        _worse("tracks", "pixel_hits", lambda x: x - 1),
        "Tracking/Hits/pixel_hits",
        "tracks have hits in the pixel detector",
    ),
    "modules do not read out": (
        "tracking",
        _worse("tracks", "missing_hits", lambda x: x + 1),
        "Tracking/Hits/missing_hits",
        "tracks miss few hits",
    ),
    "wrong origin": (
        "tracking",
        _worse("tracks", "dxy", lambda x: x + 0.25),
        "Tracking/Impact/d0",
        "tracks are near the beams",
    ),
    "dead sector": (
        "tracking",
        _lost("tracks", lambda m: (m["phi"] > 0.9) & (m["phi"] < 1.3)),
        "Tracking/Parameters/phi_of_barrel",
        "tracks at all phi of the barrel",
    ),
    "dead endcap": (
        "tracking",
        _lost("tracks", lambda m: m["eta"] > 1.6),
        "Tracking/Parameters/eta_within_acceptance",
        "tracks at all eta",
    ),
    "tracks of noise": (
        "tracking",
        _worse("tracks", "phi", lambda x: np.where(np.arange(x.size) % 5 == 0, 0.7, x)),
        "Tracking/Parameters/phi",
        "tracks at no single place",
    ),
    "vertices that failed": (
        "vertex",
        _worse("vertices", "valid", lambda x: np.arange(x.size) % 4 > 0),
        "Vertex/valid",
        "vertices are valid",
    ),
    "vertices of strangers": (
        "vertex",
        _worse("vertices", "chi2", lambda x: 3 * x),
        "Vertex/Fit/normalized_chi2",
        "vertices fit their tracks",
    ),
    "beams cross elsewhere": (
        "vertex",
        _worse("vertices", "z", lambda x: x + 9),
        "Vertex/Position/z",
        "vertices near the middle of the detector",
    ),
    "beams astray": (
        "vertex",
        _worse("vertices", "x", lambda x: x + 0.5),
        "Vertex/Position/x",
        "vertices where beams can be",
    ),
    "framing": ("fed", _wrong("framed", 55), "FED/Faults/framing", "raw data without faults"),
    "size": ("fed", _wrong("size_ok", 620), "FED/Faults/size", "raw data without faults"),
    "crc": ("fed", _wrong("crc_ok", 1250), "FED/Faults/crc", "raw data without faults"),
    "number": (
        "fed",
        _wrong("source_id_ok", 650),
        "FED/Faults/source_id",
        "raw data without faults",
    ),
    "crossing": (
        "fed",
        _wrong("bunch_crossing_ok", 840),
        "FED/Faults/bunch_crossing",
        "raw data without faults",
    ),
    "accept": ("fed", _wrong("l1_id_ok", 1404), "FED/Faults/l1_id", "raw data without faults"),
    "trailer": (
        "fed",
        _worse("fed", "status", lambda x: (np.arange(x.size) % 1000 == 0) * 4),
        "FED/Trailer/status",
        "raw data with good trailers",
    ),
    "missing FED": ("fed", _missing, "FED/missing_per_event", "raw data of all FEDs"),
    "more final bits than initial": (
        "event_info",
        _lost("l1_initial", lambda m: np.arange(m["bit"].size) % 2 == 0),
        "EventInfo/L1/order",
        "global trigger masks what it should",
    ),
    "orbits apart": (
        "event_info",
        _worse("l1", "orbit", lambda x: x + 1),
        "EventInfo/Record/orbit_difference",
        "global trigger in step with the event",
    ),
    "no global trigger": (
        "event_info",
        _lost("l1", lambda m: np.arange(m["orbit"].size) % 3 == 0),
        "EventInfo/Record/there",
        "global trigger in every event",
    ),
    "results of other events": (
        "event_info",
        _worse("trigger_results", "state", lambda x: np.where(np.arange(x.size) % 50 == 0, 1, x)),
        "EventInfo/HLT/agreement",
        "trigger results agree with the header",
    ),
    "a partition trips": (
        "dcs_luminosity",
        _worse(
            "dcs_partitions",
            "state",
            lambda x: np.where((np.arange(x.size) % 27 == 21) & (np.arange(x.size) > 14_000), 0, x),
        ),
        "DCS/tracker",
        "tracker with high voltage",
    ),
    "luminosity stops": (
        "dcs_luminosity",
        _worse("luminosity", "lumisection", lambda x: x - 1),
        "DCS/Luminosity/age",
        "luminosity is fresh",
    ),
    "no online meta data": (
        "dcs_luminosity",
        _lost("luminosity", lambda m: np.arange(m["nibble"].size) % 3 == 0),
        "DCS/Luminosity/there",
        "detector status in every event",
    ),
    "magnet ramps down": (
        "dcs_luminosity",
        _worse("dcs", "magnet_field", lambda x: np.linspace(3.81, 3.0, x.size)),
        "DCS/Magnet/field",
        "magnet at its field",
    ),
    "misaligned for scouting": (
        "scouting",
        _worse("scouting_tracks", "chi2", lambda x: 3 * x),
        "Scouting/Track/normalized_chi2",
        "scouting tracks fit their hits",
    ),
    "dead sector for scouting": (
        "scouting",
        _lost("scouting_tracks", lambda m: (m["phi"] > 0.9) & (m["phi"] < 1.3)),
        "Scouting/Track/phi",
        "scouting tracks at all phi",
    ),
    "scouting vertices that failed": (
        "scouting",
        _worse("scouting_vertices_primary", "valid", lambda x: np.arange(x.size) % 4 > 0),
        "Scouting/Vertex/valid",
        "scouting vertices are valid",
    ),
    "beams cross elsewhere for scouting": (
        "scouting",
        _worse("scouting_vertices_primary", "z", lambda x: x + 9),
        "Scouting/Vertex/z",
        "scouting vertices near the middle of the detector",
    ),
    "hot region": (
        "scouting",
        _worse("scouting_particles", "phi", lambda x: np.where(np.arange(x.size) % 5 == 0, 1, x)),
        "Scouting/Particle/phi",
        "scouting particles at no single place",
    ),
    "muons of one charge": (
        "scouting_muon",
        _worse("scouting_muons_vtx", "charge", lambda x: np.where(np.arange(x.size) % 4, 1, -1)),
        "Scouting/Muon/vtx/charge",
        "scouting muons of both charges",
    ),
    "hot crystal": (
        "scouting_egamma",
        _worse("scouting_photons", "phi", lambda x: np.where(np.arange(x.size) % 5 == 0, 1, x)),
        "Scouting/Photon/phi",
        "scouting photons at no single place",
    ),
    "dead calorimeter": (
        "scouting_jet",
        _lost("scouting_jets", lambda m: (m["phi"] > 0.9) & (m["phi"] < 1.3)),
        "Scouting/Jet/phi_of_barrel",
        "scouting jets at all phi of the barrel",
    ),
    "hot tower": (
        "scouting_jet",
        _worse("scouting_jets", "phi", lambda x: np.where(np.arange(x.size) % 5 == 0, 1, x)),
        "Scouting/Jet/phi",
        "scouting jets at no single place",
    ),
    "missing momentum to one side": (
        "scouting_jet",
        _number("scouting_met_phi", lambda x: np.where(np.arange(x.size) % 4 == 0, 1, x)),
        "Scouting/Event/met_phi",
        "scouting missing momentum at no single phi",
    ),
    "no rho": (
        "scouting_jet",
        _number("scouting_rho", lambda x: np.where(np.arange(x.size) % 4 == 0, np.nan, x)),
        "Scouting/Event/unknown",
        "scouting rho and missing momentum are known",
    ),
    "half a record": (
        "ctpps_status",
        _lost("ctpps_pots", lambda m: m["pot"] > 9),
        "CTPPSStatus/records",
        "roman pots all told",
    ),
}
"""What is broken: its workspace, how, and the element and quality test that find it."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_bad_where_it_shows_and_nowhere_else(fault: str) -> None:
    name, broken, path, test = FAULTS[fault]
    found = judged(name, broken)
    bad = {key for key, report in found.items() if report.outcome is not Outcome.GOOD}
    assert found[path, test].outcome is Outcome.BAD
    assert bad == {(path, test)}


def test_every_quality_test_of_these_workspaces_is_shown_to_find_something() -> None:
    names = {test for *_, test in FAULTS.values()}
    declared = {
        line.split('"')[1]
        for name in WORKSPACES
        for line in declared_for(name).splitlines()
        if line.startswith("name = ")
    }
    assert declared == names


@pytest.mark.parametrize("fed", [55, 1404])
def test_a_fault_of_raw_data_names_its_fed(fed: int) -> None:
    report = judged("fed", _wrong("crc_ok", fed))["FED/Faults/crc", "raw data without faults"]
    assert [one.bins for one in report.bad_channels] == [(fed,)]


def test_a_partition_that_trips_is_named() -> None:
    _, broken, *key = FAULTS["a partition trips"]
    (found,) = judged("dcs_luminosity", broken)[tuple(key)].bad_channels  # type: ignore[index]
    assert found.label == "partition BPIX"


@pytest.mark.parametrize("name", ["tracking"])
def test_parts_without_high_voltage_are_not_judged(name: str) -> None:
    off = Conditions(run=1, lumisection=1, dcs=dict.fromkeys(TRACKER, False))
    found = judge(filled(name), declared_for(name), conditions=off)
    gated = [report for report in found.values() if report.outcome is Outcome.DISABLED]
    assert gated
    assert all("requires dcs." in report.message for report in gated)
    unknown = judge(filled(name), declared_for(name))
    assert {r.path for r in unknown.values() if r.outcome is Outcome.NOT_RUN} == {
        r.path for r in gated
    }


def test_all_feds_are_shown_in_their_part_of_the_detector() -> None:
    by_part = filled("fed")["FED/by_part"]
    counts = dict(zip(PARTS_FROM, by_part.counts().tolist(), strict=True))
    assert {first: count // EVENTS for first, count in counts.items() if count} == {
        50: 80,
        600: 54,
        830: 38,
        1200: 108,
        1372: 1,
    }
    assert by_part.entries == EVENTS * len(FEDS)


def test_the_share_of_a_fed_tells_one_that_is_often_missing() -> None:
    share = filled("fed", _lost("fed", lambda m: (m["id"] == 55) & (m["l1_id"] % 2 == 0)))
    values = np.asarray(share["FED/share"].values())
    present = values[[fed for fed in FEDS if fed != 55]]
    assert values[55] == pytest.approx(present.mean() / 2, rel=0.01)
    assert present.std() < 1e-6 * present.mean()


def test_labels_are_those_of_the_bits_of_the_records() -> None:
    partitions = filled("dcs_luminosity", events=1)["DCS/on"].axes[0]
    assert isinstance(partitions, Integer)
    names = [label.replace("+", "p").replace("-", "m") for label in partitions.labels]
    assert tuple(names) == PARTITIONS
