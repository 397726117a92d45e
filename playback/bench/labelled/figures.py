"""The figures of verdicts on labelled LSs: ROC areas, shares found, what each test adds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from playback.bench.labelled.lumisections import Labelled
from playback.bench.labelled.scorers import COMBINED, SCORERS, Scored, combined, scored
from playback.bench.labelled.scoring import area, folds, found, halves, resampled
from playback.bench.row import Row

__all__ = ["figures"]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

_FOLDS: Final = 5
_PERCENT: Final = 0.01
_CHI2, _PCA = "chi2 to one reference", "PCA, 5 components"
_ALL: Final = "combined"
_MEASURES: Final[Mapping[str, Callable[[Floats, Booleans], float]]] = {
    "ROC AUC": area,
    "found at 1 % false alarms": found,
}


class _Division:
    """The LSs divided into folds by run, and scored by what was learned on the other folds."""

    def __init__(self, data: Labelled, seed: int) -> None:
        self._run = data.run
        self._asked = [(fold & (data.entries > 0), ~fold) for fold in folds(data.run, _FOLDS, seed)]
        self._scored: dict[str, list[Scored]] = {
            name: [scored(one, data.part(rest), data.part(asked)) for asked, rest in self._asked]
            for name, one in SCORERS.items()
        }

    def of(self, *names: str) -> Floats:
        """float64[n]: scores of one test as they are, or of several combined; inf if empty."""
        scores = np.full(len(self._run), np.inf)
        for at, (asked, _) in enumerate(self._asked):
            several = [self._scored[name][at] for name in names]
            lone = len(names) == 1
            scores[asked] = several[0].raw if lone else combined(several, self._run[asked])
        return scores

    def in_context(self, name: str) -> Floats:
        """Scores of one test, with those of the other LSs of the run."""
        return self.of(name, name)


def figures(data: Labelled, *, divisions: Sequence[int], bootstraps: int) -> Iterator[Row]:
    """All rows: means over some divisions into folds, errors by a bootstrap of runs in the first.

    Whatever is learned is learned on good LSs of other folds; labels of a fold only score it.
    """
    divided = [_Division(data, seed) for seed in divisions]
    names = [*SCORERS, _ALL]
    scores = {name: [one.of(*_parts(name)) for one in divided] for name in names}
    rows: Mapping[str, Booleans] = {
        "all LSs": np.ones(len(data), bool),
        "with entries": data.entries > 0,
        "DCS on": (data.entries > 0) & data.on,
    }
    for words, which in rows.items():
        yield Row(name=f"{words}: good", value=int(data.good[which].sum()), unit="LSs")
        yield Row(name=f"{words}: bad", value=int((~data.good[which]).sum()), unit="LSs")
        for name in names:
            yield from _quality(f"{words}, {name}", data, scores[name], which, bootstraps)
    for words in ("all LSs", "with entries"):
        gated = [np.where(data.on, score, np.inf) for score in scores[_ALL]]
        yield from _quality(f"{words}, combined, DCS off is bad", data, gated, rows[words], 0)
    for words in ("with entries", "DCS on"):
        for base in (_CHI2, _PCA):
            pair = (scores[_ALL], scores[base])
            yield from _better(f"{words}, combined - {base}", data, pair, rows[words], bootstraps)
    yield from _added(data, divided, rows["with entries"])
    yield from _carried_over(data, divisions[0])


def _parts(name: str) -> tuple[str, ...]:
    return COMBINED if name == _ALL else (name,)


def _quality(
    name: str, data: Labelled, scores: Sequence[Floats], which: Booleans, bootstraps: int
) -> Iterator[Row]:
    bad = ~data.good[which]
    drawn = list(resampled(data.run[which], bootstraps, 1))
    for words, measure in _MEASURES.items():
        value = np.mean([measure(score[which], bad) for score in scores])
        first = scores[0][which]
        errors = [measure(first[one], bad[one]) for one in drawn]
        error = f" (+-{np.nanstd(errors):.3f})" if drawn else ""
        yield Row(name=f"{name}: {words}{error}", value=float(value), unit="")


def _better(
    name: str,
    data: Labelled,
    pair: tuple[Sequence[Floats], Sequence[Floats]],
    which: Booleans,
    bootstraps: int,
) -> Iterator[Row]:
    bad = ~data.good[which]
    for words, measure in _MEASURES.items():
        value = np.mean(
            [
                measure(one[which], bad) - measure(other[which], bad)
                for one, other in zip(*pair, strict=True)
            ]
        )
        one, other = pair[0][0][which], pair[1][0][which]
        errors = [
            measure(one[each], bad[each]) - measure(other[each], bad[each])
            for each in resampled(data.run[which], bootstraps, 2)
        ]
        spread = np.nanstd(errors) if errors else 0.0
        yield Row(name=f"{name}: {words} (+-{spread:.3f})", value=float(value), unit="", goal=0.0)


def _added(data: Labelled, divided: Sequence[_Division], which: Booleans) -> Iterator[Row]:
    """What the combination loses without one of its parts, and gains with one test more."""
    bad = ~data.good[which]
    whole = [one.of(*COMBINED)[which] for one in divided]
    for name in SCORERS:
        if name in COMBINED:
            rest = next(one for one in COMBINED if one != name)
            others = [one.in_context(rest)[which] for one in divided]
            sign, words = 1, "a part of the combination"
        else:
            others = [one.of(*COMBINED, name)[which] for one in divided]
            sign, words = -1, "left out"
        for measured, measure in _MEASURES.items():
            adds = [
                sign * (measure(score, bad) - measure(other, bad))
                for score, other in zip(whole, others, strict=True)
            ]
            yield Row(
                name=f"with entries, {name} ({words}) adds: {measured}",
                value=float(np.mean(adds)),
                unit="",
            )


def _carried_over(data: Labelled, seed: int) -> Iterator[Row]:
    """Thresholds chosen on one half of the runs, and what they do on the other."""
    half = halves(data.run, seed)
    for name in (_CHI2, _PCA, _ALL):
        alarms, caught = list[float](), list[float]()
        for learned in (half, ~half):
            known, asked = data.part(learned), data.part(~learned & (data.entries > 0))
            filled = known.good & (known.entries > 0)
            threshold = np.quantile(_crossed(name, known)[filled], 1 - _PERCENT)
            over = _score(name, known, asked) > threshold
            alarms.append(float(over[asked.good].mean()))
            caught.append(float(over[~asked.good].mean()))
        words = f"{name}, threshold of 1 % from the other half of the runs"
        yield Row(name=f"{words}: false alarms", value=100 * float(np.mean(alarms)), unit="%")
        yield Row(name=f"{words}: found", value=100 * float(np.mean(caught)), unit="%")


def _score(name: str, learned: Labelled, judged: Labelled) -> Floats:
    several = [scored(SCORERS[one], learned, judged) for one in _parts(name)]
    return several[0].raw if len(several) == 1 else combined(several, judged.run)


def _crossed(name: str, data: Labelled) -> Floats:
    """Scores of LSs of each fifth of the runs, by what was learned on the others."""
    scores = np.full(len(data), np.inf)
    for fold in folds(data.run, _FOLDS, 1):
        asked = fold & (data.entries > 0)
        scores[asked] = _score(name, data.part(~fold), data.part(asked))
    return scores
