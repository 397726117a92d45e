"""Blocks of bins against the blocks around them: noisy and dead regions of a detector."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, gammaincc, ndtr

from dqmstream.quality.algorithm import Algorithm, Findings, Parameters, refuse_unless_bins
from dqmstream.quality.algorithms.block_ranges import (
    LONE,
    Side,
    cmssw_squares,
    cmssw_widths,
    cmssw_windows,
    in_all_bins,
    in_first_bins,
    plain_blocks,
    range_sums,
    windows,
)
from dqmstream.quality.algorithms.root import root_content
from dqmstream.quality.stack import Stack, per_element

__all__ = ["ALGORITHMS", "ContentSigma", "content_sigma"]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
_Tolerance = Annotated[float, msgspec.Meta(ge=0, le=30)]
_Count = Annotated[int, msgspec.Meta(ge=0)]


class ContentSigma(Parameters, frozen=True, kw_only=True):
    """How bins are put into blocks, and when a block is noisy or dead.

    The bins `x_min` to `x_max` (from 1; 0 and 0 for all) are cut into `x_blocks` (0: each bin is
    one), and so in y; each block is compared with those up to `neighbours_x` and `neighbours_y`
    away. `tolerance_noisy` and `tolerance_dead` are significances in sigmas; `noisy` and `dead` say
    which of both is looked for.
    """

    x_blocks: _Count = 0
    y_blocks: _Count = 0
    neighbours_x: _Count = 1
    neighbours_y: _Count = 1
    tolerance_noisy: _Tolerance = 5.0
    tolerance_dead: _Tolerance = 5.0
    noisy: bool = True
    dead: bool = True
    x_min: _Count = 0
    x_max: _Count = 0
    y_min: _Count = 0
    y_max: _Count = 0
    cmssw_compatible: bool = False

    def __post_init__(self) -> None:
        if not (self.noisy or self.dead):
            msg = "expected noisy, dead or both"
            raise ValueError(msg)
        for axis in "xy":
            lower, upper = getattr(self, f"{axis}_min"), getattr(self, f"{axis}_max")
            if (lower == 0) != (upper == 0) or lower > upper:
                msg = (
                    f"{axis}_min is {lower} and {axis}_max {upper}: expected bins in order, or 0, 0"
                )
                raise ValueError(msg)


def content_sigma(stack: Stack, parameters: ContentSigma) -> Findings:
    """Fraction of the blocks that are neither noisy nor dead.

    B is a block's content, a the mean of the m blocks around it that exist, s their standard
    deviation, e = max(s, sqrt(max(a, 1/m))) / sqrt(m) the error on a: counting alone gives no less.
    A block is noisy if B > a and P(N >= B | a + 3 e) < tail(tolerance_noisy), dead if B < a and
    P(N <= B | a - 3 e) < tail(tolerance_dead), N Poisson, tail that of a normal distribution. So a
    mean that is itself uncertain condemns nothing. Valid for counts, of blocks that are expected to
    be as many as those around them: entries are looked at, whatever the element shows. The p-value
    is the smallest of all blocks times their number (Bonferroni), conservative because of the 3 e.
    Left out are flow, and bins that are left over where blocks do not divide the region.
    Definition: CMSSW DQMServices/Core/src/QTest.cc.

    `cmssw_compatible`: s is divided by m instead of its root, and by the spread of blocks one bin
    too wide towards higher numbers, as is the window that a is summed over; m is counted wrongly
    where the window passes both edges; windows are at most half of the bins of the region, blocks
    counted as bins; no block fails where a is 0, or e cannot be computed; B sums up absolute
    contents, a not. A region outside of the element is all of it.
    """
    counts = stack.entries[stack.inner]
    content = counts.astype(np.float64)
    if parameters.cmssw_compatible:
        content = root_content(stack)[stack.inner]
    entries = per_element(counts).sum(axis=1)
    planar = content if content.ndim == 3 else content[..., None]
    sides, why = _sides(planar.shape, parameters)
    if why:
        return _nothing(content, entries, why)
    find = _cmssw_blocks if parameters.cmssw_compatible else _blocks
    sums, tails, judged = find(planar, sides, parameters)
    severity = np.where(judged, tails.severity(parameters), 0.0)
    failed = severity > 0
    blocks = per_element(judged).sum(axis=1)
    good = blocks - per_element(failed).sum(axis=1)
    fraction = np.divide(good, blocks, out=np.zeros(len(stack)), where=blocks > 0)
    shape = (len(stack), *content.shape[1:])
    return Findings(
        quantity=f"fraction of blocks of {sides[0].width} x {sides[1].width} bins "
        "like those around them",
        qtresult=fraction,
        measured=fraction,
        entries=entries,
        content=in_all_bins(sums, sides, planar.shape).reshape(shape),
        severity=in_first_bins(severity, sides, planar.shape).reshape(shape),
        insufficient={int(row): "no block has others" for row in np.flatnonzero(blocks == 0)},
        p_value=None if parameters.cmssw_compatible else tails.smallest(judged),
    )


def _sides(shape: tuple[int, ...], parameters: ContentSigma) -> tuple[tuple[Side, Side], str]:
    found = []
    for axis, extent in zip("xy", shape[1:], strict=True):
        lower, upper, wanted, reach = (
            getattr(parameters, name)
            for name in (f"{axis}_min", f"{axis}_max", f"{axis}_blocks", f"neighbours_{axis}")
        )
        beyond = upper > extent
        if beyond and not parameters.cmssw_compatible:
            return (LONE, LONE), f"bins {lower} to {upper} in {axis} are wanted of {extent}"
        first, bins = (lower - 1, upper - lower + 1) if upper and not beyond else (0, extent)
        if extent == 1:
            wanted = 1
        blocks = wanted or bins
        if blocks > bins:
            return (LONE, LONE), f"{blocks} blocks in {axis} are wanted of {bins} bins"
        if parameters.cmssw_compatible and 2 * reach >= bins:
            reach = (bins - 1) // 2
        found.append(Side(first=first, bins=bins, blocks=blocks, width=bins // blocks, reach=reach))
    return (found[0], found[1]), ""


def _blocks(
    content: Floats, sides: tuple[Side, Side], parameters: ContentSigma
) -> tuple[Floats, "_Tails", Booleans]:
    """Of each block: its content, the tails, whether it is judged; all [n, x blocks, y blocks]."""
    sums = range_sums(content, *(plain_blocks(side) for side in sides))
    window = [windows(side) for side in sides]
    around = range_sums(sums, *window) - sums
    squares = range_sums(sums**2, *window) - sums**2
    number = np.ones((1, *sums.shape[1:]))
    neighbours = range_sums(number, *window) - number
    m = np.maximum(neighbours, 1)
    mean = around / m
    spread = np.sqrt(np.maximum(squares - around * mean, 0.0) / np.maximum(m - 1, 1))
    least = np.sqrt(np.maximum(mean, 1 / m))
    error = np.maximum(np.where(m > 1, spread, 0.0), least) / np.sqrt(m)
    judged = np.broadcast_to(neighbours > 0, sums.shape)
    return sums, _tails(sums, sums, mean, 3 * error, parameters), judged


def _cmssw_blocks(
    content: Floats, sides: tuple[Side, Side], parameters: ContentSigma
) -> tuple[Floats, "_Tails", Booleans]:
    """The same, step by step as CMSSW's."""
    sums = range_sums(np.abs(content), *(plain_blocks(side) for side in sides))
    around = range_sums(content, *(cmssw_windows(side) for side in sides)) - sums
    widths = np.multiply.outer(*(cmssw_widths(side) for side in sides)).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = around / (widths - 1)
        # CMSSW's integers have no sign: 1 - 2 is a very large one.
        below = np.where(widths > 1, widths - 2, 2.0**32 - 1)
        around_mean = cmssw_squares(content, sides, mean)
        square = around_mean - (mean - sums) ** 2
        scale = np.abs(around_mean) + mean**2
        square[np.abs(square) < 1e-12 * scale] = 0.0
        error = np.sqrt(square) / np.sqrt(below) / (widths - 1)
        tails = _tails(np.trunc(sums), sums, mean, 3 * error, parameters)
    # Comparisons with what cannot be computed are false.
    judged = (mean != 0) & np.isfinite(error)
    return sums, tails.where(judged), np.ones(sums.shape, bool)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tails:
    """Chance of a block as full, and of one as empty, as each is; 1 where it is not looked for."""

    full: Floats
    empty: Floats

    def where(self, known: Booleans) -> "_Tails":
        """1 where nothing is known."""
        return _Tails(full=np.where(known, self.full, 1.0), empty=np.where(known, self.empty, 1.0))

    def severity(self, parameters: ContentSigma) -> Floats:
        """log(allowed / tail) of blocks that fail, 0 of others."""
        noisy = _below(self.full, float(ndtr(-parameters.tolerance_noisy)))
        return np.maximum(noisy, _below(self.empty, float(ndtr(-parameters.tolerance_dead))))

    def smallest(self, judged: Booleans) -> Floats:
        """float64[n]: the smallest of all judged, times their number."""
        tails = np.where(judged, np.minimum(self.full, self.empty), 1.0)
        smallest: Floats = per_element(tails).min(axis=1) * per_element(judged).sum(axis=1)
        return np.minimum(smallest, 1.0)


def _tails(
    count: Floats, block: Floats, mean: Floats, margin: Floats, parameters: ContentSigma
) -> _Tails:
    """Poisson tails of `count`, looked for where the `block` is above or below the mean.

    Those of a count within the margin are more than 1/2 and fail nothing: they are left at 1, which
    saves most of the time.
    """
    full = np.ones(np.broadcast_shapes(count.shape, mean.shape))
    empty = full.copy()
    if parameters.noisy:
        most = mean + margin
        beyond = (block > mean) & (count > most)
        full[beyond] = gammainc(np.maximum(count, 1.0)[beyond], np.maximum(most, 0.0)[beyond])
    if parameters.dead:
        least = mean - margin
        beyond = (block < mean) & (count < least)
        empty[beyond] = gammaincc(count[beyond] + 1, np.maximum(least, 0.0)[beyond])
    return _Tails(full=full, empty=empty)


def _below(tail: Floats, allowed: float) -> Floats:
    small = np.maximum(tail, 1e-300)
    return np.where(tail < allowed, np.log(allowed) - np.log(small), 0.0)


def _nothing(content: Floats, entries: NDArray[np.int64], why: str) -> Findings:
    zeros = np.zeros(len(content))
    return Findings(
        quantity="fraction of blocks",
        qtresult=zeros,
        measured=zeros,
        entries=entries,
        content=content,
        severity=np.zeros(content.shape),
        insufficient=dict.fromkeys(range(len(content)), why),
    )


ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
    Algorithm(
        name="ContentSigma",
        parameters=ContentSigma,
        measure=content_sigma,
        refusal=refuse_unless_bins,
        warning=0.9,
        error=0.5,
        min_entries=100,
    ),
)
