"""Units of luminosity: what files say it in, and what messages do."""

from collections.abc import Mapping
from typing import Final

__all__ = ["INVERSE_PICOBARNS", "LUMISECTION_SECONDS", "OMS_LUMINOSITY", "mean_luminosity"]

LUMISECTION_SECONDS: Final = 2**18 / 11245.5
"""Length of an LS [s]: 2**18 orbits at 11245.5 orbits per second, 23.31 s."""

OMS_LUMINOSITY: Final = 1e34
"""Luminosities of OMS, `init_lumi` and `end_lumi`, are in 1e34 /cm2/s.

Found from its own numbers: in 33119 pairs of LSs of 2018 the rise of `delivered_lumi` is 0.2331
times their mean luminosity, which are /pb over one LS of 23.31 s."""

INVERSE_PICOBARNS: Final[Mapping[str, float]] = {"/fb": 1e3, "/pb": 1.0, "/nb": 1e-3, "/ub": 1e-6}
"""Unit of an integrated luminosity, as brilcalc writes it, in /pb."""

_PER_CM2: Final = 1e36


def mean_luminosity(delivered: float) -> float:
    """Mean luminosity [/cm2/s] of an LS in which so much [/pb] was delivered."""
    return delivered * _PER_CM2 / LUMISECTION_SECONDS
