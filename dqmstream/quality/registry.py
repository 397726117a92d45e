"""The algorithms of this release, by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from dqmstream.quality.algorithm import Algorithm, refuse_unless_bins, refuse_unless_numeric
from dqmstream.quality.channels import (
    DeadChannel,
    NoisyChannel,
    dead_channel,
    noisy_channel,
    refuse_lone_bin,
)
from dqmstream.quality.mean import MeanWithinExpected, mean_within_expected
from dqmstream.quality.range import (
    ContentsXRange,
    ContentsYRange,
    contents_x_range,
    contents_y_range,
)

__all__ = ["ALGORITHMS"]

# Ranges warn below 0.9 and are bad below 0.5, as in CMSSW. Channels fail only when chance cannot
# explain it, so any of them is worth a warning. A probability falls below a threshold as often as
# the threshold says, so it needs small ones: 1e-4 and 1e-6 are 3.9 and 4.9 normal sigmas.
_ALL: Final[tuple[Algorithm[Any], ...]] = (
    Algorithm(
        name="ContentsXRange",
        parameters=ContentsXRange,
        measure=contents_x_range,
        refusal=refuse_unless_numeric,
        warning=0.9,
        error=0.5,
        min_entries=100,
    ),
    Algorithm(
        name="ContentsYRange",
        parameters=ContentsYRange,
        measure=contents_y_range,
        refusal=refuse_unless_bins,
        warning=0.9,
        error=0.5,
        min_entries=1,
    ),
    Algorithm(
        name="DeadChannel",
        parameters=DeadChannel,
        measure=dead_channel,
        refusal=refuse_unless_bins,
        warning=1.0,
        error=0.95,
        min_entries=1,
    ),
    Algorithm(
        name="NoisyChannel",
        parameters=NoisyChannel,
        measure=noisy_channel,
        refusal=refuse_lone_bin,
        warning=1.0,
        error=0.95,
        min_entries=100,
    ),
    Algorithm(
        name="MeanWithinExpected",
        parameters=MeanWithinExpected,
        measure=mean_within_expected,
        refusal=refuse_unless_numeric,
        warning=1e-4,
        error=1e-6,
        min_entries=100,
    ),
)

ALGORITHMS: Final[Mapping[str, Algorithm[Any]]] = MappingProxyType(
    {algorithm.name: algorithm for algorithm in _ALL}
)
