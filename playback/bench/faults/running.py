"""LSs of the synthetic detector, filled from its events, or drawn from what these lead one to
expect."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dqmstream.booking.columns import decode_batch, encode_batch
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.sources.synthetic import SyntheticConfig, SyntheticDetector

__all__ = ["Expected", "Filled", "drawn", "expected_of", "filled"]

Filled = tuple[Contents, ...]
"""The contents of some workspaces in one LS."""


def filled(config: SyntheticConfig, layouts: Sequence[Layout], lumisection: int) -> Filled:
    """One LS, its events drawn by the detector and filled by the filler."""
    detector = SyntheticDetector(config)
    fillers = [WorkspaceFiller(layout) for layout in layouts]
    contents = tuple(Contents.empty(layout) for layout in layouts)
    for number, batch in detector.chunks(lumisection):
        columns = decode_batch(encode_batch(batch), selected=batch.num_rows)
        for filler, one in zip(fillers, contents, strict=True):
            filler.fill(one, columns, source="synthetic", number=number)
    return contents


@dataclass(frozen=True, slots=True)
class Expected:
    """Mean cells of one workspace, float64[cells], of LSs that were filled."""

    layout: Layout
    mean: NDArray[np.float64]


def expected_of(lumisections: Iterable[Filled]) -> tuple[Expected, ...]:
    """What LSs like those given hold in the mean."""
    return tuple(
        Expected(several[0].layout, np.mean([one.cells for one in several], axis=0))
        for several in zip(*lumisections, strict=True)
    )


def drawn(expected: Iterable[Expected], random: np.random.Generator) -> Filled:
    """An LS of what is expected: each bin a Poisson number with its mean.

    A profile's bin has so many values of the bin's mean and spread, their sum normal. Bins are
    independent, as those of one event are not; what the events of one LS have in common is lost.
    """
    return tuple(_drawn(one.layout, one.mean, random) for one in expected)


def _drawn(layout: Layout, mean: NDArray[np.float64], random: np.random.Generator) -> Contents:
    result = Contents.empty(layout)
    for place in layout:
        cells = mean[place.offset : place.nan]
        target = result.cells[place.offset : place.nan]
        if place.planes == 1:
            target[:] = random.poisson(np.maximum(cells, 0.0))
        elif place.planes == 3:
            expected, sums, squares = cells.reshape(3, -1)
            entries = random.poisson(np.maximum(expected, 0.0))
            some = expected > 0
            safe = np.where(some, expected, 1.0)
            value = np.ldexp(sums / safe, -place.bits)
            square = np.ldexp(squares / safe, -place.square_bits)
            spread = np.sqrt(np.maximum(square - value**2, 0.0) * entries)
            total = entries * value + spread * random.normal(size=len(safe))
            planes = target.reshape(3, -1)
            planes[0] = entries
            planes[1] = np.rint(np.ldexp(total, place.bits))
            planes[2] = np.rint(np.ldexp(entries * square, place.square_bits))
    return result
