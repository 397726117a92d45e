"""Dead and noisy channels: bins with far fewer or far more entries than the others.

Both look at entries, whatever the element shows of them, and take these to be Poisson counts. Each
asks for a significance *of the element*: the probability of a bin failing by chance is multiplied
by the number of its bins (Bonferroni), so that one element of good channels fails with at most the
normal tail of `sigmas`, 2.9e-7 for the default of 5, however many channels it shows. A thousand
such elements over a run of a thousand LSs give 0.3 false alarms.
"""

import math
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.layout import axis_bins
from dqmstream.messages.booking import Element
from dqmstream.quality.algorithm import Algorithm, Findings, Parameters, Sigmas, refuse_unless_bins
from dqmstream.quality.algorithms.block_ranges import range_sums
from dqmstream.quality.algorithms.root import as_columns, root_content
from dqmstream.quality.algorithms.significance import (
    log_binomial_excess,
    log_normal_tail,
    log_poisson_deficit,
)
from dqmstream.quality.stack import Stack, per_element

__all__ = [
    "ALGORITHMS",
    "DeadChannel",
    "NoisyChannel",
    "dead_channel",
    "noisy_channel",
    "refuse_lone_bin",
]

Floats = NDArray[np.float64]


class DeadChannel(Parameters, frozen=True, kw_only=True):
    """When a bin is dead.

    `threshold` is the most entries a dead bin may have. `share` says how uneven good channels may
    be: the emptiest live one is expected to have at least this share of the median live bin.
    `cmssw_compatible` uses neither `share` nor `sigmas`.
    """

    threshold: Annotated[float, msgspec.Meta(ge=0)] = 0
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.2
    sigmas: Sigmas = 5.0
    cmssw_compatible: bool = False


class NoisyChannel(Parameters, frozen=True, kw_only=True):
    """When a bin is noisy.

    `tolerance` is the relative excess over the mean of the bins around it that good channels may
    have by nature (1.0: twice as many entries). `neighbours` is how many bins to each side are
    compared with. `cmssw_compatible` does not use `sigmas`.
    """

    tolerance: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    neighbours: Annotated[int, msgspec.Meta(ge=1)] = 2
    sigmas: Sigmas = 5.0
    cmssw_compatible: bool = False


def dead_channel(stack: Stack, parameters: DeadChannel) -> Findings:
    """Fraction of bins that are not dead.

    A bin is dead with c <= threshold entries if that many or fewer are incredible in a live one:
    bins * P(N <= c | mu) < tail(sigmas), with mu = share * (median entries of the bins above
    threshold). Where even c = threshold is credible nothing can be called dead, and the outcome is
    INSUFFICIENT: with threshold 0 that is mu < 15 + log(bins) for 5 sigmas. Valid for Poisson
    counts of live bins that differ in expectation by no more than `share` says. Flow is left out.
    Definition of dead: CMSSW DQMServices/Core/src/QTest.cc, tail: `significance`.

    `cmssw_compatible`: every bin with a content of at most threshold is dead, however few entries
    the whole histogram has. In two dimensions CMSSW does not notice a threshold that was never set.
    """
    if parameters.cmssw_compatible:
        return _cmssw_dead(stack, parameters.threshold)
    entries = stack.entries[stack.inner]
    live = entries > parameters.threshold
    expected = parameters.share * _median(entries, live)
    most = math.floor(parameters.threshold)
    log_p = log_poisson_deficit(most, expected) + math.log(_bins(entries))
    enough = log_p < log_normal_tail(parameters.sigmas)
    judged = np.broadcast_to(as_columns(enough, entries.ndim), entries.shape)
    deficit = as_columns(expected, entries.ndim) - entries
    reasons = {
        int(row): f"a live bin may have as few as {expected[row]:.3g} entries, "
        f"too few to call one with {most} dead"
        for row in np.flatnonzero(~enough)
    }
    return Findings.of_bins(
        f"fraction of live bins (dead: at most {most} entries, "
        f"expected at least {parameters.share:g} of the median)",
        entries=entries,
        content=entries.astype(np.float64),
        severity=np.where(judged & ~live, deficit, 0.0),
        judged=judged,
        insufficient=reasons,
    )


def noisy_channel(stack: Stack, parameters: NoisyChannel) -> Findings:
    """Fraction of bins that are not noisy.

    A bin with c entries, s in the m bins around it, is noisy if even (1 + tolerance) times their
    mean does not explain it: bins * P(c or more of c + s) < tail(sigmas), each entry falling in the
    bin with odds (1 + tolerance) / m. This allows for the fluctuations of both; the window of
    +-neighbours (a square in two dimensions) is cut at the edges. Valid for Poisson counts of
    channels of which none is expected to have more than (1 + tolerance) times its neighbours' mean.
    Flow is left out. Criterion of excess: CMSSW DQMServices/Core/src/QTest.cc, tail:
    `significance`.

    `cmssw_compatible`: a bin of content c fails if (c - avg) / abs(avg) > tolerance, whatever the
    counts (2 entries beside 1 and 0); one among empty ones never does; the window is pushed inward
    at the edges and avg the mean of its other bins. Failed bins are listed where they are: CMSSW
    lists those in two dimensions with y = 0, and reads a TH2D as a TH2F, of which there is none.
    """
    if parameters.cmssw_compatible:
        return _cmssw_noisy(stack, parameters)
    entries = stack.entries[stack.inner].astype(np.float64)
    around = _window_sum(entries, parameters.neighbours) - entries
    bins_around = _window_sum(np.ones((1, *entries.shape[1:])), parameters.neighbours) - 1
    log_p = log_binomial_excess(entries, around, (1 + parameters.tolerance) / bins_around)
    noisy = log_p + math.log(_bins(entries)) < log_normal_tail(parameters.sigmas)
    return Findings.of_bins(
        f"fraction of bins not noisy (noisy: more than {1 + parameters.tolerance:g} times the mean "
        f"of those within {parameters.neighbours})",
        entries=stack.entries[stack.inner],
        content=entries,
        severity=np.where(noisy, -log_p, 0.0),
        judged=np.ones(entries.shape, bool),
    )


def _cmssw_dead(stack: Stack, threshold: float) -> Findings:
    content = root_content(stack)[stack.inner]
    return Findings.of_bins(
        f"fraction of bins with a content above {threshold:g}",
        entries=stack.entries[stack.inner],
        content=content,
        severity=np.where(content <= threshold, 1 + threshold - content, 0.0),
        judged=np.ones(content.shape, bool),
    )


def _cmssw_noisy(stack: Stack, parameters: NoisyChannel) -> Findings:
    content = root_content(stack)[stack.inner]
    around = _window_sum(content, parameters.neighbours, pushed=True) - content
    bins = [min(2 * parameters.neighbours + 1, extent) for extent in content.shape[1:]]
    average = around / (math.prod(bins) - 1)
    excess = np.divide(
        content - average, np.abs(average), out=np.zeros(content.shape), where=average != 0
    )
    return Findings.of_bins(
        f"fraction of bins at most {1 + parameters.tolerance:g} times the mean of those within "
        f"{parameters.neighbours}",
        entries=stack.entries[stack.inner],
        content=content,
        severity=np.where(excess > parameters.tolerance, excess, 0.0),
        judged=np.ones(content.shape, bool),
    )


def refuse_lone_bin(element: Element) -> str:
    """Refusal of what has no bins, or only one: it has no neighbours."""
    if refused := refuse_unless_bins(element):
        return refused
    axes = getattr(element, "axes", ())
    return "" if any(axis_bins(axis) > 1 for axis in axes) else "needs at least 2 bins"


def _bins(values: NDArray[np.generic]) -> int:
    """Number of bins of one element."""
    return int(np.prod(values.shape[1:]))


def _median(entries: NDArray[np.int64], live: NDArray[np.bool_]) -> Floats:
    """float64[n]: median entries of the live bins of each element, 0 without any."""
    counts = np.where(per_element(live), per_element(entries), np.nan)
    some = np.isfinite(counts).any(axis=1)
    medians = np.zeros(len(counts))
    medians[some] = np.nanmedian(counts[some], axis=1)
    return medians


def _window_sum(values: Floats, reach: int, *, pushed: bool = False) -> Floats:
    """Sum over the window of +-reach bins along each axis; itself included.

    At the edges it is cut, or pushed inward so that it keeps its width.
    """
    ranges = []
    for bins in values.shape[1:]:
        index = np.arange(bins)
        upper, lower = index + reach + 1, index - reach
        if pushed:
            upper, lower = upper + np.maximum(-lower, 0), lower - np.maximum(upper - bins, 0)
        ranges.append((np.maximum(lower, 0), np.minimum(upper, bins)))
    return range_sums(values, *ranges)


# Channels fail only when chance cannot explain it, so any of them is worth a warning.
ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
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
)
