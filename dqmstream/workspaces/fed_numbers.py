"""Which front-end drivers (FEDs) belong to which part of the detector, as expressions and labels.

Ranges are those of cms-sw/cmssw DataFormats/FEDRawData/interface/FEDNumbering.h. A FED between two
ranges counts to the lower one.
"""

from collections.abc import Mapping
from typing import Final

from dqmstream.booking import integer

__all__ = ["PART", "PARTS", "PARTS_FROM", "part"]

PARTS_FROM: Final[Mapping[int, str]] = {
    0: "pixel (VME)",
    50: "strips",
    520: "preshower",
    600: "ECAL",
    690: "CASTOR",
    700: "HCAL (VME)",
    735: "lumi, GCT",
    750: "CSC (VME)",
    770: "DT (VME)",
    790: "RPC",
    812: "trigger (VME)",
    830: "CSC",
    902: "DAQ",
    1024: "TCDS",
    1100: "HCAL",
    1200: "pixel",
    1350: "calo trigger",
    1369: "DT",
    1372: "trigger",
    1410: "pixel AMC13",
    1450: "pixel test",
    1462: "CT-PPS",
    1467: "GEM",
    1500: "pixel (second)",
    2815: "virtual",
}
"""First FED of each part to its name, rising."""

PARTS: Final = tuple(PARTS_FROM.values())
PART: Final = integer(0, len(PARTS), label="part of the detector", labels=PARTS)


def part(fed: str) -> str:
    """Expression of the index in `PARTS` of the FED that an expression gives."""
    return " + ".join(f"({fed} >= {first})" for first in list(PARTS_FROM)[1:])
