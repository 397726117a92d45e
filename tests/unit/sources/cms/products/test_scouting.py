"""Columns of scouting that are worked out: pairs of muons, energies of jets, firsts of vectors."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.made_products import branch, columns_of, product, ragged

_MUONS = branch("vector<Run3ScoutingMuon>", "hltScoutingMuonPackerVtx")
_JETS = branch("vector<Run3ScoutingPFJet>", "hltScoutingPFPacker")
_ELECTRONS = branch("vector<Run3ScoutingElectron>", "hltScoutingEgammaPacker")
_MASS = 0.1056583755

_muon = st.tuples(
    st.floats(0.5, 100, width=32),
    st.floats(-2.5, 2.5, width=32),
    st.floats(-3.125, 3.125, width=32),
    st.sampled_from([-1, 1]),
)


def _muons(events: list[list[tuple[float, float, float, int]]]) -> Any:
    muons = [muon for event in events for muon in event]
    return product(
        [len(event) for event in events],
        {
            **{
                name: np.array([muon[place] for muon in muons], np.float32)
                for place, name in enumerate(("pt_", "eta_", "phi_"))
            },
            # The trigger's muons have none: that of a muon counts.
            "m_": np.zeros(len(muons), np.float32),
            "charge_": np.array([muon[3] for muon in muons], np.int32),
        },
    )


def _four(muon: tuple[float, float, float, int]) -> tuple[float, float, float, float]:
    pt, eta, phi, _ = muon
    p = pt * math.cosh(eta)
    return pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta), math.hypot(p, _MASS)


@given(st.lists(st.lists(_muon, max_size=5), min_size=1, max_size=5))
def test_dimuons_are_all_pairs_of_muons_of_an_event(events: list[list[Any]]) -> None:
    names = ("mass", "pt", "rapidity", "opposite")
    found = columns_of({_MUONS: _muons(events)}, [f"scouting_dimuons_vtx.{n}" for n in names])
    for pairs, muons in zip(found["scouting_dimuons_vtx"], events, strict=True):
        expected = list(itertools.combinations(muons, 2))
        assert len(pairs) == len(expected)
        for pair, (one, other) in zip(pairs, expected, strict=True):
            px, py, pz, e = (a + b for a, b in zip(_four(one), _four(other), strict=True))
            squared = max(e * e - px * px - py * py - pz * pz, 0)
            # A mass is the small difference of large squares.
            assert pair["mass"] ** 2 == pytest.approx(squared, rel=1e-4, abs=1e-6 * e * e)
            assert pair["pt"] == pytest.approx(math.hypot(px, py), rel=1e-4, abs=1e-4)
            rapidity = math.log((e + pz) / (e - pz)) / 2
            assert pair["rapidity"] == pytest.approx(rapidity, rel=1e-4, abs=1e-4)
            assert pair["opposite"] == (one[3] != other[3])


def test_of_very_many_muons_of_an_event_the_first_thirty_are_paired() -> None:
    events = [[(10.0, 0.0, 0.0, 1)] * count for count in (2, 31, 5000, 0, 1)]
    found = columns_of({_MUONS: _muons(events)}, ["scouting_dimuons_vtx.opposite"])
    assert [len(pairs) for pairs in found["scouting_dimuons_vtx"]] == [1, 435, 435, 0, 0]


def test_the_energy_of_a_jet_holds_its_forward_hadrons_once() -> None:
    parts = {
        "charged": "chargedHadronEnergy_",
        "neutral": "neutralHadronEnergy_",
        "photon": "photonEnergy_",
        "electron": "electronEnergy_",
        "muon": "muonEnergy_",
        "em": "HFEMEnergy_",
        "hadron": "HFHadronEnergy_",
    }
    values = {raw: np.array([2.0**place], np.float32) for place, raw in enumerate(parts.values())}
    found = columns_of({_JETS: product([1], values)}, ["scouting_jets.energy"])
    assert found["scouting_jets"] == [[{"energy": 63.0}]]


def test_the_first_of_any_number_of_tracks_of_an_electron_counts() -> None:
    electrons = product(
        [2, 1],
        of_any_length={
            "trkpt_": ragged([[5.0, 6.0], [], [7.0]], "f4"),
            "trkcharge_": ragged([[1, -1], [], [-1]], "i4"),
        },
    )
    names = ("tracks", "charge", "trk_pt")
    found = columns_of({_ELECTRONS: electrons}, [f"scouting_electrons.{n}" for n in names])
    (first, none), (last,) = found["scouting_electrons"]
    assert list(first.values()) == [2, 1, 5.0]
    assert (none["tracks"], none["charge"]) == (0, -1)
    assert math.isnan(none["trk_pt"])
    assert list(last.values()) == [1, -1, 7.0]
