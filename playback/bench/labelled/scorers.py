"""Scores of LSs, larger is worse: learned on LSs of some runs, given to those of others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqmstream.messages.booking import Regular
from dqmstream.quality.algorithm import Findings
from dqmstream.quality.algorithms.band import RobustBand, robust_band
from dqmstream.quality.algorithms.chi2 import Chi2, chi2
from dqmstream.quality.algorithms.distance import (
    AndersonDarling,
    KolmogorovSmirnov,
    Wasserstein,
    anderson_darling,
    kolmogorov_smirnov,
    wasserstein,
)
from dqmstream.quality.algorithms.likelihood import LikelihoodRatio, likelihood_ratio
from dqmstream.quality.algorithms.nearest import nearest
from dqmstream.quality.bands import make_band
from dqmstream.quality.stack import BandStack, ReferenceStack, Stack
from playback.bench.labelled.lumisections import Labelled
from playback.bench.labelled.scoring import by_run

__all__ = ["COMBINED", "SCORERS", "Scored", "Scorer", "combined", "scored"]

Floats = NDArray[np.float64]

Scorer = Callable[[Labelled, Labelled], Floats]
"""(LSs to learn from, LSs to judge) to float64 scores of these; LSs without entries are not asked.

Of the LSs to learn from only those are used that are certified as good.
"""

COMBINED: Final = ("nearest good LSs", "PCA, 5 components")
_ENOUGH: Final = 200
_COMPONENTS: Final = 5
_NEIGHBOURS: Final = 50
_ALIKE: Final = 2000.0
_TINY: Final = 1e-9


class Scored(NamedTuple):
    """Scores of LSs, and what scores of good LSs are usual: of their logarithms, middle and spread.

    The usual ones are of LSs learned from, those of each half of their runs scored by what was
    learned from the other half.
    """

    raw: Floats
    middle: float
    spread: float

    @property
    def standardised(self) -> Floats:
        """float64[n]: logarithms of scores, in units in which good LSs have mean 0 and spread 1."""
        units: Floats = (np.log(self.raw + _TINY) - self.middle) / self.spread
        return units


def scored(scorer: Scorer, learned: Labelled, judged: Labelled) -> Scored:
    """Scores of the LSs to judge, and which are usual."""
    first = np.isin(learned.run, np.unique(learned.run)[::2])
    usual = np.concatenate(
        [
            np.log(scorer(learned.part(other), learned.part(one & _good(learned))) + _TINY)
            for one, other in ((first, ~first), (~first, first))
        ]
    )
    spread = max(float(usual.std()), _TINY)
    return Scored(scorer(learned, judged), float(np.median(usual)), spread)


def combined(scores: Sequence[Scored], run: NDArray[np.int64]) -> Floats:
    """Mean of standardised scores, half its own and half that of the other LSs of its run."""
    own = np.mean([one.standardised for one in scores], axis=0)
    score: Floats = (own + by_run(own, run)) / 2
    return score


def _good(lumisections: Labelled) -> NDArray[np.bool_]:
    good: NDArray[np.bool_] = lumisections.good & (lumisections.entries > 0)
    return good


def _telling(learned: Labelled) -> Labelled:
    return learned.part(learned.good & (learned.entries > _ENOUGH))


def _stack(counts: Floats) -> Stack:
    axis = Regular(bins=counts.shape[1] - 2, lower=0, upper=1)
    return Stack(axes=(axis,), entries=counts.astype(np.int64))


def _against(reference: Floats, judged: Labelled) -> Stack:
    """The LSs to judge beside one reference, scaled to equal entries."""
    rows = np.broadcast_to(reference, judged.counts.shape)
    scale = judged.entries / reference.sum()
    other = ReferenceStack(stack=_stack(rows), scale=scale)
    return replace(_stack(judged.counts), references=(other,))


def _best_run(learned: Labelled) -> Floats:
    """The good LSs of the run that has most entries in them."""
    good = learned.part(learned.good)
    runs, which = np.unique(good.run, return_inverse=True)
    best = runs[np.bincount(which, weights=good.entries).argmax()]
    total: Floats = good.counts[good.run == best].sum(axis=0)
    return total


def _per_ndof(findings: Findings) -> Floats:
    if findings.statistic is None or findings.ndof is None:
        return np.asarray(findings.measured)
    ratio: Floats = findings.statistic / np.maximum(findings.ndof, 1)
    return ratio


def _chi2(learned: Labelled, judged: Labelled) -> Floats:
    return _per_ndof(chi2(_against(_best_run(learned), judged), Chi2()))


def _likelihood(learned: Labelled, judged: Labelled) -> Floats:
    stack = _against(_best_run(learned), judged)
    return _per_ndof(likelihood_ratio(stack, LikelihoodRatio()))


def _distance(measure: Callable[[Stack], Findings]) -> Scorer:
    def score(learned: Labelled, judged: Labelled) -> Floats:
        findings = measure(_against(_best_run(learned), judged))
        statistic = findings.measured if findings.statistic is None else findings.statistic
        return np.asarray(statistic, np.float64)

    return score


def _band(learned: Labelled, judged: Labelled) -> Floats:
    good, rows = _telling(learned), len(judged)
    band = make_band(good.counts, good.entries)

    def spread(values: Floats) -> Floats:
        return np.broadcast_to(values, (rows, len(values))).copy()

    stack = replace(
        _stack(judged.counts),
        bands=(
            BandStack(
                centre=spread(band.centre),
                lower=spread(band.lower),
                upper=spread(band.upper),
                statistical=spread(band.statistical),
                scale=judged.entries,
                members=np.full(rows, len(good)),
            ),
        ),
    )
    return _per_ndof(robust_band(stack, RobustBand()))


def _nearest(learned: Labelled, judged: Labelled) -> Floats:
    return nearest(judged.counts, _telling(learned).counts, _NEIGHBOURS, _ALIKE)


def _pca(learned: Labelled, judged: Labelled) -> Floats:
    """Mean square of what the first components of good LSs leave of a normalised histogram."""
    good = learned.part(_good(learned))
    shapes = good.counts / good.entries[:, None]
    mean = shapes.mean(axis=0)
    components = np.linalg.svd(shapes - mean, full_matrices=False)[2][:_COMPONENTS]
    apart = judged.counts / judged.entries[:, None] - mean
    rest = apart - (apart @ components.T) @ components
    residual: Floats = (rest**2).mean(axis=1)
    return residual


SCORERS: Final[Mapping[str, Scorer]] = {
    "chi2 to one reference": _chi2,
    "PCA, 5 components": _pca,
    "robust band": _band,
    "Kolmogorov-Smirnov": _distance(lambda one: kolmogorov_smirnov(one, KolmogorovSmirnov())),
    "Anderson-Darling": _distance(lambda one: anderson_darling(one, AndersonDarling())),
    "Wasserstein": _distance(lambda one: wasserstein(one, Wasserstein())),
    "likelihood ratio": _likelihood,
    "nearest good LSs": _nearest,
}
