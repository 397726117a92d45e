"""What a beam-spot fit found."""

import math
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, Self

import msgspec
import numpy as np

from dqmstream.beam_spot.samples import Floats

__all__ = ["PARAMETERS", "BeamSpotFit", "Period", "failed"]

PARAMETERS: Final = ("x", "y", "z", "sigma_z", "dxdz", "dydz", "width_x", "width_y")
"""The parameters of a fit; the first seven are rows of its covariance, in the order of CMS's
reco::BeamSpot: X0 Y0 Z0 sigmaZ dxdz dydz BeamWidth (that in x)."""

Order = Literal["full", "no slopes", "position", "none"]
_DIMENSION: Final = 7


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """Which data a fit was made of; times of the first and last event in ns since 1970."""

    run: int
    first_lumisection: int
    last_lumisection: int
    first_time: int = 0
    last_time: int = 0
    events: int = 0

    @classmethod
    def together(cls, *periods: Self) -> Self:
        """From the first to the last of several; at least one. Times of 0 are not known."""
        timed = [each for each in periods if each.last_time]
        return cls(
            run=periods[-1].run,
            first_lumisection=min(each.first_lumisection for each in periods),
            last_lumisection=max(each.last_lumisection for each in periods),
            first_time=min((each.first_time for each in timed), default=0),
            last_time=max((each.last_time for each in timed), default=0),
            events=sum(each.events for each in periods),
        )


class BeamSpotFit(msgspec.Struct, frozen=True, kw_only=True):
    """Beam spot: a line with widths. All lengths in cm; NaN is not measured.

    The beam line at a height z is x + dxdz (z - self.z), and the same in y: x and y are those at
    the fitted z. Widths are those across the line at a given z.
    """

    method: Literal["vertices", "tracks"]
    order: Order
    """How much the data sufficed for: all parameters, no slopes (fixed at 0), position only
    (slopes and widths fixed), or nothing."""
    converged: bool
    reason: str = ""
    """Why it is not converged, or why less was fitted than could have been."""
    x: float = math.nan
    y: float = math.nan
    z: float = math.nan
    sigma_z: float = math.nan
    dxdz: float = 0.0
    dydz: float = 0.0
    width_x: float = math.nan
    width_y: float = math.nan
    width_y_error: float = 0.0
    xy_correlation: float = 0.0
    covariance: tuple[tuple[float, ...], ...] = ((0.0,) * _DIMENSION,) * _DIMENSION
    not_measured: tuple[str, ...] = ()
    """Parameters whose value was assumed, as the data do not determine it; their errors are 0."""
    used: int = 0
    rejected: int = 0
    """Outliers among what was selected."""
    not_selected: int = 0
    chi2: float = math.nan
    ndof: int = 0
    error_scale: float = 1.0
    """Factor on the errors of what was fitted to, assumed (vertices) or measured (tracks)."""
    period: Period | None = None

    def error(self, name: str) -> float:
        """Standard error of one of `PARAMETERS`; 0 of an assumed one."""
        if name == "width_y":
            return self.width_y_error
        at = PARAMETERS.index(name)
        return math.sqrt(max(self.covariance[at][at], 0.0))

    def measured(self, name: str) -> bool:
        """Whether a parameter is a result, rather than an assumption or nothing."""
        return self.converged and name not in self.not_measured and self.error(name) > 0

    def at(self, z: float) -> "Crossing":
        """Where the beam line is at a height z [cm], with the covariance of x and y there."""
        step = z - self.z
        matrix = np.array(self.covariance)
        # x(z) = x + dxdz (z - self.z), and what is known of self.z moves the point on the line.
        jacobian = np.zeros((2, _DIMENSION))
        jacobian[0, [0, 2, 4]] = 1, -self.dxdz, step
        jacobian[1, [1, 2, 5]] = 1, -self.dydz, step
        return Crossing(
            self.x + self.dxdz * step,
            self.y + self.dydz * step,
            jacobian @ matrix @ jacobian.T,
        )


class Crossing(NamedTuple):
    """The beam line at some z: x and y [cm], and float64[2, 2] of their covariance."""

    x: float
    y: float
    covariance: Floats


def failed(
    method: Literal["vertices", "tracks"], reason: str, *, not_selected: int = 0
) -> BeamSpotFit:
    """A fit that could not be made."""
    return BeamSpotFit(
        method=method,
        order="none",
        converged=False,
        reason=reason,
        not_measured=PARAMETERS,
        not_selected=not_selected,
    )


def covariance_rows(names: Sequence[str], covariance: Floats) -> tuple[tuple[float, ...], ...]:
    """The 7x7 covariance of the fitted parameters `names`; others have zeros."""
    full = np.zeros((_DIMENSION, _DIMENSION))
    kept = [(PARAMETERS.index(name), at) for at, name in enumerate(names) if name in PARAMETERS[:7]]
    for row, a in kept:
        for column, b in kept:
            full[row, column] = covariance[a, b]
    return tuple(tuple(map(float, row)) for row in full)
