"""Pixel disks: clusters in the forward disks of a detector like CMS's phase-1 pixel detector.

Geometry: CMS, *Technical Design Report for the Pixel Detector Upgrade*, CERN-LHCC-2012-016: three
disks a side at 29.1, 39.6 and 51.6 cm, each with an inner ring of 22 and an outer ring of 34
blades, with a module on both faces: 672 modules in all, of 160 x 416 pixels of 100 x 150 um.
Idealised: all modules get the same number of clusters, and stand straight on the beam line.

Two readout chains see the same clusters, as in the barrel: `pixel_disk` and `pixel_new_disk`.

========== ========================================================= ===========================
member     shape                                                     source
========== ========================================================= ===========================
`disk`     -3 to 3 without 0, by z, equal                            one hit a track and disk
`module`   0 to 111, equal: 0 to 43 in the inner ring, by blade and  idealised
           face, then those of the outer ring
`row`      0 to 159, equal; `col` 0 to 415, equal                    idealised
`x`, `y`   [cm], from module, row and col: columns lie along the     inner ends of the rings at
           radius                                                    4.5 and 9.6 cm
`charge`   as in the barrel                                          sensors of the same thickness
`size`     as in the barrel
========== ========================================================= ===========================
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dqmstream.sources.synthetic.cells import Address, Cells
from dqmstream.sources.synthetic.collection import Collection, Members
from dqmstream.sources.synthetic.comparison import Mismatch
from dqmstream.sources.synthetic.distributions import geometric, moyal
from dqmstream.sources.synthetic.pixel import (
    CHARGE_MODE,
    CHARGE_SCALE,
    COL_CM,
    COLS,
    MEAN_SIZE,
    ROW_CM,
    ROWS,
)

__all__ = [
    "DISKS",
    "DISK_MODULES",
    "PixelDiskClusters",
    "PixelDiskMismatch",
    "PixelNewDiskClusters",
]

DISKS: Final = (-3, -2, -1, 1, 2, 3)
DISK_MODULES: Final = 112
"""Modules of one disk."""

_BLADES: Final = (22, 34)
_INNER_CM: Final = (4.5, 9.6)


def _disks() -> Cells:
    """One cell per module, with where its columns begin and the direction they lie in."""
    blades = np.repeat(_BLADES, [2 * blades for blades in _BLADES])
    blade = np.concatenate([np.arange(2 * blades) // 2 for blades in _BLADES])
    angle = (blade + 0.5) * (2 * np.pi / blades) - np.pi
    inner = np.repeat(_INNER_CM, [2 * blades for blades in _BLADES])
    columns: dict[str, npt.NDArray[Any]] = {
        "module": np.arange(DISK_MODULES, dtype=np.uint16),
        "cosine": np.cos(angle).astype(np.float32),
        "sine": np.sin(angle).astype(np.float32),
        "inner": inner.astype(np.float32),
    }
    disks = {"disk": np.repeat(np.array(DISKS, np.int8), DISK_MODULES)}
    return Cells(disks | {name: np.tile(one, len(DISKS)) for name, one in columns.items()})


class PixelDiskClusters(Collection):
    """Clusters in the pixel disks, a sample of 12 in a crossing of pile-up 60."""

    name = "pixel_disk"
    members: ClassVar[Mapping[str, pa.DataType]] = {
        "disk": pa.int8(),
        "module": pa.uint16(),
        "row": pa.uint16(),
        "col": pa.uint16(),
        "x": pa.float32(),
        "y": pa.float32(),
        "charge": pa.float32(),
        "size": pa.uint8(),
    }
    cells = _disks()
    mean = 12.0
    follows_pileup = True

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        place = self.cells.members(self.cells.draw(rng, n, at))
        row = rng.integers(0, ROWS, n, dtype=np.uint16)
        col = rng.integers(0, COLS, n, dtype=np.uint16)
        half = np.float32(0.5)
        along = place["inner"] + (col.astype(np.float32) + half) * np.float32(COL_CM)
        across = (row.astype(np.float32) + half - np.float32(ROWS / 2)) * np.float32(ROW_CM)
        return {
            "disk": place["disk"],
            "module": place["module"],
            "row": row,
            "col": col,
            "x": along * place["cosine"] - across * place["sine"],
            "y": along * place["sine"] + across * place["cosine"],
            "charge": moyal(rng, n, CHARGE_MODE, CHARGE_SCALE),
            "size": geometric(rng, n, MEAN_SIZE),
        }


class PixelNewDiskClusters(PixelDiskClusters):
    """The same clusters through the new readout chain."""

    name = "pixel_new_disk"
    seen_by = "pixel_disk"


class PixelDiskMismatch(Mismatch):
    """Clusters that only one of the two readout chains shows."""

    name = "pixel_disk_mismatch"
    inputs = ("pixel_disk", "pixel_new_disk")
    compared = PixelDiskClusters.members
    kept = ("disk", "module", "row", "col", "charge")
