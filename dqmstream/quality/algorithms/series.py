"""One number of each element, LS by LS: what trends are tests of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.layout import axis_bins
from dqmstream.messages.booking import Element, Histogram, Profile
from dqmstream.quality.algorithm import Findings, refuse_unless_numeric
from dqmstream.quality.bins import bin_positions, bin_widths
from dqmstream.quality.stack import Stack, per_element

__all__ = [
    "WORDS",
    "Quantity",
    "Series",
    "per_exposure",
    "refuse_unless_number",
    "refuse_without",
    "series_findings",
    "series_of",
]

Floats = NDArray[np.float64]

Quantity = Literal["mean", "entries", "value"]
"""The mean of a histogram over numbers, the entries of anything, the mean value of a profile."""

WORDS: Final = {"mean": "mean", "entries": "entries", "value": "mean value"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """A number of n elements in m LSs, the one judged last.

    Parameters
    ----------
    lumisection
        float64[m], ascending; LSs may be missing.
    value, error
        float64[n, m], and its statistical error; NaN in an LS without entries.
    entries
        int64[n, m] entries each rests on.
    exposure
        float64[m] luminosities in units of that of the LS judged; 1 where entries are not taken by
        luminosity.
    """

    lumisection: Floats
    value: Floats
    error: Floats
    entries: NDArray[np.int64]
    exposure: Floats

    @property
    def known(self) -> NDArray[np.bool_]:
        """bool[n, m]: LSs in which the number is known, and its error with it."""
        return np.isfinite(self.value) & np.isfinite(self.error)


def series_of(stack: Stack, quantity: Quantity) -> Series:
    """The number in the LSs before, and in the one judged.

    Entries are those that were counted: `exposure` says of how much luminosity.
    """
    stacks = [*(one.stack for one in stack.past), stack]
    numbers = [one.lumisection for one in stack.past]
    own = max(stack.lumisection, numbers[-1] + 1) if numbers else stack.lumisection
    each = [_number(one, quantity) for one in stacks]
    return Series(
        lumisection=np.array([*numbers, own], dtype=np.float64),
        value=np.stack([value for value, _, _ in each], axis=1),
        error=np.stack([error for _, error, _ in each], axis=1),
        entries=np.stack([entries for _, _, entries in each], axis=1),
        exposure=_exposure(stacks),
    )


def per_exposure(series: Series) -> Series:
    """Numbers and errors for one luminosity, that of the LS judged."""
    return replace(
        series, value=series.value / series.exposure, error=series.error / series.exposure
    )


def _exposure(stacks: Sequence[Stack]) -> Floats:
    known = [one.luminosity for one in stacks if one.luminosity]
    if len(known) < len(stacks):
        return np.ones(len(stacks))
    return np.array(known) / known[-1]


def series_findings(
    quantity: str,
    limit: str,
    series: Series,
    results: tuple[Floats, Floats, Floats],
    insufficient: dict[int, str],
) -> Findings:
    """Findings of a test of a series, of its p-values, what it measured, and its statistic."""
    p_value, measured, statistic = results
    p_value = np.clip(p_value, 0.0, 1.0)
    return Findings(
        quantity=quantity,
        limit=limit,
        qtresult=p_value,
        measured=measured,
        # Of all LSs: none in this one may be what is to be found.
        entries=series.entries.sum(axis=1),
        insufficient=insufficient,
        p_value=p_value,
        statistic=statistic,
    )


def refuse_unless_number(element: Element) -> str:
    """Refusal of what has neither bins nor entries."""
    if not isinstance(element, Histogram | Profile):
        return f"needs a histogram or profile, got a {type(element).__name__.lower()}"
    if all(axis_bins(axis) < 1 for axis in element.axes):
        return "needs bins"
    return ""


def refuse_without(quantity: Quantity, element: Element) -> str:
    """Refusal of what has no such number."""
    if quantity == "mean" and (refused := refuse_unless_numeric(element)):
        return f"quantity is mean: {refused}"
    if quantity == "value" and not isinstance(element, Profile):
        return "quantity is value, which only a profile has"
    return ""


def _number(stack: Stack, quantity: Quantity) -> tuple[Floats, Floats, NDArray[np.int64]]:
    if quantity == "entries":
        entries = per_element(stack.entries).sum(axis=1)
        return entries * 1.0, np.sqrt(np.maximum(entries, 1.0)), entries
    inner = per_element(stack.entries[stack.inner]).sum(axis=1)
    total, first, second, squares = _sums(stack, quantity)
    some = total > 0
    safe = np.where(some, total, 1.0)
    mean = first / safe
    spread = np.maximum(second / safe - mean**2, 0.0)
    if quantity == "mean":
        content = per_element(stack.content[stack.inner])
        spread = np.maximum(spread, content @ (bin_widths(stack.axes[0]) ** 2 / 12) / safe)
        effective = np.divide(total**2, squares, out=np.ones(len(total)), where=squares > 0)
        error = np.sqrt(spread / effective)
    else:
        error = np.sqrt(spread / np.maximum(safe - 1, 1.0))
        some &= total > 1
    nan = np.full(len(mean), np.nan)
    return np.where(some, mean, nan), np.where(some, error, nan), inner


def _sums(stack: Stack, quantity: Quantity) -> tuple[Floats, Floats, Floats, Floats]:
    """Sum of weights, first and second moments, sum of squared weights; float64[n] each."""
    if quantity == "value" and stack.sums is not None and stack.squares is not None:
        total = per_element(stack.entries[stack.inner]).sum(axis=1) * 1.0
        first = per_element(stack.sums[stack.inner]).sum(axis=1)
        return total, first, per_element(stack.squares[stack.inner]).sum(axis=1), total
    content = per_element(stack.content[stack.inner])
    x = bin_positions(stack.axes[0])[1:-1]
    weights = content if stack.squares is None else per_element(stack.squares[stack.inner])
    return content.sum(axis=1), content @ x, content @ x**2, weights.sum(axis=1)
