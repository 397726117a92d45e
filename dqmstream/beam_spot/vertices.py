"""Beam spot from primary vertices: unbinned likelihood in three dimensions."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from dqmstream.beam_spot.ellipsoid import Ellipsoid, VertexLikelihood
from dqmstream.beam_spot.minimum import Minimum, Start, minimise, unbiased_width
from dqmstream.beam_spot.result import (
    PARAMETERS,
    BeamSpotFit,
    Order,
    Period,
    covariance_rows,
    failed,
)
from dqmstream.beam_spot.robust import NARROW, robust_spread
from dqmstream.beam_spot.samples import Floats, VertexSample
from dqmstream.beam_spot.settings import VertexSettings

__all__ = ["fit_vertices", "good_vertices"]

_ROUNDS: Final = 10
_FAR: Final = 10.0  # median deviations: what is beyond would spoil the start of a fit
_SMALL: Final = 0.3  # of the vertices' own errors: a width below it may be none
_DEFAULT: Final = VertexSettings()

_POSITION: Final = ("x", "y", "z")
_SLOPES: Final = ("dxdz", "dydz")
_TRANSVERSE: Final = ("width_x", "width_y")


def good_vertices(sample: VertexSample, settings: VertexSettings = _DEFAULT) -> NDArray[np.bool_]:
    """Which vertices a fit may use: bool[n]."""
    covariance = sample.covariance
    finite = np.isfinite(sample.position).all(axis=1) & np.isfinite(covariance).all(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(
            finite
            & sample.valid
            & (sample.tracks >= settings.min_tracks)
            & (sample.ndof >= settings.min_ndof)
            & (sample.ndof + 3 >= 2 * settings.min_mean_weight * sample.tracks)
            & (sample.chi2 <= settings.max_normalized_chi2 * np.maximum(sample.ndof, 1e-9))
            & (np.hypot(sample.position[:, 0], sample.position[:, 1]) <= settings.max_r)
            & (np.abs(sample.position[:, 2]) <= settings.max_z)
            & (covariance[:, :3] > 0).all(axis=1)
            & (covariance[:, :2] <= settings.max_error**2).all(axis=1)
        )


def fit_vertices(
    sample: VertexSample,
    settings: VertexSettings = _DEFAULT,
    *,
    period: Period | None = None,
) -> BeamSpotFit:
    """The beam spot that n vertices are from; `vertex_terms` has the likelihood.

    Vertices are selected, then far ones dropped by medians, then the fit and the dropping of
    outliers take turns until the same vertices stay. With few vertices, or where a fit with more
    parameters fails, fewer are fitted: `order` and `reason` say so. A width that the vertices'
    own errors hide is assumed to be `known_width`.

    Parameters
    ----------
    sample
        All vertices there are.
    settings
        Selection and orders.
    period
        Copied to the result.

    Returns
    -------
    BeamSpotFit
        With `converged` False and a reason if nothing could be fitted; never an error.
    """
    selected = sample.take(good_vertices(sample, settings))
    not_selected = len(sample) - len(selected)
    near = selected.take(_near(selected)) if len(selected) else selected
    orders = _orders(len(near), settings)
    if not orders:
        reason = f"{len(near)} vertices, at least {settings.enough_for_position} are needed"
        return failed("vertices", reason, not_selected=not_selected)
    reasons: list[str] = []
    for order in orders:
        fit = _fitted(near, order, settings)
        if fit.converged:
            return replace(
                fit,
                error_scale=settings.error_scale,
                reason="; ".join(filter(None, [*reasons, fit.reason])),
                rejected=len(selected) - fit.used,
                not_selected=not_selected,
                period=period,
            )
        reasons.append(f"the fit {order!r} did not converge: {fit.reason}")
    return failed("vertices", "; ".join(reasons), not_selected=not_selected)


def _fitted(sample: VertexSample, order: Order, settings: VertexSettings) -> BeamSpotFit:
    """The fit of one order, outliers dropped in turns; widths that are hidden are assumed."""
    starts = _starts(sample, order, settings)
    fixed = _assumed(sample, order, settings)
    kept = np.ones(len(sample), np.bool_)
    every = VertexLikelihood(sample, settings.error_scale)
    for _ in range(_ROUNDS):
        model = _Model(sample.take(kept), tuple(starts), fixed, settings)
        found = minimise(model, starts, gradient=model.gradient)
        hidden = _hidden(found, model.sample, settings)
        if hidden:
            fixed |= dict.fromkeys(hidden, settings.known_width)
            starts = {name: start for name, start in starts.items() if name not in hidden}
            continue
        if not found.valid:
            return failed("vertices", f"no minimum with {len(model.sample)} vertices")
        starts = _again(starts, found)
        chi2, _ = every.terms(model.beam(found.values))
        before, kept = kept, chi2 <= settings.rejection
        if kept.sum() < settings.enough_for_position:
            return failed("vertices", "nothing is left without outliers")
        if np.array_equal(before, kept):
            return _result(found, model, order, tuple(fixed), float(chi2[kept].sum()))
    return failed("vertices", f"outliers are not settled after {_ROUNDS} rounds")


class _Model:
    """-2 ln L of a sample as a function of some parameters, others fixed."""

    def __init__(
        self,
        sample: VertexSample,
        names: tuple[str, ...],
        fixed: Mapping[str, float],
        settings: VertexSettings,
    ) -> None:
        self.sample = sample
        self._names = names
        self._fixed = dict(fixed)
        # With a sigma_z that is assumed there are too few vertices to correct any width.
        self.restricted = settings.restricted and "sigma_z" in names
        self._likelihood = VertexLikelihood(
            sample, settings.error_scale, restricted=self.restricted, slopes="dxdz" in names
        )

    def __call__(self, values: Floats) -> float:
        return self._likelihood.value(self._beam_of(values))

    def gradient(self, values: Floats) -> Floats:
        """Derivatives by the parameters, in their order."""
        derivatives = self._likelihood.gradient(self._beam_of(values))
        return np.array([getattr(derivatives, name) for name in self._names])

    def beam(self, values: Mapping[str, float]) -> Ellipsoid:
        return Ellipsoid(**{**self._fixed, **values})

    def _beam_of(self, values: Floats) -> Ellipsoid:
        return self.beam(dict(zip(self._names, map(float, values), strict=True)))


def _result(
    found: Minimum, model: _Model, order: Order, assumed: Sequence[str], chi2: float
) -> BeamSpotFit:
    beam = model.beam(found.values)
    names = tuple(found.values)
    hidden = [name for name in assumed if name in _TRANSVERSE]
    words = "the data do not measure" if order != "position" else "too few vertices for"
    errors = dict(zip(names, np.sqrt(np.diag(found.covariance)), strict=True))
    if model.restricted:
        widths = {name: errors[name] for name in (*_TRANSVERSE, "sigma_z") if name in errors}
        wider = {name: unbiased_width(found.values[name], widths[name]) for name in widths}
        beam = beam._replace(**wider)
    return BeamSpotFit(
        method="vertices",
        order=order,
        converged=True,
        reason=f"{words} {' and '.join(hidden)}" if hidden else "",
        **beam._asdict(),
        width_y_error=float(errors.get("width_y", 0.0)),
        covariance=covariance_rows(names, found.covariance),
        not_measured=tuple(name for name in PARAMETERS if name in assumed),
        used=len(model.sample),
        chi2=chi2,
        ndof=3 * len(model.sample) - len(names),
    )


def _orders(n: int, settings: VertexSettings) -> list[Order]:
    """Orders that n vertices suffice for, the one with most parameters first."""
    enough: tuple[tuple[Order, int], ...] = (
        ("full", settings.enough_for_slopes),
        ("no slopes", settings.enough_for_widths),
        ("position", settings.enough_for_position),
    )
    return [order for order, least in enough if n >= least]


def _starts(sample: VertexSample, order: Order, settings: VertexSettings) -> dict[str, Start]:
    """Robust first values of all that is fitted: medians, and median deviations for widths."""
    centre = np.median(sample.position, axis=0)
    spread = robust_spread(sample.position, centre)
    errors = np.median(sample.covariance[:, :3], axis=0)
    n = len(sample)
    starts = {
        name: Start(float(at), float(step) / np.sqrt(n))
        for name, at, step in zip(_POSITION, centre, spread, strict=True)
    }
    if order == "position":
        return starts
    inner = np.sqrt(np.maximum(spread**2 - errors, (0.3 * spread) ** 2))
    for name, width in zip(("width_x", "width_y", "sigma_z"), inner, strict=True):
        starts[name] = Start(float(width), 0.1 * float(width), NARROW, 1e3)
    if order == "full":
        step = float(inner[:2].mean() / inner[2] / np.sqrt(n))
        starts |= {name: Start(0.0, step, -0.2, 0.2) for name in _SLOPES}
        if n >= settings.enough_for_correlation:
            starts["xy_correlation"] = Start(0.0, 0.02, -0.95, 0.95)
    return starts


def _assumed(sample: VertexSample, order: Order, settings: VertexSettings) -> dict[str, float]:
    """Values of what is not fitted."""
    values: dict[str, float] = {}
    if order != "full":
        values |= dict.fromkeys(_SLOPES, 0.0)
    if order == "position":
        centre = np.median(sample.position, axis=0)
        values |= dict.fromkeys(_TRANSVERSE, settings.known_width)
        spread = robust_spread(sample.position, centre)
        values["sigma_z"] = float(max(spread[2], settings.known_width))
    return values


def _hidden(found: Minimum, sample: VertexSample, settings: VertexSettings) -> list[str]:
    """Widths that the errors of the vertices hide: badly known, or none is found at all."""
    errors = np.sqrt(np.median(sample.covariance[:, :2], axis=0))
    sizes = np.sqrt(np.abs(np.diag(found.covariance)))
    hidden = []
    for name, error in zip(_TRANSVERSE, errors, strict=True):
        if name not in found.values:
            continue
        width = found.values[name]
        size = sizes[list(found.values).index(name)]
        uncertain = size > settings.largest_width_error * width
        if width < 2 * NARROW or (uncertain if found.valid else width < _SMALL * error):
            hidden.append(name)
    return hidden


def _again(starts: Mapping[str, Start], found: Minimum) -> dict[str, Start]:
    """Starts of the next round: where this one ended."""
    steps = np.sqrt(np.diag(found.covariance))
    return {
        name: start._replace(value=found.values[name], step=float(step))
        for (name, start), step in zip(starts.items(), steps, strict=True)
    }


def _near(sample: VertexSample) -> NDArray[np.bool_]:
    """Which vertices are where most are: bool[n]."""
    centre = np.median(sample.position, axis=0)
    spread = robust_spread(sample.position, centre)
    limit = _FAR * np.maximum(spread, np.sqrt(sample.covariance[:, :3]))
    return np.asarray((np.abs(sample.position - centre) <= limit).all(axis=1))
