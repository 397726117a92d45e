"""Kolmogorov's distance of a histogram to its reference, as ROOT and CMSSW have it."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import kolmogorov

from dqmstream.messages.booking import Category, Element
from dqmstream.quality.algorithm import Algorithm, Findings, Needs, Parameters
from dqmstream.quality.algorithms.reference import nothing_to_compare
from dqmstream.quality.algorithms.root import root_content, root_errors, shares
from dqmstream.quality.algorithms.variance import refuse_unless_one_dimension
from dqmstream.quality.stack import Stack

__all__ = ["ALGORITHMS", "Comp2RefKolmogorov", "comp2ref_kolmogorov"]

Floats = NDArray[np.float64]
_PRECISION: Final = 1e-5
_LISTED_BELOW: Final = 0.05


class Comp2RefKolmogorov(Parameters, frozen=True, kw_only=True):
    """Kolmogorov's distance needs no parameters."""

    cmssw_compatible: bool = False


def comp2ref_kolmogorov(stack: Stack, parameters: Comp2RefKolmogorov) -> Findings:
    """Probability of a distance as large between the two cumulative distributions.

    d is the largest difference of both, flow included, at the edges of bins; p = K(d sqrt(n m / (n
    + m))) with Kolmogorov's asymptotic K and n, m the entries, of weights (sum w)^2 / sum w^2.
    Binned data have smaller distances than the points they are made of: p is too large by what
    happens within bins, never too small; valid for n, m of at least some 20. A profile is no
    distribution: INSUFFICIENT. Source: ROOT, TH1::KolmogorovTest.

    `cmssw_compatible`: flow counts in d, and not in n and m; these are the sum of contents even
    with weights, unless the entries are more than the contents with flow, by 1e-5 of them, and not
    as many as there are bins. Means of profiles are taken for contents.
    """
    reference = stack.references[0].stack
    content, expected = root_content(stack), root_content(reference)
    first, second = content.sum(axis=1), expected.sum(axis=1)
    here, there = np.cumsum(shares(content, first), 1), np.cumsum(shares(expected, second), 1)
    apart = np.abs(here - there)
    distance = apart.max(axis=1)
    number = _cmssw_entries if parameters.cmssw_compatible else _effective_entries
    n, m = number(stack), number(reference)
    product = np.divide(n * m, n + m, out=np.zeros(len(stack)), where=n + m > 0)
    p = kolmogorov(distance * np.sqrt(np.maximum(product, 0.0)))
    reasons = nothing_to_compare(~(first > 0) | ~(n > 0), ~(second > 0) | ~(m > 0))
    if stack.profile and not parameters.cmssw_compatible:
        reasons = dict.fromkeys(range(len(stack)), "a profile is no distribution")
    worst = np.zeros(apart.shape)
    rows = np.arange(len(stack))
    worst[rows, apart.argmax(axis=1)] = np.where(p < _LISTED_BELOW, distance, 0.0)
    return Findings(
        quantity="distance of cumulative distributions",
        limit="0",
        qtresult=p,
        measured=distance,
        entries=stack.entries.sum(axis=1),
        content=content,
        severity=worst,
        first_bin=-1,
        insufficient=reasons,
        p_value=p,
        statistic=distance,
    )


def _refusal(element: Element) -> str:
    if refused := refuse_unless_one_dimension(element):
        return refused
    if any(isinstance(axis, Category) for axis in getattr(element, "axes", ())):
        return "needs an axis of numbers, got categories"
    return ""


def _effective_entries(stack: Stack) -> Floats:
    """float64[n]: entries with flow that make errors as large as those of the weights."""
    if stack.sums is None or stack.squares is None:
        entries: Floats = stack.entries.sum(axis=1) * 1.0
        return entries
    squares, found = stack.squares.sum(axis=1), np.zeros(len(stack))
    np.divide(stack.sums.sum(axis=1) ** 2, squares, out=found, where=squares > 0)
    return found


def _cmssw_entries(stack: Stack) -> Floats:
    content = root_content(stack)
    inner: Floats = content[stack.inner].sum(axis=1)
    total, entries = content.sum(axis=1), stack.entries.sum(axis=1)
    if stack.squares is None:
        return inner
    squares = (root_errors(stack)[stack.inner] ** 2).sum(axis=1)
    excess = np.divide(entries - total, total, out=np.zeros(len(stack)), where=total != 0)
    bins = content[stack.inner].shape[1]
    weighted = (excess > _PRECISION) & (entries != bins) & (squares > 0)
    return np.where(weighted, inner**2 / np.where(weighted, squares, 1.0), inner)


# Probabilities: 1e-4 and 1e-6 are 3.9 and 4.9 normal sigmas.
ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
    Algorithm(
        name="Comp2RefKolmogorov",
        parameters=Comp2RefKolmogorov,
        measure=comp2ref_kolmogorov,
        refusal=_refusal,
        warning=1e-4,
        error=1e-6,
        min_entries=100,
        needs=Needs.REFERENCE,
    ),
)
