"""Stacks with references and bands for tests of algorithms, and their null distributions."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from dqmstream.messages.booking import Regular
from dqmstream.quality.bands import make_band
from dqmstream.quality.stack import BandStack, ReferenceStack, Stack


def counts_stack(counts: ArrayLike, **more: object) -> Stack:
    """counts[n, bins...] over axes from 0 to 1, with empty flow bins."""
    counts = np.asarray(counts)
    axes = tuple(Regular(bins=bins, lower=0, upper=1) for bins in counts.shape[1:])
    return Stack(axes=axes, entries=_with_flow(counts.astype(np.int64)), **more)  # type: ignore[arg-type]


def weighted_stack(
    entries: ArrayLike, sums: ArrayLike, squares: ArrayLike, **more: object
) -> Stack:
    """Sums of weights, or of a profile's values with `profile=True`."""
    plain = counts_stack(entries)
    return Stack(
        axes=plain.axes,
        entries=plain.entries,
        sums=_with_flow(np.asarray(sums, float)),
        squares=_with_flow(np.asarray(squares, float)),
        **more,  # type: ignore[arg-type]
    )


def profile_stack(values: ArrayLike, **more: object) -> Stack:
    """values[n, bins, k] as profiles with k entries in each bin."""
    values = np.asarray(values, float)
    entries = np.full(values.shape[:2], values.shape[2])
    return weighted_stack(
        entries, values.sum(axis=2), (values**2).sum(axis=2), profile=True, **more
    )


def against(stack: Stack, *references: Stack, scale: ArrayLike | None = None) -> Stack:
    """The stack beside references, scaled to equal entries by default."""
    chosen = []
    for reference in references:
        total = per_row(stack.entries) / np.maximum(per_row(reference.entries), 1)
        factor = total if scale is None else np.broadcast_to(np.asarray(scale, float), total.shape)
        chosen.append(ReferenceStack(stack=reference, scale=factor.astype(float)))
    return Stack(
        axes=stack.axes,
        entries=stack.entries,
        sums=stack.sums,
        squares=stack.squares,
        profile=stack.profile,
        references=tuple(chosen),
    )


def within(stack: Stack, members: ArrayLike, *, by_entries: bool = True) -> Stack:
    """The stack of counts beside one band of members[m, bins...], the same for all rows."""
    members = np.asarray(members, float)
    units = per_row(members) if by_entries else np.ones(len(members))
    band, rows = make_band(members, units), len(stack)

    def spread(values: np.ndarray) -> np.ndarray:
        padded = np.pad(values, [(1, 1)] * values.ndim)
        return np.broadcast_to(padded, (rows, *padded.shape)).copy()

    scale = per_row(stack.entries) if by_entries else np.ones(rows)
    return Stack(
        axes=stack.axes,
        entries=stack.entries,
        bands=(
            BandStack(
                centre=spread(band.centre),
                lower=spread(band.lower),
                upper=spread(band.upper),
                statistical=spread(band.statistical),
                scale=scale.astype(float),
                members=np.full(rows, len(members)),
            ),
        ),
    )


def per_row(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1).sum(axis=1)


def tail_excess(p_values: np.ndarray, levels: tuple[float, ...] = (0.1, 0.01, 0.001)) -> float:
    """Least binomial probability that so many p-values, or more, lie below a level."""
    number = len(p_values)
    return min(
        float(stats.binom.sf((p_values < level).sum() - 1, number, level)) for level in levels
    )


def tail_deficit(p_values: np.ndarray, levels: tuple[float, ...] = (0.1, 0.01, 0.001)) -> float:
    """Least binomial probability that so few p-values, or fewer, lie below a level."""
    number = len(p_values)
    return min(float(stats.binom.cdf((p_values < level).sum(), number, level)) for level in levels)


def _with_flow(values: np.ndarray) -> np.ndarray:
    return np.pad(values, [(0, 0)] + [(1, 1)] * (values.ndim - 1))
