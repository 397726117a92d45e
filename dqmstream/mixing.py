"""Numbers in a row or in patterns become bits without any: the finaliser of splitmix64."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["mixed"]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)


def mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """64 bits of each number, the same everywhere (Steele, Lea, Flood 2014): uint64[n]."""
    found = numbers + _GOLDEN
    found = (found ^ (found >> np.uint64(30))) * _FIRST
    found = (found ^ (found >> np.uint64(27))) * _SECOND
    return found ^ (found >> np.uint64(31))
