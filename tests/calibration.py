"""Calibration of quality tests that state a p-value: null distributions and power, as plots.

Each test judges simulated LSs against a simulated reference: without a fault its p-values must be
uniform, or larger; with one they should be small. `calibrate` counts, `write` makes a JSON and an
SVG of it.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from scipy import stats

from dqmstream.quality.registry import ALGORITHMS
from dqmstream.quality.stack import Stack
from tests.stacks import against, counts_stack, weighted_stack, within

LEVELS: Final = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 5e-3, 2e-3, 1e-3)
"""p-values whose frequency is counted."""
ALARM: Final = 1e-4
"""A p-value below is a WARNING with the thresholds shipped."""
SHIFTS: Final = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
"""Of a peak, in bins."""
HOLES: Final = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
"""Parts that one bin loses."""
_EDGES: Final = np.linspace(-20, 20, 41)
_BINS: Final = len(_EDGES) - 1
_HOLE: Final = 24
_ENTRIES: Final = 10_000
_RATIO: Final = 4
_MEMBERS: Final = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """What was counted of one test: fractions of p-values below each level, and of alarms."""

    algorithm: str
    trials: int
    null: tuple[float, ...]
    shift: tuple[float, ...] = ()
    hole: tuple[float, ...] = ()
    levels: tuple[float, ...] = field(default=LEVELS)

    def excess(self, level: float) -> float:
        """Probability of as many p-values below a level, if they are uniform."""
        below = round(self.null[self.levels.index(level)] * self.trials)
        return float(stats.binom.sf(below - 1, self.trials, level))

    def half(self) -> dict[str, float]:
        """Sizes of faults that half of the LSs are found with, between those that were tried."""
        tried = {"shift": (self.shift, SHIFTS), "hole": (self.hole, HOLES)}
        return {
            name: float(np.interp(0.5, found, sizes))
            for name, (found, sizes) in tried.items()
            if found
        }


def expected(shift: float = 0.0, hole: float = 0.0) -> np.ndarray:
    """Entries per bin of a peak on a flat ground, moved by bins, with a hole in a bin."""
    peak = np.diff(stats.norm.cdf(_EDGES, shift, 5)) / np.diff(stats.norm.cdf([-20, 20], 0, 5))
    found = _ENTRIES * (0.9 * peak + 0.1 / _BINS)
    found[_HOLE] *= 1 - hole
    return found


Sample = Callable[[np.random.Generator, int, np.ndarray], Stack]


def _counts(random: np.random.Generator, trials: int, rate: np.ndarray) -> Stack:
    reference = random.poisson(_RATIO * expected(), (trials, _BINS))
    return against(counts_stack(random.poisson(rate, (trials, _BINS))), counts_stack(reference))


def _references(random: np.random.Generator, trials: int, rate: np.ndarray) -> Stack:
    data = counts_stack(random.poisson(rate, (trials, _BINS)))
    few = (counts_stack(random.poisson(expected(), (trials, _BINS))) for _ in range(3))
    return against(data, *few)


def _band(random: np.random.Generator, trials: int, rate: np.ndarray) -> Stack:
    members = random.poisson(expected(), (_MEMBERS, _BINS))
    return within(counts_stack(random.poisson(rate, (trials, _BINS))), members)


def _efficiencies(random: np.random.Generator, trials: int, rate: np.ndarray) -> Stack:
    """What is missing of a rate is inefficiency there."""
    efficiency = 0.95 * np.minimum(rate / expected(), 1)
    sides = []
    for entries, chance in ((250, efficiency), (_RATIO * 250, np.full(_BINS, 0.95))):
        passed = random.binomial(entries, chance, (trials, _BINS))
        sides.append(weighted_stack(np.full(passed.shape, entries), passed, passed, profile=True))
    return against(*sides)


CASES: Final[dict[str, tuple[Sample, bool]]] = {
    "Chi2": (_counts, True),
    "LikelihoodRatio": (_counts, True),
    "KolmogorovSmirnov": (_counts, True),
    "AndersonDarling": (_counts, True),
    "Wasserstein": (_counts, True),
    "BetaBinomial": (_references, True),
    "RobustBand": (_band, True),
    "EfficiencyMatchesReference": (_efficiencies, False),
}
"""What each test is given, and whether a shift is a fault for it."""


def calibrate(algorithm: str, trials: int, powers: int, seed: int) -> Calibration:
    """Judge `trials` LSs without a fault, and `powers` with each size of each fault."""
    random = np.random.default_rng(seed)
    sample, shifts = CASES[algorithm]

    def p_values(number: int, rate: np.ndarray) -> np.ndarray:
        # A band is one for many LSs: a few of them, so that none is a matter of luck.
        parts = [sample(random, number // 10, rate) for _ in range(10)]
        measure, parameters = ALGORITHMS[algorithm].measure, ALGORITHMS[algorithm].parameters()
        found = [measure(part, parameters).p_value for part in parts]
        return np.concatenate([one for one in found if one is not None])

    null = p_values(trials, expected())
    moved = [p_values(powers, expected(shift=size)) for size in SHIFTS] if shifts else []
    emptied = [p_values(powers, expected(hole=size)) for size in HOLES]
    return Calibration(
        algorithm=algorithm,
        trials=len(null),
        null=tuple(float((null < level).mean()) for level in LEVELS),
        shift=tuple(float((one < ALARM).mean()) for one in moved),
        hole=tuple(float((one < ALARM).mean()) for one in emptied),
    )


def write(folder: Path, found: list[Calibration]) -> None:
    """Write calibration.json and calibration.svg into a folder, made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    tests = [{**asdict(one), "half": one.half()} for one in found]
    numbers = {"alarm": ALARM, "shifts": SHIFTS, "holes": HOLES, "tests": tests}
    (folder / "calibration.json").write_text(json.dumps(numbers, indent=1) + "\n")
    (folder / "calibration.svg").write_text(_figure(found))


_COLOURS: Final = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#7a5195"),
)
_WIDTH, _HEIGHT, _LEFT, _TOP = 300, 260, 52, 30


def _figure(found: list[Calibration]) -> str:
    """Three panels side by side, and a legend."""
    decades = [(-3.0, "0.001"), (-2.0, "0.01"), (-1.0, "0.1")]
    tenths = [(size / 5, f"{size / 5:g}") for size in range(6)]
    panels = [
        _panel(
            0,
            "Without a fault",
            labels=("p-value stated", "fraction below it"),
            ranges=((-3.05, -0.25), (-3.6, -0.2)),
            ticks=(decades, decades),
            curves=[
                [
                    (np.log10(x), np.log10(max(y, 1e-9)))
                    for x, y in zip(LEVELS, one.null, strict=True)
                ]
                for one in found
            ],
            diagonal=True,
        )
    ]
    kinds = (("A peak of 10 000 entries moves", "bins of 1/5 of its width", SHIFTS, "shift"),)
    kinds += (("A bin of it loses entries", "part lost", HOLES, "hole"),)
    for number, (title, label, sizes, name) in enumerate(kinds, start=1):
        curves = [list(zip(sizes, getattr(one, name), strict=False)) for one in found]
        panels.append(
            _panel(
                number,
                title,
                labels=(label, f"found (p < {ALARM:g})"),
                ranges=((0, 1), (-0.03, 1.05)),
                ticks=(tenths, tenths),
                curves=curves,
            )
        )
    legend = []
    for number, one in enumerate(found):
        x = 20 + (number % 4) * 255
        y = _HEIGHT + _TOP + 60 + (number // 4) * 18
        colour = _COLOURS[number]
        legend.append(f'<path d="M{x} {y - 4}h22" stroke="{colour}" stroke-width="2"/>')
        legend.append(f'<text x="{x + 28}" y="{y}">{one.algorithm}</text>')
    size = (3 * (_WIDTH + _LEFT) + 10, _HEIGHT + _TOP + 90)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" '
        f'font-family="sans-serif" font-size="12">\n<rect width="{size[0]}" height="{size[1]}" '
        'fill="white"/>\n' + "\n".join([*panels, *legend]) + "\n</svg>\n"
    )


Range = tuple[float, float]
Ticks = list[tuple[float, str]]


def _panel(
    number: int,
    title: str,
    *,
    labels: tuple[str, str],
    ranges: tuple[Range, Range],
    ticks: tuple[Ticks, Ticks],
    curves: list[list[tuple[float, float]]],
    diagonal: bool = False,
) -> str:
    left, top = number * (_WIDTH + _LEFT) + _LEFT, _TOP
    (x_low, x_high), (y_low, y_high) = ranges
    wide, high = _WIDTH - 20, _HEIGHT
    middle = left + wide / 2

    def at(x: float, y: float) -> str:
        across = left + (x - x_low) / (x_high - x_low) * wide
        down = top + high - (max(y, y_low) - y_low) / (y_high - y_low) * high
        return f"{across:.1f} {down:.1f}"

    parts = [
        f'<rect x="{left}" y="{top}" width="{wide}" height="{high}" fill="none" stroke="#888"/>',
        f'<text x="{middle}" y="{top - 10}" text-anchor="middle" font-weight="bold">{title}</text>',
        f'<text x="{middle}" y="{top + high + 34}" text-anchor="middle">{labels[0]}</text>',
        f'<text transform="translate({left - 38} {top + high / 2}) rotate(-90)" '
        f'text-anchor="middle">{labels[1].replace("<", "&lt;")}</text>',
    ]
    for x, name in ticks[0]:
        place = at(x, y_low).split()
        parts.append(
            f'<text x="{place[0]}" y="{top + high + 16}" text-anchor="middle">{name}</text>'
        )
    for y, name in ticks[1]:
        place = at(x_low, y).split()
        parts.append(f'<path d="M{left} {place[1]}h{wide}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 4}" y="{place[1]}" dy="4" text-anchor="end">{name}</text>')
    if diagonal:
        line = f"M{at(x_low, x_low)}L{at(x_high, x_high)}"
        parts.append(f'<path d="{line}" stroke="#888" stroke-dasharray="4"/>')
    for colour, curve in zip(_COLOURS, curves, strict=False):
        if curve:
            points = "L".join(at(*point) for point in curve)
            parts.append(f'<path d="M{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
    return "\n".join(parts)
