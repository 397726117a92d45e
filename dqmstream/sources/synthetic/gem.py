"""GEM: clusters in the GE1/1 chambers of a detector like CMS's.

Geometry: CMS, *Technical Design Report for the Muon Endcap GEM Upgrade*, CERN-LHCC-2015-012: 36
super-chambers in each endcap, of two layers; a chamber has 8 partitions in eta of 384 strips, read
out by 24 VFAT chips of 128 strips. Idealised: all chips are hit equally often.

========== ========================================================= ===========================
member     shape                                                     source
========== ========================================================= ===========================
`endcap`   -1, 1; `chamber` 1 to 36; `layer` 1, 2; equal             idealised
`ieta`     partition, 1 to 8, from the chip                          8 - vfat % 8, as CMS numbers
`vfat`     chip, 0 to 23, equal                                      idealised
`strip`    0 to 383: 128 to a chip, equal                            idealised
`size`     strips in the cluster: geometric, mean 2                  falls by a constant factor
`bx`       crossing, relative to the event's: -2 to 2, 90 % in 0     timing of a few ns
========== ========================================================= ===========================
"""

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa

from dqmstream.sources.synthetic.cells import Address, Cells
from dqmstream.sources.synthetic.collection import Collection, Members
from dqmstream.sources.synthetic.distributions import geometric, relative_crossing

__all__ = ["IN_TIME", "GemClusters"]

IN_TIME: Final = 0.90
"""Fraction of clusters in the right crossing."""

_CHIPS: Final = 24
_CHIP_STRIPS: Final = 128
_MEAN_SIZE: Final = 2.0


def _chips() -> Cells:
    """One cell per VFAT chip."""
    endcap, chamber, layer, vfat = np.indices((2, 36, 2, _CHIPS)).reshape(4, -1)
    return Cells(
        {
            "endcap": (2 * endcap - 1).astype(np.int8),
            "chamber": (chamber + 1).astype(np.uint8),
            "layer": (layer + 1).astype(np.uint8),
            "ieta": (8 - vfat % 8).astype(np.uint8),
            "vfat": vfat.astype(np.uint8),
        }
    )


class GemClusters(Collection):
    """Clusters in GE1/1, 4 in a crossing of pile-up 60."""

    name = "gem"
    members: ClassVar[Mapping[str, pa.DataType]] = {
        "endcap": pa.int8(),
        "chamber": pa.uint8(),
        "layer": pa.uint8(),
        "ieta": pa.uint8(),
        "vfat": pa.uint8(),
        "strip": pa.uint16(),
        "size": pa.uint8(),
        "bx": pa.int8(),
    }
    cells = _chips()
    mean = 4.0
    follows_pileup = True

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        place = self.cells.members(self.cells.draw(rng, n, at))
        within = rng.integers(0, _CHIP_STRIPS, n, dtype=np.uint16)
        return place | {
            "strip": place["vfat"].astype(np.uint16) // 8 * _CHIP_STRIPS + within,
            "size": geometric(rng, n, _MEAN_SIZE),
            "bx": relative_crossing(rng, n, IN_TIME),
        }
