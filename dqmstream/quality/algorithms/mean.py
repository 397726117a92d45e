"""The mean of a histogram, compared with what is expected of it."""

import math
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

from dqmstream.quality.algorithm import Algorithm, Findings, Parameters, refuse_unless_numeric
from dqmstream.quality.algorithms.range import check_range, range_text
from dqmstream.quality.bins import bin_positions, bin_widths
from dqmstream.quality.stack import Stack

__all__ = ["ALGORITHMS", "MeanWithinExpected", "mean_within_expected"]

Floats = NDArray[np.float64]


class MeanWithinExpected(Parameters, frozen=True, kw_only=True):
    """The expected mean, or a range that holds it, in the axis's unit.

    `sigma` is how far good means scatter by nature, beyond the statistical error. With `use_rms`
    the histogram's own RMS stands for both (CMSSW's useRMS): a much weaker test. As CMSSW does it,
    it is told to use a range, `sigma` (useSigma) or `use_rms`.
    """

    mean: float | None = None
    xmin: float = -math.inf
    xmax: float = math.inf
    sigma: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    use_rms: bool = False
    cmssw_compatible: bool = False

    def __post_init__(self) -> None:
        ranged = (self.xmin, self.xmax) != (-math.inf, math.inf)
        if self.mean is None:
            check_range("x", self.xmin, self.xmax)
        if self.mean is not None and (ranged or not math.isfinite(self.mean)):
            msg = "expected either a finite mean, or xmin, xmax or both"
            raise ValueError(msg)
        if self.use_rms and self.sigma:
            msg = "expected either use_rms or sigma"
            raise ValueError(msg)
        if self.cmssw_compatible and self.mean is not None and not (self.sigma or self.use_rms):
            msg = "expected sigma, use_rms or a range: CMSSW knows no statistical error of a mean"
            raise ValueError(msg)

    @property
    def allowed(self) -> tuple[float, float]:
        """Lowest and highest expected mean."""
        return (self.xmin, self.xmax) if self.mean is None else (self.mean, self.mean)


def mean_within_expected(stack: Stack, parameters: MeanWithinExpected) -> Findings:
    """Probability that the mean is an expected one, fluctuations allowed for.

    qtresult = erfc(z / sqrt 2), the chi2 probability for one degree of freedom, with
    z = d / sqrt(sigma^2 + error^2), d the distance of the measured mean to the nearest expected
    one (1 if it is one), error = RMS / sqrt(n). For weights n is (sum w)^2 / sum w^2. The RMS is at
    least that of flat bins, width / sqrt 12. Entries lie at bin centres and flow is left out, as
    in ROOT's GetMean of a binned histogram. Valid where the mean is normal by the central limit
    theorem: `min_entries` guards that. Definition: CMSSW DQMServices/Core/src/QTest.cc.

    `cmssw_compatible`: `sigma` stands without statistical error, so that few entries alarm and many
    hide a shift; a range gives 1 or 0 however uncertain the mean; an RMS may be 0 and then gives 0.
    CMSSW takes mean and RMS from sums over what was filled, which need not be those of the bins.
    Fewer entries than minEntries are an ERROR there; INSUFFICIENT in either case here.
    """
    axis = stack.axes[0]
    mean, error, rms, undefined = _moments(stack, bins_are_flat=not parameters.cmssw_compatible)
    lower, upper = parameters.allowed
    distance = np.maximum(np.maximum(lower - mean, mean - upper), 0.0)
    spread = rms if parameters.use_rms else np.hypot(parameters.sigma, error)
    nothing = np.where(distance > 0, np.inf, 0.0)
    if parameters.cmssw_compatible:
        spread = rms if parameters.use_rms else np.full(len(stack), parameters.sigma)
        nothing = np.full(len(stack), np.inf) if parameters.use_rms else nothing
    z = np.divide(distance, spread, out=nothing, where=spread > 0)
    return Findings(
        quantity=f"mean of {axis.label or 'x'}",
        unit=axis.unit,
        limit=range_text(lower, upper, axis.unit),
        qtresult=erfc(z / math.sqrt(2)),
        measured=mean,
        entries=stack.entries[stack.inner].sum(axis=1),
        insufficient={
            int(row): "the sum of contents is not positive" for row in np.flatnonzero(undefined)
        },
    )


def _moments(
    stack: Stack, *, bins_are_flat: bool
) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
    """Mean, its error, RMS, each [n]; and which of them are undefined.

    Within a bin values are flat and give it a least RMS, or all lie at its centre.
    """
    axis = stack.axes[0]
    x, flat = bin_positions(axis)[1:-1], bin_widths(axis) ** 2 / 12 * bins_are_flat
    content = stack.content[stack.inner]
    squares = content if stack.squares is None else stack.squares[stack.inner]
    total = content.sum(axis=1)
    undefined = total <= 0
    safe = np.where(undefined, 1.0, total)
    mean = content @ x / safe
    variance = (content * (x - mean[:, None]) ** 2).sum(axis=1) / safe
    rms = np.sqrt(np.maximum(np.maximum(variance, content @ flat / safe), 0.0))
    error = rms * np.sqrt(np.maximum(squares.sum(axis=1), 0.0)) / safe
    return mean, error, rms, undefined


# A probability falls below a threshold as often as the threshold says, so it needs small ones: 1e-4
# and 1e-6 are 3.9 and 4.9 normal sigmas.
ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
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
