"""Counts per bin against one or several references, each with its own statistics."""

from typing import Annotated, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from dqmstream.messages.booking import Element, Histogram
from dqmstream.quality.algorithm import (
    Algorithm,
    Findings,
    Needs,
    Parameters,
    refuse_unless_bins,
)
from dqmstream.quality.algorithms.compared import (
    MAX_PULL,
    chi2_tail,
    in_bins,
    largest_pull,
    listed,
    two_of,
    two_sided_tail,
)
from dqmstream.quality.algorithms.tails import beta_binomial, pulls_of_tails
from dqmstream.quality.stack import Stack

__all__ = ["ALGORITHMS", "BetaBinomial", "beta_binomial_pulls", "refuse_unless_counts"]

Floats = NDArray[np.float64]

_MAX_REFERENCES: Final = 8


class BetaBinomial(Parameters, frozen=True, kw_only=True):
    """How bins are compared.

    `tolerance` is the relative difference that good data may have by nature. `min_expected` is how
    many entries a bin is expected to have to count in the sum; all bins count for the largest pull.
    `pooled` adds the references up to one, if they are known to be alike: it then sees more.
    `autodqm_compatible` takes the pulls of AutoDQM.
    """

    tolerance: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.01
    min_expected: Annotated[float, msgspec.Meta(ge=0)] = 5.0
    pooled: bool = False
    autodqm_compatible: bool = False


def beta_binomial_pulls(stack: Stack, parameters: BetaBinomial) -> Findings:
    """Probability that a bin, or all of them together, are as far off all references by chance.

    Bin i of the data holds D of its n entries. A reference with R of its m entries there gives the
    chance of an entry to fall into it a Beta(R' + 1, m' - R' + 1) distribution, with R' = R s,
    m' = m s and s = (1 + (R tolerance^2)^2)^(-1/2), so that its relative error never gets below
    the tolerance; D then is beta-binomial. The probability of a bin is the mean over all
    references: of the two-sided tail, bounded from above by a geometric series (`tails`).

    qtresult = 1 - (1 - min(a, b))^2: a of the largest pull, corrected for the number of bins; b of
    the statistic, the sum over bins with `min_expected` of -2 log(P(D) / P(mean)) / (1 + 1/(6
    expected)), a chi2 with a degree of freedom less than there are bins. Shapes only. Valid for
    plain counts, few or many; conservative with a tolerance, and with several references that
    are not pooled: of three, a p-value of 0.1 comes once in a thousand.
    Flow is left out. Source: AutoDQM, plugins/beta_binomial.py (AutoDQM Collaboration,
    arXiv:2501.13789).

    `autodqm_compatible`: the probability of a bin is P(D) / P(mean) there, and its pull the root of
    the chi2(1) with this tail: smaller than the true pull (4.6 for 5), rightly so with few entries
    only. qtresult is that of their largest pull corrected for the number of bins, the statistic
    their sum of squares of pulls per bin, and there is no p-value. Not reproduced: R' and m' are
    rounded there.
    """
    data = in_bins(stack)
    counts, total = data.entries, data.entries.sum(axis=1, keepdims=True)
    tails, relative = np.zeros(counts.shape), np.zeros(counts.shape)
    expected, known = np.zeros(counts.shape), np.zeros(len(stack))
    pooled, entries = counts.copy(), total.copy()
    references = [in_bins(each.stack).entries for each in stack.references]
    for found in [np.sum(references, axis=0)] if parameters.pooled else references:
        m = found.sum(axis=1, keepdims=True)
        sure = 1 / np.sqrt(1 + (found * parameters.tolerance**2) ** 2)
        tail, log_ratio = beta_binomial(counts, total, found * sure + 1, (m - found) * sure + 1)
        filled = m > 0
        tails += np.where(filled, tail, 0.0)
        relative += np.where(filled, np.exp(log_ratio), 0.0)
        expected += np.where(filled, total * found / np.maximum(m, 1.0), 0.0)
        known += filled[:, 0]
        pooled += found
        entries += m
    number = np.maximum(known, 1.0)[:, None]
    tails, relative, expected = tails / number, relative / number, expected / number
    used = counts + expected > 0
    bins = used.sum(axis=1) * 1.0
    autodqm = parameters.autodqm_compatible
    chance = np.where(used, relative if autodqm else tails, 1.0)
    pulls = pulls_of_tails(chance, counts - expected)
    largest = largest_pull(pulls)
    spike = two_sided_tail(largest, bins)
    if autodqm:
        statistic, ndof = (pulls**2).sum(axis=1) / np.maximum(bins, 1.0), None
        p_value, probability = None, spike
    else:
        # By all together: a choice by what one of them happens to hold favours its fluctuations.
        pooled *= total / np.maximum(entries, 1.0)
        summed = used & (pooled >= parameters.min_expected)
        likelihood = -2 * np.log(np.maximum(relative, 1e-300))
        terms = np.minimum(likelihood, MAX_PULL**2) / (1 + 1 / (6 * np.maximum(pooled, 1e-9)))
        statistic = np.where(summed, terms, 0.0).sum(axis=1)
        ndof = np.maximum(summed.sum(axis=1) - 1.0, 0.0)
        p_value = probability = two_of(spike, chi2_tail(statistic, ndof))
    lost = (known == 0) | (bins == 0)
    return Findings(
        quantity="largest pull against the references",
        unit="sigma",
        limit="within chance",
        qtresult=probability,
        measured=largest,
        entries=counts.sum(axis=1).astype(np.int64),
        content=data.shaped(counts),
        severity=data.shaped(listed(pulls, probability)),
        insufficient={int(row): "no reference has entries" for row in np.flatnonzero(lost)},
        p_value=p_value,
        statistic=statistic,
        ndof=ndof,
    )


def refuse_unless_counts(element: Element) -> str:
    """Refusal of all but plain counts in one or two dimensions."""
    if refused := refuse_unless_bins(element):
        return refused
    if not isinstance(element, Histogram) or element.weight:
        return "needs plain counts, got weights or a profile"
    return ""


ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
    Algorithm(
        name="BetaBinomial",
        parameters=BetaBinomial,
        measure=beta_binomial_pulls,
        refusal=refuse_unless_counts,
        warning=1e-4,
        error=1e-6,
        min_entries=100,
        needs=Needs.REFERENCE,
        references=_MAX_REFERENCES,
    ),
)
