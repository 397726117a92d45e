"""What a made-up run is like: its beam, its rates, what is off and what is broken."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.decoding.branch import Branch
from dqmstream.sources.cms.detector import FEDS, PARTITIONS

__all__ = ["ONLINE_BRANCHES", "TRACKING_BRANCHES", "Beam", "FedFault", "Plan", "read_plan"]

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

    def __post_init__(self) -> None:
        """Refuses what is no width."""
        for name in ("width_x", "width_y", "sigma_z"):
            _within(f"beam.{name}", getattr(self, name), 0, 100)


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

    def __post_init__(self) -> None:
        """Refuses what is no share."""
        for name, share in asdict(self).items():
            _within(name, share, 0, 1)


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
        Of one lumisection. By default half of them have a vertex, of which a fit of the beam spot
        wants 30.
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
        HLT paths, and in which share of events each passes; one does in any, unless that is 0.
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

    Raises
    ------
    ConfigurationError
        If a number cannot be one of CMS.
    """

    seed: int = 1
    run: int = 400_000
    fill: int = 10_000
    begin: int = 1_750_000_000_000_000_000
    events: int = 100
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

    def __post_init__(self) -> None:
        """Refuses numbers that no event of CMS has."""
        for name, (lowest, highest) in _LIMITS.items():
            value = getattr(self, name)
            for one in value if isinstance(value, tuple | frozenset) else (value,):
                _within(name, one, lowest, highest)
        for fed in self.fed_faults:
            _within("fed_faults", fed, *_LIMITS["feds"])
        if not self.colliding:
            msg = "colliding: no bunch crossing, expected one or more"
            raise ConfigurationError(msg)


_LIMITS: Final = {
    "seed": (0, 2**63),
    "run": (1, 2**32 - 1),
    "fill": (0, 2**31 - 1),
    "begin": (0, 2**62),
    "events": (1, 1 << 18),
    "drift": (-0.5, 0.5),
    "colliding": (0, 3563),
    "filled": (0, 1),
    "vertices": (0, 200),
    "tracks": (0, 1000),
    "paths": (1, 2000),
    "pass_share": (0, 1),
    "off": (0, len(PARTITIONS) - 1),
    "magnet_current": (0, 20_000),
    "luminosity": (0, 1e6),
    "pileup": (0, 1000),
    "feds": (0, FEDS - 1),
    "fed_bytes": (8, 100_000),
    "jpsi": (0, 1),
}
"""What each can be; of tuples, each in it."""


def _within(name: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        msg = f"{name}: {value}, expected {lowest} to {highest}"
        raise ConfigurationError(msg)


def read_plan(text: str, origin: str) -> Plan:
    """A plan from TOML: any of its fields, `[beam]`, and `[fed_faults.NUMBER]` for each FED.

    Parameters
    ----------
    text
        What the file says.
    origin
        Its name, for errors.

    Raises
    ------
    ConfigurationError
        If it is no TOML, names what a plan does not have, or a number cannot be one of CMS.
    """
    try:
        document = tomllib.loads(text)
        _refuse_unknown(document)
        return msgspec.convert(document, Plan, strict=False, str_keys=True)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, ConfigurationError) as error:
        msg = f"{origin}: {error}"
        raise ConfigurationError(msg) from error


def _refuse_unknown(document: Mapping[str, Any]) -> None:
    parts: list[tuple[str, Any, type]] = [("", document, Plan)]
    parts.append(("beam.", document.get("beam"), Beam))
    faults = document.get("fed_faults")
    if isinstance(faults, dict):
        parts += [(f"fed_faults.{fed}.", one, FedFault) for fed, one in faults.items()]
    for where, values, kind in parts:
        for name in values if isinstance(values, dict) else ():
            if name not in kind.__dataclass_fields__:  # type: ignore[attr-defined]
                msg = f"{where}{name} is unknown"
                raise ConfigurationError(msg)
