"""Objects of scouting made up: columns as the payload decoder gives them, all of them good."""

from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["add_scouting"]

Array = NDArray[Any]

_KINDS: Final = (211, -211, 130, 22, 13, -13, 11, -11, 1, 2)
_SHARES: Final = (0.32, 0.32, 0.1, 0.2, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01)


class _Collections(Protocol):
    values: dict[str, Array]

    def add(self, name: str, counts: Array, **members: Array) -> None: ...


def add_scouting(found: _Collections, rng: np.random.Generator, events: int) -> None:
    """All collections and numbers of scouting."""
    found.values["scouting_rho"] = rng.normal(32, 3, events)
    found.values["scouting_met_pt"] = 3 + rng.exponential(30, events)
    found.values["scouting_met_phi"] = rng.uniform(-np.pi, np.pi, events)
    _tracks(found, rng, rng.poisson(20, events))
    _vertices(found, rng, events)
    _particles(found, rng, rng.poisson(80, events))
    for kind in ("vtx", "no_vtx"):
        _muons(found, rng, kind, rng.integers(0, 3, events))
    for name, mean in (("electrons", 3), ("photons", 4)):
        _showers(found, rng, name, rng.poisson(mean, events))
    _jets(found, rng, rng.poisson(20, events))


def _places(rng: np.random.Generator, number: int, pt: float, eta: float) -> dict[str, Array]:
    return {
        "pt": pt + rng.exponential(pt, number),
        "eta": rng.uniform(-eta, eta, number),
        "phi": rng.uniform(-np.pi, np.pi, number),
    }


def _tracks(found: _Collections, rng: np.random.Generator, counts: Array) -> None:
    number = int(counts.sum())
    places = _places(rng, number, 1, 2.5)
    ndof = rng.integers(8, 40, number).astype(float)
    found.add(
        "scouting_tracks",
        counts,
        **places,
        charge=rng.choice([-1, 1], number),
        chi2=rng.chisquare(ndof),
        ndof=ndof,
        dxy=-0.09 * np.sin(places["phi"]) + rng.normal(0, 0.02, number),
        dz=rng.normal(0, 4, number),
        n_valid_pixel_hits=rng.integers(3, 6, number),
        n_valid_strip_hits=rng.integers(0, 20, number),
        n_tracker_layers_with_measurement=rng.integers(4, 14, number),
    )


def _vertices(found: _Collections, rng: np.random.Generator, events: int) -> None:
    counts = rng.poisson(28, events)
    number = int(counts.sum())
    found.add(
        "scouting_vertices_primary",
        counts,
        x=np.full(number, 0.088),
        y=np.full(number, -0.189),
        z=rng.normal(0, 4, number),
        z_error=rng.uniform(0.001, 0.04, number),
        tracks=rng.integers(2, 40, number),
        ndof=rng.integers(1, 60, number),
        valid=np.ones(number, bool),
    )
    for name in ("displaced_vtx", "displaced_no_vtx"):
        counts = rng.binomial(1, 0.2, events)
        x, y = rng.normal(0.1, 0.3, (2, int(counts.sum())))
        found.add(f"scouting_vertices_{name}", counts, x=x, y=y)


def _particles(found: _Collections, rng: np.random.Generator, counts: Array) -> None:
    number = int(counts.sum())
    found.add(
        "scouting_particles",
        counts,
        **_places(rng, number, 0.8, 2.9),
        pdg_id=rng.choice(_KINDS, number, p=_SHARES),
        vertex=rng.integers(-1, 20, number),
    )


def _muons(found: _Collections, rng: np.random.Generator, kind: str, counts: Array) -> None:
    number = int(counts.sum())
    found.add(
        f"scouting_muons_{kind}",
        counts,
        **_places(rng, number, 4, 2.4),
        charge=rng.choice([-1, 1], number),
        normalized_chi2=np.where(rng.random(number) < 0.2, 999, rng.exponential(1, number)),
        track_iso=rng.exponential(1, number),
        n_valid_pixel_hits=rng.integers(3, 6, number),
        n_tracker_layers_with_measurement=rng.integers(8, 15, number),
        n_reco_muon_matched_stations=rng.integers(1, 5, number),
        trk_dxy=rng.normal(0, 0.05, number),
        trk_dz=rng.normal(0, 4, number),
    )
    pairs = (counts == 2).astype(int)
    number = int(pairs.sum())
    found.add(
        f"scouting_dimuons_{kind}",
        pairs,
        mass=rng.choice([0.8, 3.1, 9.46, 91.2], number) * rng.normal(1, 0.01, number),
        pt=rng.exponential(8, number),
        opposite=rng.random(number) < 0.9,
    )


def _showers(found: _Collections, rng: np.random.Generator, name: str, counts: Array) -> None:
    number = int(counts.sum())
    places = _places(rng, number, 10, 2.5)
    members = {
        "raw_energy": places["pt"] * np.cosh(places["eta"]) * 0.5,
        "sigma_ieta_ieta": rng.uniform(0.005, 0.04, number),
        "h_over_e": rng.exponential(0.05, number),
        "r9": rng.uniform(0.3, 1.0, number),
        "s_min": rng.uniform(0.1, 0.4, number),
        "s_maj": rng.uniform(0.2, 1.0, number),
        **{f"{part}_iso": rng.exponential(2, number) for part in ("ecal", "hcal", "track")},
    }
    if name == "electrons":
        members |= {
            "d_eta_in": rng.normal(0, 0.005, number),
            "d_phi_in": rng.normal(0, 0.03, number),
            "oo_emoop": rng.normal(0, 0.02, number),
            "trackfbrem": rng.uniform(-0.2, 0.9, number),
            "missing_hits": rng.binomial(2, 0.1, number),
            "charge": rng.choice([-1, 1], number),
            "tracks": rng.integers(1, 3, number),
        }
    found.add(f"scouting_{name}", counts, **places, **members)


def _jets(found: _Collections, rng: np.random.Generator, counts: Array) -> None:
    number = int(counts.sum())
    places = _places(rng, number, 20, 4.9)
    energy = places["pt"] * 2
    forward = np.abs(places["eta"]) > 3
    parts = {
        "charged_hadron": np.where(forward, 0, 0.6),
        "neutral_hadron": np.where(forward, 0.7, 0.14),
        "photon": np.where(forward, 0, 0.25),
        "electron": np.where(forward, 0, 0.005),
        "muon": np.where(forward, 0, 0.005),
        "hf_hadron": np.where(forward, 0.7, 0),
        "hf_em": np.where(forward, 0.3, 0),
    }
    found.add(
        "scouting_jets",
        counts,
        **places,
        m=rng.uniform(2, 15, number),
        jet_area=rng.uniform(0.4, 0.6, number),
        energy=energy,
        ho_energy=rng.exponential(0.2, number),
        mva_discriminator=rng.uniform(-1, 0.99, number),
        **{f"{part}_energy": share * energy for part, share in parts.items()},
        **{f"{part}_multiplicity": rng.integers(0, 9, number) for part in parts},
    )
