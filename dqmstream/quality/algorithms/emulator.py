"""Data against the emulator that was given the same inputs."""

from typing import Annotated, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from dqmstream.quality.algorithm import (
    Algorithm,
    Findings,
    Needs,
    Parameters,
    refuse_unless_bins,
)
from dqmstream.quality.algorithms.compared import in_bins
from dqmstream.quality.stack import Stack

__all__ = ["ALGORITHMS", "DataEmulator", "data_emulator"]

Floats = NDArray[np.float64]


class DataEmulator(Parameters, frozen=True, kw_only=True):
    """Where the emulator's element is, and how much may differ.

    `replace` is a part of the path of the data's element, and what stands there in the path of the
    emulator's. `mismatch` is the fraction of entries that is tolerated to differ.
    """

    replace: tuple[str, str] = ("Data", "Emulator")
    mismatch: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0

    def __post_init__(self) -> None:
        old, new = self.replace
        if not old or old == new:
            msg = f"expected replace = [part of a path, another part], got {[old, new]}"
            raise ValueError(msg)


def data_emulator(stack: Stack, parameters: DataEmulator) -> Findings:
    """Probability of as many mismatches, if each entry mismatches with the tolerated fraction.

    A bin differs by |n - n'| entries, or by one if only the sums of its weights or values do. An
    entry that went to another bin is missing in one and too many in the other, so that mismatches
    are the larger of all that are too many and all that are missing; N is the larger number of
    entries. qtresult = P(mismatches or more | N, fraction), binomial; for a fraction of 0, 1 if
    nothing differs and else 0. Flow is compared too. Entries that change places with each other
    cannot be seen in a histogram, so this is a lower bound; book differences object by object
    where they are to be counted. Valid for any number of entries.
    """
    data, emulated = in_bins(stack, flow=True), in_bins(stack.references[0].stack, flow=True)
    apart = data.entries - emulated.entries
    other = np.nan_to_num(data.content) != np.nan_to_num(emulated.content)
    other |= np.nan_to_num(data.variance) != np.nan_to_num(emulated.variance)
    quiet = np.where((apart == 0) & other, 1.0, 0.0)
    many, missing = np.maximum(apart, 0.0) + quiet, np.maximum(-apart, 0.0) + quiet
    mismatches = np.maximum(many.sum(axis=1), missing.sum(axis=1))
    total = np.maximum(data.entries.sum(axis=1), emulated.entries.sum(axis=1))
    number = np.maximum(total, 1.0).astype(np.int64)
    some = np.clip(mismatches, 1, number)
    tail = betainc(some, number - some + 1.0, parameters.mismatch)
    p_value = np.where(mismatches > 0, np.clip(tail, 0.0, 1.0), 1.0)
    return Findings(
        quantity="fraction of entries that the emulator has otherwise",
        limit=f"at most {parameters.mismatch:g}",
        qtresult=p_value,
        measured=mismatches / number,
        entries=total.astype(np.int64),
        content=data.shaped(np.nan_to_num(data.content)),
        severity=data.shaped(np.abs(apart) + quiet),
        first_bin=data.first_bin,
        p_value=p_value,
        statistic=mismatches,
    )


def _partner(parameters: DataEmulator, path: str) -> str:
    """Path of the emulator's element; one that says so where there is nothing to replace."""
    old, new = parameters.replace
    return path.replace(old, new) if old in path else f"{path} without {old!r} to replace"


ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
    Algorithm(
        name="DataEmulator",
        parameters=DataEmulator,
        measure=data_emulator,
        refusal=refuse_unless_bins,
        warning=1e-4,
        error=1e-6,
        min_entries=1,
        needs=Needs.PARTNER,
        partner=_partner,
    ),
)
