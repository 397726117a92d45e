"""Electrons and photons of scouting."""

from typing import Final

from dqmstream.sources.cms.products.collection import (
    BOOLEAN,
    FLOAT,
    INT32,
    UINT32,
    Collection,
    Member,
    same,
)
from dqmstream.sources.cms.products.scouting.firsts import Firsts, first, how_many

__all__ = ["ELECTRONS", "PHOTONS"]

_KINEMATICS: Final = (
    same("pt", FLOAT, "pt_", "transverse momentum", "GeV"),
    same("eta", FLOAT, "eta_", "pseudorapidity"),
    same("phi", FLOAT, "phi_", "azimuth", "rad"),
    same("m", FLOAT, "m_", "mass", "GeV"),
    same("raw_energy", FLOAT, "rawEnergy_", "uncorrected energy of the supercluster", "GeV"),
    same("preshower_energy", FLOAT, "preshowerEnergy_", "energy in the preshower", "GeV"),
    same("corr_ecal_energy_error", FLOAT, "corrEcalEnergyError_", "error of the energy", "GeV"),
)
_SHAPE: Final = (
    same("sigma_ieta_ieta", FLOAT, "sigmaIetaIeta_", "width of the shower in η, in crystals"),
    same("h_over_e", FLOAT, "hOverE_", "energy behind in the HCAL over its own"),
)
_CLUSTER: Final = (
    same("r9", FLOAT, "r9_", "share of 3 × 3 crystals"),
    same("s_min", FLOAT, "sMin_", "minor axis of the shower"),
    same("s_maj", FLOAT, "sMaj_", "major axis of the shower"),
    same("seed_id", UINT32, "seedId_", "raw id of the seed crystal"),
    same("n_clusters", UINT32, "nClusters_", "clusters in the supercluster"),
    same("n_crystals", UINT32, "nCrystals_", "crystals in the supercluster"),
    same(
        "rechit_zero_suppression",
        BOOLEAN,
        "rechitZeroSuppression_",
        "whether its crystals were zero-suppressed",
    ),
)


def _isolation(name: str, raw: str, detector: str) -> Member:
    return same(name, FLOAT, raw, f"isolation in the {detector}", "GeV")


_ELECTRON_TRACK: Final = (
    how_many("tracks", "trkpt_", "tracks that may be its own"),
    first(
        "charge", INT32, "trkcharge_", "charge of its first track; -1 too where it has none", "e"
    ),
    first("trk_pt", FLOAT, "trkpt_", "transverse momentum of its first track", "GeV"),
    first("trk_eta", FLOAT, "trketa_", "pseudorapidity of its first track"),
    first("trk_phi", FLOAT, "trkphi_", "azimuth of its first track", "rad"),
    first("trk_d0", FLOAT, "trkd0_", "transverse impact parameter of its first track", "cm"),
    first("trk_dz", FLOAT, "trkdz_", "longitudinal impact parameter of its first track", "cm"),
    first("trk_chi2overndf", FLOAT, "trkchi2overndf_", "χ²/ndof of its first track"),
)

ELECTRONS = Collection(
    name="scouting_electrons",
    class_name="vector<Run3ScoutingElectron>",
    meaning="electrons of scouting",
    objects=Firsts,
    other="scouting_electrons",
    members=(
        *_KINEMATICS,
        *_ELECTRON_TRACK,
        same("d_eta_in", FLOAT, "dEtaIn_", "cluster and track: difference in η at the vertex"),
        same("d_phi_in", FLOAT, "dPhiIn_", "cluster and track: difference in φ", "rad"),
        *_SHAPE,
        same("oo_emoop", FLOAT, "ooEMOop_", "1/E - 1/p", "1/GeV"),
        same("missing_hits", INT32, "missingHits_", "missing inner hits of its track"),
        same("trackfbrem", FLOAT, "trackfbrem_", "share of momentum lost by bremsstrahlung"),
        _isolation("ecal_iso", "ecalIso_", "ECAL"),
        _isolation("hcal_iso", "hcalIso_", "HCAL"),
        _isolation("track_iso", "trackIso_", "tracker"),
        *_CLUSTER,
    ),
)

PHOTONS = Collection(
    name="scouting_photons",
    class_name="vector<Run3ScoutingPhoton>",
    meaning="photons of scouting",
    other="scouting_photons",
    members=(
        *_KINEMATICS,
        *_SHAPE,
        _isolation("ecal_iso", "ecalIso_", "ECAL"),
        _isolation("hcal_iso", "hcalIso_", "HCAL"),
        _isolation("track_iso", "trkIso_", "tracker"),
        *_CLUSTER,
    ),
)
