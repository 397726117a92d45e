"""A quality test of one's own: whether the two halves of a histogram hold the same.

Formula: z = (right - left) / sqrt(right + left), for counts; its two-sided normal p-value is the
qtresult.
"""

from typing import Annotated

import msgspec
import numpy as np
from scipy.special import erfc

from dqmstream.quality.algorithm import Algorithm, Findings, Parameters, refuse_unless_numeric
from dqmstream.quality.stack import Stack


class LeftRightParameters(Parameters, frozen=True, kw_only=True):
    """`share` of the entries is expected in the right half."""

    share: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.5


def left_right(stack: Stack, parameters: LeftRightParameters) -> Findings:
    """One row for each element of the stack; flow bins are left out."""
    counts = stack.entries[stack.inner].astype(float)
    middle = counts.shape[1] // 2
    left, right = counts[:, :middle].sum(axis=1), counts[:, -middle:].sum(axis=1)
    total = left + right
    spread = np.sqrt(np.maximum(total * parameters.share * (1 - parameters.share), 1))
    z = (right - parameters.share * total) / spread
    p_value = erfc(np.abs(z) / np.sqrt(2))
    return Findings(
        quantity="asymmetry of right and left",
        unit="sigma",
        limit="0",
        qtresult=p_value,
        measured=z,
        entries=total.astype(int),
        p_value=p_value,
    )


LEFT_RIGHT = Algorithm(
    name="LeftRight",
    parameters=LeftRightParameters,
    measure=left_right,
    refusal=refuse_unless_numeric,
    warning=1e-3,
    error=1e-5,
    min_entries=100,
)
