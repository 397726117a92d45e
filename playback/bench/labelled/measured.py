"""How well scores tell bad LSs from good ones, with errors by a bootstrap of runs."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqmstream.quality.fitted_test import area
from dqmstream.quality.labelled import Labelled
from playback.bench.labelled.scoring import found, resampled
from playback.bench.row import Row

__all__ = ["AREA", "CLEAR", "FOUND", "FOUND_AT_TEN", "MEASURES", "Measured", "Measures"]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

AREA: Final = "ROC AUC"
FOUND: Final = "found at 1 % false alarms"
FOUND_AT_TEN: Final = "found at 10 % false alarms"
CLEAR: Final = 2.0
"""Errors of its own beyond which a difference is clear."""
MEASURES: Final[Mapping[str, Callable[[Floats, Booleans], float]]] = {AREA: area, FOUND: found}
"""What all scores are told by."""
_KNOWN: Final[Mapping[str, Callable[[Floats, Booleans], float]]] = {
    **MEASURES,
    FOUND_AT_TEN: partial(found, false_alarms=0.1),
}


class Measured(NamedTuple):
    """A mean over divisions into folds: what resampled runs, and single divisions, give."""

    value: float
    resampled: Floats
    divisions: Floats

    def less(self, other: "Measured") -> "Measured":
        """The difference, of the same runs and divisions."""
        return Measured(
            self.value - other.value,
            self.resampled - other.resampled,
            self.divisions - other.divisions,
        )

    @property
    def error(self) -> float:
        """Of runs drawn, and of the mean over divisions."""
        runs = float(np.nanstd(self.resampled)) if self.resampled.size else 0.0
        number = len(self.divisions)
        return float(np.hypot(runs, self._of_one_division / np.sqrt(number)))

    @property
    def _of_one_division(self) -> float:
        return float(self.divisions.std(ddof=1)) if len(self.divisions) > 1 else 0.0

    def row(self, name: str) -> Row:
        """The value, with both errors in its name."""
        said = f"{name} (+-{self.error:.3f}; one division +-{self._of_one_division:.3f})"
        return Row(name=said, value=self.value, unit="")


class Measures:
    """Some of the LSs, and how well scores tell the bad ones of them.

    Parameters
    ----------
    data
        All n LSs.
    scores
        float64[n] by name, of each division into folds.
    which
        bool[n]: the LSs that count.
    bootstraps
        How often runs are drawn: the same ones for all names.
    """

    def __init__(
        self,
        data: Labelled,
        scores: Sequence[Mapping[str, Floats]],
        which: Booleans,
        bootstraps: int,
    ) -> None:
        self._scores, self._which = scores, which
        self.run, self.bad = data.run[which], ~data.good[which]
        self.drawn = list(resampled(self.run, bootstraps, 1))
        self._known: dict[tuple[str, str], Measured] = {}

    def scores(self, name: str) -> list[Floats]:
        """Those of the LSs that count, in each division."""
        return [one[name][self._which] for one in self._scores]

    def of(self, name: str, what: str) -> Measured:
        """A measure of the scores of one name."""
        if (name, what) not in self._known:
            self._known[name, what] = self._measured(self.scores(name), what)
        return self._known[name, what]

    def of_labels(self, what: str) -> Measured:
        """A measure of scores that are the labels themselves: nothing has more."""
        return self._measured([self.bad.astype(np.float64)] * len(self._scores), what)

    def _measured(self, several: Sequence[Floats], what: str) -> Measured:
        measure, bad = _KNOWN[what], self.bad
        each = np.array([measure(score, bad) for score in several])
        again = [
            np.mean([measure(score[one], bad[one]) for score in several]) for one in self.drawn
        ]
        return Measured(float(each.mean()), np.array(again), each)
