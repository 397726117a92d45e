"""The chi2 of a histogram or profile against its reference."""

from typing import Annotated, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

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
    chi2_tail,
    expected_scale,
    in_bins,
    listed,
    merge_low,
    welch_pulls,
)
from dqmstream.quality.stack import ReferenceStack, Stack

__all__ = ["ALGORITHMS", "Chi2", "chi2", "chi2_terms", "pulls_of_bins"]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]


class Chi2(Parameters, frozen=True, kw_only=True):
    """How bins are compared.

    `min_expected` is how many entries a bin, or the bins added up to one, are expected to have in
    the data and in the reference (a profile's bins are never added up: those with fewer are left
    out). `tolerance` is how far good data may be from the reference by nature: relative for counts,
    in the value's unit for profiles. `flow` compares under- and overflow too.
    """

    min_expected: Annotated[float, msgspec.Meta(ge=0)] = 5.0
    tolerance: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    flow: bool = False


def chi2(stack: Stack, parameters: Chi2) -> Findings:
    """Probability of a chi2 as large, if data and reference come of one distribution.

    qtresult = P(chi2 or more | ndof), chi2 the sum of `chi2_terms` over the bins in which either
    has entries. ndof is the number of them, less one if the reference is scaled to equal entries;
    scaled otherwise (by LSs, by luminosity), the amount is tested with the shape. A profile's chi2
    is the sum of squares of `welch_pulls`, its ndof their number.

    Valid for independent bins with `min_expected` of at least 5: uniform under the null down to
    1e-3 then, and somewhat too small beyond, as counts are not normal. A `tolerance` makes
    it conservative. Flow is left out unless asked for. Source: N. D. Gagunashvili, Nucl. Instrum.
    Meth. A 596 (2008) 439 and A 614 (2010) 287; ROOT, TH1::Chi2Test, is the same with neither
    sums of bins, nor amounts, nor tolerance.
    """
    chosen = stack.references[0]
    data = in_bins(stack, flow=parameters.flow)
    reference = in_bins(chosen.stack, flow=parameters.flow)
    if stack.profile:
        pulls = welch_pulls(data, reference, parameters.tolerance, parameters.min_expected)
        judged = np.isfinite(pulls)
        statistic, ndof = np.nansum(pulls**2, axis=1), judged.sum(axis=1) * 1.0
        reasons = _reasons(ndof, 1, f"{parameters.min_expected:g} entries in both")
    else:
        statistic, ndof, pulls = _of_counts(stack, chosen, data, reference, parameters)
        reasons = _reasons(ndof, 1, f"{parameters.min_expected:g} expected entries")
    p_value = chi2_tail(statistic, ndof)
    return Findings(
        quantity="chi2/ndof against the reference",
        limit="about 1",
        qtresult=p_value,
        measured=statistic / np.maximum(ndof, 1.0),
        entries=data.entries.sum(axis=1).astype(np.int64),
        content=data.shaped(np.nan_to_num(data.content)),
        severity=data.shaped(listed(pulls, p_value)),
        first_bin=data.first_bin,
        insufficient=reasons,
        p_value=p_value,
        statistic=statistic,
        ndof=ndof,
    )


def chi2_terms(
    data: Bins, reference: Bins, scale: Floats, tolerance: float = 0.0
) -> tuple[Floats, Booleans]:
    """Each bin's part of chi2, and which bins take part.

    With counts n, m, sums of weights w, u and of squares of weights v, t, the reference's times
    scale and scale^2 where primed:

    - both counts: (n - m')^2 / (scale (n + m)), the conditional variance given n + m;
    - both weighted: (w - u')^2 / (v + t');
    - counts and weights: (n - mu)^2 / mu + (u' - mu)^2 / t', where mu is the expectation that fits
      both best, (u' - t' + sqrt((u' - t')^2 + 4 t' n)) / 2; weights and counts likewise.

    `tolerance` times the expectation is added to the error in quadrature. A bin without weights
    has the variance of one mean weight. Rows are told apart by `Bins.counted`.

    Returns
    -------
    terms
        float64[n, bins], 0 where a bin takes no part.
    used
        bool[n, bins]: bins with entries in either.
    """
    factor = scale[:, None]
    counted, reference_counted = data.counted[:, None], reference.counted[:, None]
    variance, other = _with_empty(data), _with_empty(reference)
    expected = factor * reference.content
    used = (data.entries + reference.entries > 0) & (factor > 0)
    pooled = factor * (data.content + reference.content)
    both = np.where(
        counted & reference_counted,
        pooled + (tolerance * pooled / (1 + factor)) ** 2,
        variance + factor**2 * other + (tolerance * expected) ** 2,
    )
    terms = _divide((data.content - expected) ** 2, both)
    mixed = counted != reference_counted
    if mixed.any():
        systematic = (tolerance * expected) ** 2
        forward = _mixed(data.content, expected, factor**2 * other + systematic)
        scaled = _divide(data.content, np.broadcast_to(factor, data.content.shape))
        wide = _divide(variance + systematic, np.broadcast_to(factor**2, variance.shape))
        backward = _mixed(reference.content, scaled, wide)
        terms = np.where(mixed, np.where(counted, forward, backward), terms)
    return np.where(used, terms, 0.0), used


def _of_counts(
    stack: Stack, chosen: ReferenceStack, data: Bins, reference: Bins, parameters: Chi2
) -> tuple[Floats, Floats, Floats]:
    """chi2[n], ndof[n] and the pull of each bin, [n, bins] before any are added up."""
    scale, fitted = expected_scale(stack, chosen, data, reference)
    counts = _entries_scale(data, reference, scale)
    both = data.entries + reference.entries
    share = np.minimum(counts, 1.0) / (1 + counts)
    slots = merge_low(both * share[:, None], parameters.min_expected)
    terms, used = chi2_terms(
        data.summed(slots), reference.summed(slots), scale, parameters.tolerance
    )
    ndof = np.maximum(used.sum(axis=1) - fitted, 0) * 1.0
    ndof[scale <= 0] = 0
    pulls = pulls_of_bins(data, reference, scale, fitted, parameters.tolerance)
    return terms.sum(axis=1), ndof, pulls


def pulls_of_bins(
    data: Bins, reference: Bins, scale: Floats, fitted: Booleans, tolerance: float = 0.0
) -> Floats:
    """The signed root of each bin's part of chi2: normalised residuals, within +-MAX_PULL.

    A fitted scale takes from the variance of a bin what it holds of all entries
    (S. J. Haberman, Biometrics 29 (1973) 205).
    """
    terms, _ = chi2_terms(data, reference, scale, tolerance)
    both = data.entries + reference.entries
    part = _divide(both, np.broadcast_to(both.sum(axis=1, keepdims=True), both.shape))
    left = np.where(fitted[:, None], np.maximum(1 - part, 1e-9), 1.0)
    sign = np.sign(data.content - scale[:, None] * reference.content)
    pulls: Floats = np.minimum(np.sqrt(terms / left), MAX_PULL) * sign
    return pulls


def _entries_scale(data: Bins, reference: Bins, scale: Floats) -> Floats:
    """float64[n]: `scale` for entries, where contents are weights of another mean."""
    weight = _divide(data.content.sum(axis=1), data.entries.sum(axis=1))
    other = _divide(reference.content.sum(axis=1), reference.entries.sum(axis=1))
    with np.errstate(over="ignore"):
        entries = _divide(scale * other, weight)
    return np.where(entries > 0, entries, 1.0)


def _mixed(counts: Floats, weights: Floats, variance: Floats) -> Floats:
    """Terms of counts against weights of this variance."""
    apart = weights - variance
    mean = (apart + np.sqrt(apart**2 + 4 * variance * np.maximum(counts, 0.0))) / 2
    return _divide((counts - mean) ** 2, mean) + _divide((weights - mean) ** 2, variance)


def _with_empty(bins: Bins) -> Floats:
    """Variance of contents; of an empty bin of weights that of one mean weight."""
    # Weights that cancel out have no mean: a square of it beyond all bounds is cut.
    mean = _divide(bins.variance.sum(axis=1), bins.content.sum(axis=1))
    typical = np.minimum(mean, 1e60) ** 2
    empty = (bins.entries == 0) & ~bins.counted[:, None]
    return np.where(empty, typical[:, None], bins.variance)


def _reasons(ndof: Floats, least: int, what: str) -> dict[int, str]:
    return {int(row): f"no two bins with {what} to compare" for row in np.flatnonzero(ndof < least)}


def _divide(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient; 0 where the denominator is not positive."""
    return np.divide(
        numerator, denominator, out=np.zeros(np.shape(numerator)), where=denominator > 0
    )


# As with a mean: a probability falls below a threshold as often as the threshold says.
ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
    Algorithm(
        name="Chi2",
        parameters=Chi2,
        measure=chi2,
        refusal=refuse_unless_bins,
        warning=1e-4,
        error=1e-6,
        min_entries=100,
        needs=Needs.REFERENCE,
    ),
)
