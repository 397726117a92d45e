"""CASTOR: deposits in a very forward calorimeter like that of CMS.

Geometry: CMS, JINST 3 (2008) S08004 and JINST 16 (2021) P02010: at one side of the collision point,
16 sectors in phi and 14 modules along the beam, the first two of them electromagnetic: 224
channels. Idealised: sectors are alike; the number of hits of a module and their energy fall with
its depth.

========== ========================================================= ===========================
member     shape                                                     source
========== ========================================================= ===========================
`sector`   1 to 16, equal                                            symmetry
`module`   1 to 14, as exp(-(module - 1) / 6)                        showers end
`energy`   [GeV]: exponential, mean 20 exp(-(module - 1) / 6)        showers end
========== ========================================================= ===========================
"""

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa

from dqmstream.sources.synthetic.cells import Address, Cells
from dqmstream.sources.synthetic.collection import Collection, Members

__all__ = ["ENERGY", "FALL", "MODULES", "SECTORS", "CastorHits"]

SECTORS: Final = 16
MODULES: Final = 14
ENERGY: Final = 20.0
"""Mean energy of a hit in module 1 [GeV]."""
FALL: Final = 6.0
"""Modules in which the number of hits and their energy fall by a factor e."""


def _channels() -> Cells:
    sector, module = np.indices((SECTORS, MODULES)).reshape(2, -1)
    return Cells(
        {"sector": (sector + 1).astype(np.uint8), "module": (module + 1).astype(np.uint8)},
        weights=np.exp(-module / FALL),
    )


class CastorHits(Collection):
    """Channels with a deposit, 8 in a crossing of pile-up 60."""

    name = "castor"
    members: ClassVar[Mapping[str, pa.DataType]] = {
        "sector": pa.uint8(),
        "module": pa.uint8(),
        "energy": pa.float32(),
    }
    cells = _channels()
    mean = 8.0
    follows_pileup = True

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        place = self.cells.members(self.cells.draw(rng, n, at))
        means = (ENERGY * np.exp(-np.arange(MODULES) / FALL)).astype(np.float32)
        energy = rng.standard_exponential(n, dtype=np.float32)
        return place | {"energy": energy * means[place["module"] - 1]}
