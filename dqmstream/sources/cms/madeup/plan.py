"""What a made-up run is like: its beam, its rates, what is off and what is broken."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from dqmstream.sources.cms.decoding.branch import Branch

__all__ = ["ONLINE_BRANCHES", "TRACKING_BRANCHES", "Beam", "FedFault", "Plan"]

_PROCESS: Final = "HLT"
_DIGIS: Final = "hltOnlineMetaDataDigis"
_PACKER: Final = "hltScouting{}Packer{}"


def _branch(class_name: str, label: str, instance: str = "") -> Branch:
    return Branch(class_name, label, instance, _PROCESS)


TRACKING_BRANCHES: Final = (
    _branch("edm::TriggerResults", "TriggerResults"),
    _branch("vector<reco::Track>", "hltPFMuonMerging"),
    _branch("vector<reco::Vertex>", "hltVerticesPFFilter"),
)
"""Products of the stream DQMOnlineBeamspot of 2021, in its order."""
ONLINE_BRANCHES: Final = (
    _branch("CTPPSRecord", _DIGIS),
    _branch("DCSRecord", _DIGIS),
    _branch("FEDRawDataCollection", "hltFEDSelectorL1"),
    _branch("OnlineLuminosityRecord", _DIGIS),
    _branch("vector<Run3ScoutingElectron>", _PACKER.format("Egamma", "")),
    _branch("vector<Run3ScoutingMuon>", _PACKER.format("Muon", "NoVtx")),
    _branch("vector<Run3ScoutingMuon>", _PACKER.format("Muon", "Vtx")),
    _branch("vector<Run3ScoutingPFJet>", _PACKER.format("PF", "")),
    _branch("vector<Run3ScoutingParticle>", _PACKER.format("PF", "")),
    _branch("vector<Run3ScoutingPhoton>", _PACKER.format("Egamma", "")),
    _branch("vector<Run3ScoutingTrack>", _PACKER.format("Track", "")),
    _branch("vector<Run3ScoutingVertex>", _PACKER.format("Muon", "NoVtx"), "displacedVtx"),
    _branch("vector<Run3ScoutingVertex>", _PACKER.format("Muon", "Vtx"), "displacedVtx"),
    _branch("vector<Run3ScoutingVertex>", _PACKER.format("PrimaryVertex", ""), "primaryVtx"),
    _branch("double", _PACKER.format("PF", ""), "pfMetPhi"),
    _branch("double", _PACKER.format("PF", ""), "pfMetPt"),
    _branch("double", _PACKER.format("PF", ""), "rho"),
    _branch("edm::TriggerResults", "TriggerResults"),
    _branch("reco::BeamSpot", _DIGIS),
)
"""Products of the stream DQMOnlineScouting of 2025, in its order."""


@dataclass(frozen=True, kw_only=True)
class Beam:
    """Where collisions are: a Gaussian along a line, all lengths in cm.

    `x`, `y`, `z` are its centre, `dxdz` and `dydz` the slopes of the line.
    """

    x: float = 0.17
    y: float = -0.19
    z: float = -0.6
    width_x: float = 0.0025
    width_y: float = 0.0025
    sigma_z: float = 6.0
    dxdz: float = 0.0
    dydz: float = 0.0


@dataclass(frozen=True, kw_only=True)
class FedFault:
    """What is wrong with the fragments of a FED, each in this share of the events (0..1)."""

    missing: float = 0.0
    wrong_crc: float = 0.0
    wrong_size: float = 0.0
    wrong_source: float = 0.0
    wrong_bunch_crossing: float = 0.0
    wrong_l1_id: float = 0.0
    truncated: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A made-up run.

    Parameters
    ----------
    seed
        One seed, one run.
    run, fill
        Their numbers.
    begin
        When orbit 0 was [ns since 1970].
    events
        Of one lumisection.
    beam
        Where collisions are.
    drift
        By how much the beam's x moves from one lumisection to the next [cm].
    colliding
        Bunch crossings that have events.
    filled
        Share of events with a reconstructed collision (0..1).
    vertices, tracks
        How many vertices such an event has, and tracks each vertex on average.
    paths, pass_share
        HLT paths, and in which share of events each passes.
    off
        Partitions of the detector whose high voltage is off, by DCS bit (0..26).
    magnet_current
        In A; 18164 is 3.8 T.
    luminosity, pileup
        Of lumisection 1 [1e30 /cm2/s], both falling by 1e-4 each lumisection.
    feds
        Which FEDs send fragments; 1404 is a global trigger with its L1 bits.
    fed_bytes
        Of a fragment, on average.
    fed_faults
        What is wrong with fragments, by FED.
    jpsi
        In which share of events a J/psi decays to two muons.
    """

    seed: int = 1
    run: int = 400_000
    fill: int = 10_000
    begin: int = 1_750_000_000_000_000_000
    events: int = 50
    beam: Beam = field(default_factory=Beam)
    drift: float = 0.0
    colliding: tuple[int, ...] = (1, 1237)
    filled: float = 0.5
    vertices: int = 1
    tracks: float = 9.0
    paths: int = 24
    pass_share: float = 0.2
    off: frozenset[int] = frozenset()
    magnet_current: float = 18_164.0
    luminosity: float = 21_600.0
    pileup: float = 62.8
    feds: tuple[int, ...] = (1404,)
    fed_bytes: int = 400
    fed_faults: Mapping[int, FedFault] = field(default_factory=dict)
    jpsi: float = 0.4
