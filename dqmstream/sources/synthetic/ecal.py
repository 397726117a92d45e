"""ECAL barrel: crystals with a deposit, in a detector like CMS's lead tungstate barrel.

Geometry: CMS, *The Electromagnetic Calorimeter Project TDR*, CERN/LHCC 97-33: 61200 crystals, ieta
-85 to 85 without 0, iphi 1 to 360, in 36 supermodules of 85 x 20 crystals, 1 to 18 at positive
ieta and 19 to 36 at negative ieta. Idealised: all crystals are hit equally often.

============= ====================================================== ===========================
member        shape                                                  source
============= ====================================================== ===========================
`ieta`        equal over -85..-1 and 1..85                           idealised
`iphi`        equal over 1..360                                      idealised
`supermodule` 1 to 36, from ieta and iphi                            CMS numbering
`energy`      E^-4 above 0.5 GeV: mean 0.75 GeV                      falling spectrum above zero
                                                                     suppression, idealised
`time`        Gaussian, mean 0, sigma 1 ns                           of the size CMS saw at low
                                                                     energies, JINST 5 T03011
============= ====================================================== ===========================
"""

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa

from dqmstream.sources.synthetic.cells import Address, Cells
from dqmstream.sources.synthetic.collection import Collection, Members
from dqmstream.sources.synthetic.distributions import gaussian, power_law

__all__ = ["ENERGY_EXPONENT", "ENERGY_MINIMUM", "TIME_SIGMA", "EcalCrystals"]

ENERGY_MINIMUM: Final = 0.5
"""Zero suppression [GeV]."""
ENERGY_EXPONENT: Final = 4.0
"""Power with which the energy spectrum falls."""
TIME_SIGMA: Final = 1.0
"""Time resolution [ns]."""

_SUPERMODULE_PHI: Final = 20


def _barrel() -> Cells:
    """One cell per crystal."""
    rings = np.concatenate([np.arange(-85, 0), np.arange(1, 86)])
    ieta = np.repeat(rings, 360)
    iphi = np.tile(np.arange(1, 361), len(rings))
    supermodule = (iphi - 1) // _SUPERMODULE_PHI + np.where(ieta > 0, 1, 19)
    return Cells(
        {
            "ieta": ieta.astype(np.int8),
            "iphi": iphi.astype(np.uint16),
            "supermodule": supermodule.astype(np.uint8),
        }
    )


class EcalCrystals(Collection):
    """Crystals above zero suppression, a sample of 20 in a crossing of pile-up 60."""

    name = "ecal"
    members: ClassVar[Mapping[str, pa.DataType]] = {
        "ieta": pa.int8(),
        "iphi": pa.uint16(),
        "supermodule": pa.uint8(),
        "energy": pa.float32(),
        "time": pa.float32(),
    }
    cells = _barrel()
    mean = 20.0
    follows_pileup = True

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        return self.cells.members(self.cells.draw(rng, n, at)) | {
            "energy": power_law(rng, n, ENERGY_MINIMUM, ENERGY_EXPONENT),
            "time": gaussian(rng, n, 0, TIME_SIGMA),
        }
