"""The last filled bin: of an element over time, that of now."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.quality.algorithm import Algorithm, Findings, Parameters, refuse_unless_bins
from dqmstream.quality.algorithms.root import root_content
from dqmstream.quality.stack import Stack, per_element

__all__ = ["ALGORITHMS", "CompareLastFilledBin", "compare_last_filled_bin"]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]


class CompareLastFilledBin(Parameters, frozen=True, kw_only=True):
    """What the last filled bin may hold: above `min_val`, at most `max_val`.

    Filled are bins with a content above `av_val`. All three in the unit of the content.
    """

    av_val: float = 0.0
    min_val: float = 0.0
    max_val: float = 1.0
    cmssw_compatible: bool = False

    def __post_init__(self) -> None:
        if not self.min_val < self.max_val:
            msg = f"min_val is {self.min_val:g}, not below max_val {self.max_val:g}"
            raise ValueError(msg)


def compare_last_filled_bin(stack: Stack, parameters: CompareLastFilledBin) -> Findings:
    """1 if the last bin above `av_val` has a content in (min_val, max_val], else 0.

    The last in x, and in two dimensions of those the last in y; flow is left out. No allowance is
    made for fluctuations: of counts that are still growing the limits should leave room for them.
    Without a bin above `av_val` there is nothing to judge: INSUFFICIENT. Definition: CMSSW
    DQMServices/Core/src/QTest.cc.

    `cmssw_compatible`: in two dimensions the last x and the last y above `av_val` are looked for
    each on its own, and the bin where they meet may be an empty one. With no bin above `av_val` the
    underflow is compared in one dimension (a negative one passes), and two pass.
    """
    content = root_content(stack)[stack.inner]
    entries = stack.entries[stack.inner]
    rows = np.arange(len(stack))
    filled = content > parameters.av_val
    if not parameters.cmssw_compatible:
        filled &= entries > 0
    none = ~per_element(filled).any(axis=1)
    index = _last(filled, apart=parameters.cmssw_compatible)
    value = content[(rows, *index)]
    passes: Booleans = np.zeros(len(stack), bool)
    if parameters.cmssw_compatible:
        first = root_content(stack)[:, 0] if content.ndim == 2 else np.zeros(len(stack))
        value = np.where(none, first, value)
        passes = np.where(content.ndim > 2, none, value < 0)
    within = passes | ((value > parameters.min_val) & (value <= parameters.max_val))
    severity = np.zeros(content.shape)
    severity[(rows, *index)] = (~within & ~none) * 1.0
    reasons = {} if parameters.cmssw_compatible else dict.fromkeys(np.flatnonzero(none), "")
    return Findings(
        quantity="content of the last filled bin",
        limit=f"above {parameters.min_val:g} and at most {parameters.max_val:g}",
        qtresult=within * 1.0,
        measured=value,
        entries=per_element(entries).sum(axis=1),
        content=content,
        severity=severity,
        insufficient={int(row): f"no bin holds more than {parameters.av_val:g}" for row in reasons},
    )


def _last(filled: Booleans, *, apart: bool) -> tuple[NDArray[np.intp], ...]:
    """Index of the last filled bin of each row; any bin of a row that has none."""
    if filled.ndim == 2:
        return (_last_true(filled),)
    columns, rows = np.any(filled, axis=2), np.any(filled, axis=1)
    x = _last_true(columns)
    return x, _last_true(rows if apart else filled[np.arange(len(filled)), x])


def _last_true(flags: Booleans) -> NDArray[np.intp]:
    last: NDArray[np.intp] = flags.shape[1] - 1 - flags[:, ::-1].argmax(axis=1)
    return last


ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
    Algorithm(
        name="CompareLastFilledBin",
        parameters=CompareLastFilledBin,
        measure=compare_last_filled_bin,
        refusal=refuse_unless_bins,
        warning=0.9,
        error=0.5,
        min_entries=1,
    ),
)
