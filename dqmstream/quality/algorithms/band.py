"""A histogram or profile against the range that its bins have in many good LSs."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincc, gammainc, gammaincc, ndtri

from dqmstream.quality.algorithm import (
    Algorithm,
    Findings,
    Needs,
    Parameters,
    refuse_unless_bins,
)
from dqmstream.quality.algorithms.compared import (
    MAX_PULL,
    Bins,
    in_bins,
    largest_pull,
    listed,
    student_pulls,
    two_of,
    two_sided_tail,
)
from dqmstream.quality.algorithms.moments import calibrated_tail
from dqmstream.quality.stack import BandStack, Stack, per_element

__all__ = ["ALGORITHMS", "RobustBand", "count_pulls", "robust_band"]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

_EXACT_FROM: Final = 2.0
_TRIMMED: Final = 5.0
_ROUNDS: Final = 2
_TELLING: Final = 10.0


class RobustBand(Parameters, frozen=True, kw_only=True):
    """How bins are judged.

    `tolerance` widens the band: relative for counts, in the value's unit for profiles.
    `min_expected` is how many entries a bin is expected to have to count in the sum; all bins count
    for the largest pull. `min_members` is how many LSs the band is made of at least.
    """

    tolerance: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    min_expected: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    min_members: Annotated[int, msgspec.Meta(ge=3)] = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class _Counts:
    """float64[n, bins] counts; centre and intrinsic variance per unit; the least expectation."""

    counts: Floats
    centre: Floats
    intrinsic: Floats
    least: Floats

    @classmethod
    def of(
        cls, data: Bins, centre: Floats, intrinsic: Floats, members: Floats
    ) -> tuple[Self, Floats]:
        """Contents as counts of a mean weight, float64[n], that their variance tells."""
        total, squares = data.content.sum(axis=1), data.variance.sum(axis=1)
        # Weights that cancel out have no mean.
        weighted = (total > 1e-30 * squares) & (squares > 0)
        weight = np.divide(squares, total, out=np.ones(len(total)), where=weighted)
        counts = np.maximum(data.content / weight[:, None], 0.0)
        least = np.broadcast_to(1 / np.maximum(members, 1.0), counts.shape)
        return cls(counts=counts, centre=centre, intrinsic=intrinsic, least=least), weight

    def rows(self, which: Booleans) -> Self:
        """Only these elements."""
        return type(self)(
            counts=self.counts[which],
            centre=self.centre[which],
            intrinsic=self.intrinsic[which],
            least=self.least[which],
        )


def robust_band(stack: Stack, parameters: RobustBand) -> Findings:
    """Probability that a bin, or all of them together, lie as far off the band by chance.

    pull = (content - expected) / sqrt(statistical + intrinsic), expected = centre * scale. The
    intrinsic variance is what the members scatter beyond their own statistics,
    (((upper - lower) / 2)^2 - statistical of members) scale^2, at least 0, and that of the centre,
    pi / (2 members) of all; the statistical one is this LS's own: Poisson for counts, the squared
    error of the mean for profiles. Pulls beyond 2 are taken from exact tails: Poisson, or negative
    binomial if there is an intrinsic variance, and Student's t of a profile.

    qtresult = 1 - (1 - min(a, b))^2, with a the probability of the largest pull, corrected for
    the number of bins, and b of the sum of squares of pulls as a chi2: one spike does not hide
    among thousands of bins, nor a small shift of all of them. Scaled to equal entries, the scale is
    fitted to the bins within 5 sigmas, so that a spike does not push the others down either.

    Where intrinsic deviations of bins move together (a timing that drifts) the sum scatters more
    than a chi2: b then is of what it did in the members themselves, each judged by the band of
    others (`usual_squares`, `calibrated_tail`), never below that of a chi2. Known for bands of 100
    LSs and more, compared in the unit they were made in; of others b is right for independent bins
    only. Counts are discrete, which makes a conservative. A bin empty in all m members is expected
    to have 1/m entries. Flow is left out. Source: median and quantiles as a band over good LSs,
    made by `make_band`.
    """
    band, data = stack.bands[0], in_bins(stack)
    centre, half, statistical = _per_unit(stack, band)
    members = band.members[:, None].astype(np.float64)
    intrinsic = np.maximum(half**2 - statistical, 0.0) + np.pi / 2 * half**2 / members
    if stack.profile:
        pulls = _of_profile(data, centre, intrinsic + parameters.tolerance**2)
        judged = summed = np.isfinite(pulls)
        lost = np.zeros(len(stack), bool)
    else:
        judged = np.isfinite(centre)
        scale, fitted = _scale(stack, band, data)
        counts, weight = _Counts.of(data, np.where(judged, centre, 0.0), intrinsic, members)
        pulls, expected = _of_counts(counts, scale / weight, fitted, parameters.tolerance)
        pulls = np.where(judged, pulls, np.nan)
        summed, lost = judged & (expected >= parameters.min_expected), fitted
    bins = judged.sum(axis=1) * 1.0
    statistic = np.where(summed, pulls**2, 0.0).sum(axis=1)
    ndof = np.maximum(summed.sum(axis=1) - lost.astype(np.float64), 0.0)
    largest = largest_pull(pulls)
    spike, amount = two_sided_tail(largest, bins), calibrated_tail(statistic, ndof, band.usual)
    p_value = two_of(spike, amount)
    content = np.nan_to_num(data.content)
    return Findings(
        quantity="largest pull against the band",
        unit="sigma",
        limit="within the band of good LSs",
        qtresult=p_value,
        measured=largest,
        entries=data.entries.sum(axis=1).astype(np.int64),
        content=data.shaped(content),
        severity=data.shaped(listed(pulls, p_value)),
        insufficient=_reasons(band, bins, parameters),
        p_value=p_value,
        statistic=statistic,
        ndof=ndof,
    )


def count_pulls(counts: Floats, expected: Floats, intrinsic: Floats) -> Floats:
    """How far counts are off, in sigmas of a normal distribution with the same tail.

    Poisson counts whose mean has itself an `intrinsic` variance, as a gamma distribution: together
    negative binomial. Exact beyond 2 sigmas, normal below, where the difference does not matter.

    Parameters
    ----------
    counts, expected, intrinsic
        float64 of one shape; `expected` positive.
    """
    pulls = (counts - expected) / np.sqrt(expected + intrinsic)
    # A low count is never as far from a small mean as the square root says: look at those too.
    far = np.abs(pulls) > _EXACT_FROM
    if not far.any():
        return pulls
    n, mean, more = counts[far], expected[far], pulls[far] > 0
    wide = np.maximum(intrinsic[far], 1e-12)
    poisson = intrinsic[far] <= 1e-9 * mean
    size = np.where(poisson, 1.0, mean**2 / wide)
    share = size / (size + mean)
    tail = np.where(
        poisson,
        np.where(more, gammainc(np.maximum(n, 1e-9), mean), gammaincc(n + 1, mean)),
        np.where(more, betaincc(size, np.maximum(n, 1e-9), share), betainc(size, n + 1, share)),
    )
    exact = np.clip(-ndtri(np.clip(tail, 1e-300, 1.0)), 0.0, MAX_PULL)
    pulls[far] = np.where(more, exact, -exact)
    return pulls


def _per_unit(stack: Stack, band: BandStack) -> tuple[Floats, Floats, Floats]:
    """Centre, half of the range and statistical variance in rows, flow left out."""
    inner = stack.inner
    half = per_element((band.upper - band.lower)[inner]) / 2
    statistical = per_element(band.statistical[inner])
    return per_element(band.centre[inner]), np.nan_to_num(half), np.nan_to_num(statistical)


def _scale(stack: Stack, band: BandStack, data: Bins) -> tuple[Floats, Booleans]:
    """Units of each element, and whether they are entries: then they are fitted."""
    fitted = np.zeros(len(stack), bool)
    amounts = [data.entries.sum(axis=1), per_element(stack.entries).sum(axis=1) * 1.0]
    if stack.sums is not None:
        amounts += [data.content.sum(axis=1), per_element(stack.sums).sum(axis=1)]
    for amount in amounts:
        fitted |= np.isclose(band.scale, amount, rtol=1e-9, atol=0)
    known = np.isfinite(band.scale) & (np.abs(band.scale) < 1e30)
    return np.where(known, np.maximum(band.scale, 0.0), 0.0), fitted


def _of_counts(
    counts: _Counts, scale: Floats, fitted: Booleans, tolerance: float
) -> tuple[Floats, Floats]:
    """Pulls and expected entries."""
    if fitted.any():
        scale = np.where(fitted, _fitted(counts, np.ones(counts.counts.shape, bool), scale), scale)
    pulls, expected = _pulls(counts, scale, fitted, tolerance)
    troubled = fitted & (np.abs(pulls) >= _TRIMMED).any(axis=1)
    if not troubled.any():
        return pulls, expected
    # A spike raises the number of entries: where there may be one, from the median bin anew.
    few, ones = counts.rows(troubled), fitted[troubled]
    part = _median_scale(few, expected[troubled], scale[troubled])
    for _ in range(_ROUNDS):
        found, _ = _pulls(few, part, ones, tolerance)
        part = _fitted(few, np.abs(found) < _TRIMMED, part)
    pulls[troubled], expected[troubled] = _pulls(few, part, ones, tolerance)
    return pulls, expected


def _pulls(
    counts: _Counts, scale: Floats, fitted: Booleans, tolerance: float
) -> tuple[Floats, Floats]:
    unit = scale[:, None]
    expected = np.maximum(counts.centre * unit, counts.least)
    variance = counts.intrinsic * unit**2 + (tolerance * expected) ** 2
    pulls = count_pulls(counts.counts, expected, variance)
    if fitted.any():
        # What a fitted scale takes from the statistical variance of a bin that holds much.
        part = expected / expected.sum(axis=1, keepdims=True)
        left = 1 - part * expected / (variance + expected)
        pulls /= np.sqrt(np.where(fitted[:, None], np.maximum(left, 1e-9), 1.0))
    return np.clip(pulls, -MAX_PULL, MAX_PULL), expected


def _fitted(counts: _Counts, kept: Booleans, otherwise: Floats) -> Floats:
    """The scale that gives the entries of the bins kept."""
    found = np.where(kept, counts.counts, 0.0).sum(axis=1)
    wanted = np.where(kept, counts.centre, 0.0).sum(axis=1)
    good = (wanted > 0) & (found > 0)
    scale: Floats = np.divide(found, wanted, out=otherwise.copy(), where=good)
    return scale


def _median_scale(counts: _Counts, expected: Floats, scale: Floats) -> Floats:
    """The scale by the median of the bins with entries enough to tell; as it was without three."""
    telling = (expected >= _TELLING) & (counts.centre > 0)
    ratio = np.divide(
        counts.counts, counts.centre, out=np.full(expected.shape, np.inf), where=telling
    )
    number = telling.sum(axis=1)
    middle = np.sort(ratio, axis=1)[np.arange(len(ratio)), np.maximum(number - 1, 0) // 2]
    return np.where((number >= 3) & (middle > 0) & np.isfinite(middle), middle, scale)


def _of_profile(data: Bins, centre: Floats, intrinsic: Floats) -> Floats:
    enough = (data.entries >= 2) & np.isfinite(centre)
    n = np.where(enough, data.entries, 2.0)
    error = np.where(enough, data.variance, 1.0) / n
    total = error + intrinsic
    freedom = np.divide(
        (n - 1) * total**2, error**2, out=np.full(n.shape, 1e9), where=error > 1e-150
    )
    apart = np.where(enough, data.content - centre, 0.0)
    return np.where(enough, student_pulls(apart, total, np.minimum(freedom, 1e9)), np.nan)


def _reasons(band: BandStack, bins: Floats, parameters: RobustBand) -> dict[int, str]:
    few = {
        int(row): f"the band was made of {band.members[row]} LSs, needs {parameters.min_members}"
        for row in np.flatnonzero(band.members < parameters.min_members)
    }
    empty = {int(row): "the band knows none of its bins" for row in np.flatnonzero(bins == 0)}
    known = np.isfinite(band.scale) & (band.scale > 0)
    unscaled = {int(row): "the band has no scale" for row in np.flatnonzero(~known)}
    return unscaled | empty | few


ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
    Algorithm(
        name="RobustBand",
        parameters=RobustBand,
        measure=robust_band,
        refusal=refuse_unless_bins,
        warning=1e-4,
        error=1e-6,
        min_entries=100,
        needs=Needs.BAND,
    ),
)
