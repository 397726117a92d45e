"""Made-up scouting objects: what the trigger reconstructs for analyses of its own.

Counts and spectra are near those of 2025; every number fits a float with the 10 bits of mantissa
that the trigger keeps of most. Some muons come in pairs from decays of a J/psi, so that masses of
pairs have a peak.
"""

import math
from itertools import combinations
from typing import Any, Final

import numpy as np

from dqmstream.sources.cms.madeup.jpsi import MUON, jpsi_muons
from dqmstream.sources.cms.madeup.plan import Beam, Plan
from dqmstream.sources.cms.madeup.tracks import hit_words, place

__all__ = ["Scouting"]

_NO_TAG: Final = -20.0
_PIXEL_HITS: Final = 4
_COVARIANCES: Final = tuple(
    f"{one}_{other}" for one, other in combinations(("qoverp", "lambda", "phi", "dxy", "dsz"), 2)
)
_MEANS: Final = {
    "electrons": 1.3,
    "photons": 3.7,
    "jets": 8.0,
    "particles": 60.0,
    "tracks": 20.0,
    "vertices": 8.0,
}
"""Objects of an event; jets, particles, tracks and vertices are fewer than real ones are."""
Values = dict[str, Any]


class Scouting:
    """The scouting objects of one event, by collection."""

    def __init__(self, plan: Plan, beam: Beam, rng: np.random.Generator) -> None:
        self._plan, self._beam, self._rng = plan, beam, rng
        self.vertices = [self._vertex() for _ in range(max(1, self._count("vertices")))]
        self.tracks = [self._track() for _ in range(self._count("tracks"))]
        self.particles = [self._particle() for _ in range(self._count("particles"))]
        self.jets = [self._jet() for _ in range(self._count("jets"))]
        self.electrons = [self._electron() for _ in range(self._count("electrons"))]
        self.photons = [self._photon() for _ in range(self._count("photons"))]
        self.muons = self._muons()
        self.displaced = [self._vertex(displaced=0.5) for _ in range(len(self.muons) // 2)]
        self.met_pt = float(rng.rayleigh(28))
        self.met_phi = float(rng.uniform(-math.pi, math.pi))
        self.rho = float(max(0.0, rng.normal(plan.pileup / 2, 5)))

    def _count(self, kind: str) -> int:
        return int(self._rng.poisson(_MEANS[kind]))

    def _direction(self, limit: float) -> tuple[float, float]:
        return self._rng.uniform(-limit, limit), self._rng.uniform(-math.pi, math.pi)

    def _vertex(self, displaced: float = 0.0) -> Values:
        x, y, z = place(self._beam, self._rng)
        tracks = int(self._rng.integers(2, 30))
        return {
            "x_": _coarse(x + self._rng.normal(0, displaced)),
            "y_": _coarse(y + self._rng.normal(0, displaced)),
            "z_": _coarse(z),
            "zError_": _coarse(0.02 / math.sqrt(tracks)),
            "xError_": _coarse(displaced / 50),
            "yError_": _coarse(displaced / 50),
            "tracksSize_": tracks,
            "chi2_": _coarse(self._rng.chisquare(2 * tracks)),
            "ndof_": 2 * tracks - 3,
            "isValidVtx_": True,
            "xyCov_": 0.0,
            "xzCov_": 0.0,
            "yzCov_": 0.0,
        }

    def _fit(self, pt: float, eta: float, phi: float, charge: int) -> Values:
        """Parameters of a track and their errors, by the part of their names that all have."""
        vertex = int(self._rng.integers(0, len(self.vertices)))
        at = self.vertices[vertex]
        x = at["x_"] + self._rng.normal(0, 0.004)
        y = at["y_"] + self._rng.normal(0, 0.004)
        z = at["z_"] + self._rng.normal(0, 0.006)
        along = x * math.cos(phi) + y * math.sin(phi)
        momentum = pt * math.cosh(eta)
        fit = {
            "dxy": y * math.cos(phi) - x * math.sin(phi),
            "dz": z - along * math.sinh(eta),
            "qoverp": charge / momentum,
            "lambda": math.atan(math.sinh(eta)),
            "dsz": (z - along * math.sinh(eta)) / math.cosh(eta),
            "vx": x,
            "vy": y,
            "vz": z,
        }
        errors = {"dxy": 0.004, "dz": 0.008, "qoverp": 0.01 / momentum}
        errors |= {"lambda": 0.001, "phi": 0.001, "dsz": 0.006}
        return {
            "fit": {name: _coarse(value) for name, value in fit.items()},
            "errors": {name: _coarse(value) for name, value in errors.items()},
            "vertex": vertex,
        }

    def _track(self) -> Values:
        pt = _coarse(0.9 + self._rng.exponential(2))
        eta, phi = map(_coarse, self._direction(2.8))
        charge = self._charge()
        fit = self._fit(pt, eta, phi, charge)
        strips = int(self._rng.integers(0, 14))
        ndof = 2 * (_PIXEL_HITS + strips) - 5
        values = {
            "pt": pt,
            "eta": eta,
            "phi": phi,
            "chi2": _coarse(self._rng.chisquare(ndof)),
            "ndof": ndof,
            "charge": charge,
            "nValidPixelHits": _PIXEL_HITS,
            "nTrackerLayersWithMeasurement": _PIXEL_HITS + min(strips, 10),
            "nValidStripHits": strips,
            "vtxInd": fit["vertex"],
        }
        values |= fit["fit"]
        values |= {f"{name}_Error": error for name, error in fit["errors"].items()}
        values |= {f"{pair}_cov": 0.0 for pair in _COVARIANCES}
        return {f"tk_{name}_": value for name, value in values.items()}

    def _particle(self) -> Values:
        eta, phi = map(_coarse, self._direction(2.9))
        charged = self._rng.random() < 0.6
        return {
            "pt_": _coarse(0.6 + self._rng.exponential(1.7)),
            "eta_": eta,
            "phi_": phi,
            "pdgId_": 211 * self._charge() if charged else int(self._rng.choice((22, 130))),
            "vertex_": int(self._rng.integers(0, len(self.vertices))) if charged else -1,
            "normchi2_": _coarse(self._rng.gamma(10, 0.1)) if charged else 999.0,
            "dz_": _coarse(self._rng.normal(0, 0.02)),
            "dxy_": _coarse(self._rng.normal(0, 0.01)),
            "dzsig_": _coarse(self._rng.normal()),
            "dxysig_": _coarse(self._rng.normal()),
            "lostInnerHits_": 0,
            "quality_": 5 if charged else 0,
            "trk_pt_": 0.0,
            "trk_eta_": 0.0,
            "trk_phi_": 0.0,
            "relative_trk_vars_": True,
        }

    def _jet(self) -> Values:
        pt, m = 20 + self._rng.exponential(12), self._rng.uniform(2, 12)
        eta, phi = self._direction(4.9)
        energy = math.hypot(pt * math.cosh(eta), m)
        charged, neutral, photon = self._rng.dirichlet((6, 2, 3)) * energy
        if abs(eta) > 3:
            # No tracks that far forward.
            charged, neutral = 0.0, neutral + charged
        counts = {"chargedHadron": int(charged > 0) * 8, "neutralHadron": 2, "photon": 9}
        counts |= {"electron": 0, "muon": 0, "HFHadron": 0, "HFEM": 0}
        energies = dict.fromkeys(counts, 0.0)
        energies |= {"chargedHadron": charged, "neutralHadron": neutral, "photon": photon}
        return {
            "pt_": _coarse(pt),
            "eta_": _coarse(eta),
            "phi_": _coarse(phi),
            "m_": _coarse(m),
            "jetArea_": 0.5,
            **{f"{kind}Energy_": _coarse(value) for kind, value in energies.items()},
            **{f"{kind}Multiplicity_": count for kind, count in counts.items()},
            "HOEnergy_": 0.0,
            "csv_": _NO_TAG,
            "mvaDiscriminator_": 0.0,
            "constituents_": [],
        }

    def _shower(self, pt: float) -> Values:
        """What electrons and photons have in common."""
        eta, phi = self._direction(2.4)
        crystals = int(self._rng.integers(3, 12))
        return {
            "pt_": pt,
            "eta_": eta,
            "phi_": phi,
            "m_": 0.0,
            "rawEnergy_": pt * math.cosh(eta) * self._rng.normal(0.97, 0.02),
            "preshowerEnergy_": 0.0,
            "corrEcalEnergyError_": 0.03 * pt,
            "sigmaIetaIeta_": self._rng.normal(0.01, 0.002),
            "hOverE_": self._rng.exponential(0.05),
            "ecalIso_": self._rng.exponential(3),
            "hcalIso_": self._rng.exponential(4),
            "r9_": self._rng.uniform(0.6, 1.0),
            "sMin_": self._rng.uniform(0, 0.4),
            "sMaj_": self._rng.uniform(0.3, 0.7),
            "seedId_": 838_860_800 + int(self._rng.integers(0, 61_200)),
            "nClusters_": 1,
            "nCrystals_": crystals,
            "energyMatrix_": self._rng.dirichlet(np.ones(crystals)) * pt,
            "detIds_": 838_860_800 + np.arange(crystals),
            "timingMatrix_": [],
            "rechitZeroSuppression_": True,
        }

    def _photon(self) -> Values:
        return self._shower(2 + self._rng.exponential(11)) | {"trkIso_": 0.0}

    def _electron(self) -> Values:
        shower = self._shower(2 + self._rng.exponential(15))
        fits = int(self._rng.integers(1, 3))
        pts = self._rng.normal(shower["pt_"], 0.1, fits)
        return shower | {
            "trkd0_": self._rng.normal(0, 0.02, fits),
            "trkdz_": self._rng.normal(0, 4, fits),
            "trkpt_": pts,
            "trketa_": np.full(fits, shower["eta_"]),
            "trkphi_": np.full(fits, shower["phi_"]),
            "trkpMode_": pts * math.cosh(shower["eta_"]),
            "trketaMode_": np.full(fits, shower["eta_"]),
            "trkphiMode_": np.full(fits, shower["phi_"]),
            "trkqoverpModeError_": np.full(fits, 0.01),
            "trkchi2overndf_": self._rng.gamma(10, 0.1, fits),
            "dEtaIn_": self._rng.normal(0, 0.01),
            "dPhiIn_": self._rng.normal(0, 0.03),
            "ooEMOop_": self._rng.normal(0, 0.02),
            "missingHits_": int(self._rng.integers(0, 2)),
            "trkcharge_": [self._charge() for _ in range(fits)],
            "trackfbrem_": self._rng.uniform(0, 0.6),
            "trackIso_": 0.0,
        }

    def _muons(self) -> list[Values]:
        """Two of a J/psi, or none, or a single one."""
        if self._rng.random() < self._plan.jpsi:
            pair = jpsi_muons(self._rng)
            charge = self._charge()
            return [
                self._muon(*one, sign) for one, sign in zip(pair, (charge, -charge), strict=True)
            ]
        if self._rng.random() < 0.2:
            pt = 3 + self._rng.exponential(5)
            return [self._muon(pt, *self._direction(2.4), self._charge())]
        return []

    def _muon(self, pt: float, eta: float, phi: float, charge: int) -> Values:
        fit = self._fit(pt, eta, phi, charge)
        strips = int(self._rng.integers(6, 14))
        ndof = 2 * (_PIXEL_HITS + strips) - 5
        chi2 = self._rng.chisquare(ndof)
        hits = [1 << 10 | 1 << 7 | layer << 3 for layer in range(1, _PIXEL_HITS + 1)]
        hits += [1 << 10 | 5 << 7 | (1 + number % 6) << 3 for number in range(strips)]
        track = {"chi2": chi2, "ndof": ndof, "pt": pt, "phi": phi, "eta": eta} | fit["fit"]
        track |= {f"{name}Error": error for name, error in fit["errors"].items()}
        track |= {f"{pair}_cov": 0.0 for pair in _COVARIANCES}
        return {
            "pt_": pt,
            "eta_": eta,
            "phi_": phi,
            "m_": MUON,
            "type_": 0b110,
            "charge_": charge,
            "normalizedChi2_": chi2 / ndof,
            "ecalIso_": 0.0,
            "hcalIso_": 0.0,
            "trackIso_": self._rng.exponential(1),
            "nValidStandAloneMuonHits_": 20,
            "nStandAloneMuonMatchedStations_": 2,
            "nValidRecoMuonHits_": 18,
            "nRecoMuonChambers_": 3,
            "nRecoMuonChambersCSCorDT_": 3,
            "nRecoMuonMatches_": 2,
            "nRecoMuonMatchedStations_": 2,
            "nRecoMuonExpectedMatchedStations_": 2,
            "recoMuonStationMask_": 3,
            "nRecoMuonMatchedRPCLayers_": 1,
            "recoMuonRPClayerMask_": 1,
            "nValidPixelHits_": _PIXEL_HITS,
            "nValidStripHits_": strips,
            "nPixelLayersWithMeasurement_": _PIXEL_HITS,
            "nTrackerLayersWithMeasurement_": _PIXEL_HITS + min(strips, 6),
            **{f"trk_{name}_": value for name, value in track.items()},
            "vtxIndx_": [0],
            "trk_hitPattern_": hit_words(hits),
        }

    def _charge(self) -> int:
        return int(self._rng.choice((-1, 1)))


def _coarse(value: float) -> float:
    """As a float of 32 bits with 10 bits of mantissa."""
    bits = np.float32(value).view(np.uint32) & np.uint32(0xFFFF_E000)
    return float(bits.view(np.float32))
