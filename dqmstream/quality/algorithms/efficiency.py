"""Profiles whose bins are efficiencies: the fraction of entries that passed."""

from typing import Annotated, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincc

from dqmstream.messages.booking import Element, Profile
from dqmstream.quality.algorithm import (
    Algorithm,
    Findings,
    Needs,
    Parameters,
    refuse_unless_bins,
)
from dqmstream.quality.algorithms.compared import (
    Bins,
    chi2_tail,
    in_bins,
    largest_pull,
    listed,
    two_of,
    two_sided_tail,
)
from dqmstream.quality.algorithms.range import check_range, range_text
from dqmstream.quality.algorithms.tails import hypergeometric, pulls_of_tails
from dqmstream.quality.stack import Stack

__all__ = [
    "ALGORITHMS",
    "EfficiencyMatchesReference",
    "EfficiencyWithinExpected",
    "efficiency_matches_reference",
    "efficiency_within_expected",
]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

_ENOUGH: Final = 5.0


class EfficiencyMatchesReference(Parameters, frozen=True, kw_only=True):
    """`tolerance` is how far a good efficiency may be from the reference by nature: 0.01 is 1 %."""

    tolerance: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0


class EfficiencyWithinExpected(Parameters, frozen=True, kw_only=True):
    """Limits on the efficiency of each bin, both allowed values; at least one is given."""

    minimum: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    maximum: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0

    def __post_init__(self) -> None:
        if (self.minimum, self.maximum) == (0.0, 1.0):
            msg = "expected minimum, maximum or both"
            raise ValueError(msg)
        check_range("efficiency ", self.minimum, self.maximum)


def efficiency_matches_reference(stack: Stack, parameters: EfficiencyMatchesReference) -> Findings:
    """Probability of efficiencies as different, if they are those of the reference.

    Each bin has k passed of n, the reference k' of n'; given k + k', k is hypergeometric: Fisher's
    exact test, two-sided by twice the smaller tail, which is bounded by a geometric series
    (`tails`). Its pull z, divided by sqrt(1 + tolerance^2 / v), v = e (1 - e) (1/n + 1/n') with
    e of both together, allows for differences by nature.

    qtresult = 1 - (1 - min(a, b))^2: a of the largest pull, corrected for the number of bins, and
    b of the statistic, a chi2 of the pulls of bins in which 5 are expected to pass and 5 to fail
    on both sides. Valid for any number of entries, and at efficiencies of 0 and 1; conservative,
    as counts are discrete. Never normalised. Flow is left out. Source: R. A. Fisher, J. R. Stat.
    Soc. 98 (1935) 39.
    """
    data, reference = in_bins(stack), in_bins(stack.references[0].stack)
    n, m = data.entries, reference.entries
    k, other = _passed(data), _passed(reference)
    used = (n > 0) & (m > 0)
    total = np.maximum(n + m, 1.0)
    both = (k + other) / total
    chance = np.where(used, hypergeometric(k, n, other, m), 1.0)
    pulls = pulls_of_tails(chance, k * np.maximum(m, 1.0) - other * np.maximum(n, 1.0))
    variance = both * (1 - both) * total / np.maximum(n * m, 1.0)
    # An efficiency of exactly 0 or 1 is one that half an entry more or less could change.
    variance = np.maximum(variance, (0.5 / total) ** 2)
    pulls /= np.sqrt(1 + parameters.tolerance**2 / variance)
    thin = np.minimum(n, m) * np.minimum(both, 1 - both)
    trouble = _not_efficiencies(data) | _not_efficiencies(reference)
    return _findings(
        data,
        pulls,
        used=used,
        summed=used & (thin >= _ENOUGH),
        trouble=trouble,
        allowed="of the reference",
    )


def efficiency_within_expected(stack: Stack, parameters: EfficiencyWithinExpected) -> Findings:
    """Probability of efficiencies as far outside, if all are allowed ones.

    A bin with k passed of n has the binomial tail P(k or fewer | minimum), or P(k or more |
    maximum), doubled and at most 1: the p-value that belongs to the interval of C. J. Clopper and
    E. S. Pearson, Biometrika 26 (1934) 404. qtresult is that of the worst bin, corrected for the
    number of bins. Exact, so valid for few entries; conservative within the
    range. Flow is left out.
    """
    data = in_bins(stack)
    n, k = data.entries, _passed(data)
    used = n > 0
    # Binomial tails as incomplete beta functions: those for whole numbers end at 2^31 entries.
    low = np.where(k < n, betaincc(k + 1, np.maximum(n - k, 1.0), parameters.minimum), 1.0)
    high = np.where(k > 0, betainc(np.maximum(k, 1.0), n - k + 1, parameters.maximum), 1.0)
    below = (low < high) & used
    chance = np.where(used, np.minimum(2 * np.minimum(low, high), 1.0), 1.0)
    pulls = pulls_of_tails(chance, np.where(below, -1.0, 1.0))
    # Within the range nothing is off, however far from the middle.
    efficiency = np.nan_to_num(data.content)
    within = (efficiency >= parameters.minimum) & (efficiency <= parameters.maximum)
    pulls = np.where(within | ~used, 0.0, pulls)
    return _findings(
        data,
        pulls,
        used=used,
        summed=np.zeros(used.shape, bool),
        trouble=_not_efficiencies(data),
        allowed=range_text(parameters.minimum, parameters.maximum, ""),
    )


def _findings(
    data: Bins,
    pulls: Floats,
    *,
    used: Booleans,
    summed: Booleans,
    trouble: Booleans,
    allowed: str,
) -> Findings:
    bins = used.sum(axis=1) * 1.0
    largest = largest_pull(pulls)
    statistic = np.where(summed, pulls**2, 0.0).sum(axis=1)
    ndof = summed.sum(axis=1) * 1.0
    spike = two_sided_tail(largest, bins)
    p_value = np.where(ndof > 0, two_of(spike, chi2_tail(statistic, ndof)), spike)
    reasons = {int(row): "no bin has entries on both sides" for row in np.flatnonzero(bins == 0)}
    values = "its values are not all 0 or 1: it shows no efficiency"
    return Findings(
        quantity="largest pull of an efficiency",
        unit="sigma",
        limit=f"efficiencies {allowed}",
        qtresult=p_value,
        measured=largest,
        entries=data.entries.sum(axis=1).astype(np.int64),
        content=data.shaped(np.nan_to_num(data.content)),
        severity=data.shaped(listed(pulls, p_value)),
        insufficient=reasons | {int(row): values for row in np.flatnonzero(trouble)},
        p_value=p_value,
        statistic=statistic,
        ndof=ndof,
    )


def _passed(data: Bins) -> Floats:
    """float64[n, bins] entries of value 1: whole numbers within those that there are."""
    passed = np.round(np.nan_to_num(data.content) * data.entries)
    return np.clip(passed, 0.0, data.entries)


def _not_efficiencies(data: Bins) -> Booleans:
    """bool[n]: rows with other values than 0 and 1, whose variance is not that of a fraction."""
    mean, n = np.nan_to_num(data.content), data.entries
    expected = mean * (1 - mean) * n
    found = np.where(n > 1, np.nan_to_num(data.variance) * (n - 1), expected)
    whole = np.abs(mean * n - np.round(mean * n)) <= 1e-6 * np.maximum(n, 1.0)
    fraction = (mean >= 0) & (mean <= 1) & (np.abs(found - expected) <= 1e-6 * np.maximum(n, 1.0))
    odd: Booleans = ~((fraction & whole) | (n == 0)).all(axis=1)
    return odd


def _refuse_unless_profile(element: Element) -> str:
    if refused := refuse_unless_bins(element):
        return refused
    return "" if isinstance(element, Profile) else "needs a profile of zeros and ones"


ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
    Algorithm(
        name="EfficiencyMatchesReference",
        parameters=EfficiencyMatchesReference,
        measure=efficiency_matches_reference,
        refusal=_refuse_unless_profile,
        warning=1e-4,
        error=1e-6,
        min_entries=20,
        needs=Needs.REFERENCE,
    ),
    Algorithm(
        name="EfficiencyWithinExpected",
        parameters=EfficiencyWithinExpected,
        measure=efficiency_within_expected,
        refusal=_refuse_unless_profile,
        warning=1e-4,
        error=1e-6,
        min_entries=20,
    ),
)
