"""CMSSW's chi2 of a histogram against its reference, in one dimension and in two.

They compare shapes: both sides are scaled to equal contents, whatever `normalise` of a declaration
says. They were in CMSSW until its MonitorElements lost their references, and are defined by
DQMServices/Core/src/QTest.cc of then.
"""

from dataclasses import replace
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from dqmstream.quality.algorithm import Algorithm, Findings, Needs, Parameters
from dqmstream.quality.algorithms.chi2 import Chi2, chi2
from dqmstream.quality.algorithms.compared import chi2_tail
from dqmstream.quality.algorithms.median import refuse_unless_map
from dqmstream.quality.algorithms.root import as_columns, root_content, root_errors, shares
from dqmstream.quality.algorithms.variance import refuse_unless_one_dimension
from dqmstream.quality.stack import ReferenceStack, Stack, per_element

__all__ = [
    "ALGORITHMS",
    "Comp2Ref2DChi2",
    "Comp2RefChi2",
    "comp2ref_2d_chi2",
    "comp2ref_chi2",
    "nothing_to_compare",
]

Floats = NDArray[np.float64]
_EMPTY: Final = "the contents of {} do not add up to anything"
_LISTED_BELOW: Final = 0.05


class Comp2RefChi2(Parameters, frozen=True, kw_only=True):
    """`min_expected` as in Chi2; not used by `cmssw_compatible`."""

    min_expected: Annotated[float, msgspec.Meta(ge=0)] = 5.0
    cmssw_compatible: bool = False


class Comp2Ref2DChi2(Comp2RefChi2, frozen=True, kw_only=True):
    """As Comp2RefChi2."""


def comp2ref_chi2(stack: Stack, parameters: Comp2RefChi2) -> Findings:
    """Probability of a chi2 as large, if both have the shape of one distribution.

    That of `dqmstream.quality.algorithms.chi2`, of shapes alone.

    `cmssw_compatible`: chi2 = sum of (a - b)^2 / (ea^2 + eb^2), with contents and errors over the
    sum of contents, ndof the number of bins in which either has some: one too many, as the sums are
    equal by construction. Both are then halved, and the half of ndof rounded down: P(chi2 / 2 |
    int(ndof / 2)) is no probability of anything, nowhere near 0 for a bad histogram of few bins. A
    bin with content and no error on either side was an ERROR, and is INSUFFICIENT here.
    """
    if not parameters.cmssw_compatible:
        return _of_shapes(stack, parameters.min_expected)
    reference = stack.references[0].stack
    content, expected = (root_content(one)[one.inner] for one in (stack, reference))
    first, second = content.sum(axis=1), expected.sum(axis=1)
    a, b = shares(content, first), shares(expected, second)
    errors = shares(root_errors(stack)[stack.inner], first) ** 2
    errors += shares(root_errors(reference)[stack.inner], second) ** 2
    used = (a != 0) | (b != 0)
    parts = np.divide((a - b) ** 2, errors, out=np.zeros(a.shape), where=used & (errors > 0))
    statistic, ndof = parts.sum(axis=1), used.sum(axis=1)
    halved = ndof // 2
    p = np.where(halved > 0, chi2_tail(statistic / 2, halved * 1.0), 0.0)
    exact = np.flatnonzero((used & (errors == 0)).any(axis=1))
    reasons = dict.fromkeys(exact.tolist(), "a bin has a content and no error")
    reasons |= nothing_to_compare(first == 0, second == 0)
    return _compatible(stack, content, parts, ndof, p=p, reasons=reasons)


def comp2ref_2d_chi2(stack: Stack, parameters: Comp2Ref2DChi2) -> Findings:
    """Comp2RefChi2 in two dimensions.

    `cmssw_compatible`: contents are taken for counts, whatever they are: ROOT's Chi2TestX of two
    unweighted histograms, chi2 = sum of (N2 n1 - N1 n2)^2 / (n1 + n2) / (N1 N2) with the contents
    n and their sums N, ndof one less than the bins in which either has some.
    """
    if not parameters.cmssw_compatible:
        return _of_shapes(stack, parameters.min_expected)
    reference = stack.references[0].stack
    content, expected = (root_content(one)[one.inner] for one in (stack, reference))
    one, two = per_element(content), per_element(expected)
    first, second = one.sum(axis=1, keepdims=True), two.sum(axis=1, keepdims=True)
    both = one + two
    used = (one != 0) | (two != 0)
    square = (second * one - first * two) ** 2
    parts = np.divide(square, both, out=np.zeros(one.shape), where=used & (both != 0))
    parts = shares(parts, (first * second)[:, 0])
    statistic, ndof = parts.sum(axis=1), used.sum(axis=1) - 1
    p = np.where(ndof > 0, chi2_tail(statistic, ndof * 1.0), 0.0)
    reasons = nothing_to_compare(first[:, 0] == 0, second[:, 0] == 0)
    return _compatible(stack, content, parts.reshape(content.shape), ndof, p=p, reasons=reasons)


def _of_shapes(stack: Stack, min_expected: float) -> Findings:
    """chi2 with the reference scaled to equal contents."""
    chosen = stack.references[0]
    here, there = (
        per_element(one.content[one.inner]).sum(axis=1) if not one.profile else np.ones(len(one))
        for one in (stack, chosen.stack)
    )
    scale = np.divide(here, there, out=np.zeros(len(stack)), where=there > 0)
    shapes = replace(stack, references=(ReferenceStack(stack=chosen.stack, scale=scale),))
    return chi2(shapes, Chi2(min_expected=min_expected))


def _compatible(
    stack: Stack,
    content: Floats,
    parts: Floats,
    ndof: NDArray[np.int64],
    *,
    p: Floats,
    reasons: dict[int, str],
) -> Findings:
    statistic = per_element(parts).sum(axis=1)
    listed = (parts > 4) & as_columns(p < _LISTED_BELOW, parts.ndim)
    return Findings(
        quantity="chi2/ndof against the reference",
        limit="about 1",
        qtresult=p,
        measured=statistic / np.maximum(ndof, 1),
        entries=per_element(stack.entries[stack.inner]).sum(axis=1),
        content=content,
        severity=np.where(listed, parts, 0.0),
        insufficient=reasons,
        statistic=statistic,
        ndof=ndof.astype(np.float64),
    )


def nothing_to_compare(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> dict[int, str]:
    """Why rows cannot be compared: those in which the element, or the reference, is empty."""
    here = dict.fromkeys(np.flatnonzero(first).tolist(), _EMPTY.format("the element"))
    return here | dict.fromkeys(np.flatnonzero(second).tolist(), _EMPTY.format("the reference"))


# Probabilities: 1e-4 and 1e-6 are 3.9 and 4.9 normal sigmas.
ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
    Algorithm(
        name="Comp2RefChi2",
        parameters=Comp2RefChi2,
        measure=comp2ref_chi2,
        refusal=refuse_unless_one_dimension,
        warning=1e-4,
        error=1e-6,
        min_entries=100,
        needs=Needs.REFERENCE,
    ),
    Algorithm(
        name="Comp2Ref2DChi2",
        parameters=Comp2Ref2DChi2,
        measure=comp2ref_2d_chi2,
        refusal=refuse_unless_map,
        warning=1e-4,
        error=1e-6,
        min_entries=100,
        needs=Needs.REFERENCE,
    ),
)
