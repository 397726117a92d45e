"""Labelled LSs divided into folds by run: the scores of each, learned on the runs of the others."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.quality.algorithms.combined import PARTS, distances_of, score_of
from dqmstream.quality.fitting import fit_combined
from dqmstream.quality.labelled import Labelled, beside_near_runs
from playback.bench.labelled.context import tried
from playback.bench.labelled.scorers import SCORERS, named
from playback.bench.labelled.scoring import folds

__all__ = ["COMBINED", "EARLIER", "KEPT", "divided", "other_parts"]

Floats = NDArray[np.float64]

COMBINED: Final = "combined"
EARLIER: Final = "combined, with references of earlier runs only"
KEPT: Final = ("nearest", "amount")
"""The parts of the combination: the others add nothing."""
_FOLDS: Final = 5


def other_parts(part: str) -> str:
    """What the combination without a part of its own, or with one more, is called."""
    return f"combined {'without' if part in KEPT else 'with'} {named(part)}"


def divided(data: Labelled, seed: int) -> Mapping[str, Floats]:
    """float64[n] scores of all LSs by each test and combination; inf of those without entries.

    Each LS is scored by what was learned on the four folds that its run is not in: references,
    bands, components, weights. Labels of its fold are used by nothing.
    """
    scores: dict[str, Floats] = {}
    filled = data.entries > 0
    for fold in folds(data.run, _FOLDS, seed):
        asked = fold & filled
        for name, found in scored(data.part(~fold & filled), data.part(asked)).items():
            whole = scores.setdefault(name, np.full(len(data), np.inf))
            whole[asked] = found
    return scores


def scored(learned: Labelled, judged: Labelled) -> dict[str, Floats]:
    """Scores of the LSs to judge by each test and combination."""
    scores = {name: scorer(learned, judged) for name, scorer in SCORERS.items()}
    near, asked = (distances_of(beside_near_runs(learned, one)) for one in (learned, judged))
    scores |= {f"{named(name)}, near runs": values for name, values in asked.items()}
    scores[COMBINED] = combined(learned, KEPT, near, asked)
    scores |= tried(learned, judged, near, asked)
    for part in PARTS:
        others = {*KEPT} ^ {part}
        scores[other_parts(part)] = combined(learned, tuple(others), near, asked)
    before, asked = (
        distances_of(beside_near_runs(learned, one, earlier=True), KEPT)
        for one in (learned, judged)
    )
    scores[EARLIER] = combined(learned, KEPT, before, asked)
    return scores


def combined(
    learned: Labelled,
    parts: Sequence[str],
    near: Mapping[str, Floats],
    asked: Mapping[str, Floats],
) -> Floats:
    """Scores by the weights that some distances of LSs learned from have."""
    some = {name: near[name] for name in PARTS if name in parts}
    return score_of(asked, fit_combined(some, ~learned.good, learned.run))
