"""Several distances to references as one score, weighed by what labelled LSs have taught."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from dqmstream.messages.booking import Element
from dqmstream.quality.algorithm import (
    Algorithm,
    Findings,
    Needs,
    Parameters,
    refuse_unless_numeric,
)
from dqmstream.quality.algorithms.beta_binomial import refuse_unless_counts
from dqmstream.quality.algorithms.chi2 import Chi2, chi2, pulls_of_bins
from dqmstream.quality.algorithms.compared import in_bins, listed
from dqmstream.quality.algorithms.distance import (
    AndersonDarling,
    KolmogorovSmirnov,
    Wasserstein,
    anderson_darling,
    kolmogorov_smirnov,
    wasserstein,
)
from dqmstream.quality.algorithms.likelihood import LikelihoodRatio, likelihood_ratio
from dqmstream.quality.algorithms.nearest import NearestReference, nearest_reference
from dqmstream.quality.bins import bin_positions
from dqmstream.quality.stack import ReferenceStack, Stack, per_element

__all__ = [
    "ALGORITHMS",
    "PARTS",
    "TAILS",
    "UNITS",
    "CombinedDistance",
    "Part",
    "combined_distance",
    "distances_of",
    "score_of",
    "share_beyond",
]

Floats = NDArray[np.float64]

PARTS: Final = (
    "nearest",
    "amount",
    "chi2",
    "likelihood",
    "kolmogorov_smirnov",
    "anderson_darling",
    "wasserstein",
)
TAILS: Final = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
"""Shares of good LSs beyond each of the scores in `usual`."""
UNITS: Final = (-6.0, 10.0)
"""Spreads between which a distance counts."""
_LEAST_SHARE: Final = 1e-6
_MAX_REFERENCES: Final = 8


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One distance: `weight` a standard deviation, and which values good LSs have."""

    weight: Annotated[float, msgspec.Meta(ge=0, le=1e6)]
    centre: Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
    spread: Annotated[float, msgspec.Meta(gt=0, le=1e6)]


class CombinedDistance(Parameters, frozen=True, kw_only=True):
    """What was learned: `dqmstream qtests fit` writes it.

    A part that is not given does not count. `usual` are the scores that the shares `TAILS` of good
    LSs have or exceed. Without any of these, what was learned on a histogram of 100 bins with some
    1700 entries an LS (docs/quality-tests.md): a beginning, not a calibration.
    """

    nearest: Part | None = None
    amount: Part | None = None
    chi2: Part | None = None
    likelihood: Part | None = None
    kolmogorov_smirnov: Part | None = None
    anderson_darling: Part | None = None
    wasserstein: Part | None = None
    usual: Annotated[
        tuple[float, ...], msgspec.Meta(min_length=len(TAILS), max_length=len(TAILS))
    ] = ()

    def __post_init__(self) -> None:
        given = any(getattr(self, name) is not None for name in PARTS)
        if given is not bool(self.usual):
            msg = "usual is of the parts given: give both, or neither"
            raise ValueError(msg)
        if any(not one < other for one, other in zip(self.usual, self.usual[1:], strict=False)):
            msg = f"usual has to grow from score to score, got {self.usual}"
            raise ValueError(msg)

    @property
    def parts(self) -> Mapping[str, Part]:
        """Those that count, by name."""
        named = {name: getattr(self, name) for name in PARTS}
        return {name: part for name, part in named.items() if part is not None and part.weight > 0}


def combined_distance(stack: Stack, parameters: CombinedDistance) -> Findings:
    """Share of good LSs that are at least as far from the references, in several ways at once.

    score = sum over the parts of weight (x - centre) / spread, x of `distances_of`, each term
    between -6 and 10 spreads: logarithms of distances, whose weights a logistic regression has
    found that allows none below 0 (`dqmstream.quality.fitting`), so that no distance makes an LS
    better. qtresult is what share of good LSs had such a score or more, interpolated in its
    logarithm between `usual` scores, and continued beyond the last as from 1 % to 0.1 %.

    It is for references that are near in time: an age of the detector is its best likeness. Valid
    for LSs like those it was learned on, in number of entries most of all. No p-value: LSs of one
    run are alike, so shares of good LSs are known worse than their number says. Flow is left out.
    """
    learned = parameters if parameters.parts else SHIPPED
    data, together = in_bins(stack), _pooled(stack)
    values = {name: _distance(name, stack, together) for name in learned.parts}
    score = score_of(values, learned)
    share = share_beyond(score, learned.usual)
    reference = together.references[0]
    pulls = pulls_of_bins(
        data, in_bins(reference.stack), reference.scale, np.ones(len(stack), bool)
    )
    total = data.entries.sum(axis=1)
    known = _entries(reference.stack) > 0
    reasons = {int(row): "no reference has entries" for row in np.flatnonzero(~known)}
    return Findings(
        quantity="combined distance to the references",
        limit="as good LSs have",
        qtresult=share,
        measured=score,
        entries=total.astype(np.int64),
        content=data.shaped(data.entries),
        severity=data.shaped(listed(pulls, share)),
        insufficient=reasons | {int(row): "no entries" for row in np.flatnonzero(total == 0)},
    )


def distances_of(stack: Stack, names: tuple[str, ...] = PARTS) -> dict[str, Floats]:
    """How far elements are from their references, float64[n] each, the larger the worse.

    `nearest` is the logarithm of the statistic of NearestReference; `amount` the least
    abs(log(n / (scale m))) of any reference, n and m entries, so 0 if references are scaled to
    equal entries; the others are logarithms of statistics against the sum of all references, scaled
    to equal entries: of Chi2 and LikelihoodRatio per degree of freedom, of KolmogorovSmirnov,
    AndersonDarling, and of Wasserstein per distance from the first bin to the last.
    """
    together = _pooled(stack)
    return {name: _distance(name, stack, together) for name in names}


def _distance(name: str, stack: Stack, together: Stack) -> Floats:
    """One of `distances_of`; `together` is the stack beside the sum of its references."""
    match name:
        case "nearest":
            return _log(nearest_reference(stack, NearestReference()).statistic, 0.1)
        case "amount":
            return _amount(stack)
        case "chi2":
            return _log(chi2(together, Chi2()).measured, 0.01)
        case "likelihood":
            return _log(likelihood_ratio(together, LikelihoodRatio()).measured, 0.01)
        case "kolmogorov_smirnov":
            return _log(kolmogorov_smirnov(together, KolmogorovSmirnov()).statistic, 1e-3)
        case "anderson_darling":
            return _log(anderson_darling(together, AndersonDarling()).measured, 1e-3)
        case "wasserstein":
            positions = bin_positions(stack.axes[0])[1:-1]
            width = positions[-1] - positions[0] if len(positions) > 1 else 1.0
            return _log(wasserstein(together, Wasserstein()).measured / width, 1e-3)
    msg = f"no distance {name!r}: expected one of {', '.join(PARTS)}"
    raise ValueError(msg)


def score_of(values: Mapping[str, Floats], parameters: CombinedDistance) -> Floats:
    """float64[n]: the score of `combined_distance` from distances."""
    terms = [
        part.weight * np.clip((values[name] - part.centre) / part.spread, *UNITS)
        for name, part in parameters.parts.items()
    ]
    score: Floats = np.sum(terms, axis=0)
    return score


def share_beyond(score: Floats, usual: tuple[float, ...]) -> Floats:
    """float64[n]: share of good LSs with such a score or more."""
    first, percent = usual[0], usual[TAILS.index(0.01)]
    steps = np.array([2 * first - usual[1], *usual])
    logs = np.log([1.0, *TAILS])
    slope = np.log(TAILS[-1] / 0.01) / (usual[-1] - percent)
    inside = np.interp(score, steps, logs)
    share = np.exp(inside + slope * np.maximum(score - usual[-1], 0.0))
    within: Floats = np.clip(share, _LEAST_SHARE, 1.0)
    return within


def _log(values: Floats | None, least: float) -> Floats:
    known = np.nan_to_num(np.asarray(values, np.float64), posinf=1e30)
    logs: Floats = np.log(np.maximum(known, 0.0) + least)
    return logs


def _pooled(stack: Stack) -> Stack:
    """Beside the sum of its references alone, scaled to equal entries."""
    total = np.sum([one.stack.entries for one in stack.references], axis=0)
    whole = replace(stack, entries=total, references=(), bands=(), past=())
    own, theirs = _entries(stack), _entries(whole)
    scale = np.divide(own, theirs, out=np.ones(len(own)), where=(own > 0) & (theirs > 0))
    return replace(stack, references=(ReferenceStack(stack=whole, scale=scale),))


def _amount(stack: Stack) -> Floats:
    own = _entries(stack)
    apart = np.full(len(stack), np.inf)
    for one in stack.references:
        wanted = _entries(one.stack) * one.scale
        good = (own > 0) & (wanted > 0) & (wanted < np.inf)
        ratio = np.divide(own, wanted, out=np.ones(len(own)), where=good)
        apart = np.minimum(apart, np.where(good, np.abs(np.log(ratio)), np.inf))
    return np.where(np.isfinite(apart), apart, 0.0)


def _entries(stack: Stack) -> Floats:
    """float64[n]: entries without flow."""
    total: Floats = per_element(stack.entries[stack.inner]).sum(axis=1) * 1.0
    return total


def _refusal(element: Element) -> str:
    return refuse_unless_counts(element) or refuse_unless_numeric(element)


SHIPPED: Final = CombinedDistance(
    nearest=Part(weight=0.58, centre=4.18, spread=0.80),
    amount=Part(weight=0.46, centre=0.009, spread=0.19),
    usual=(0.04, 0.54, 0.85, 1.32, 2.24, 2.97, 3.29, 3.74, 4.11),
)
"""Learned on `MainDiagonal Position` in 5026 LSs of 2017, as `dqmstream bench verdicts` does."""

ALGORITHMS: Final[tuple[Algorithm[Any], ...]] = (
    Algorithm(
        name="CombinedDistance",
        parameters=CombinedDistance,
        measure=combined_distance,
        refusal=_refusal,
        warning=0.01,
        error=0.001,
        min_entries=1,
        needs=Needs.REFERENCE,
        references=_MAX_REFERENCES,
    ),
)
