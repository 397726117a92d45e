"""HCAL: hits in the barrel, endcap, outer and forward calorimeter of a detector like CMS's.

Geometry and depths: CMS, *Technical Design Report for the Phase 1 Upgrade of the Hadron
Calorimeter*, CERN-LHCC-2012-015, idealised at the seams: HB |ieta| 1 to 16 with 4 depths (3 in ring
16), HE 16 to 29 with up to 7, HO 1 to 15 with depth 4, HF 29 to 41 with 4. iphi counts 72 steps;
HE beyond ring 20 and HF have each other one, HF rings 40 and 41 each fourth one.

============= ====================================================== ===========================
member        shape                                                  source
============= ====================================================== ===========================
`subdetector` 1 HB, 2 HE, 3 HO, 4 HF                                 CMSSW's numbers
`ieta`        equal over the channels of a depth                     idealised
`iphi`        equal
`depth`       the number of hits of a channel falls as               showers end: a few depths of
              exp(-(depth - 1) / 3)                                  interaction length each
`energy`      E^-3.5 above 0.5 GeV, above 2 GeV in HF: mean 5/3 of   falling spectrum above zero
              it                                                     suppression, idealised
`time`        of the TDC [ns]: Gaussian, mean 0, sigma 1 ns; 3 ns    TDC bins of 0.5 ns in HB, HE
              in HO                                                  and HF; HO has none
============= ====================================================== ===========================
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa

from dqmstream.sources.synthetic.cells import Address, Cells
from dqmstream.sources.synthetic.collection import Collection, Members
from dqmstream.sources.synthetic.distributions import power_law

__all__ = ["ENERGY_EXPONENT", "ENERGY_MINIMA", "SUBDETECTORS", "TIME_SIGMAS", "HcalHits"]

SUBDETECTORS: Final[Mapping[str, int]] = {"HB": 1, "HE": 2, "HO": 3, "HF": 4}
"""Name to CMSSW's number."""
ENERGY_MINIMA: Final = (0.5, 0.5, 0.5, 2.0)
"""Zero suppression of HB, HE, HO, HF [GeV]."""
ENERGY_EXPONENT: Final = 3.5
"""Power with which the energy spectrum falls."""
TIME_SIGMAS: Final = (1.0, 1.0, 3.0, 1.0)
"""Time resolution of HB, HE, HO, HF [ns]."""

_DEPTH_FALL: Final = 3.0
_PHI: Final = 72


def _depths(subdetector: str, ring: int) -> range:
    """Depths of a channel; none where the subdetector has no such ring."""
    match subdetector:
        case "HB":
            return range(1, 4 if ring == 16 else 5) if ring <= 16 else range(0)
        case "HO":
            return range(4, 5) if ring <= 15 else range(0)
        case "HF":
            return range(1, 5) if ring >= 29 else range(0)
    if ring < 16 or ring > 29:
        return range(0)
    special = {16: range(4, 5), 17: range(2, 4), 29: range(1, 4)}
    return special.get(ring, range(1, 8 if ring >= 26 else 7))


def _step(subdetector: str, ring: int) -> int:
    """Steps in iphi from channel to channel."""
    if subdetector == "HF":
        return 4 if ring >= 40 else 2
    return 2 if ring > 20 else 1


def _channels() -> Iterator[tuple[int, int, int, int]]:
    for name, number in SUBDETECTORS.items():
        for side in (-1, 1):
            for ring in range(1, 42):
                for depth in _depths(name, ring):
                    for iphi in range(1, _PHI + 1, _step(name, ring)):
                        yield number, side * ring, iphi, depth


def _cells() -> Cells:
    subdetector, ieta, iphi, depth = np.array(list(_channels())).T
    return Cells(
        {
            "subdetector": subdetector.astype(np.uint8),
            "ieta": ieta.astype(np.int8),
            "iphi": iphi.astype(np.uint8),
            "depth": depth.astype(np.uint8),
        },
        weights=np.exp(-(depth - 1) / _DEPTH_FALL),
    )


class HcalHits(Collection):
    """Hits above zero suppression, a sample of 30 in a crossing of pile-up 60."""

    name = "hcal"
    members: ClassVar[Mapping[str, pa.DataType]] = {
        "subdetector": pa.uint8(),
        "ieta": pa.int8(),
        "iphi": pa.uint8(),
        "depth": pa.uint8(),
        "energy": pa.float32(),
        "time": pa.float32(),
    }
    cells = _cells()
    mean = 30.0
    follows_pileup = True

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        place = self.cells.members(self.cells.draw(rng, n, at))
        kind = place["subdetector"] - 1
        minimum = np.array(ENERGY_MINIMA, np.float32)[kind]
        sigma = np.array(TIME_SIGMAS, np.float32)[kind]
        return place | {
            "energy": minimum * power_law(rng, n, 1, ENERGY_EXPONENT),
            "time": sigma * rng.standard_normal(n, dtype=np.float32),
        }
