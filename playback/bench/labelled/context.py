"""What was tried beside the combination, and not built: shares instead of units, and the run's own
other LSs.

All forms here add -log shares of good LSs that are as far (Fisher's way to combine tests), with
weights that are not learned. Most take what a shifter does not have yet: LSs that come later.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.quality.algorithms.combined import TAILS, share_beyond
from dqmstream.quality.algorithms.nearest import NearestReference, distances
from dqmstream.quality.labelled import Labelled

__all__ = ["TRIED", "averaged", "in_run", "tried"]

Floats = NDArray[np.float64]

_SHARES: Final = "shares of good LSs"
_BESIDE_ALL: Final = f"{_SHARES}, and the run's other LSs as a reference"
_BESIDE_EARLIER: Final = f"{_SHARES}, and the run's earlier LSs as a reference"
_AROUND: Final = f"{_SHARES}, averaged with LSs around"
_BEFORE: Final = f"{_SHARES}, averaged with LSs before"
TRIED: Final = (_SHARES, _BESIDE_ALL, _BESIDE_EARLIER, _AROUND, _BEFORE)

_WEIGHTS: Final = (1.0, 0.5, 0.5)
"""Of nearest, amount, and the run's own LSs: chosen on one half of the runs."""
_NEAR: Final = 30
"""LSs: how far away those are that a score is averaged with."""
_NOTHING_KNOWN: Final = 1.0
"""-log of a share is 1 on the average of good LSs."""


def tried(
    learned: Labelled,
    judged: Labelled,
    near: Mapping[str, Floats],
    asked: Mapping[str, Floats],
) -> dict[str, Floats]:
    """Scores of the LSs to judge by each form of `TRIED`.

    `near` and `asked` are distances of LSs learned from and to judge (`distances_of`).
    """
    known = [near["nearest"], near["amount"]]
    other = [asked["nearest"], asked["amount"]]
    scores = {_SHARES: _added(known, other, learned)}
    for name, earlier in ((_BESIDE_ALL, False), (_BESIDE_EARLIER, True)):
        ours, theirs = (in_run(one, earlier=earlier) for one in (learned, judged))
        scores[name] = _added([*known, ours], [*other, theirs], learned)
    scores[_AROUND] = averaged(scores[_SHARES], judged, earlier=False)
    scores[_BEFORE] = averaged(scores[_SHARES], judged, earlier=True)
    return scores


def in_run(data: Labelled, *, earlier: bool) -> Floats:
    """float64[n]: logarithm of the distance of NearestReference to the run's other LSs together.

    NaN of an LS that is the only one of its run, or with `earlier` the first.
    """
    counts = data.counts[:, 1:-1]
    order = np.lexsort((data.lumisection, data.run))
    _, first, which = np.unique(data.run[order], return_index=True, return_inverse=True)
    upto = np.cumsum(counts[order], axis=0)
    before = upto - counts[order] - (upto - counts[order])[first][which]
    whole = np.add.reduceat(counts[order], first, axis=0)[which]
    others = np.zeros_like(counts)
    others[order] = before if earlier else whole - counts[order]
    far = np.log(distances(counts, others, NearestReference().alike) + 0.1)
    far[others.sum(axis=1) == 0] = np.nan
    return far


def averaged(score: Floats, data: Labelled, *, earlier: bool) -> Floats:
    """float64[n]: each half its own score and half the mean of those within 30 LSs of the run.

    Bad LSs come in blocks. An LS that has none so near keeps its score.
    """
    smooth = score.copy()
    for run in np.unique(data.run):
        at = np.flatnonzero(data.run == run)
        apart = data.lumisection[at][:, None] - data.lumisection[at]
        near = (np.abs(apart) <= _NEAR) & (apart > 0 if earlier else apart != 0)
        number = near.sum(axis=1)
        mean = near @ score[at] / np.maximum(number, 1)
        smooth[at] = np.where(number > 0, (score[at] + mean) / 2, score[at])
    return smooth


def _added(known: Sequence[Floats], asked: Sequence[Floats], learned: Labelled) -> Floats:
    """-log of the share of good LSs that have such a sum of -log shares, or more."""
    weights = _WEIGHTS[: len(known)]
    ours, theirs = (
        np.sum(
            [
                weight * _rarity(own[learned.good], other)
                for weight, own, other in zip(weights, known, several, strict=True)
            ],
            axis=0,
        )
        for several in (known, asked)
    )
    return _rarity(ours[learned.good], theirs)


def _rarity(good: Floats, values: Floats) -> Floats:
    """-log of the share of good LSs with such a value or more."""
    usual = np.nanquantile(good, 1 - np.array(TAILS))
    rising = np.maximum.accumulate(usual) + 1e-6 * np.arange(len(usual))
    rare: Floats = -np.log(share_beyond(values, tuple(map(float, rising))))
    return np.where(np.isnan(values), _NOTHING_KNOWN, rare)
