"""The content of every bin against limits: value, spread, distance to the mean of all bins."""

import math
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from dqmstream.quality.algorithm import Algorithm, Findings, Parameters, refuse_unless_bins
from dqmstream.quality.algorithms.root import as_columns, root_content, root_errors, root_spread
from dqmstream.quality.stack import Stack, per_element

__all__ = ["ALGORITHMS", "ContentsWithinExpected", "contents_within_expected"]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
_NO_SPREAD: Final = "an RMS is expected, and the bins of a histogram have none"
_NO_PROFILE: Final = "CMSSW does not judge profiles without their empty bins"


class ContentsWithinExpected(Parameters, frozen=True, kw_only=True):
    """Limits on every bin, in the unit of the content; at least one is given.

    `min_mean` and `max_mean` are of the content, `min_rms` and `max_rms` of the spread of a
    profile's values in a bin, or with `error_of_mean` of the error on their mean; all are allowed
    values. `tolerance_mean` is how far a content may be from the mean of all bins, relative to it.
    A bin of a profile with fewer than `min_entries` / bins entries is not judged; one of a
    histogram without entries only with `use_empty_bins`.
    """

    min_mean: float = -math.inf
    max_mean: float = math.inf
    min_rms: float = -math.inf
    max_rms: float = math.inf
    tolerance_mean: Annotated[float, msgspec.Meta(ge=0)] | None = None
    min_entries: Annotated[int, msgspec.Meta(ge=0)] = 0
    use_empty_bins: bool = True
    error_of_mean: bool = False
    cmssw_compatible: bool = False

    def __post_init__(self) -> None:
        for name in ("mean", "rms"):
            lower, upper = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if lower > upper:
                msg = f"min_{name} is {lower:g}, above max_{name} {upper:g}"
                raise ValueError(msg)
        if not (self.limits_mean or self.limits_rms or self.tolerance_mean is not None):
            msg = "expected limits on the mean or on the RMS, or a tolerance_mean"
            raise ValueError(msg)

    @property
    def limits_mean(self) -> bool:
        """Whether there is a limit on the content."""
        return (self.min_mean, self.max_mean) != (-math.inf, math.inf)

    @property
    def limits_rms(self) -> bool:
        """Whether there is a limit on the spread."""
        return (self.min_rms, self.max_rms) != (-math.inf, math.inf)


def contents_within_expected(stack: Stack, parameters: ContentsWithinExpected) -> Findings:
    """Fraction of the judged bins within all limits.

    qtresult = good bins / judged bins, flow left out. A bin fails if its content or its RMS is
    outside its limits, or |content - mean| > tolerance_mean * |mean|, with the mean over all judged
    bins. No allowance is made for fluctuations: `min_entries` and the limits should leave room for
    those of the emptiest bin. Worst are the bins farthest outside, in units of the larger limit. An
    RMS of a histogram's bin does not exist: INSUFFICIENT. Definition: CMSSW
    DQMServices/Core/src/QTest.cc.

    `cmssw_compatible`: bins that are not judged count as good; `min_entries` / bins is rounded
    down, so that with 0 empty bins of a profile are judged, at a content of 0. What CMSSW calls RMS
    is ROOT's error of a bin: of a profile the spread if it was booked with option "s", else
    `error_of_mean`; of a histogram the root of its content, or of its sum of squared weights.
    Without `use_empty_bins` only the mean is compared, of bins whose content is not 0, with 0 and 0
    where there are no limits, and a profile is not judged.
    """
    content = root_content(stack)[stack.inner]
    entries = stack.entries[stack.inner]
    compatible = parameters.cmssw_compatible
    judged = _judged(stack, parameters, content, entries)
    severity = np.zeros(content.shape)
    if compatible and not parameters.use_empty_bins:
        unset = not parameters.limits_mean
        lower, upper = (0.0, 0.0) if unset else (parameters.min_mean, parameters.max_mean)
        severity = _beyond(content, lower, upper)
    else:
        if parameters.limits_mean:
            severity = _beyond(content, parameters.min_mean, parameters.max_mean)
        if parameters.limits_rms:
            rms = _rms(stack, parameters)[stack.inner]
            severity = np.maximum(severity, _beyond(rms, parameters.min_rms, parameters.max_rms))
        if parameters.tolerance_mean is not None:
            away = _from_mean(content, judged, parameters.tolerance_mean)
            severity = np.maximum(severity, away)
    severity = np.where(judged, severity, 0.0)
    return Findings.of_bins(
        f"fraction of bins within {_limits(parameters)}",
        entries=entries,
        content=content,
        severity=severity,
        judged=np.ones_like(judged) if compatible else judged,
        insufficient=_reasons(stack, parameters),
    )


def _judged(
    stack: Stack, parameters: ContentsWithinExpected, content: Floats, entries: NDArray[np.int64]
) -> Booleans:
    bins = int(np.prod(content.shape[1:]))
    if parameters.cmssw_compatible:
        if not parameters.use_empty_bins:
            return np.not_equal(content, 0)
        return (entries >= parameters.min_entries // bins) | (not stack.profile)
    if stack.profile:
        return (entries > 0) & (entries * bins >= parameters.min_entries)
    return (entries > 0) | parameters.use_empty_bins


def _rms(stack: Stack, parameters: ContentsWithinExpected) -> Floats:
    if parameters.error_of_mean or (parameters.cmssw_compatible and not stack.profile):
        return root_errors(stack)
    spread = root_spread(stack)
    return np.nan_to_num(spread) if parameters.cmssw_compatible else spread


def _from_mean(content: Floats, judged: Booleans, tolerance: float) -> Floats:
    """How far beyond `tolerance` times the mean of the judged bins contents are from it."""
    count = np.maximum(per_element(judged).sum(axis=1), 1)
    total = per_element(np.where(judged, content, 0.0)).sum(axis=1)
    mean = as_columns(total / count, content.ndim)
    away, allowed = np.abs(content - mean), tolerance * np.abs(mean)
    # A mean of 0 allows nothing but 0.
    scale = np.where(mean == 0, 1.0, np.abs(mean))
    return np.where(away > allowed, away / scale, 0.0)


def _beyond(values: Floats, lower: float, upper: float) -> Floats:
    """How far values are outside, in units of the larger of the limits that there are."""
    finite = [abs(limit) for limit in (lower, upper) if math.isfinite(limit)]
    scale = max(finite, default=0.0) or 1.0
    away = np.maximum(lower - values, values - upper)
    return np.where(away > 0, away / scale, 0.0)


def _limits(parameters: ContentsWithinExpected) -> str:
    found = []
    if parameters.limits_mean:
        found.append(f"{parameters.min_mean:g} and {parameters.max_mean:g}")
    if parameters.limits_rms:
        what = "error" if parameters.error_of_mean else "RMS"
        found.append(f"an {what} of {parameters.min_rms:g} to {parameters.max_rms:g}")
    if parameters.tolerance_mean is not None:
        found.append(f"{parameters.tolerance_mean:g} of the mean of all")
    return ", ".join(found)


def _reasons(stack: Stack, parameters: ContentsWithinExpected) -> dict[int, str]:
    why = ""
    if parameters.cmssw_compatible:
        why = _NO_PROFILE if stack.profile and not parameters.use_empty_bins else ""
    elif parameters.limits_rms and not stack.profile and not parameters.error_of_mean:
        why = _NO_SPREAD
    return dict.fromkeys(range(len(stack)), why) if why else {}


ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
    Algorithm(
        name="ContentsWithinExpected",
        parameters=ContentsWithinExpected,
        measure=contents_within_expected,
        refusal=refuse_unless_bins,
        warning=0.9,
        error=0.5,
        min_entries=1,
    ),
)
