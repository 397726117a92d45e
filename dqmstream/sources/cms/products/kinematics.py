"""Formulas on many particles at once; all of them in double precision."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["FourMomenta", "four_momenta", "pseudorapidity"]

Doubles = NDArray[np.float64]


class FourMomenta(NamedTuple):
    """Components [GeV], each float64[particles]."""

    px: Doubles
    py: Doubles
    pz: Doubles
    energy: Doubles

    def take(self, rows: NDArray[np.int64]) -> "FourMomenta":
        """Those of the particles at `rows`."""
        return FourMomenta(*(component[rows] for component in self))

    def __add__(self, other: Any) -> "FourMomenta":
        return FourMomenta(*(mine + its for mine, its in zip(self, other, strict=True)))

    @property
    def pt(self) -> Doubles:
        """Transverse momentum [GeV]."""
        return np.hypot(self.px, self.py)

    @property
    def mass(self) -> Doubles:
        """Invariant mass [GeV]; 0 where rounding makes its square negative."""
        squared = self.energy**2 - self.px**2 - self.py**2 - self.pz**2
        return np.sqrt(np.maximum(squared, 0.0))

    @property
    def rapidity(self) -> Doubles:
        """artanh(pz / E); infinite for a massless particle along the beam."""
        return np.arctanh(self.pz / self.energy)


def four_momenta(pt: Any, eta: Any, phi: Any, mass: Any) -> FourMomenta:
    """Components of particles with transverse momentum and mass [GeV], pseudorapidity, azimuth."""
    pt, eta, phi, mass = (np.asarray(values, np.float64) for values in (pt, eta, phi, mass))
    pz = pt * np.sinh(eta)
    energy = np.sqrt(pt**2 + pz**2 + mass**2)
    return FourMomenta(pt * np.cos(phi), pt * np.sin(phi), pz, energy)


def pseudorapidity(pt: Doubles, pz: Doubles) -> Doubles:
    """arsinh(pz / pt), which is -ln tan(theta / 2) without its cancellations."""
    return np.arcsinh(pz / pt)
