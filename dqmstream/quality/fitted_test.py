"""A quality test learned from LSs that people judged, as a file of tests."""

import json
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from dqmstream.quality.algorithms.combined import (
    PARTS,
    CombinedDistance,
    distances_of,
    score_of,
    share_beyond,
)
from dqmstream.quality.fitting import fit_combined, parts_by_run
from dqmstream.quality.labelled import Labelled, beside_near_runs

__all__ = ["FittedTest", "area", "fitted_test"]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

_PERCENT: Final = 0.01


class FittedTest(msgspec.Struct, frozen=True, kw_only=True):
    """A file of one test, and what it was learned from.

    `area` (of the ROC curve), `false_alarms` and `found` (fractions, with the threshold of 1 %) are
    of each fifth of the runs, by what the others have taught.
    """

    toml: str
    good: int
    bad: int
    runs: int
    weights: dict[str, float]
    area: float
    false_alarms: float
    found: float


def fitted_test(
    data: Labelled,
    *,
    name: str,
    path: str,
    parts: tuple[str, ...] = ("nearest", "amount"),
    earlier: bool = False,
) -> FittedTest:
    """Learn a CombinedDistance from LSs with entries, each beside the good runs nearest to it.

    Raises
    ------
    ValueError
        If a part is unknown, or there is too little to learn from: good LSs of 5 runs, a bad LS
        in each four fifths of the runs.
    """
    if unknown := [one for one in parts if one not in PARTS]:
        msg = f"no distance {unknown[0]!r}: expected of {', '.join(PARTS)}"
        raise ValueError(msg)
    filled = data.part(data.entries > 0)
    bad = ~filled.good
    whole = _learned(filled, parts, earlier=earlier)
    score, share = np.zeros(len(filled)), np.ones(len(filled))
    for asked in parts_by_run(filled.run):
        rest, one = filled.part(~asked), filled.part(asked)
        part = _learned(rest, parts, earlier=earlier)
        near = beside_near_runs(rest, one, earlier=earlier)
        score[asked] = score_of(distances_of(near, tuple(part.parts)), part)
        share[asked] = share_beyond(score[asked], part.usual)
    return FittedTest(
        toml=_toml(name, path, whole, _said(filled, whole)),
        good=int((~bad).sum()),
        bad=int(bad.sum()),
        runs=len(np.unique(filled.run)),
        weights={one: part.weight for one, part in whole.parts.items()},
        area=area(score, bad),
        false_alarms=float((share[~bad] < _PERCENT).mean()),
        found=float((share[bad] < _PERCENT).mean()),
    )


def _learned(data: Labelled, parts: tuple[str, ...], *, earlier: bool) -> CombinedDistance:
    near = distances_of(beside_near_runs(data, data, earlier=earlier), parts)
    return fit_combined(near, ~data.good, data.run)


def area(score: Floats, bad: Booleans) -> float:
    """Area under the ROC curve: chance that a bad LS has a larger score than a good one.

    The statistic of Mann and Whitney over its maximum, ties counted half; NaN without both kinds.
    """
    many, others = int(bad.sum()), int((~bad).sum())
    if not many or not others:
        return float("nan")
    return float((rankdata(score)[bad].sum() - many * (many + 1) / 2) / (many * others))


def _said(data: Labelled, learned: CombinedDistance) -> str:
    entries, runs = np.median(data.entries[data.good]), len(np.unique(data.run))
    return (
        f"{', '.join(learned.parts)}: learned on {len(data)} LSs of {runs} runs, "
        f"{entries:.0f} entries in a good one"
    )


def _toml(name: str, path: str, learned: CombinedDistance, said: str) -> str:
    """A basic string of TOML is one of JSON."""
    lines = [
        f"# {said}",
        "[[quality_test]]",
        f"name = {json.dumps(name)}",
        'algorithm = "CombinedDistance"',
        f"path = {json.dumps(path)}",
        'normalise = "lumisections"           # the amount is compared, too',
        "",
        "[quality_test.parameters]",
        f"usual = [{', '.join(f'{one:.7g}' for one in learned.usual)}]",
    ]
    for one, part in learned.parts.items():
        numbers = f"weight = {part.weight:.5g}, centre = {part.centre:.5g}, "
        lines.append(f"{one} = {{ {numbers}spread = {part.spread:.5g} }}")
    return "\n".join(lines) + "\n"
