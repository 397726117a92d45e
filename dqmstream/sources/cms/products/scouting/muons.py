"""Muons of scouting, with and without a constraint to a vertex, and pairs of them."""

from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.sources.cms.products.collection import (
    BOOLEAN,
    FLOAT,
    INT32,
    UINT32,
    Array,
    Collection,
    Objects,
    member,
    same,
)
from dqmstream.sources.cms.products.kinematics import FourMomenta, four_momenta
from dqmstream.sources.cms.products.rows import pair_rows
from dqmstream.sources.cms.products.scouting.firsts import Firsts, first, how_many

__all__ = ["DIMUONS", "MUONS"]

_CLASS: Final = "vector<Run3ScoutingMuon>"
_PACKERS: Final = (
    ("vtx", "hltScoutingMuonPackerVtx", "with a constraint to a vertex"),
    ("no_vtx", "hltScoutingMuonPackerNoVtx", "without a constraint to a vertex"),
)
_MOST_PAIRED: Final = 30
"""Muons of an event: ten times what there are. The pairs of as many as a payload can claim would
fill the memory."""
_COMPONENTS: Final = ("pt_", "eta_", "phi_")
_MASS: Final = 0.1056583755
"""Of a muon [GeV] (Particle Data Group 2024); the member `m_` of the trigger's muons is 0."""


class MuonPairs(Objects):
    """All pairs of the first muons of each event, `_MOST_PAIRED` at most."""

    @cached_property
    def rows(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """How many pairs each event has, and the rows of both muons."""
        return pair_rows(self.given.product.counts, _MOST_PAIRED)

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many pairs each event has."""
        return self.rows[0]

    @cached_property
    def sums(self) -> FourMomenta:
        """Of both muons of each pair."""
        pt, eta, phi = (self.plain(name) for name in _COMPONENTS)
        muons = four_momenta(pt, eta, phi, _MASS)
        _, first_row, second_row = self.rows
        return muons.take(first_row) + muons.take(second_row)

    @property
    def opposite(self) -> Array:
        """Whether the charges differ in sign."""
        charges = np.sign(self.plain("charge_"))
        return charges[self.rows[1]] * charges[self.rows[2]] < 0


_OF_TRACK: Final = (
    ("qoverp", "charge over momentum", "e/GeV"),
    ("lambda", "dip angle", "rad"),
    ("phi", "azimuth", "rad"),
    ("dxy", "transverse impact parameter", "cm"),
    ("dsz", "longitudinal impact parameter, across the track", "cm"),
)
"""Parameters of a track, in the order of its covariance."""

_TRACK: Final = (
    same("trk_chi2", FLOAT, "trk_chi2_", "χ² of its track"),
    same("trk_ndof", FLOAT, "trk_ndof_", "degrees of freedom of its track"),
    same("trk_pt", FLOAT, "trk_pt_", "transverse momentum of its track", "GeV"),
    same("trk_eta", FLOAT, "trk_eta_", "pseudorapidity of its track"),
    *(same(f"trk_{n}", FLOAT, f"trk_{n}_", f"{m} of its track", u) for n, m, u in _OF_TRACK),
    same("trk_dz", FLOAT, "trk_dz_", "longitudinal impact parameter of its track", "cm"),
    *(
        same(f"trk_{n}_error", FLOAT, f"trk_{n}Error_", f"error of trk_{n}", u)
        for n, _, u in (*_OF_TRACK, ("dz", "", "cm"))
    ),
    *(
        same(f"trk_{a}_{b}_cov", FLOAT, f"trk_{a}_{b}_cov_", f"covariance of trk_{a}, trk_{b}")
        for place, (a, _, _) in enumerate(_OF_TRACK)
        for b, _, _ in _OF_TRACK[place + 1 :]
    ),
    *(
        same(f"trk_v{axis}", FLOAT, f"trk_v{axis}_", f"{axis} of its track's reference point", "cm")
        for axis in "xyz"
    ),
)

_MEMBERS: Final = (
    same("pt", FLOAT, "pt_", "transverse momentum", "GeV"),
    same("eta", FLOAT, "eta_", "pseudorapidity"),
    same("phi", FLOAT, "phi_", "azimuth", "rad"),
    same("m", FLOAT, "m_", "mass, 0 but for rounding", "GeV"),
    same("type", UINT32, "type_", "bits: 2 global, 4 tracker muon, 8 stand-alone"),
    same("charge", INT32, "charge_", "charge", "e"),
    same("normalized_chi2", FLOAT, "normalizedChi2_", "χ²/ndof; 999: none"),
    same("ecal_iso", FLOAT, "ecalIso_", "isolation in the ECAL", "GeV"),
    same("hcal_iso", FLOAT, "hcalIso_", "isolation in the HCAL", "GeV"),
    same("track_iso", FLOAT, "trackIso_", "isolation in the tracker", "GeV"),
    same(
        "n_valid_stand_alone_muon_hits",
        INT32,
        "nValidStandAloneMuonHits_",
        "valid hits of its stand-alone muon",
    ),
    same(
        "n_stand_alone_muon_matched_stations",
        INT32,
        "nStandAloneMuonMatchedStations_",
        "stations of its stand-alone muon",
    ),
    same("n_valid_reco_muon_hits", INT32, "nValidRecoMuonHits_", "valid hits in muon chambers"),
    same("n_reco_muon_chambers", INT32, "nRecoMuonChambers_", "chambers crossed"),
    same(
        "n_reco_muon_chambers_csc_or_dt", INT32, "nRecoMuonChambersCSCorDT_", "CSC or DT chambers"
    ),
    same("n_reco_muon_matches", INT32, "nRecoMuonMatches_", "chambers with matching segments"),
    same(
        "n_reco_muon_matched_stations",
        INT32,
        "nRecoMuonMatchedStations_",
        "stations with matching segments",
    ),
    same(
        "n_reco_muon_expected_matched_stations",
        UINT32,
        "nRecoMuonExpectedMatchedStations_",
        "stations where segments are expected",
    ),
    same("reco_muon_station_mask", UINT32, "recoMuonStationMask_", "bits of matched stations"),
    same(
        "n_reco_muon_matched_rpc_layers", INT32, "nRecoMuonMatchedRPCLayers_", "matched RPC layers"
    ),
    same("reco_muon_rpc_layer_mask", UINT32, "recoMuonRPClayerMask_", "bits of RPC layers"),
    same("n_valid_pixel_hits", INT32, "nValidPixelHits_", "valid pixel hits"),
    same("n_valid_strip_hits", INT32, "nValidStripHits_", "valid strip hits"),
    same(
        "n_pixel_layers_with_measurement",
        INT32,
        "nPixelLayersWithMeasurement_",
        "pixel layers with a valid hit",
    ),
    same(
        "n_tracker_layers_with_measurement",
        INT32,
        "nTrackerLayersWithMeasurement_",
        "layers of the tracker with a valid hit",
    ),
    *_TRACK,
    how_many("vertices", "vtxIndx_", "displaced vertices it belongs to"),
    first("vertex", INT32, "vtxIndx_", "number of the first of them; -1: none"),
)

_PAIR: Final = (
    member(
        "mass",
        FLOAT,
        "invariant mass, with the mass of a muon for each",
        *_COMPONENTS,
        unit="GeV",
        values=lambda pairs: pairs.sums.mass,
    ),
    member(
        "pt",
        FLOAT,
        "transverse momentum of both together",
        *_COMPONENTS,
        unit="GeV",
        values=lambda pairs: pairs.sums.pt,
    ),
    member(
        "rapidity",
        FLOAT,
        "rapidity of both together",
        *_COMPONENTS,
        values=lambda pairs: pairs.sums.rapidity,
    ),
    member(
        "opposite",
        BOOLEAN,
        "charges of different sign",
        "charge_",
        values=lambda pairs: pairs.opposite,
    ),
)

MUONS = tuple(
    Collection(
        name=f"scouting_muons_{name}",
        class_name=_CLASS,
        meaning=f"muons of scouting, {meaning}",
        members=_MEMBERS,
        objects=Firsts,
        label=label,
        instance="",
        other="scouting_muons",
    )
    for name, label, meaning in _PACKERS
)

DIMUONS = tuple(
    Collection(
        name=f"scouting_dimuons_{name}",
        class_name=_CLASS,
        meaning=f"pairs of the first {_MOST_PAIRED} muons of an event, {meaning}",
        members=_PAIR,
        objects=MuonPairs,
        label=label,
        instance="",
        other="scouting_dimuons",
    )
    for name, label, meaning in _PACKERS
)
