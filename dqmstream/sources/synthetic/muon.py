"""Muons: candidates, and hits in chambers like those of CMS's muon system.

Geometry: CMS, JINST 3 (2008) S08004, chapter 7. Drift tubes (`dt`): 5 wheels x 4 stations x 12
sectors, the 10 further chambers of station 4 left out. Cathode strip chambers (`csc`): 2 endcaps
with 540 chambers. Resistive plate chambers (`rpc`): the barrel alone, 5 wheels x 6 layers x 12
sectors. Idealised: all chambers of a kind are hit equally often.

=========== ======== ====================================================== ====================
collection  member   shape                                                  source
=========== ======== ====================================================== ====================
`muon`      `pt`     pt^-3.5 above 3 GeV: mean 5 GeV                        falling, idealised
            `eta`    equal over -2.4 to 2.4                                 acceptance
            `phi`    equal over -pi to pi                                   symmetry
            `charge` -1 or +1, equal
            `time`   Gaussian, mean 0, sigma 1.5 ns                         idealised
`dt`        `time`   Gaussian, mean 0, sigma 2.5 ns                         about 2 ns a segment
`csc`       `time`   Gaussian, mean 0, sigma 3 ns                           about 3 ns a segment
`rpc`       `time`   Gaussian, mean 0, sigma 2 ns                           about 2 ns a chamber
=========== ======== ====================================================== ====================

`chamber` numbers the chambers of each kind from 0; `wheel`, `station`, `sector`, `layer`, `endcap`
(-1, 1) and `ring` follow from it.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa

from dqmstream.sources.synthetic.cells import Address, Cells
from dqmstream.sources.synthetic.collection import Collection, Members
from dqmstream.sources.synthetic.distributions import gaussian, power_law, uniform

__all__ = ["CSC_RINGS", "PT_EXPONENT", "PT_MINIMUM", "CscHits", "DtHits", "Muons", "RpcHits"]

PT_MINIMUM: Final = 3.0
"""Lowest transverse momentum of a candidate [GeV]."""
PT_EXPONENT: Final = 3.5
"""Power with which the pt spectrum falls."""
CSC_RINGS: Final = ((36, 36, 36), (18, 36), (18, 36), (18, 36))
"""Chambers of each ring of stations 1 to 4 of one endcap."""

_ACCEPTANCE: Final = 2.4


def _barrel_cells(depth: str, depths: int) -> Cells:
    """Chambers in 5 wheels, `depths` stations or layers, and 12 sectors."""
    wheel, second, sector = np.indices((5, depths, 12)).reshape(3, -1)
    return Cells(
        {
            "chamber": np.arange(len(wheel), dtype=np.uint16),
            "wheel": (wheel - 2).astype(np.int8),
            depth: (second + 1).astype(np.uint8),
            "sector": (sector + 1).astype(np.uint8),
        }
    )


def _endcap_cells() -> Cells:
    rows = [
        (endcap, station, ring)
        for endcap in (-1, 1)
        for station, rings in enumerate(CSC_RINGS, start=1)
        for ring, chambers in enumerate(rings, start=1)
        for _ in range(chambers)
    ]
    endcap, station, ring = np.array(rows).T
    return Cells(
        {
            "chamber": np.arange(len(rows), dtype=np.uint16),
            "endcap": endcap.astype(np.int8),
            "station": station.astype(np.uint8),
            "ring": ring.astype(np.uint8),
        }
    )


class Muons(Collection):
    """Muon candidates, 0.6 an event."""

    name = "muon"
    members: ClassVar[Mapping[str, pa.DataType]] = {
        "pt": pa.float32(),
        "eta": pa.float32(),
        "phi": pa.float32(),
        "charge": pa.int8(),
        "time": pa.float32(),
    }
    cells = Cells({})
    mean = 0.6

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:  # noqa: ARG002 candidates have no cells
        return {
            "pt": power_law(rng, n, PT_MINIMUM, PT_EXPONENT),
            "eta": uniform(rng, n, -_ACCEPTANCE, _ACCEPTANCE),
            "phi": uniform(rng, n, -np.pi, np.pi),
            "charge": 2 * rng.integers(0, 2, n, dtype=np.int8) - 1,
            "time": gaussian(rng, n, 0, 1.5),
        }


class _ChamberHits(Collection):
    """Hits of one kind of chamber."""

    time_sigma: ClassVar[float]

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        chosen = self.cells.members(self.cells.draw(rng, n, at))
        return chosen | {"time": gaussian(rng, n, 0, self.time_sigma)}


class DtHits(_ChamberHits):
    """Drift tube segments, 4 an event."""

    name = "dt"
    members: ClassVar[Mapping[str, pa.DataType]] = {
        "chamber": pa.uint16(),
        "wheel": pa.int8(),
        "station": pa.uint8(),
        "sector": pa.uint8(),
        "time": pa.float32(),
    }
    cells = _barrel_cells("station", 4)
    mean = 4.0
    time_sigma = 2.5


class CscHits(_ChamberHits):
    """Cathode strip chamber segments, 6 an event."""

    name = "csc"
    members: ClassVar[Mapping[str, pa.DataType]] = {
        "chamber": pa.uint16(),
        "endcap": pa.int8(),
        "station": pa.uint8(),
        "ring": pa.uint8(),
        "time": pa.float32(),
    }
    cells = _endcap_cells()
    mean = 6.0
    time_sigma = 3.0


class RpcHits(_ChamberHits):
    """Resistive plate chamber hits, 5 an event."""

    name = "rpc"
    members: ClassVar[Mapping[str, pa.DataType]] = {
        "chamber": pa.uint16(),
        "wheel": pa.int8(),
        "layer": pa.uint8(),
        "sector": pa.uint8(),
        "time": pa.float32(),
    }
    cells = _barrel_cells("layer", 6)
    mean = 5.0
    time_sigma = 2.0
