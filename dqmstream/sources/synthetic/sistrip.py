"""Silicon strips: clusters in the 15148 modules of a tracker like CMS's.

Geometry: CMS, JINST 3 (2008) S08004, chapter 3: the inner barrel TIB (4 layers), the inner disks
TID (3 a side), the outer barrel TOB (6 layers) and the end caps TEC (9 wheels a side), with
sensors of 320 um, and of 500 um in TOB and in rings 5 to 7 of TEC. Idealised: each barrel layer
gets the same number of clusters, each disk or wheel a quarter of it; modules of one are alike.

============= ====================================================== ===========================
member        shape                                                  source
============= ====================================================== ===========================
`subdetector` 3 TIB, 4 TID, 5 TOB, 6 TEC                             CMSSW's numbers
`layer`       layer; for TID and TEC the disk or wheel, negative at  geometry
              negative z
`module`      0 to the number of modules of the layer - 1, equal     idealised
`on_track`    1 for 80 %, else 0                                     idealised
`sn`          signal over noise; on a track Moyal, most probable     of the size CMS saw, Eur. Phys.
              value 18, in TOB 22, scale a tenth of it; else 3 plus  J. C 70 (2010) 1165
              an exponential with mean 4
`charge`      [ADC counts]: `sn` times a noise that is Gaussian,     noise of 4 to 6 ADC counts a
              mean 5, sigma 0.4                                      strip, idealised
`width`       strips in the cluster: geometric, mean 3               falls by a constant factor
============= ====================================================== ===========================
"""

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa

from dqmstream.sources.synthetic.cells import Address, Cells
from dqmstream.sources.synthetic.collection import Collection, Members
from dqmstream.sources.synthetic.distributions import gaussian, geometric

__all__ = ["MODULES", "NOISE", "ON_TRACK", "SUBDETECTORS", "THICK_SN", "THIN_SN", "StripClusters"]

SUBDETECTORS: Final[Mapping[str, int]] = {"TIB": 3, "TID": 4, "TOB": 5, "TEC": 6}
"""Name to CMSSW's number."""

_TEC_WHEELS: Final = (408, 408, 408, 360, 360, 360, 312, 312, 272)
MODULES: Final[Mapping[str, Mapping[int, int]]] = {
    "TIB": dict(enumerate((672, 864, 540, 648), start=1)),
    "TID": dict.fromkeys((-3, -2, -1, 1, 2, 3), 136),
    "TOB": dict(enumerate((1008, 1152, 648, 720, 792, 888), start=1)),
    "TEC": {side * wheel: _TEC_WHEELS[wheel - 1] for side in (-1, 1) for wheel in range(1, 10)},
}
"""Subdetector to its layers, disks or wheels, to the number of their modules."""

THIN_SN: Final = 18.0
"""Most probable signal over noise of a cluster on a track in 320 um of silicon."""
THICK_SN: Final = 22.0
"""The same in TOB."""
ON_TRACK: Final = 0.8
"""Fraction of clusters that belong to a track."""
NOISE: Final = 5.0
"""Mean noise of a strip [ADC counts]."""

_RELATIVE_SCALE: Final = 0.1
_OFF_TRACK_LOWEST: Final = 3.0
_OFF_TRACK_MEAN: Final = 4.0
_MEAN_WIDTH: Final = 3.0
_DISK_WEIGHT: Final = 0.25


def _modules() -> Cells:
    """One cell per module."""
    rows = [
        (SUBDETECTORS[name], layer, modules, 1.0 if name in {"TIB", "TOB"} else _DISK_WEIGHT)
        for name, layers in MODULES.items()
        for layer, modules in layers.items()
    ]
    subdetector, layer, modules, weight = (np.array(column) for column in zip(*rows, strict=True))
    return Cells(
        {
            "subdetector": np.repeat(subdetector, modules).astype(np.uint8),
            "layer": np.repeat(layer, modules).astype(np.int8),
            "module": np.concatenate([np.arange(n) for n in modules]).astype(np.uint16),
        },
        weights=np.repeat(weight / modules, modules),
    )


class StripClusters(Collection):
    """Clusters in the strip tracker, a sample of 40 in a crossing of pile-up 60."""

    name = "sistrip"
    members: ClassVar[Mapping[str, pa.DataType]] = {
        "subdetector": pa.uint8(),
        "layer": pa.int8(),
        "module": pa.uint16(),
        "on_track": pa.uint8(),
        "sn": pa.float32(),
        "charge": pa.float32(),
        "width": pa.uint8(),
    }
    cells = _modules()
    mean = 40.0
    follows_pileup = True

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        place = self.cells.members(self.cells.draw(rng, n, at))
        thick = place["subdetector"] == SUBDETECTORS["TOB"]
        on_track = rng.random(n, dtype=np.float32) < np.float32(ON_TRACK)
        mode = np.where(thick, np.float32(THICK_SN), np.float32(THIN_SN))
        # A Moyal variate with mode 0 and scale 1 is -ln(z^2) of a standard Gaussian z.
        z = rng.standard_normal(n, dtype=np.float32)
        shape = -np.log(np.maximum(np.square(z), np.float32(1e-30)))
        signal = mode * (1 + np.float32(_RELATIVE_SCALE) * shape)
        other = np.float32(_OFF_TRACK_LOWEST) + np.float32(
            _OFF_TRACK_MEAN
        ) * rng.standard_exponential(n, dtype=np.float32)
        sn = np.where(on_track, signal, other)
        return place | {
            "on_track": on_track,
            "sn": sn,
            "charge": sn * gaussian(rng, n, NOISE, 0.4),
            "width": geometric(rng, n, _MEAN_WIDTH),
        }
