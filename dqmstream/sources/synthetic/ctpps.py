"""CT-PPS: hits of forward protons in Roman pots like those of the precision proton spectrometer.

Geometry: CMS and TOTEM, *CT-PPS Technical Design Report*, CERN-LHCC-2014-021: on each arm two
tracking pots of 6 planes of 160 x 156 pixels, and, as in LHC Run 3, two timing pots of 4 planes of
12 diamond channels. Idealised: arms, pots and planes are hit equally often.

=============== ========= ========================================== ===========================
collection      member    shape                                      source
=============== ========= ========================================== ===========================
both            `arm`     0 (LHC sector 45) or 1 (sector 56), equal  numbers as CMSSW's
`ctpps_pixel`   `pot`     0 near, 1 far; `plane` 0 to 5, equal       idealised
                `col`     0 to 155: exponential with mean 30 from    protons come near the beam
                          the edge at the beam, repeated over the
                          edge
                `row`     0 to 159: Gaussian about 79.5, sigma 20,   idealised
                          repeated over the edges
                `size`    pixels in the cluster: geometric, mean     inclined by 18 degrees
                          1.6
`ctpps_timing`  `pot`     0 near, 1 far; `plane` 0 to 3, equal       idealised
                `channel` 0 to 11: each 0.8 times as often as the    protons come near the beam
                          one before it
                `time`    Gaussian, mean 0, sigma 0.15 ns            about 0.1 ns a plane
                `tot`     time over threshold [ns]: Gaussian, mean   idealised
                          12, sigma 2
=============== ========= ========================================== ===========================
"""

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa

from dqmstream.sources.synthetic.cells import Address, Cells
from dqmstream.sources.synthetic.collection import Collection, Members
from dqmstream.sources.synthetic.distributions import gaussian, geometric

__all__ = ["CHANNELS", "TIME_OVER_THRESHOLD", "TIME_SIGMA", "ProtonPixels", "ProtonTimes"]

CHANNELS: Final = 12
"""Diamond channels of a timing plane."""
TIME_SIGMA: Final = 0.15
"""Time resolution of a plane [ns]."""
TIME_OVER_THRESHOLD: Final = 12.0
"""Mean time over threshold [ns]."""

_ROWS: Final = 160
_COLS: Final = 156
_CHANNEL_FALL: Final = 0.8


def _pixel_planes() -> Cells:
    arm, pot, plane = np.indices((2, 2, 6)).reshape(3, -1).astype(np.uint8)
    return Cells({"arm": arm, "pot": pot, "plane": plane})


def _timing_channels() -> Cells:
    arm, pot, plane, channel = np.indices((2, 2, 4, CHANNELS)).reshape(4, -1).astype(np.uint8)
    columns = {"arm": arm, "pot": pot, "plane": plane, "channel": channel}
    return Cells(columns, weights=_CHANNEL_FALL ** channel.astype(float))


class ProtonPixels(Collection):
    """Clusters in the tracking pots, 6 in a crossing of pile-up 60."""

    name = "ctpps_pixel"
    members: ClassVar[Mapping[str, pa.DataType]] = {
        "arm": pa.uint8(),
        "pot": pa.uint8(),
        "plane": pa.uint8(),
        "row": pa.uint8(),
        "col": pa.uint8(),
        "size": pa.uint8(),
    }
    cells = _pixel_planes()
    mean = 6.0
    follows_pileup = True

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        col = rng.standard_exponential(n, dtype=np.float32) * np.float32(30)
        row = gaussian(rng, n, _ROWS / 2, 20)
        return self.cells.members(self.cells.draw(rng, n, at)) | {
            "row": np.floor(row) % _ROWS,
            "col": np.floor(col) % _COLS,
            "size": geometric(rng, n, 1.6),
        }


class ProtonTimes(Collection):
    """Hits in the timing pots, 4 in a crossing of pile-up 60."""

    name = "ctpps_timing"
    members: ClassVar[Mapping[str, pa.DataType]] = {
        "arm": pa.uint8(),
        "pot": pa.uint8(),
        "plane": pa.uint8(),
        "channel": pa.uint8(),
        "time": pa.float32(),
        "tot": pa.float32(),
    }
    cells = _timing_channels()
    mean = 4.0
    follows_pileup = True

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        return self.cells.members(self.cells.draw(rng, n, at)) | {
            "time": gaussian(rng, n, 0, TIME_SIGMA),
            "tot": gaussian(rng, n, TIME_OVER_THRESHOLD, 2),
        }
