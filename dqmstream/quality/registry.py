"""The algorithms of this release, by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from dqmstream.quality.algorithm import Algorithm
from dqmstream.quality.algorithms import (
    band,
    beta_binomial,
    blocks,
    channels,
    chi2,
    combined,
    distance,
    efficiency,
    emulator,
    equality,
    expected,
    growth,
    kolmogorov,
    last_filled,
    likelihood,
    mean,
    median,
    nearest,
    range,
    reference,
    region,
    trend,
    variance,
)

__all__ = ["ALGORITHMS"]

_MODULES: Final = (
    band,
    beta_binomial,
    blocks,
    channels,
    chi2,
    combined,
    distance,
    efficiency,
    emulator,
    equality,
    expected,
    growth,
    kolmogorov,
    last_filled,
    likelihood,
    mean,
    median,
    nearest,
    range,
    reference,
    region,
    trend,
    variance,
)

ALGORITHMS: Final[Mapping[str, Algorithm[Any]]] = MappingProxyType(
    {algorithm.name: algorithm for module in _MODULES for algorithm in module.ALGORITHMS}
)
