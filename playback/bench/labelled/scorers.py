"""Scores of LSs, larger is worse: learned on LSs of some runs, given to those of others."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.quality.algorithm import Findings
from dqmstream.quality.algorithms.band import RobustBand, robust_band
from dqmstream.quality.algorithms.chi2 import Chi2, chi2
from dqmstream.quality.bands import make_band
from dqmstream.quality.labelled import Labelled, stack_of
from dqmstream.quality.stack import BandStack, ReferenceStack

__all__ = ["CHI2", "PCA", "SCORERS", "Scorer", "named"]

Floats = NDArray[np.float64]

Scorer = Callable[[Labelled, Labelled], Floats]
"""(LSs to learn from, LSs to judge) to float64 scores of these; LSs without entries are not asked.

Of the LSs to learn from only those are used that are certified as good.
"""

CHI2, PCA = "chi2 to one reference", "PCA, 5 components"
_ENOUGH: Final = 200
_COMPONENTS: Final = 5


def named(part: str) -> str:
    """What a part of a combination is called in figures."""
    return part.replace("_", " ")


def _against(reference: Floats, judged: Labelled) -> Findings:
    """Chi2 of the LSs to judge against one reference, scaled to equal entries."""
    rows = np.broadcast_to(reference, judged.counts.shape)
    scale = judged.entries / reference.sum()
    other = ReferenceStack(stack=stack_of(rows), scale=scale)
    return chi2(replace(stack_of(judged.counts), references=(other,)), Chi2())


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
    return _per_ndof(_against(_best_run(learned), judged))


def _band(learned: Labelled, judged: Labelled) -> Floats:
    good = learned.part(learned.good & (learned.entries > _ENOUGH))
    band = make_band(good.counts, good.entries)
    within = BandStack.of_one(band, judged.entries, len(good))
    stack = replace(stack_of(judged.counts), bands=(within,))
    return _per_ndof(robust_band(stack, RobustBand()))


def _pca(learned: Labelled, judged: Labelled) -> Floats:
    """Mean square of what the first components of good LSs leave of a normalised histogram."""
    good = learned.part(learned.good & (learned.entries > 0))
    shapes = good.counts / good.entries[:, None]
    mean = shapes.mean(axis=0)
    components = np.linalg.svd(shapes - mean, full_matrices=False)[2][:_COMPONENTS]
    apart = judged.counts / judged.entries[:, None] - mean
    rest = apart - (apart @ components.T) @ components
    residual: Floats = (rest**2).mean(axis=1)
    return residual


SCORERS: Final[Mapping[str, Scorer]] = {CHI2: _chi2, PCA: _pca, "robust band": _band}
