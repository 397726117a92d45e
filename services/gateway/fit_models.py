"""Functions that are fitted to histograms of one axis, and first guesses of their parameters."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAST", "MODELS", "Bins", "FitError", "Floats", "Model"]

Floats = NDArray[np.float64]

LEAST: Final = 1e-9
"""Expected counts below which a bin counts as this: the likelihood has no logarithm of 0."""


class FitError(ValueError):
    """Nothing can be fitted, and why."""


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins without flow: `edges` float64[n + 1] rising; `values` and `errors` float64[n].

    `counts` says that values are numbers of entries; `contents` that they grow with the width of a
    bin, which means do not.
    """

    edges: Floats
    values: Floats
    errors: Floats
    counts: bool
    contents: bool = True

    def within(self, low: float | None, high: float | None) -> "Bins":
        """Those whose middle lies in a range."""
        middle = (self.edges[1:] + self.edges[:-1]) / 2
        inside = np.flatnonzero(
            (middle >= (-math.inf if low is None else low))
            & (middle <= (math.inf if high is None else high))
        )
        if not inside.size:
            msg = f"no bin lies between {low} and {high}"
            raise FitError(msg)
        cut = slice(int(inside[0]), int(inside[-1]) + 1)
        edges = self.edges[cut.start : cut.stop + 1]
        return Bins(edges, self.values[cut], self.errors[cut], self.counts, self.contents)


@dataclass(frozen=True, slots=True)
class Model:
    """A function of x and parameters; `start` guesses these from bins."""

    function: Callable[..., Floats]
    start: Callable[[Bins], Mapping[str, float]]
    units: Mapping[str, str]
    limits: Mapping[str, tuple[float | None, float | None]]


# ------------------------------------------------------------------------------------- functions


def _gaussian(x: Floats, amount: float, mean: float, sigma: float) -> Floats:
    pull = (x - mean) / sigma
    return np.asarray(amount / (sigma * math.sqrt(2 * math.pi)) * np.exp(-0.5 * pull**2))


def _breit_wigner(x: Floats, amount: float, mean: float, width: float) -> Floats:
    return np.asarray(amount / math.pi * (width / 2) / ((x - mean) ** 2 + (width / 2) ** 2))


def _landau(x: Floats, amount: float, location: float, width: float) -> Floats:
    from scipy.stats import landau  # noqa: PLC0415

    return np.asarray(amount * landau.pdf(x, location, width), np.float64)


def _exponential(x: Floats, height: float, slope: float) -> Floats:
    return np.asarray(height * np.exp(slope * x))


def _line(x: Floats, offset: float, slope: float) -> Floats:
    return np.asarray(offset + slope * x)


def _gaussian_line(  # noqa: PLR0917 a function to be fitted takes its parameters by position
    x: Floats, amount: float, mean: float, sigma: float, offset: float, slope: float
) -> Floats:
    return _gaussian(x, amount, mean, sigma) + _line(x, offset, slope)


# ---------------------------------------------------------------------------------- first guesses


def _density(bins: Bins) -> tuple[Floats, Floats]:
    """Middles, and heights of the function there."""
    middle = (bins.edges[1:] + bins.edges[:-1]) / 2
    height = np.nan_to_num(bins.values)
    return middle, height / np.diff(bins.edges) if bins.contents else height


def _peak(bins: Bins) -> tuple[float, float, float]:
    """Amount, place and width of a peak: around the half of it, so that tails do not decide."""
    middle, height = _density(bins)
    top = int(np.argmax(height))
    # Means may be below zero everywhere, and nothing stand out of a line.
    near = np.flatnonzero(height > height[top] / 2) if height[top] > 0 else np.array([top])
    span = float(bins.edges[near[-1] + 1] - bins.edges[near[0]])
    sigma = max(span / 2.355, float(np.diff(bins.edges)[top]) / 2)
    amount = max(float(height[top]) * sigma * math.sqrt(2 * math.pi), LEAST)
    weights = np.clip(height[near], 0, None)
    place = float(np.average(middle[near], weights=weights)) if weights.sum() > 0 else middle[top]
    return amount, place, sigma


def _start_peak(
    names: tuple[str, str], narrower: float = 1.0
) -> Callable[[Bins], dict[str, float]]:
    def start(bins: Bins) -> dict[str, float]:
        amount, place, sigma = _peak(bins)
        return {"yield": amount, names[0]: place, names[1]: sigma * narrower}

    return start


def _start_line(bins: Bins) -> dict[str, float]:
    middle, height = _density(bins)
    slope, offset = np.polyfit(middle, height, 1)
    return {"offset": float(offset), "slope": float(slope)}


def _start_exponential(bins: Bins) -> dict[str, float]:
    middle, height = _density(bins)
    positive = height > 0
    if np.count_nonzero(positive) < 2:
        msg = f"{np.count_nonzero(positive)} bins above zero, an exponential takes at least 2"
        raise FitError(msg)
    slope, log = np.polyfit(middle[positive], np.log(height[positive]), 1)
    return {"height": float(np.exp(np.clip(log, -700, 700))), "slope": float(slope)}


def _start_gaussian_line(bins: Bins) -> dict[str, float]:
    middle, height = _density(bins)
    edge = max(1, len(height) // 10)
    first, last = float(height[:edge].mean()), float(height[-edge:].mean())
    slope = (last - first) / float(middle[-1] - middle[0] or 1.0)
    offset = first - slope * float(middle[0])
    above = np.clip(height - offset - slope * middle, 0, None) * np.diff(bins.edges)
    amount, place, sigma = _peak(Bins(bins.edges, above, bins.errors, bins.counts))
    return {"yield": amount, "mean": place, "sigma": sigma, "offset": offset, "slope": slope}


_POSITIVE: Final = (1e-12, None)

MODELS: Final[Mapping[str, Model]] = {
    "gaussian": Model(
        _gaussian,
        _start_peak(("mean", "sigma")),
        {"yield": "yield", "mean": "x", "sigma": "x"},
        {"sigma": _POSITIVE},
    ),
    "landau": Model(
        _landau,
        _start_peak(("location", "width"), 0.6),
        {"yield": "yield", "location": "x", "width": "x"},
        {"width": _POSITIVE},
    ),
    "breit-wigner": Model(
        _breit_wigner,
        _start_peak(("mean", "width"), 2.0),
        {"yield": "yield", "mean": "x", "width": "x"},
        {"width": _POSITIVE},
    ),
    "exponential": Model(
        _exponential, _start_exponential, {"height": "y", "slope": "1/x"}, {"height": _POSITIVE}
    ),
    "line": Model(_line, _start_line, {"offset": "y", "slope": "y/x"}, {}),
    "gaussian-line": Model(
        _gaussian_line,
        _start_gaussian_line,
        {"yield": "yield", "mean": "x", "sigma": "x", "offset": "y", "slope": "y/x"},
        {"sigma": _POSITIVE},
    ),
}
"""By name. Densities: `yield` is the area below a peak, in entries where these are counted."""
