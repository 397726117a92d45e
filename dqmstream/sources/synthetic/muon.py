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
            `layers` of the segment with a hit: binomial, 12 with 95 %      8 layers in phi, 4 in
                     each; in station 4 8                                   theta but in station 4
            `x`      place in the chamber [cm], equal over -100 to 100      idealised
`csc`       `time`   Gaussian, mean 0, sigma 3 ns                           about 3 ns a segment
            `layers` of the segment with a hit: binomial, 6 with 95 %       6 layers
            `strip`  1 to 80, in ring 3 of station 1 1 to 64; equal         JINST 3 S08004
            `wire`   group, 1 to `CSC_WIRES` of the ring; equal             JINST 3 S08004
`rpc`       `time`   Gaussian, mean 0, sigma 2 ns                           about 2 ns a chamber
            `strip`  1 to 96; equal                                         idealised
            `size`   strips in the cluster: geometric, mean 2               falls by a factor
            `bx`     crossing, relative to the event's: -2 to 2, 98 % in 0  2 ns against 25 ns
=========== ======== ====================================================== ====================

Most hits in chambers are background and follow pile-up; candidates, which were triggered on, do
not. `chamber` numbers the chambers of each kind from 0; `wheel`, `station`, `sector`, `layer`,
`endcap` (-1, 1) and `ring` follow from it.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa

from dqmstream.sources.synthetic.cells import Address, Cells
from dqmstream.sources.synthetic.collection import Collection, Members
from dqmstream.sources.synthetic.distributions import (
    gaussian,
    geometric,
    power_law,
    relative_crossing,
    uniform,
)

__all__ = [
    "CSC_RINGS",
    "CSC_WIRES",
    "LAYER_EFFICIENCY",
    "PT_EXPONENT",
    "PT_MINIMUM",
    "RPC_IN_TIME",
    "CscHits",
    "DtHits",
    "Muons",
    "RpcHits",
]

PT_MINIMUM: Final = 3.0
"""Lowest transverse momentum of a candidate [GeV]."""
PT_EXPONENT: Final = 3.5
"""Power with which the pt spectrum falls."""
CSC_RINGS: Final = ((36, 36, 36), (18, 36), (18, 36), (18, 36))
"""Chambers of each ring of stations 1 to 4 of one endcap."""

CSC_WIRES: Final = ((48, 64, 32), (112, 64), (96, 64), (96, 64))
"""Wire groups of a chamber in each ring of stations 1 to 4."""
LAYER_EFFICIENCY: Final = 0.95
"""Probability of a layer to be part of a segment, in drift tubes and cathode strip chambers."""
RPC_IN_TIME: Final = 0.98
"""Fraction of resistive plate chamber hits in the right crossing."""

_ACCEPTANCE: Final = 2.4
_DT_HALF_WIDTH_CM: Final = 100.0


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
    """One cell per chamber; how many strips and wire groups it has are no addresses: floats."""
    rows = [
        (endcap, station, ring, CSC_WIRES[station - 1][ring - 1])
        for endcap in (-1, 1)
        for station, rings in enumerate(CSC_RINGS, start=1)
        for ring, chambers in enumerate(rings, start=1)
        for _ in range(chambers)
    ]
    endcap, station, ring, wires = np.array(rows).T
    return Cells(
        {
            "chamber": np.arange(len(rows), dtype=np.uint16),
            "endcap": endcap.astype(np.int8),
            "station": station.astype(np.uint8),
            "ring": ring.astype(np.uint8),
            "strips": np.where((station == 1) & (ring == 3), 64, 80).astype(np.float32),
            "wires": wires.astype(np.float32),
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

    follows_pileup = True
    time_sigma: ClassVar[float]

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        chosen = self.cells.members(self.cells.draw(rng, n, at))
        return chosen | {"time": gaussian(rng, n, 0, self.time_sigma)}


class DtHits(_ChamberHits):
    """Drift tube segments, 4 in a crossing of pile-up 60."""

    name = "dt"
    members: ClassVar[Mapping[str, pa.DataType]] = {
        "chamber": pa.uint16(),
        "wheel": pa.int8(),
        "station": pa.uint8(),
        "sector": pa.uint8(),
        "time": pa.float32(),
        "layers": pa.uint8(),
        "x": pa.float32(),
    }
    cells = _barrel_cells("station", 4)
    mean = 4.0
    time_sigma = 2.5

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        segments = super().draw(rng, n, at)
        layers = np.where(segments["station"] == 4, 8, 12)
        return segments | {
            "layers": rng.binomial(layers, LAYER_EFFICIENCY, n),
            "x": uniform(rng, n, -_DT_HALF_WIDTH_CM, _DT_HALF_WIDTH_CM),
        }


class CscHits(_ChamberHits):
    """Cathode strip chamber segments, 6 in a crossing of pile-up 60."""

    name = "csc"
    members: ClassVar[Mapping[str, pa.DataType]] = {
        "chamber": pa.uint16(),
        "endcap": pa.int8(),
        "station": pa.uint8(),
        "ring": pa.uint8(),
        "time": pa.float32(),
        "layers": pa.uint8(),
        "strip": pa.uint8(),
        "wire": pa.uint8(),
    }
    cells = _endcap_cells()
    mean = 6.0
    time_sigma = 3.0

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        segments = super().draw(rng, n, at)
        strips, wires = segments.pop("strips"), segments.pop("wires")
        return segments | {
            "layers": rng.binomial(6, LAYER_EFFICIENCY, n),
            "strip": 1 + np.floor(strips * rng.random(n, dtype=np.float32)),
            "wire": 1 + np.floor(wires * rng.random(n, dtype=np.float32)),
        }


class RpcHits(_ChamberHits):
    """Resistive plate chamber hits, 5 in a crossing of pile-up 60."""

    name = "rpc"
    members: ClassVar[Mapping[str, pa.DataType]] = {
        "chamber": pa.uint16(),
        "wheel": pa.int8(),
        "layer": pa.uint8(),
        "sector": pa.uint8(),
        "time": pa.float32(),
        "strip": pa.uint8(),
        "size": pa.uint8(),
        "bx": pa.int8(),
    }
    cells = _barrel_cells("layer", 6)
    mean = 5.0
    time_sigma = 2.0

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        return super().draw(rng, n, at) | {
            "strip": rng.integers(1, 97, n, dtype=np.uint8),
            "size": geometric(rng, n, 2),
            "bx": relative_crossing(rng, n, RPC_IN_TIME),
        }
