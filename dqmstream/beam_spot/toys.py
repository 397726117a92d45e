"""Many simulated beam spots, fitted: are the values right, and the errors as large as they say?"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from dqmstream.beam_spot.ellipsoid import Ellipsoid
from dqmstream.beam_spot.result import PARAMETERS, BeamSpotFit
from dqmstream.beam_spot.samples import Floats
from dqmstream.beam_spot.simulation import Collisions, simulate

__all__ = ["Pulls", "Spread", "toys"]

_SCALES: Final = ("sigma_z", "width_x", "width_y")

Fit: TypeAlias = Callable[[Collisions], BeamSpotFit]


class Spread(NamedTuple):
    """Mean and width of the pulls of one parameter: 0 and 1 if its fit is right."""

    mean: float
    width: float


class Pulls(NamedTuple):
    """Pulls of all toys: (fit - truth)/error, float64 by parameter, of those that measured it.

    For widths, the error is the mean of the errors of all toys, which is that at the true width
    (to the second order in it). The error of one toy is in proportion to what it fitted, so that a
    width that came out low has a small error: of n normal numbers with the right width and error
    the mean of (fit - truth)/(own error) is -1/sqrt(2 n), and tests no fit.
    """

    by_parameter: Mapping[str, Floats]
    toys: int
    failed: int

    def spread(self, name: str) -> Spread:
        """Of one parameter; NaN if it was never measured."""
        pulls = self.by_parameter[name]
        if len(pulls) < 2:
            return Spread(np.nan, np.nan)
        return Spread(float(pulls.mean()), float(pulls.std(ddof=1)))


def toys(
    fit: Fit, beam: Ellipsoid, n: int, number: int, seed: int, *, outliers: float = 0.0
) -> Pulls:
    """Pulls of `number` fits, each to `n` simulated collisions of a beam spot.

    Parameters
    ----------
    fit
        Of vertices or of tracks.
    beam
        The true one. x and y are compared at its z.
    """
    random = np.random.default_rng(seed)
    pulls: dict[str, list[float]] = {name: [] for name in PARAMETERS}
    errors: dict[str, list[float]] = {name: [] for name in PARAMETERS}
    failed = 0
    for _ in range(number):
        found = fit(simulate(beam, n, random, outliers=outliers))
        failed += not found.converged
        for name in PARAMETERS:
            if found.measured(name):
                pulls[name].append(_pull(found, beam, name))
                errors[name].append(found.error(name))
    arrays = {name: np.array(values) for name, values in pulls.items()}
    for name in _SCALES:
        arrays[name] *= np.array(errors[name]) / np.mean(errors[name]) if errors[name] else 1.0
    return Pulls(arrays, number, failed)


def _pull(found: BeamSpotFit, beam: Ellipsoid, name: str) -> float:
    truth = float(getattr(beam, name))
    if name in {"x", "y"}:
        place = found.at(beam.z)
        at = "xy".index(name)
        error = float(np.sqrt(place.covariance[at, at]))
        return (float(getattr(place, name)) - truth) / error
    value, error = float(getattr(found, name)), found.error(name)
    return float((value - truth) / error)
