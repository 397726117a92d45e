"""A fill of the collider: pile-up, luminosity, energy and prescales, lumisection by lumisection.

Pile-up falls exponentially. The luminosity follows from it as L = pile-up x bunches x f / sigma,
with the revolution frequency f and sigma = 80 mb, the inelastic cross section that CMS's luminosity
tool brilcalc takes by default. As it falls, operators choose columns of smaller prescales. The
energy of the beams is told, and changes nothing in the events.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dqmstream.conditions.limits import MOST_ENERGY
from dqmstream.errors import ConfigurationError
from dqmstream.sources.synthetic.beam import REVOLUTION_FREQUENCY, filled_bunches

__all__ = [
    "ENERGY",
    "INITIAL_PILEUP",
    "PILEUP_LIFETIME",
    "PRESCALE_COLUMNS",
    "PRESCALE_PILEUPS",
    "Fill",
]

INITIAL_PILEUP: Final = 60.0
"""Mean number of interactions in a crossing of LS 1, about that of the LHC in 2024."""
PILEUP_LIFETIME: Final = 1500.0
"""Lumisections in which pile-up falls by a factor e: 9.7 hours of 23.31 s."""
ENERGY: Final = 6800.0
"""Of a beam, that of the LHC since 2022 [GeV]."""
PRESCALE_PILEUPS: Final = (52.0, 44.0, 36.0, 28.0, 20.0)
"""Below each of these pile-ups the next column of prescales is in force [interactions]."""
PRESCALE_COLUMNS: Final = len(PRESCALE_PILEUPS) + 1
"""Columns of prescales, numbered from 0: the one for the highest luminosity."""

_CROSS_SECTION_CM2: Final = 80e-27


@dataclass(frozen=True, kw_only=True, slots=True)
class Fill:
    """What the beams do during a run.

    Parameters
    ----------
    number
        Of the fill.
    initial_pileup
        Mean number of interactions in a crossing of LS 1.
    pileup_lifetime
        Lumisections in which pile-up falls by a factor e.
    prescales
        Columns that operators chose otherwise: pairs of the first LS and the column, with rising
        LSs; before the first the column follows pile-up.
    energies
        Of a beam otherwise than `ENERGY`: pairs of the first LS and GeV, with rising LSs.

    Raises
    ------
    ConfigurationError
        If a value is out of bounds, or the LSs of the prescales or energies do not rise.
    """

    number: int = 1
    initial_pileup: float = INITIAL_PILEUP
    pileup_lifetime: float = PILEUP_LIFETIME
    prescales: tuple[tuple[int, int], ...] = ()
    energies: tuple[tuple[int, float], ...] = ()

    def __post_init__(self) -> None:
        bounds = {"number": (1, 2**31 - 1), "initial_pileup": (0, 500), "pileup_lifetime": (1, 1e9)}
        for name, (lower, upper) in bounds.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and lower <= value <= upper):
                msg = f"fill: {name} is {value}, expected {lower:g} to {upper:g}"
                raise ConfigurationError(msg)
        columns = [column for _, column in self.prescales]
        if not _rising(self.prescales) or not all(0 <= one < PRESCALE_COLUMNS for one in columns):
            msg = (
                f"fill: prescales are {self.prescales}, expected pairs of a first LS, rising from "
                f"1 on, and a column from 0 to {PRESCALE_COLUMNS - 1}"
            )
            raise ConfigurationError(msg)

        good = all(0 < energy <= MOST_ENERGY for _, energy in self.energies)
        if not _rising(self.energies) or not good:
            msg = (
                f"fill: energies are {self.energies}, expected pairs of a first LS, rising from 1 "
                f"on, and an energy of a beam up to {MOST_ENERGY:g} GeV"
            )
            raise ConfigurationError(msg)

    def pileup(self, lumisection: int) -> float:
        """Pile-up of a lumisection, averaged over bunches [interactions]."""
        return self.initial_pileup * math.exp(-(lumisection - 1) / self.pileup_lifetime)

    def luminosity(self, lumisection: int) -> float:
        """Instantaneous luminosity of a lumisection [/cm2/s]."""
        collisions = self.pileup(lumisection) * len(filled_bunches()) * REVOLUTION_FREQUENCY
        return collisions / _CROSS_SECTION_CM2

    def energy(self, lumisection: int) -> float:
        """Energy of a beam in a lumisection [GeV]."""
        chosen = [energy for first, energy in self.energies if first <= lumisection]
        return chosen[-1] if chosen else ENERGY

    def prescale_index(self, lumisection: int) -> int:
        """Column of prescales in force in a lumisection."""
        chosen = [column for first, column in self.prescales if first <= lumisection]
        if chosen:
            return chosen[-1]
        pileup = self.pileup(lumisection)
        return sum(pileup < limit for limit in PRESCALE_PILEUPS)


def _rising(pairs: Sequence[tuple[int, float]]) -> bool:
    """Whether the first numbers rise, from 1 on."""
    starts = [first for first, _ in pairs]
    return sorted(set(starts)) == starts and all(first >= 1 for first in starts)
