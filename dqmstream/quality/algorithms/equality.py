"""Whether an element is its reference, bin by bin."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.messages.booking import Element, Histogram, Profile
from dqmstream.quality.algorithm import Algorithm, Findings, Needs, Parameters
from dqmstream.quality.algorithms.root import as_columns, root_content, root_order, with_underflow
from dqmstream.quality.stack import Stack, per_element

__all__ = ["ALGORITHMS", "Comp2RefEqualH", "comp2ref_equal"]

Floats = NDArray[np.float64]


class Comp2RefEqualH(Parameters, frozen=True, kw_only=True):
    """Equality needs no parameters."""

    cmssw_compatible: bool = False


def comp2ref_equal(stack: Stack, parameters: Comp2RefEqualH) -> Findings:
    """1 if all contents are those of the reference, flow included, else 0.

    Contents are compared with the reference's times its scale (1 with `normalise = "none"`), bit by
    bit; bins without entries are equal in a profile. Of the bins that differ the worst are those
    that differ most.

    `cmssw_compatible`: in more than one dimension only the first nx * ny + 2 cells are compared, by
    ROOT's numbers of cells: about all but the last rows; and the reference is never scaled.
    """
    chosen = stack.references[0]
    content, expected = root_content(stack), root_content(chosen.stack)
    if not stack.profile and not parameters.cmssw_compatible:
        expected = expected * as_columns(chosen.scale, expected.ndim)
    away = np.abs(content - expected)
    if stack.profile:
        alone = (stack.entries > 0) != (chosen.stack.entries > 0)
        away = np.where(alone & (away == 0), 1.0, away)
    if parameters.cmssw_compatible:
        away = np.where(_compared_cells(stack), away, 0.0)
    different = np.count_nonzero(per_element(away), axis=1)
    return Findings(
        quantity="number of bins that differ from the reference",
        limit="0",
        qtresult=(different == 0) * 1.0,
        measured=different * 1.0,
        entries=per_element(stack.entries).sum(axis=1),
        content=with_underflow(stack, content),
        severity=with_underflow(stack, away),
        first_bin=-1,
    )


def _refusal(element: Element) -> str:
    """Refusal of all but histograms and profiles."""
    if isinstance(element, Histogram | Profile):
        return ""
    return f"needs a histogram or profile, got a {type(element).__name__.lower()}"


def _compared_cells(stack: Stack) -> NDArray[np.bool_]:
    """bool[1, extents...]: cells that CMSSW's flat loop comes by."""
    shape = (1, *stack.entries.shape[1:])
    # ROOT's number of each cell, found by putting our numbers in its order.
    ours = np.arange(1, np.prod(shape) + 1).reshape(shape)
    order = root_order(stack, ours)[0]
    bins = int(np.prod(stack.entries[stack.inner].shape[1:]))
    reached = order[: bins + 2]
    return np.isin(ours, reached[reached > 0])


ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
    Algorithm(
        name="Comp2RefEqualH",
        parameters=Comp2RefEqualH,
        measure=comp2ref_equal,
        refusal=_refusal,
        warning=1.0,
        error=1.0,
        min_entries=1,
        needs=Needs.REFERENCE,
    ),
)
