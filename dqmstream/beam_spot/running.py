"""The beam spot of many lumisections, from the fits of each: small sums, whatever the run."""

import math
from typing import Final

import msgspec
import numpy as np

from dqmstream.beam_spot.compare import Difference, compare
from dqmstream.beam_spot.result import PARAMETERS, BeamSpotFit, Period, covariance_rows
from dqmstream.beam_spot.samples import Floats

__all__ = ["MoveLimits", "Running", "beyond", "moves"]

_LINE: Final = ("x", "y", "dxdz", "dydz")
"""Of the beam line: x and y are those at z = 0 here, so that all LSs speak of the same."""
_SCALES: Final = ("sigma_z", "width_x", "width_y")
"""Averaged by their logarithms: else LSs with widths that fluctuated low, and so have small errors,
would weigh most."""
_GLOBAL: Final = (*_LINE, "z", *_SCALES)
_SIZE: Final = len(_GLOBAL)


class MoveLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How far from the beam spot so far is too far: significant, and large enough to matter."""

    sigmas: float = 5.0
    distance: float = 0.003
    """Of x and y, cm."""
    distance_z: float = 1.0


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """Weighted mean of fits, as the sums it is made of.

    Each fit counts with the inverse of its covariance: the information of all LSs is summed, which
    is the fit to all their data as far as each LS alone is normal. `information` is 8 x 8 and
    `pull` 8, of x, y, dxdz, dydz, z and the logarithms of sigma_z, width_x and width_y.
    """

    information: tuple[tuple[float, ...], ...] = ((0.0,) * _SIZE,) * _SIZE
    pull: tuple[float, ...] = (0.0,) * _SIZE
    square: float = 0.0
    """Sum of values over errors, squared: the chi2 of all fits against 0."""
    measurements: int = 0
    lumisections: int = 0
    used: int = 0
    period: Period | None = None

    def add(self, fit: BeamSpotFit) -> "Running":
        """The mean with one more fit, which has converged."""
        names, design, values, covariance = _measurement(fit)
        periods = [period for period in (self.period, fit.period) if period]
        weight = np.linalg.inv(covariance)
        information = np.array(self.information) + design.T @ weight @ design
        pull = np.array(self.pull) + design.T @ weight @ values
        return Running(
            information=tuple(tuple(map(float, row)) for row in information),
            pull=tuple(map(float, pull)),
            square=self.square + float(values @ weight @ values),
            measurements=self.measurements + len(names),
            lumisections=self.lumisections + 1,
            used=self.used + fit.used,
            period=Period.together(*periods) if periods else None,
        )

    def fit(self, method: str) -> BeamSpotFit | None:
        """The mean as a fit of that method; None before it has a position.

        Its chi2 says whether the fits agree with one beam spot.
        """
        information = np.array(self.information)
        known = np.flatnonzero(np.diag(information) > 0)
        if not {0, 1} <= set(known):
            return None
        covariance = np.zeros((_SIZE, _SIZE))
        covariance[np.ix_(known, known)] = np.linalg.inv(information[np.ix_(known, known)])
        mean = covariance @ np.array(self.pull)
        values = dict(zip(_GLOBAL, mean, strict=True))
        assumed = [name for at, name in enumerate(_GLOBAL) if at not in known]
        scales = {n: math.nan if n in assumed else math.exp(values[n]) for n in _SCALES}
        # From x and y at z = 0 to those at the mean z, and from logarithms to widths.
        move = np.eye(_SIZE)
        z = float(values["z"])
        move[0, [2, 4]] = z, values["dxdz"]
        move[1, [3, 4]] = z, values["dydz"]
        for at, name in enumerate(_SCALES, start=5):
            move[at, at] = 0.0 if name in assumed else scales[name]
        covariance = move @ covariance @ move.T
        return BeamSpotFit(
            method="vertices" if method == "vertices" else "tracks",
            order="no slopes" if "dxdz" in assumed else "full",
            converged=True,
            x=float(values["x"] + values["dxdz"] * z),
            y=float(values["y"] + values["dydz"] * z),
            z=z,
            dxdz=float(values["dxdz"]),
            dydz=float(values["dydz"]),
            sigma_z=scales["sigma_z"],
            width_x=scales["width_x"],
            width_y=scales["width_y"],
            width_y_error=math.sqrt(covariance[7, 7]),
            covariance=covariance_rows(_GLOBAL, covariance),
            not_measured=tuple(name for name in PARAMETERS if name in assumed),
            used=self.used,
            chi2=max(self.square - float(np.array(self.pull) @ mean), 0.0),
            ndof=self.measurements - len(known),
            period=self.period,
        )


def moves(fit: BeamSpotFit, running: BeamSpotFit) -> dict[str, Difference]:
    """How far a fit is from the running one: in x, y (at the fit's z) and z."""
    return compare(fit, running, ("x", "y", "z"))


def beyond(move: Difference, name: str, limits: MoveLimits) -> float:
    """A move in units of the limits: above 1 it is beyond both, in sigmas and in distance."""
    least = limits.distance_z if name == "z" else limits.distance
    if math.isnan(move.pull):
        return 0.0
    return min(abs(move.pull) / limits.sigmas, abs(move.value) / least)


def _measurement(fit: BeamSpotFit) -> tuple[list[str], Floats, Floats, Floats]:
    """What a fit measured: names, their derivatives by the global parameters, values, covariance.

    x and y are taken at the fit's own z as at a fixed height.
    """
    names = [name for name in _GLOBAL if fit.measured(name)]
    order = [PARAMETERS.index(name) for name in names if name != "width_y"]
    fixed = np.eye(len(PARAMETERS) - 1)
    fixed[0, 2], fixed[1, 2] = -fit.dxdz, -fit.dydz
    known = fixed @ np.array(fit.covariance) @ fixed.T
    # Widths and z go on their own: their covariances with the line are of higher order.
    line = [at for at, name in enumerate(names) if name in _LINE]
    covariance = np.zeros((len(names), len(names)))
    covariance[np.ix_(line, line)] = known[np.ix_(order[: len(line)], order[: len(line)])]
    design = np.zeros((len(names), _SIZE))
    values = np.zeros(len(names))
    for row, name in enumerate(names):
        design[row, _GLOBAL.index(name)] = 1.0
        value = float(getattr(fit, name))
        values[row] = math.log(value) if name in _SCALES else value
        if name not in _LINE:
            covariance[row, row] = (fit.error(name) / (value if name in _SCALES else 1.0)) ** 2
    for place, slope in (("x", "dxdz"), ("y", "dydz")):
        if slope in names:
            design[names.index(place), _GLOBAL.index(slope)] = fit.z
    return names, design, values, covariance
