"""Regions of maps that are dead or hot, though each of their bins alone may be a fluctuation."""

import math
from collections.abc import Iterator
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.layout import axis_bins
from dqmstream.messages.booking import Element
from dqmstream.quality.algorithm import Algorithm, Findings, Parameters, Sigmas, refuse_unless_bins
from dqmstream.quality.algorithms.significance import log_binomial_excess, log_normal_tail
from dqmstream.quality.stack import Stack, per_element

__all__ = ["ALGORITHMS", "DeadRegion", "HotRegion", "dead_region", "hot_region"]

Floats = NDArray[np.float64]

_SIDES: Final = (1, 2, 3, 4, 6, 8, 12, 16)
_NAMED: Final = 10


class _Region(Parameters, frozen=True, kw_only=True):
    size: Annotated[int, msgspec.Meta(ge=1, le=16)] = 6
    around: Annotated[int, msgspec.Meta(ge=1, le=16)] = 3
    sigmas: Sigmas = 5.0


class DeadRegion(_Region, frozen=True, kw_only=True):
    """`share` is how much of the bins around a good region has at least.

    `size` is the largest side of a region in bins; `around` how many bins to each side it is
    compared with; bins of regions beyond `sigmas`, after the correction, are listed.
    """

    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5


class HotRegion(_Region, frozen=True, kw_only=True):
    """`tolerance` is the relative excess over the bins around it that a good region may have."""

    tolerance: Annotated[float, msgspec.Meta(ge=0)] = 0.5


def dead_region(stack: Stack, parameters: DeadRegion) -> Findings:
    """Probability that any region of the map has so few entries by chance.

    Blocks of all sides in 1, 2, 3, 4, 6, 8, 12, 16 up to `size` are slid over the map. One of a
    bins with s entries, in a frame of b bins with t entries (`around` wide, cut at the edges of the
    map), is compared with share of the frame's density: given s + t, s is binomial with odds
    share a / b. p is Chernoff's bound on the tail (see `significance`), of the block where it is
    least, times the number of blocks (Bonferroni): never too small. A frame cancels what changes
    linearly across the map; what changes by more than `share` within it is not a fault's shape.
    Valid for Poisson counts. Flow is left out.
    """
    return _scan(stack, parameters, dead=True, allowed=parameters.share)


def hot_region(stack: Stack, parameters: HotRegion) -> Findings:
    """Probability that any region of the map has so many entries by chance.

    As `dead_region`, with the excess of a block over (1 + tolerance) times the density of its
    frame.
    """
    return _scan(stack, parameters, dead=False, allowed=1 + parameters.tolerance)


def _scan(stack: Stack, parameters: _Region, *, dead: bool, allowed: float) -> Findings:
    entries = stack.entries[stack.inner]
    maps = entries.astype(np.float64)
    if maps.ndim == 2:
        maps = maps[:, :, None]
    found = list(_blocks(maps, parameters, dead=dead, allowed=allowed))
    trials = sum(log_p[0].size for _, log_p in found)
    log_all = np.concatenate([per_element(log_p) for _, log_p in found], axis=1)
    least = log_all.min(axis=1) + math.log(trials)
    p_value = np.exp(np.minimum(least, 0.0))
    cut = log_normal_tail(parameters.sigmas) - math.log(trials)
    severity = np.zeros(maps.shape)
    for row in np.flatnonzero(log_all.min(axis=1) < cut):
        severity[row] = _regions(found, int(row), cut, severity[row].shape)
    word = "dead" if dead else "hot"
    return Findings(
        quantity=f"bins in {word} regions",
        limit="none",
        qtresult=p_value,
        measured=np.count_nonzero(per_element(severity), axis=1) * 1.0,
        entries=per_element(entries).sum(axis=1),
        content=entries.astype(np.float64),
        severity=severity.reshape(entries.shape),
        p_value=p_value,
        statistic=np.sqrt(-2 * log_all.min(axis=1)),
        insufficient={
            int(row): "no entries" for row in np.flatnonzero(per_element(entries).sum(axis=1) == 0)
        },
    )


def _blocks(
    maps: Floats, parameters: _Region, *, dead: bool, allowed: float
) -> Iterator[tuple[tuple[int, int], Floats]]:
    """Sides of blocks, and log p of each at its first bin, float64[n, places along x, y]."""
    running = np.pad(maps.cumsum(axis=1).cumsum(axis=2), ((0, 0), (1, 0), (1, 0)))
    _, across, along = maps.shape
    sides = [side for side in _SIDES if side <= parameters.size]
    for height in sides:
        for width in sides:
            # A region has a frame of at least as many bins, or nothing tells which one is wrong.
            if height > max(across // 2, 1) or width > max(along // 2, 1):
                continue
            x, y = np.arange(across - height + 1), np.arange(along - width + 1)
            inside = _sums(running, (x, x + height), (y, y + width))
            reach = parameters.around
            left, right = np.maximum(x - reach, 0), np.minimum(x + height + reach, across)
            low, high = np.maximum(y - reach, 0), np.minimum(y + width + reach, along)
            frame = _sums(running, (left, right), (low, high)) - inside
            bins = np.outer(right - left, high - low) - height * width
            odds = allowed * height * width / np.maximum(bins, 1)
            if dead:
                log_p = log_binomial_excess(frame, inside, 1 / odds)
            else:
                log_p = log_binomial_excess(inside, frame, odds)
            yield (height, width), np.where(bins > 0, log_p, 0.0)


def _sums(
    running: Floats,
    x: tuple[NDArray[np.int_], NDArray[np.int_]],
    y: tuple[NDArray[np.int_], NDArray[np.int_]],
) -> Floats:
    """Sums over [x0, x1) x [y0, y1) of each block, out of a running sum."""
    upper, lower = running[:, x[1]], running[:, x[0]]
    rows = upper - lower
    total: Floats = rows[:, :, y[1]] - rows[:, :, y[0]]
    return total


def _regions(
    found: list[tuple[tuple[int, int], Floats]], row: int, cut: float, shape: tuple[int, ...]
) -> Floats:
    """Severity of the bins of the most significant blocks that do not overlap."""
    severity = np.zeros(shape)
    candidates = [
        (float(log_p[row, x, y]), height, width, int(x), int(y))
        for (height, width), log_p in found
        for x, y in np.argwhere(log_p[row] < cut)
    ]
    taken = 0
    for log_p, height, width, x, y in sorted(candidates):
        place = (slice(x, x + height), slice(y, y + width))
        if taken < _NAMED and not severity[place].any():
            severity[place] = -log_p
            taken += 1
    return severity


def _refuse_small(element: Element) -> str:
    if refused := refuse_unless_bins(element):
        return refused
    axes = getattr(element, "axes", ())
    return "" if math.prod(axis_bins(axis) for axis in axes) > 2 else "needs at least 3 bins"


ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
    Algorithm(
        name="DeadRegion",
        parameters=DeadRegion,
        measure=dead_region,
        refusal=_refuse_small,
        warning=1e-4,
        error=1e-6,
        min_entries=100,
    ),
    Algorithm(
        name="HotRegion",
        parameters=HotRegion,
        measure=hot_region,
        refusal=_refuse_small,
        warning=1e-4,
        error=1e-6,
        min_entries=100,
    ),
)
