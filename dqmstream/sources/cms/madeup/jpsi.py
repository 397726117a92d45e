"""Pairs of muons with the mass of a J/psi."""

import math
from typing import Final

import numpy as np

__all__ = ["JPSI", "MUON", "jpsi_muons"]

MUON: Final = 0.105658
"""Mass of a muon [GeV]."""
JPSI: Final = 3.0969
"""Mass of a J/psi [GeV]."""


def jpsi_muons(rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """pt, eta and phi of the two muons of a J/psi, which decays the same in all directions."""
    pt, eta, phi = 4 + rng.exponential(4), rng.uniform(-1.8, 1.8), rng.uniform(-math.pi, math.pi)
    boost = np.array((pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta)))
    energy = math.sqrt(boost @ boost + JPSI**2)
    cosine, angle = rng.uniform(-1, 1), rng.uniform(-math.pi, math.pi)
    sine = math.sqrt(1 - cosine**2)
    own = np.array((sine * math.cos(angle), sine * math.sin(angle), cosine))
    own *= math.sqrt(JPSI**2 / 4 - MUON**2)
    muons = []
    for rest in (own, -own):
        # The general boost, along the momentum of the J/psi.
        along = rest @ boost / (energy + JPSI) + JPSI / 2
        moved = rest + boost * along / JPSI
        transverse = math.hypot(moved[0], moved[1])
        muons.append(
            (transverse, math.asinh(moved[2] / transverse), math.atan2(moved[1], moved[0]))
        )
    return muons
