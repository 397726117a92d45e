"""Each column of a map against its own median: rings of a detector that should be even."""

import math
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from dqmstream.messages.booking import Element
from dqmstream.quality.algorithm import Algorithm, Findings, Parameters, refuse_unless_bins
from dqmstream.quality.algorithms.root import root_content
from dqmstream.quality.stack import Stack, per_element

__all__ = ["ALGORITHMS", "CompareToMedian", "compare_to_median", "refuse_unless_map"]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
_Amount = Annotated[float, msgspec.Meta(ge=0)]


class CompareToMedian(Parameters, frozen=True, kw_only=True):
    """What the bins of one x may hold beside their median, and the median itself.

    A bin is allowed `min_rel` to `max_rel` times the median; a median outside [`min_abs`,
    `max_abs`], in the unit of the content, condemns all its bins. A column whose median times
    entries is below `stat_cut` is not judged. `use_empty_bins` takes bins without entries for bins
    of content 0.
    """

    min_rel: _Amount = 0.2
    max_rel: _Amount = 3.0
    min_abs: float = 0.0
    max_abs: float = 10.0
    use_empty_bins: bool = False
    stat_cut: _Amount = 0.0
    cmssw_compatible: bool = False

    def __post_init__(self) -> None:
        for name in ("rel", "abs"):
            lower, upper = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if lower > upper:
                msg = f"min_{name} is {lower:g}, above max_{name} {upper:g}"
                raise ValueError(msg)


def compare_to_median(stack: Stack, parameters: CompareToMedian) -> Findings:
    """Fraction of the judged bins that are like the others of the same x.

    For each x, m is the median over y of the contents of bins with entries. With m = 0 a content
    must lie in [min_abs, max_abs]; with |m| * (median of their entries) < stat_cut the column is
    not judged; with m outside [min_abs, max_abs] all its bins fail; else a bin fails outside
    [min_rel * m, max_rel * m]. qtresult = good bins / judged bins, flow left out. No allowance is
    made for fluctuations: `stat_cut` should leave columns out of which bins scatter as far as the
    relative limits. Definition: CMSSW DQMServices/Core/src/QTest.cc.

    `cmssw_compatible`: the median of an even number is the upper one of the two; a bin of content 0
    is taken for one without entries; `stat_cut` is compared with the median times the entries of
    the last y, so that one of 0 leaves negative medians out; columns left out count as good; empty
    bins never fail, also with `use_empty_bins`. A result below 0 is 0 here, and nothing to judge,
    which passes there, INSUFFICIENT.
    """
    content = root_content(stack)[stack.inner]
    entries = stack.entries[stack.inner]
    filled = entries > 0
    compatible = parameters.cmssw_compatible
    used = (content != 0) if compatible else filled
    if parameters.use_empty_bins:
        used = np.ones_like(filled)
    median = _medians(content, used, upper=compatible)
    typical = _last_of(entries, used) if compatible else _medians(entries.astype(np.float64), used)
    size = median * typical if compatible else np.abs(median) * typical
    skipped = (median != 0) & (size < parameters.stat_cut)
    off = (median != 0) & ((median > parameters.max_abs) | (median < parameters.min_abs))
    # A negative median turns its limits round.
    lower, upper = np.sort([parameters.min_rel * median, parameters.max_rel * median], axis=0)
    lower = np.where(median == 0, parameters.min_abs, lower)[..., None]
    upper = np.where(median == 0, parameters.max_abs, upper)[..., None]
    away = np.maximum(np.maximum(lower - content, content - upper), 0.0)
    away = np.where(off[..., None] & (away == 0), np.abs(median)[..., None], away)
    exists = used.any(axis=2) & ~skipped
    failed = exists[..., None] & (filled if compatible else used) & (away > 0)
    severity = np.where(failed, away, 0.0)
    if compatible:
        # Bins of content 0 may fail without being counted, so a fraction of those judged is not it.
        return _cmssw_findings(entries, content, severity, used)
    return Findings.of_bins(
        f"fraction of bins from {parameters.min_rel:g} to {parameters.max_rel:g} times the median "
        "of their column",
        entries=entries,
        content=content,
        severity=severity,
        judged=used & exists[..., None],
    )


def _cmssw_findings(
    entries: NDArray[np.int64], content: Floats, severity: Floats, used: Booleans
) -> Findings:
    bins = per_element(used).sum(axis=1)
    failed = np.count_nonzero(per_element(severity), axis=1)
    fraction = np.clip(1 - failed / np.maximum(bins, 1), 0.0, 1.0)
    return Findings(
        quantity="fraction of bins like the median of their column",
        qtresult=fraction,
        measured=fraction,
        entries=per_element(entries).sum(axis=1),
        content=content,
        severity=severity,
        insufficient={int(row): "no bin can be judged" for row in np.flatnonzero(bins == 0)},
    )


def refuse_unless_map(element: Element) -> str:
    """Refusal of all but histograms and profiles in two dimensions."""
    if refused := refuse_unless_bins(element):
        return refused
    return "" if len(getattr(element, "axes", ())) == 2 else "needs two dimensions, got 1"


def _medians(values: Floats, used: Booleans, *, upper: bool = False) -> Floats:
    """float64[n, x]: median over y of those used, 0 without any; `upper` of the two middle ones."""
    count = used.sum(axis=2)
    ordered = np.sort(np.where(used, values, math.inf), axis=2)

    def at(place: NDArray[np.int64]) -> Floats:
        return np.take_along_axis(ordered, place[..., None], axis=2)[..., 0]

    high = at(np.minimum(count // 2, values.shape[2] - 1))
    low = high if upper else at(np.maximum(count - 1, 0) // 2)
    return np.where(count > 0, (low + high) / 2, 0.0)


def _last_of(entries: NDArray[np.int64], used: Booleans) -> NDArray[np.int64]:
    """int64[n, x]: entries of the last y that is used."""
    last = used.shape[2] - 1 - used[:, :, ::-1].argmax(axis=2)
    return np.take_along_axis(entries, last[..., None], axis=2)[..., 0]


ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
    Algorithm(
        name="CompareToMedian",
        parameters=CompareToMedian,
        measure=compare_to_median,
        refusal=refuse_unless_map,
        warning=0.9,
        error=0.5,
        min_entries=100,
    ),
)
