"""BRIL: luminosity-like counts of a detector like CMS's fast beam condition monitor.

BCM1F as rebuilt for LHC Run 3 (CMS, JINST 19 (2024) P05064) has 48 silicon channels 1.8 m from
the collision point: particles of the collision pass about 6 ns after the crossing, beam
background that comes in with the beam about 6 ns before it. Idealised: all channels count alike.

=============== ========== ============================================ =========================
column          member     shape                                        source
=============== ========== ============================================ =========================
`bril`          `channel`  0 to 47, equal                               idealised
                `time`     98 % Gaussian at +6 ns, 2 % at -6 ns, each   1.8 m / c = 6 ns
                           with sigma 0.8 ns
                `charge`   Moyal, most probable value 20 ke, scale 3 ke a few 100 um of silicon
`pileup`                   60 exp(-(LS - 1) / 1500), 4 % from bunch to  exponential decay of the
                           bunch                                        luminosity
`vertices`                 Poisson with mean 0.7 pile-up                reconstruction efficiency,
                                                                        idealised
=============== ========== ============================================ =========================

The number of hits of an event follows its pile-up, so hits by bunch crossing show the filling
scheme and hits by lumisection the decay.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa

from dqmstream.sources.synthetic.cells import Address, Cells
from dqmstream.sources.synthetic.collection import Collection, Members
from dqmstream.sources.synthetic.distributions import gaussian, moyal

__all__ = ["BACKGROUND", "CHANNELS", "FLIGHT_TIME", "VERTEX_EFFICIENCY", "BeamMonitorHits"]

CHANNELS: Final = 48
FLIGHT_TIME: Final = 6.0
"""Time between a crossing and its particles in the detector [ns]."""
BACKGROUND: Final = 0.02
"""Fraction of hits that come in with the beam."""
VERTEX_EFFICIENCY: Final = 0.7
"""Mean number of reconstructed vertices per interaction."""


class BeamMonitorHits(Collection):
    """Hits of the beam condition monitor, 6 in a crossing of pile-up 60."""

    name = "bril"
    members: ClassVar[Mapping[str, pa.DataType]] = {
        "channel": pa.uint8(),
        "time": pa.float32(),
        "charge": pa.float32(),
    }
    cells = Cells({"channel": np.arange(CHANNELS, dtype=np.uint8)})
    mean = 6.0
    follows_pileup = True

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        incoming = rng.random(n, dtype=np.float32) < np.float32(BACKGROUND)
        time = gaussian(rng, n, FLIGHT_TIME, 0.8)
        time[incoming] -= np.float32(2 * FLIGHT_TIME)
        return self.cells.members(self.cells.draw(rng, n, at)) | {
            "time": time,
            "charge": moyal(rng, n, 20, 3),
        }
