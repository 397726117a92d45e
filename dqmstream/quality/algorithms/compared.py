"""Bins side by side with those of a reference: rows of one length, whatever the axes are."""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, ndtri, stdtr

from dqmstream.quality.algorithms.root import with_underflow
from dqmstream.quality.stack import ReferenceStack, Stack, per_element

__all__ = [
    "MAX_PULL",
    "Bins",
    "chi2_tail",
    "expected_scale",
    "in_bins",
    "largest_pull",
    "listed",
    "merge_low",
    "student_pulls",
    "two_of",
    "two_sided_tail",
    "welch_pulls",
]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

MAX_PULL: Final = 37.0
"""Largest pull, in sigmas: beyond it a double holds no normal tail."""
_LEAST: Final = 1e-30
"""Of a scale: one of weights that cancel out is none."""
_LISTED_BELOW: Final = 0.05
_LISTED_PULL: Final = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Bins:
    """Bins of n elements in rows.

    Parameters
    ----------
    entries
        float64[n, bins] counts.
    content, variance
        float64[n, bins]: counts and counts again, or sums of weights and of their squares. Of a
        profile the mean, and the unbiased variance of the values: NaN below 1 and 2 entries.
    extents
        Bins along each axis: their product is `bins`.
    first_bin
        As in Findings.
    """

    entries: Floats
    content: Floats
    variance: Floats
    extents: tuple[int, ...]
    first_bin: int = 0

    def summed(self, slots: NDArray[np.intp]) -> Self:
        """The bins with equal `slots` of a row added up where their slot is; others are empty."""
        return type(self)(
            entries=_summed(self.entries, slots),
            content=_summed(self.content, slots),
            variance=_summed(self.variance, slots),
            extents=self.extents,
            first_bin=self.first_bin,
        )

    def shaped(self, values: Floats) -> Floats:
        """values[n, bins] along the axes again."""
        return values.reshape(len(values), *self.extents)

    @property
    def counted(self) -> Booleans:
        """bool[n]: rows of plain counts, or of weights that are all 1."""
        same = (self.content == self.entries) & (self.variance == self.entries)
        plain: Booleans = same.all(axis=1)
        return plain


def in_bins(stack: Stack, *, flow: bool = False) -> Bins:
    """The bins of a stack in rows; with flow they begin with an underflow on every axis.

    A category axis has none: an empty one stands for it.
    """
    if flow:

        def cut(values: Floats) -> Floats:
            return with_underflow(stack, values)
    else:
        inner = stack.inner

        def cut(values: Floats) -> Floats:
            return values[inner]

    shaped = cut(stack.entries.astype(np.float64))
    entries = per_element(shaped)
    content, variance = entries, entries
    if stack.sums is not None and stack.squares is not None:
        content, variance = per_element(cut(stack.sums)), per_element(cut(stack.squares))
        if stack.profile:
            content, variance = _moments(entries, content, variance)
    return Bins(
        entries=entries,
        content=content,
        variance=variance,
        extents=shaped.shape[1:],
        first_bin=-1 if flow else 0,
    )


def expected_scale(
    stack: Stack, chosen: ReferenceStack, data: Bins, reference: Bins
) -> tuple[Floats, Booleans]:
    """What reference contents are multiplied by, and whether that was fitted to the data.

    Returns
    -------
    scale
        float64[n], 0 where there is none or the reference is empty.
    fitted
        bool[n]: the reference is scaled to equal entries. It is then scaled to the contents of the
        bins compared, and costs a degree of freedom. Otherwise `chosen.scale` is kept, and the
        amount is compared too.
    """
    own = _ratio(data.content.sum(axis=1), reference.content.sum(axis=1))
    fitted = np.isclose(chosen.scale, own, rtol=1e-9, atol=0)
    for flow in (True, False):
        for one, other in _amounts(stack, chosen.stack, flow):
            fitted |= np.isclose(chosen.scale, _ratio(one, other), rtol=1e-9, atol=0)
    scale = np.where(fitted, own, chosen.scale)
    known = (scale > _LEAST) & (scale < 1 / _LEAST) & (reference.entries.sum(axis=1) > 0)
    return np.where(known, scale, 0.0), fitted


def merge_low(expected: Floats, least: float) -> NDArray[np.intp]:
    """Which bins to add up so that each sum has `least` expected.

    Bins below are added to the next ones below, on to 2 `least`, in the order of bins; what is left
    is added to the sum before it, or else to the emptiest of the other bins. A choice by what is
    expected, and never by what was found, keeps p-values right.

    Parameters
    ----------
    expected
        float64[n, bins].

    Returns
    -------
    intp[n, bins]
        The bin that each one is added to, by its number; its own number if it stands alone.
    """
    rows, bins = expected.shape
    index = np.broadcast_to(np.arange(bins), expected.shape)
    low = expected < least
    if least <= 0 or not low.any():
        return index.astype(np.intp)
    contents = np.where(low, expected, 0.0)
    before = np.cumsum(contents, axis=1) - contents
    group = np.where(low, np.floor(before / (2 * least)), -1.0)
    last = np.maximum.accumulate(group, axis=1)
    earlier = np.concatenate([np.full((rows, 1), -1.0), last[:, :-1]], axis=1)
    starts = low & (group > earlier)
    slot = np.where(low, np.maximum.accumulate(np.where(starts, index, 0), axis=1), index)
    return _end_well(slot, expected, low, starts, least)


def _end_well(
    slot: NDArray[np.intp], expected: Floats, low: Booleans, starts: Booleans, least: float
) -> NDArray[np.intp]:
    """Add a last sum that is still below `least` to another one."""
    bins = expected.shape[1]
    index = np.arange(bins)
    final = np.where(starts, index, -1).max(axis=1)
    in_final = low & (slot == final[:, None])
    rest = np.where(in_final, expected, 0.0).sum(axis=1)
    previous = np.where(starts & (index < final[:, None]), index, -1).max(axis=1)
    emptiest = np.where(low, np.inf, expected).argmin(axis=1)
    instead = np.where(previous >= 0, previous, np.where(low.all(axis=1), final, emptiest))
    short = in_final & (rest < least)[:, None]
    return np.where(short, instead[:, None], slot).astype(np.intp)


def welch_pulls(data: Bins, reference: Bins, tolerance: float, least: float) -> Floats:
    """How far apart the means of two profiles are in each bin, in sigmas.

    z = Phi^-1(T_nu(t)) with Welch's t = (y - r) / sqrt(v/n + u/m + tolerance^2), nu by Welch and
    Satterthwaite: few entries make no pull large that is not. Exact for equal normal spreads, good
    otherwise (B. L. Welch, Biometrika 34 (1947) 28).

    Parameters
    ----------
    tolerance
        Difference of means that good data may have by nature, in the profile's unit.
    least
        Entries that a bin needs in both, at least 2.

    Returns
    -------
    float64[n, bins]
        Within +-MAX_PULL; NaN where a bin cannot be compared.
    """
    enough = (np.minimum(data.entries, reference.entries) >= max(least, 2.0)) & np.isfinite(
        data.variance + reference.variance
    )
    n, m = np.where(enough, data.entries, 2.0), np.where(enough, reference.entries, 2.0)
    first = np.where(enough, data.variance, 1.0) / n
    second = np.where(enough, reference.variance, 1.0) / m
    square = first**2 / (n - 1) + second**2 / (m - 1)
    freedom = np.divide((first + second) ** 2, square, out=n + m - 2, where=square > 0)
    apart = np.where(enough, data.content - reference.content, 0.0)
    pulls = student_pulls(apart, first + second + tolerance**2, freedom)
    return np.where(enough, pulls, np.nan)


def student_pulls(apart: Floats, variance: Floats, freedom: Floats) -> Floats:
    """Differences in sigmas, where their variances are estimates of so many degrees of freedom.

    Phi^-1(T_freedom(apart / sqrt(variance))), within +-MAX_PULL; all float64 of one shape.
    """
    far = np.where(apart == 0, 0.0, np.inf)
    t = np.divide(np.abs(apart), np.sqrt(variance), out=far, where=variance > 0)
    tail = stdtr(freedom, -np.minimum(t, 1e15))
    pulls: Floats = np.minimum(-ndtri(np.maximum(tail, 1e-300)), MAX_PULL) * np.sign(apart)
    return pulls


def chi2_tail(chi2: Floats, ndof: Floats) -> Floats:
    """float64[n]: P(chi2 or more) for `ndof` degrees of freedom, 1 for none."""
    return np.where(ndof > 0, chdtrc(np.maximum(ndof, 1.0), np.maximum(chi2, 0.0)), 1.0)


def two_sided_tail(pull: Floats, trials: Floats) -> Floats:
    """Chance of the largest of `trials` independent normal pulls to be as far from 0 as this one.

    1 - (1 - p)^trials with p = erfc(|pull| / sqrt 2) (Z. Sidak, J. Am. Stat. Assoc. 62 (1967) 626);
    never too small for pulls that are correlated like those of a fitted normalisation.
    """
    p = chdtrc(1.0, pull**2)
    with np.errstate(divide="ignore"):
        chance: Floats = -np.expm1(np.maximum(trials, 1.0) * np.log1p(-np.minimum(p, 1.0)))
    return chance


def largest_pull(pulls: Floats) -> Floats:
    """float64[n]: of each row the pull[n, bins] that is farthest from 0, NaN left out."""
    known = np.nan_to_num(pulls)
    farthest = np.abs(known).argmax(axis=1)
    return np.take_along_axis(known, farthest[:, None], axis=1)[:, 0]


def two_of(one: Floats, other: Floats) -> Floats:
    """Chance of the smaller of two independent probabilities to be as small as these two's."""
    smaller = np.minimum(one, other)
    chance: Floats = smaller * (2 - smaller)
    return chance


def listed(pulls: Floats, p_value: Floats) -> Floats:
    """Severity of bins by their pulls: those beyond 2 sigmas, of elements with a p-value < 0.05.

    Elsewhere such bins are what chance gives, and would be noise in a report.
    """
    size = np.abs(np.nan_to_num(pulls))
    shown = (size > _LISTED_PULL) & (p_value < _LISTED_BELOW)[:, None]
    return np.where(shown, size, 0.0)


def _moments(entries: Floats, sums: Floats, squares: Floats) -> tuple[Floats, Floats]:
    """Mean, and unbiased variance of the values, in each bin of profiles."""
    nan = np.full(entries.shape, np.nan)
    mean = np.divide(sums, entries, out=nan.copy(), where=entries > 0)
    # Fixed point may leave a variance of 0 a little below it.
    spread = np.maximum(squares - entries * np.nan_to_num(mean) ** 2, 0.0)
    return mean, np.divide(spread, entries - 1, out=nan, where=entries > 1)


def _amounts(stack: Stack, reference: Stack, flow: bool) -> list[tuple[Floats, Floats]]:
    """Total entries, and total contents, of both."""
    found = [(_total(stack, stack.entries, flow), _total(reference, reference.entries, flow))]
    if stack.sums is not None and reference.sums is not None:
        found.append((_total(stack, stack.sums, flow), _total(reference, reference.sums, flow)))
    return found


def _total(stack: Stack, values: NDArray[Any], flow: bool) -> Floats:
    total: Floats = per_element(values if flow else values[stack.inner]).sum(axis=1) * 1.0
    return total


def _ratio(one: Floats, other: Floats) -> Floats:
    ratio: Floats = np.divide(one, other, out=np.full(len(one), np.nan), where=other > 0)
    return ratio


def _summed(values: Floats, slots: NDArray[np.intp]) -> Floats:
    rows, bins = values.shape
    places = slots + np.arange(rows)[:, None] * bins
    flat = np.bincount(places.ravel(), weights=values.ravel(), minlength=rows * bins)
    sums: Floats = flat.reshape(rows, bins).astype(np.float64)
    return sums
