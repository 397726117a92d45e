"""How far the contents of the bins lie apart."""

import math
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from dqmstream.messages.booking import Element
from dqmstream.quality.algorithm import Algorithm, Findings, Parameters, refuse_unless_bins
from dqmstream.quality.algorithms.range import range_text
from dqmstream.quality.algorithms.root import root_content, root_errors
from dqmstream.quality.stack import Stack

__all__ = ["ALGORITHMS", "CheckVariance", "check_variance", "refuse_unless_one_dimension"]

Floats = NDArray[np.float64]
_Spread = Annotated[float, msgspec.Meta(ge=0)]


class CheckVariance(Parameters, frozen=True, kw_only=True):
    """Least and largest allowed spread of contents, in their unit; at least one is given.

    `beyond_errors` takes off the spread that the errors of the bins explain: of counts, that of
    counting. `cmssw_compatible` takes no limits: warning and error are limits on the spread.
    """

    minimum: _Spread = 0.0
    maximum: _Spread = math.inf
    beyond_errors: bool = False
    cmssw_compatible: bool = False

    def __post_init__(self) -> None:
        limited = (self.minimum, self.maximum) != (0.0, math.inf)
        if self.cmssw_compatible:
            if limited or self.beyond_errors:
                msg = "expected no other parameters: CMSSW compares the spread with warning, error"
                raise ValueError(msg)
            return
        if not limited or self.minimum > self.maximum:
            msg = f"expected a minimum, or a maximum above {self.minimum:g}, or both"
            raise ValueError(msg)


def check_variance(stack: Stack, parameters: CheckVariance) -> Findings:
    """How near the spread of the contents of bins is to what is allowed.

    spread = sqrt(mean of (content - mean content)^2) over the bins without flow, of a profile over
    those with entries; `beyond_errors` subtracts the mean of their squared errors first. qtresult
    is 1 within the limits, spread / minimum below and maximum / spread above them: 0.5 is a factor
    of 2 outside. Counts m scatter by sqrt(m) by chance; the spread of b bins is itself known to 1
    part in sqrt(2 b). Definition: CMSSW DQMServices/Core/src/QTest.cc.

    `cmssw_compatible`: the spread itself is compared with warning and error as if it were a
    probability, so that a small one is BAD and a large one never is; the qtresult is the spread, 1
    where it is larger. Contents that add up to 0 are an ERROR there, INSUFFICIENT here.
    """
    content = root_content(stack)[stack.inner]
    entries = stack.entries[stack.inner]
    judged = entries > 0 if stack.profile and not parameters.cmssw_compatible else entries >= 0
    bins = np.maximum(judged.sum(axis=1), 1)
    kept = np.where(judged, content, 0.0)
    mean = kept.sum(axis=1) / bins
    away = np.where(judged, content - mean[:, None], 0.0)
    square = (away**2).sum(axis=1) / bins
    if parameters.beyond_errors:
        errors = np.where(judged, root_errors(stack)[stack.inner], 0.0)
        square = np.maximum(square - (errors**2).sum(axis=1) / bins, 0.0)
    spread = np.sqrt(square)
    few = judged.sum(axis=1) < 2
    if parameters.cmssw_compatible:
        near, limit = np.minimum(spread, 1.0), ""
        reasons = dict.fromkeys(np.flatnonzero(kept.sum(axis=1) == 0), "contents add up to 0")
    else:
        near = _nearness(spread, parameters.minimum, parameters.maximum)
        limit = range_text(parameters.minimum or -math.inf, parameters.maximum, "")
        reasons = dict.fromkeys(np.flatnonzero(few), "fewer than 2 bins with entries")
    outside = (near < 1) & bool(limit)
    return Findings(
        quantity="spread of the contents of bins",
        limit=limit,
        qtresult=near,
        measured=spread,
        entries=entries.sum(axis=1),
        content=content,
        # The bins that make a spread large; nothing is wrong with any of them if it is small.
        severity=np.where(
            (outside & (spread > parameters.maximum))[:, None]
            & (np.abs(away) > parameters.maximum),
            np.abs(away),
            0.0,
        ),
        insufficient={int(row): why for row, why in reasons.items()},
    )


def refuse_unless_one_dimension(element: Element) -> str:
    """Refusal of all but histograms and profiles in one dimension."""
    if refused := refuse_unless_bins(element):
        return refused
    axes = getattr(element, "axes", ())
    return "" if len(axes) == 1 else f"needs one dimension, got {len(axes)}"


def _nearness(spread: Floats, minimum: float, maximum: float) -> Floats:
    ones = np.ones(len(spread))
    below = spread / minimum if minimum > 0 else ones
    above = np.divide(maximum, spread, out=ones.copy(), where=spread > maximum)
    return np.minimum(np.minimum(below, above), 1.0)


ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
    Algorithm(
        name="CheckVariance",
        parameters=CheckVariance,
        measure=check_variance,
        refusal=refuse_unless_one_dimension,
        warning=1.0,
        error=0.5,
        min_entries=100,
    ),
)
