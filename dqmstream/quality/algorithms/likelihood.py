"""The likelihood ratio of Poisson counts against a reference of Poisson counts."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

from dqmstream.quality.algorithm import Algorithm, Findings, Needs, Parameters
from dqmstream.quality.algorithms.beta_binomial import refuse_unless_counts
from dqmstream.quality.algorithms.compared import MAX_PULL, expected_scale, in_bins, listed
from dqmstream.quality.algorithms.ratio_moments import ratio_moments
from dqmstream.quality.algorithms.significance import times_log
from dqmstream.quality.stack import Stack

__all__ = ["ALGORITHMS", "LikelihoodRatio", "likelihood_ratio"]

Floats = NDArray[np.float64]


class LikelihoodRatio(Parameters, frozen=True, kw_only=True):
    """`exact_reference` takes the reference as the expectation itself, without fluctuations.

    `flow` compares under- and overflow too.
    """

    exact_reference: bool = False
    flow: bool = False


def likelihood_ratio(stack: Stack, parameters: LikelihoodRatio) -> Findings:
    """Probability of a likelihood ratio as small, if the reference is right.

    With n of the data and m of the reference in a bin, and the reference's scale s, n is Poisson
    of mean s lambda and m of mean lambda; the best common lambda is (n + m) / (1 + s), so that
    -2 log(ratio) = 2 (n log(n / (s lambda)) + m log(m / lambda)), summed over bins. With
    `exact_reference` it is 2 (s m - n + n log(n / (s m))), of Baker and Cousins; a bin with m = 0
    then takes no part.

    Far above 1 expected entry a term is a chi2(1), near it up to 15 % larger, far below much
    smaller. So its mean and variance under the null are computed for each bin (`ratio_moments`:
    given n + m, n is binomial), and qtresult is the tail of the gamma distribution with their
    sums; for many entries that is the chi2 with a degree of freedom for each bin, less one if the
    scale is fitted to equal entries. No bins are added up, so sparse histograms are judged bin by
    bin. Valid down to some ten entries in all; the amount is tested if the scale is not fitted.
    Source: S. Baker and R. D. Cousins, Nucl. Instrum. Meth. 221 (1984) 437.
    """
    chosen = stack.references[0]
    data = in_bins(stack, flow=parameters.flow)
    reference = in_bins(chosen.stack, flow=parameters.flow)
    scale, fitted = expected_scale(stack, chosen, data, reference)
    factor = scale[:, None]
    n, m = data.entries, reference.entries
    both = n + m
    if parameters.exact_reference:
        expected = factor * m
        used = expected > 0
        terms = 2 * (expected - n + times_log(n, n, expected))
        mean, variance = ratio_moments(expected * 1.0, np.zeros(n.shape))
    else:
        expected = factor / (1 + factor) * both
        used = (both > 0) & (factor > 0)
        terms = 2 * (times_log(n, n, expected) + times_log(m, m, both - expected))
        share = np.broadcast_to(factor / (1 + factor), n.shape)
        mean, variance = ratio_moments(both, share)
    terms = np.where(used, np.maximum(terms, 0.0), 0.0)
    bins = used.sum(axis=1)
    statistic, ndof = terms.sum(axis=1), np.maximum(bins - fitted, 0) * 1.0
    centre, width = (np.where(used, each, 0.0).sum(axis=1) for each in (mean, variance))
    # A fitted scale takes its share of all terms away.
    left = ndof / np.maximum(bins, 1)
    p_value = _gamma_tail(statistic, centre * left, width * left)
    pulls = np.minimum(np.sqrt(terms), MAX_PULL) * np.sign(n - expected)
    return Findings(
        quantity="-2 log(likelihood ratio)/ndof against the reference",
        limit="about 1",
        qtresult=p_value,
        measured=statistic / np.maximum(ndof, 1.0),
        entries=n.sum(axis=1).astype(np.int64),
        content=data.shaped(n),
        severity=data.shaped(listed(pulls, p_value)),
        first_bin=data.first_bin,
        insufficient={
            int(row): "fewer than two bins with entries to compare"
            for row in np.flatnonzero((ndof < 1) | (scale <= 0))
        },
        p_value=p_value,
        statistic=statistic,
        ndof=ndof,
    )


def _gamma_tail(statistic: Floats, mean: Floats, variance: Floats) -> Floats:
    known = (mean > 0) & (variance > 0)
    mean, variance = np.where(known, mean, 1.0), np.where(known, variance, 1.0)
    return np.where(known, gammaincc(mean**2 / variance, statistic * mean / variance), 1.0)


ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
    Algorithm(
        name="LikelihoodRatio",
        parameters=LikelihoodRatio,
        measure=likelihood_ratio,
        refusal=refuse_unless_counts,
        warning=1e-4,
        error=1e-6,
        min_entries=20,
        needs=Needs.REFERENCE,
    ),
)
