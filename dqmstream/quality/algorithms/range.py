"""Contents within a range: along x for each entry, along y for each bin."""

import math
from typing import Any, Final

import numpy as np

from dqmstream.quality.algorithm import (
    Algorithm,
    Findings,
    Parameters,
    refuse_unless_bins,
    refuse_unless_numeric,
)
from dqmstream.quality.algorithms.root import root_centres, root_content
from dqmstream.quality.bins import bin_positions
from dqmstream.quality.stack import Stack

__all__ = [
    "ALGORITHMS",
    "ContentsXRange",
    "ContentsYRange",
    "check_range",
    "contents_x_range",
    "contents_y_range",
    "range_text",
]


class ContentsXRange(Parameters, frozen=True, kw_only=True):
    """Limits on x in the axis's unit, both allowed values; at least one is given."""

    xmin: float = -math.inf
    xmax: float = math.inf
    cmssw_compatible: bool = False

    def __post_init__(self) -> None:
        check_range("x", self.xmin, self.xmax)


class ContentsYRange(Parameters, frozen=True, kw_only=True):
    """Limits on a bin's content, both allowed values; at least one is given.

    The content is a count, a sum of weights, or a profile's mean in its value's unit. Bins without
    entries are not judged unless `use_empty_bins`.
    """

    ymin: float = -math.inf
    ymax: float = math.inf
    use_empty_bins: bool = False
    cmssw_compatible: bool = False

    def __post_init__(self) -> None:
        check_range("y", self.ymin, self.ymax)


def contents_x_range(stack: Stack, parameters: ContentsXRange) -> Findings:
    """Fraction of the contents whose x lies in [xmin, xmax].

    qtresult = 1 - (contents of bins with a position outside) / (all contents), flow included: an
    underflow lies at -inf, an overflow at +inf, an entry at the centre of its bin. Valid for
    one-dimensional histograms whose weights are not negative; the fraction has a binomial error of
    sqrt(p (1 - p) / entries), so `min_entries` should fit the distance between limit and good data.
    Definition: CMSSW DQMServices/Core/src/QTest.cc.

    `cmssw_compatible`: flow bins lie half a bin beyond the axis, so that a wide range takes them
    in. An empty histogram passes in CMSSW; it is INSUFFICIENT in either case here.
    """
    axis = stack.axes[0]
    positions = root_centres(axis) if parameters.cmssw_compatible else bin_positions(axis)
    outside = (positions < parameters.xmin) | (positions > parameters.xmax)
    content = stack.content
    total, beyond = content.sum(axis=1), content[:, outside].sum(axis=1)
    share = np.divide(total - beyond, total, out=np.zeros(len(stack)), where=total > 0)
    fraction = np.clip(share, 0.0, 1.0)
    allowed = range_text(parameters.xmin, parameters.xmax, axis.unit)
    return Findings(
        quantity=f"fraction of contents with {axis.label or 'x'} {allowed}",
        qtresult=fraction,
        measured=fraction,
        entries=stack.entries.sum(axis=1),
        content=content,
        severity=np.where(outside & (content > 0), content, 0.0),
        first_bin=-1,
        insufficient={
            int(row): "the sum of contents is not positive" for row in np.flatnonzero(total <= 0)
        },
    )


def contents_y_range(stack: Stack, parameters: ContentsYRange) -> Findings:
    """Fraction of the judged bins whose content lies in [ymin, ymax].

    qtresult = good bins / judged bins, flow left out; the worst bins are the farthest outside.
    Counts grow with the LSs summed, so limits on them fit one scope only; means of profiles do
    not. An empty bin of a profile has no mean and is never judged. No allowance is made for
    fluctuations: the limits should leave room for those of the emptiest good bin. Definition:
    CMSSW DQMServices/Core/src/QTest.cc.

    `cmssw_compatible`: without `use_empty_bins`, bins of content 0 cannot fail but count as good;
    with it, an empty bin of a profile has the content 0. A range that was never set passes in
    CMSSW; it is refused in either case here.
    """
    content = stack.content[stack.inner]
    entries = stack.entries[stack.inner]
    judged = np.isfinite(content)
    if not parameters.use_empty_bins:
        judged &= entries > 0
    if parameters.cmssw_compatible:
        content, judged = root_content(stack)[stack.inner], np.ones_like(judged)
    distance = np.maximum(parameters.ymin - content, content - parameters.ymax)
    if parameters.cmssw_compatible and not parameters.use_empty_bins:
        distance[content == 0] = 0
    allowed = range_text(parameters.ymin, parameters.ymax, "")
    return Findings.of_bins(
        f"fraction of bins with content {allowed}",
        entries=entries,
        content=content,
        severity=np.where(judged & (distance > 0), distance, 0.0),
        judged=judged,
    )


def check_range(name: str, lower: float, upper: float) -> None:
    """Refuse limits that are both missing, or in the wrong order, with a ValueError."""
    if lower == -math.inf and upper == math.inf:
        msg = f"expected {name}min, {name}max or both"
        raise ValueError(msg)
    if lower > upper:
        msg = f"{name}min is {lower:g}, above {name}max {upper:g}"
        raise ValueError(msg)


def range_text(lower: float, upper: float, unit: str) -> str:
    """An allowed range in words."""
    unit = f" {unit}" if unit else ""
    if lower == -math.inf:
        return f"at most {upper:g}{unit}"
    if upper == math.inf:
        return f"at least {lower:g}{unit}"
    if lower == upper:
        return f"equal to {lower:g}{unit}"
    return f"from {lower:g} to {upper:g}{unit}"


# Warn below 0.9 and bad below 0.5, as in CMSSW.
ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
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
)
