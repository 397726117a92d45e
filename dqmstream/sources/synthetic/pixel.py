"""Pixel barrel: clusters in the four layers of a detector like CMS's phase-1 pixel barrel.

Two readout chains see the same clusters: `pixel` is the present one, `pixel_new` the one that is
to replace it and runs beside it. Both show the same unless a fault is in one of them.

Geometry: CMS, *Technical Design Report for the Pixel Detector Upgrade*, CERN-LHCC-2012-016: 12, 28,
44 and 64 ladders of 8 modules, 1184 in all, at radii of 2.9, 6.8, 10.9 and 16.0 cm; a module has
160 x 416 pixels of 100 x 150 um. Idealised: each layer gets a quarter of the clusters, and all
modules of a layer the same number.

========== ========================================================= ===========================
member     shape                                                     source
========== ========================================================= ===========================
`layer`    1 to 4, equal                                             one hit a track and layer
`module`   0 to 8 ladders - 1, equal; ladder = module // 8           idealised
`row`      0 to 159, equal; `col` 0 to 415, equal                    idealised
`z`        along the beam [cm], from module and col                  module pitch 6.67 cm
`phi`      [rad], from ladder and row                                ladders at equal angles
`charge`   Moyal, most probable value 22 ke, scale 2.6 ke            285 um of silicon, vertical
                                                                     track: 76 electrons a um
`size`     pixels in a cluster: geometric, mean 3                    falls by a constant factor
========== ========================================================= ===========================
"""

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa

from dqmstream.sources.synthetic.cells import Address, Cells
from dqmstream.sources.synthetic.collection import Collection, Members
from dqmstream.sources.synthetic.comparison import Mismatch
from dqmstream.sources.synthetic.distributions import geometric, moyal

__all__ = [
    "CHARGE_MODE",
    "CHARGE_SCALE",
    "COLS",
    "COL_CM",
    "LADDERS",
    "MEAN_SIZE",
    "MODULES",
    "ROWS",
    "ROW_CM",
    "PixelClusters",
    "PixelMismatch",
    "PixelNewClusters",
]

LADDERS: Final = (12, 28, 44, 64)
"""Ladders of layers 1 to 4."""
MODULES: Final = tuple(8 * ladders for ladders in LADDERS)
"""Modules of layers 1 to 4."""
CHARGE_MODE: Final = 22.0
"""Most probable charge of a cluster [ke]."""
CHARGE_SCALE: Final = 2.6
"""Width parameter of the charge [ke]."""

_RADII: Final = (2.9, 6.8, 10.9, 16.0)
ROWS: Final = 160
COLS: Final = 416
ROW_CM: Final = 0.01
COL_CM: Final = 0.015
_MODULE_PITCH_CM: Final = 6.67
MEAN_SIZE: Final = 3.0


def _barrel() -> Cells:
    """One cell per module, with the place of its first pixel and the angle of a row."""
    layer = np.repeat(np.arange(1, 5), MODULES)
    module = np.concatenate([np.arange(modules) for modules in MODULES])
    ladders = np.repeat(LADDERS, MODULES)
    radius = np.repeat(_RADII, MODULES)
    centre = (module // 8 + 0.5) * (2 * np.pi / ladders) - np.pi
    return Cells(
        {
            "layer": layer.astype(np.uint8),
            "module": module.astype(np.uint16),
            "z": ((module % 8 - 3.5) * _MODULE_PITCH_CM - COLS / 2 * COL_CM).astype(np.float32),
            "phi": (centre - ROWS / 2 * ROW_CM / radius).astype(np.float32),
            "row_angle": (ROW_CM / radius).astype(np.float32),
        },
        weights=1 / np.repeat(MODULES, MODULES),
    )


class PixelClusters(Collection):
    """Clusters in the pixel barrel, a sample of 24 in a crossing of pile-up 60."""

    name = "pixel"
    members: ClassVar[Mapping[str, pa.DataType]] = {
        "layer": pa.uint8(),
        "module": pa.uint16(),
        "row": pa.uint16(),
        "col": pa.uint16(),
        "z": pa.float32(),
        "phi": pa.float32(),
        "charge": pa.float32(),
        "size": pa.uint8(),
    }
    cells = _barrel()
    mean = 24.0
    follows_pileup = True

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        place = self.cells.members(self.cells.draw(rng, n, at))
        row = rng.integers(0, ROWS, n, dtype=np.uint16)
        col = rng.integers(0, COLS, n, dtype=np.uint16)
        half = np.float32(0.5)
        return {
            "layer": place["layer"],
            "module": place["module"],
            "row": row,
            "col": col,
            "z": place["z"] + (col.astype(np.float32) + half) * np.float32(COL_CM),
            "phi": place["phi"] + (row.astype(np.float32) + half) * place["row_angle"],
            "charge": moyal(rng, n, CHARGE_MODE, CHARGE_SCALE),
            "size": geometric(rng, n, MEAN_SIZE),
        }


class PixelNewClusters(PixelClusters):
    """The same clusters through the new readout chain."""

    name = "pixel_new"
    seen_by = "pixel"


class PixelMismatch(Mismatch):
    """Clusters that only one of the two readout chains shows."""

    name = "pixel_mismatch"
    inputs = ("pixel", "pixel_new")
    compared = PixelClusters.members
    kept = ("layer", "module", "row", "col", "charge")
