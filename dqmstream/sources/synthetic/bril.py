"""BRIL: counts of a detector like CMS's fast beam condition monitor, and luminometers.

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
`luminometer`   `device`   each once an event: 0 HFET, 1 PLT, 2 PCC     three of CMS's, Eur. Phys.
                                                                        J. C 81 (2021) 800
                `pileup`   interactions it counts: Gaussian, mean that  stochastic, idealised
                           of the crossing, sigma 0.5 (HFET), 1.5, 0.7
                           times its root
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
import numpy.typing as npt
import pyarrow as pa

from dqmstream.sources.synthetic.beam import Crossings
from dqmstream.sources.synthetic.cells import Address, Cells
from dqmstream.sources.synthetic.collection import Collection, Members, Rows
from dqmstream.sources.synthetic.distributions import gaussian, moyal
from dqmstream.sources.synthetic.fill import INITIAL_PILEUP

__all__ = [
    "BACKGROUND",
    "CHANNELS",
    "FLIGHT_TIME",
    "LUMINOMETERS",
    "VERTEX_EFFICIENCY",
    "BeamMonitorHits",
    "Luminometers",
]

CHANNELS: Final = 48
FLIGHT_TIME: Final = 6.0
"""Time between a crossing and its particles in the detector [ns]."""
BACKGROUND: Final = 0.02
"""Fraction of hits that come in with the beam."""
VERTEX_EFFICIENCY: Final = 0.7
"""Mean number of reconstructed vertices per interaction."""
LUMINOMETERS: Final = ("HFET", "PLT", "PCC")
"""Names of devices 0, 1, ...: energy in the forward calorimeter, telescopes, pixel clusters."""

_RESOLUTIONS: Final = (0.5, 1.5, 0.7)


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


class Luminometers(Collection):
    """What each luminometer counts in a crossing."""

    name = "luminometer"
    members: ClassVar[Mapping[str, pa.DataType]] = {"device": pa.uint8(), "pileup": pa.float32()}
    cells = Cells({"device": np.arange(len(LUMINOMETERS), dtype=np.uint8)})
    mean = float(len(LUMINOMETERS))
    once_per_event = True
    labels: ClassVar[Mapping[str, tuple[str, ...]]] = {"device": LUMINOMETERS}

    def rows(self, rng: np.random.Generator, crossings: Crossings) -> Rows:
        events, devices = len(crossings), len(LUMINOMETERS)
        device = np.tile(np.arange(devices, dtype=np.uint8), events)
        counted = _counted(rng, device, np.repeat(crossings.pileup, devices))
        return Rows(np.full(events, devices, np.int64), {"device": device, "pileup": counted})

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        device = self.cells.members(self.cells.draw(rng, n, at))["device"]
        return {
            "device": device,
            "pileup": _counted(rng, device, np.full(n, INITIAL_PILEUP, np.float32)),
        }


def _counted(
    rng: np.random.Generator, device: npt.NDArray[np.uint8], pileup: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    spread = np.array(_RESOLUTIONS, np.float32)[device] * np.sqrt(pileup)
    return pileup + spread * rng.standard_normal(len(device), dtype=np.float32)
