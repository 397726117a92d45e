"""Made-up events: one seed is one run, files are whole, and members fit each other."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.auxiliary import decode_auxiliary
from dqmstream.sources.cms.decoding.branch import Branch
from dqmstream.sources.cms.encoding.objects import WRITTEN_2021, WRITTEN_2025, Written
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.madeup.plan import (
    ONLINE_BRANCHES,
    TRACKING_BRANCHES,
    Beam,
    FedFault,
    Plan,
)
from dqmstream.sources.cms.madeup.stream import MadeUpRun
from dqmstream.sources.cms.messages import EVENT, INIT, decode_event, decode_init
from dqmstream.sources.cms.payload import expand
from dqmstream.sources.cms.reader import FrameReader
from dqmstream.sources.cms.settings import ReadSettings
from dqmstream.sources.cms.source import streamer_sources
from dqmstream.sources.cms.states import PASS, unpack_states
from tests.cms_objects import ObjectReader

YEARS = pytest.mark.parametrize(
    ("branches", "written"), [(TRACKING_BRANCHES, WRITTEN_2021), (ONLINE_BRANCHES, WRITTEN_2025)]
)
PLAN = Plan(seed=7, events=6, filled=1.0)


def _products(run: MadeUpRun, lumisection: int = 2) -> Callable[[str], list[Any]]:
    """Values of the products of a class (or instance, of `double`) in all events."""
    events = [
        ObjectReader(run.payload(lumisection, number)).whole().value["products_"]
        for number in range(run.plan.events)
    ]

    def of(name: str) -> list[Any]:
        return [
            one["prod_"].value
            for event in events
            for one in event
            if name.encode() in one["desc_"].value.values()
        ]

    return of


def _all(collections: list[list[Any]]) -> list[Any]:
    return [one for collection in collections for one in collection]


@YEARS
def test_one_seed_is_one_run_and_each_event_can_be_made_again(
    branches: tuple[Branch, ...], written: Written
) -> None:
    once, again, other = (
        MadeUpRun(replace(PLAN, seed=seed), branches, written=written) for seed in (7, 7, 8)
    )
    assert once.payload(3, 5) == again.payload(3, 5)
    assert once.payload(3, 5) != other.payload(3, 5)
    assert once.payload(3, 5) != once.payload(3, 4)
    assert once.payload(3, 5) != once.payload(4, 5)


@YEARS
def test_a_file_has_the_events_of_its_lumisection(
    tmp_path: Path, branches: tuple[Branch, ...], written: Written
) -> None:
    run = MadeUpRun(PLAN, branches, written=written)
    pair = run.write(tmp_path, 12)
    assert pair.dat is not None
    assert pair.dat.name == "run400000_ls0012_streamDQMMadeUp_pid1.dat"
    with pair.dat.open("rb") as stream:
        frames = list(FrameReader(stream, pair.dat.stat().st_size, Limits()))
    assert [frame.code for frame in frames] == [INIT, *[EVENT] * (len(frames) - 1)]
    init = decode_init(frames[0].message, Limits())
    header = ObjectReader(init.payload).whole()
    assert [one["branchID_"]["id_"] for one in header.value["descs_"]] == [
        branch.id for branch in branches
    ]
    events = [decode_event(frame.message) for frame in frames[1:]]
    assert [one.is_metadata for one in events].count(True) == (written is WRITTEN_2025)
    for number, message in enumerate(one for one in events if not one.is_metadata):
        payload = expand(message.payload, message.original_size, Limits())
        assert decode_auxiliary(payload) == run.auxiliary(12, number)
        assert message.event == run.auxiliary(12, number).event
        event = ObjectReader(payload).whole().value
        (results,) = [
            one["prod_"].value
            for one in event["products_"]
            if one["prod_"].name == "edm::Wrapper<edm::TriggerResults>"
        ]
        bits = np.frombuffer(message.hlt_bits, np.uint8)[np.newaxis]
        states = unpack_states(bits, PLAN.paths)[0]
        assert [one["status_"] & 3 for one in results["paths_"]] == states.tolist()


@pytest.mark.parametrize("verify", [True, False])
def test_nobody_takes_a_made_up_run_for_data(tmp_path: Path, verify: bool) -> None:
    """Its events say so, and the source marks the run, whether it verifies payloads or not."""
    run = MadeUpRun(PLAN, TRACKING_BRANCHES)
    run.write(tmp_path, 1)
    settings = ReadSettings(verify_payload=verify, columns=("event",))
    ((source,), _) = streamer_sources([tmp_path], settings)
    assert source.marks == ("simulated",)


def test_times_and_orbits_agree_with_the_lumisection() -> None:
    run = MadeUpRun(PLAN, TRACKING_BRANCHES)
    for lumisection in (1, 9):
        for number in range(PLAN.events):
            auxiliary = run.auxiliary(lumisection, number)
            assert (auxiliary.orbit >> 18) + 1 == lumisection
            seconds = (auxiliary.time - PLAN.begin) / 1e9
            assert seconds == pytest.approx(auxiliary.orbit / 11245.5, abs=2e-6)


def test_tracks_have_the_hits_that_their_degrees_of_freedom_say() -> None:
    for track in _all(_products(MadeUpRun(PLAN, TRACKING_BRANCHES))("recoTracks")):
        pattern = track["hitPattern_"]
        stream = int.from_bytes(pattern["hitPattern"].astype("<u2").tobytes(), "little")
        hits = [stream >> 12 * place & 0xFFF for place in range(pattern["endTrackHits"])]
        valid = [hit for hit in hits if hit & 3 == 0]
        assert track["ndof_"] == 2 * len(valid) - 5
        assert all(hit >> 10 == 1 for hit in hits)


def test_vertices_name_tracks_of_their_event_and_weigh_them() -> None:
    run = MadeUpRun(replace(PLAN, vertices=3), TRACKING_BRANCHES)
    of = _products(run)
    for tracks, vertices in zip(of("recoTracks"), of("recoVertexs"), strict=True):
        assert len(vertices) == 3
        references = [
            one["holder_"].value["ref_"] for vertex in vertices for one in vertex["tracks_"]
        ]
        assert [one["index_"] for one in references] == list(range(len(tracks)))
        products = {one["product_"]["productIndex_"] for one in references}
        assert products == {
            1 + [one.name for one in TRACKING_BRANCHES].index(TRACKING_BRANCHES[1].name)
        }
        for vertex in vertices:
            assert len(vertex["weights_"]) == len(vertex["tracks_"])
            ndof = 2 * vertex["weights_"].sum() / 255 - 3
            assert vertex["ndof_"] == pytest.approx(max(1, ndof), abs=0.01)


def test_tracks_and_vertices_show_the_beam() -> None:
    """Its place within four errors; vertices as wide as beam and resolution together."""
    beam = Beam(x=0.2, y=-0.1, z=1.5, width_x=0.02, width_y=0.03, sigma_z=4.0, dxdz=1e-3)
    plan = Plan(beam=beam, events=150, filled=1.0, vertices=2)
    of = _products(MadeUpRun(plan, TRACKING_BRANCHES))
    vertices = [one["position_"]["fCoordinates"] for one in _all(of("recoVertexs"))]
    x, y, z = (np.array([one[axis] for one in vertices]) for axis in ("fX", "fY", "fZ"))
    number = len(vertices)
    assert number == 300
    for values, mean, width in (
        (x - beam.dxdz * (z - beam.z), beam.x, 0.0205),
        (y, beam.y, 0.0305),
        (z, beam.z, beam.sigma_z),
    ):
        assert values.mean() == pytest.approx(mean, abs=4 * width / math.sqrt(number))
        assert values.std() == pytest.approx(width, rel=4 / math.sqrt(2 * number))
    tracks = _all(of("recoTracks"))
    residuals = []
    for track in tracks:
        at, p = (track[name]["fCoordinates"] for name in ("vertex_", "momentum_"))
        pt = math.hypot(p["fX"], p["fY"])
        here = beam.x + beam.dxdz * (at["fZ"] - beam.z), beam.y
        own = ((at["fY"] - here[1]) * p["fX"] - (at["fX"] - here[0]) * p["fY"]) / pt
        spread = [width * p[axis] / pt for width, axis in ((0.02, "fY"), (0.03, "fX"))]
        residuals.append(own / math.sqrt(track["covariance_"][9] + np.square(spread).sum()))
        # The point given is the one nearest to the beam line.
        along = (at["fX"] - here[0]) * p["fX"] + (at["fY"] - here[1]) * p["fY"]
        assert abs(along / pt) < 2e-4
    assert np.std(residuals) == pytest.approx(1, abs=0.06)


def test_the_beam_drifts_as_planned() -> None:
    run = MadeUpRun(replace(PLAN, drift=0.01), ONLINE_BRANCHES)
    spots = [_products(run, lumisection)("recoBeamSpot")[0] for lumisection in (1, 11)]
    x = [spot["position_"]["fCoordinates"]["fX"] for spot in spots]
    assert x[1] - x[0] == pytest.approx(0.1)


def test_records_say_what_the_plan_says() -> None:
    plan = replace(PLAN, off=frozenset({21}), magnet_current=0.0, luminosity=1000.0)
    run = MadeUpRun(plan, ONLINE_BRANCHES)
    of = _products(run, 3)
    dcs = of("DCSRecord")[0]
    off = set(np.flatnonzero(dcs["highVoltageReady_"] == 0).tolist())
    assert off == {15, 16, 21}
    assert set(np.flatnonzero(dcs["highVoltageValid_"] == 0).tolist()) == {15, 16}
    assert dcs["magnetCurrent_"] == 0
    for number, record in enumerate(of("OnlineLuminosityRecord")):
        said = ((int(record["lumiSection_"]) - 1) * 64 + int(record["lumiNibble_"])) * 4096
        assert 4 * 4096 < run.auxiliary(3, number).orbit - said < 7 * 4096
        assert record["instLumi_"] == pytest.approx(1000, rel=1e-3)
    assert of("CTPPSRecord")[0]["status_"] == 0x10CCC30CCC


def test_muons_of_a_jpsi_have_its_mass() -> None:
    plan = replace(PLAN, jpsi=1.0, events=20)
    run = MadeUpRun(plan, ONLINE_BRANCHES)
    muons = [one for one in _products(run)("Run3ScoutingMuons") if len(one) == 2]
    assert len(muons) == 20
    for first, second in muons:
        assert first["charge_"] == -second["charge_"]
        momenta = np.array([_four(one) for one in (first, second)]).sum(axis=0)
        mass = math.sqrt(momenta[0] ** 2 - np.square(momenta[1:]).sum())
        assert mass == pytest.approx(3.0969, abs=1e-3)


def _four(muon: dict[str, Any]) -> tuple[float, ...]:
    """Energy and momentum."""
    pt, eta, phi = (float(muon[name]) for name in ("pt_", "eta_", "phi_"))
    momentum = pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta)
    return (math.hypot(float(muon["m_"]), *momentum), *momentum)


def test_energies_of_a_jet_add_up_to_its_own() -> None:
    jets = _all(_products(MadeUpRun(PLAN, ONLINE_BRANCHES))("Run3ScoutingPFJets"))
    assert jets
    for jet in jets:
        energy = math.hypot(jet["pt_"] * math.cosh(jet["eta_"]), jet["m_"])
        parts = ("chargedHadron", "neutralHadron", "photon", "electron", "muon", "HFEM")
        assert sum(jet[f"{part}Energy_"] for part in parts) == pytest.approx(energy, rel=0.02)


def test_only_what_can_be_made_up_is_taken() -> None:
    other = Branch("vector<reco::Muon>", "muons", "", "HLT")
    with pytest.raises(ConfigurationError, match="recoMuons_muons__HLT"):
        MadeUpRun(PLAN, (other,))


def test_a_fed_without_faults_is_left_alone_by_the_faults_of_another() -> None:
    faults = {601: FedFault(missing=1.0), 602: FedFault(truncated=1.0)}
    plan = replace(PLAN, feds=(600, 601, 602), fed_faults=faults)
    (collection, *_) = _products(MadeUpRun(plan, ONLINE_BRANCHES))("FEDRawDataCollection")
    sizes = {fed: len(one["data_"]) for fed, one in enumerate(collection["data_"])}
    assert sizes[600] % 8 == 0
    assert sizes[600] > 0
    assert sizes[601] == 0
    assert sizes[602] % 8 == 5
    assert [fed for fed, size in sizes.items() if size] == [600, 602]


def test_every_event_passed_a_path_unless_none_ever_does() -> None:
    few = MadeUpRun(replace(PLAN, events=40, paths=3, pass_share=0.1), TRACKING_BRANCHES)
    none = MadeUpRun(replace(PLAN, events=40, paths=3, pass_share=0.0), TRACKING_BRANCHES)
    assert all(PASS in few.states(1, number) for number in range(40))
    assert not any(PASS in none.states(1, number) for number in range(40))
