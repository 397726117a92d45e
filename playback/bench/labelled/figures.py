"""The figures of verdicts on labelled LSs: ROC areas, shares found, what each test adds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.quality.algorithms.combined import PARTS, distances_of, score_of, share_beyond
from dqmstream.quality.fitting import fit_combined
from dqmstream.quality.labelled import Labelled, beside_near_runs
from playback.bench.labelled.context import TRIED
from playback.bench.labelled.division import (
    COMBINED,
    EARLIER,
    KEPT,
    divided,
    other_parts,
)
from playback.bench.labelled.measured import AREA, CLEAR, MEASURES, Measures
from playback.bench.labelled.reach import reach
from playback.bench.labelled.scorers import CHI2, PCA, SCORERS, named
from playback.bench.labelled.scoring import folds, halves
from playback.bench.row import Row

__all__ = ["figures"]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

_PERCENT: Final = 0.01
_KEPT_GOALS: Final = {("with entries", AREA)}
"""Where the combination is clearly better; elsewhere it is wished for, and said where missed."""
_CHOSEN_ON: Final = 2024
"""Which half of the runs the form of the combination was chosen on (see `halves`): all but the last
step, to leave out what adds nothing, which came after figures of all."""


def figures(data: Labelled, *, divisions: Sequence[int], bootstraps: int) -> Iterator[Row]:
    """All rows: means over some divisions into folds, errors by a bootstrap of runs.

    Whatever is learned is learned on the other folds; labels of a fold only score it. Differences
    are of the same runs drawn, and clear if they are more than two of their own errors.
    """
    scores = [divided(data, seed) for seed in divisions]
    filled = data.entries > 0
    rows: Mapping[str, Booleans] = {
        "all LSs": np.ones(len(data), bool),
        "with entries": filled,
        "DCS on": filled & data.on,
        "with entries, runs that the form was not chosen on": filled & _unseen(data),
    }
    alone = [*SCORERS, *(f"{named(part)}, near runs" for part in PARTS)]
    for words, which in rows.items():
        measured = Measures(data, scores, which, bootstraps)
        yield Row(name=f"{words}: good", value=int(data.good[which].sum()), unit="LSs")
        yield Row(name=f"{words}: bad", value=int((~data.good[which]).sum()), unit="LSs")
        told = (CHI2, PCA) if "form" in words else (*alone, EARLIER)
        for name in (*told, COMBINED):
            for what in MEASURES:
                yield measured.of(name, what).row(f"{words}, {name}: {what}")
        if words != "all LSs":
            yield from _better(words, measured)
            yield from _tried(words, measured)
        if words in {"with entries", "DCS on"}:
            yield from _added(words, measured)
            yield from reach(words, measured)
    yield from _gated(data, [one[COMBINED] for one in scores], filled)
    yield from _carried_over(data, divisions[0])


def _better(words: str, measured: Measures) -> Iterator[Row]:
    """How much better the combination is; in errors of the difference, with a goal."""
    for what in MEASURES:
        whole = measured.of(COMBINED, what)
        for base in (CHI2, PCA):
            apart = whole.less(measured.of(base, what))
            name = f"{words}, combined - {base}: {what}"
            yield apart.row(name)
            if apart.error > 0:
                clear = apart.value / apart.error
                kept = CLEAR if (words, what) in _KEPT_GOALS else None
                said = "" if clear >= CLEAR else f" (wished for: {CLEAR:g}, missed)"
                yield Row(name=f"{name}, in errors{said}", value=clear, unit="", goal=kept)


def _added(words: str, measured: Measures) -> Iterator[Row]:
    """What the combination loses without one of its parts, and gains with one more."""
    for part in PARTS:
        for what in MEASURES:
            whole, other = measured.of(COMBINED, what), measured.of(other_parts(part), what)
            if part in KEPT:
                yield whole.less(other).row(f"{words}, {named(part)} (a part) adds: {what}")
            else:
                yield other.less(whole).row(f"{words}, {named(part)} (left out) adds: {what}")


def _tried(words: str, measured: Measures) -> Iterator[Row]:
    """Forms that are not built, and what they have more than the combination."""
    for name in TRIED:
        for what in MEASURES:
            one, whole = measured.of(name, what), measured.of(COMBINED, what)
            yield one.row(f"{words}, {name} (not built): {what}")
            yield one.less(whole).row(f"{words}, {name} (not built) - combined: {what}")


def _unseen(data: Labelled) -> Booleans:
    filled = data.entries > 0
    chosen = np.unique(data.run[filled][halves(data.run[filled], _CHOSEN_ON)])
    other: Booleans = ~np.isin(data.run, chosen)
    return other


def _gated(data: Labelled, scores: Sequence[Floats], filled: Booleans) -> Iterator[Row]:
    for words, which in (("all LSs", np.ones(len(data), bool)), ("with entries", filled)):
        for what, measure in MEASURES.items():
            values = [
                measure(np.where(data.on, score, np.inf)[which], ~data.good[which])
                for score in scores
            ]
            name = f"{words}, combined, DCS off is bad: {what}"
            yield Row(name=name, value=float(np.mean(values)), unit="")


def _carried_over(data: Labelled, seed: int) -> Iterator[Row]:
    """Thresholds chosen on one half of the runs, and what they do on the other."""
    filled = data.part(data.entries > 0)
    half = halves(filled.run, seed)
    over: dict[str, list[Booleans]] = {name: [] for name in (CHI2, PCA, COMBINED)}
    labels = []
    for learned in (half, ~half):
        known, asked = filled.part(learned), filled.part(~learned)
        labels.append(asked.good)
        for name in (CHI2, PCA):
            threshold = np.quantile(_crossed(name, known)[known.good], 1 - _PERCENT)
            over[name].append(SCORERS[name](known, asked) > threshold)
        near, other = (distances_of(beside_near_runs(known, one), KEPT) for one in (known, asked))
        fitted = fit_combined(near, ~known.good, known.run)
        over[COMBINED].append(share_beyond(score_of(other, fitted), fitted.usual) < _PERCENT)
    good = np.concatenate(labels)
    for name, alarms in over.items():
        alarm = np.concatenate(alarms)
        words = f"{name}, threshold of 1 % from the other half of the runs"
        yield Row(name=f"{words}: false alarms", value=100 * float(alarm[good].mean()), unit="%")
        yield Row(name=f"{words}: found", value=100 * float(alarm[~good].mean()), unit="%")


def _crossed(name: str, data: Labelled) -> Floats:
    """Scores of LSs of each fifth of the runs, by what was learned on the others."""
    scores = np.zeros(len(data))
    for fold in folds(data.run, 5, 1):
        scores[fold] = SCORERS[name](data.part(~fold), data.part(fold))
    return scores
