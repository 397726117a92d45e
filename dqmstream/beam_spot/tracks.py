"""Beam spot from tracks: impact parameters against phi, and z."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from dqmstream.beam_spot.common_vertex import CommonVertex, Solution
from dqmstream.beam_spot.d0_phi import Line, at_line, fit_line, line_design
from dqmstream.beam_spot.height import Height, height_of
from dqmstream.beam_spot.kept import (
    Spreads,
    as_kept,
    displaced,
    left_of_variance,
    predicted,
    uncut_width,
)
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
from dqmstream.beam_spot.samples import Floats, TrackSample
from dqmstream.beam_spot.settings import TrackSettings

__all__ = ["fit_tracks", "good_tracks"]

_DEFAULT: Final = TrackSettings()
_ROUNDS: Final = 10
_SCALES: Final = (0.3, 5.0)
_FAR: Final = 6.0  # of its own errors: a track within belongs to the beam


def good_tracks(sample: TrackSample, settings: TrackSettings = _DEFAULT) -> NDArray[np.bool_]:
    """Which tracks a fit may use: bool[n]."""
    numbers = (sample.phi, sample.dxy, sample.dxy_error, sample.z, sample.z_error)
    finite = np.isfinite(np.stack(numbers)).all(axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray(
            finite
            & (sample.dxy_error > 0)
            & (sample.z_error > 0)
            & (sample.pt >= settings.min_pt)
            & (np.abs(sample.eta) <= settings.max_eta)
            & (sample.hits >= settings.min_hits)
            & (sample.pixel_hits >= settings.min_pixel_hits)
            & (sample.normalized_chi2 <= settings.max_normalized_chi2)
            & (np.abs(sample.dxy) <= settings.max_dxy)
            & (np.abs(sample.z) <= settings.max_z)
        )


def fit_tracks(
    sample: TrackSample,
    settings: TrackSettings = _DEFAULT,
    *,
    period: Period | None = None,
) -> BeamSpotFit:
    """The beam spot that n tracks are from; `CommonVertex` has the likelihood.

    Tracks are selected, far ones dropped by the linear fit (`fit_line`), then the fit with beam
    widths and the dropping of outliers take turns until the same tracks stay. A factor on the
    tracks' errors is fitted with the widths; both are those without the cut. A width is only a
    result where its error allows: where it does not, it is assumed (`not_measured`), and the fit
    repeated.

    Parameters
    ----------
    sample
        All tracks there are.
    settings
        Selection and orders.
    period
        Copied to the result.

    Returns
    -------
    BeamSpotFit
        With `converged` False and a reason if nothing could be fitted; never an error.
    """
    selected = sample.take(good_tracks(sample, settings))
    not_selected = len(sample) - len(selected)
    n = len(selected)
    if n < settings.enough_for_position:
        reason = f"{n} tracks, at least {settings.enough_for_position} are needed"
        return failed("tracks", reason, not_selected=not_selected)
    slopes = n >= settings.enough_for_slopes
    line = fit_line(
        selected, slopes=slopes, max_residual=settings.max_residual, rounds=settings.rounds
    )
    if line is None or line.used < settings.enough_for_position:
        reason = f"the directions of {n} tracks do not determine a line"
        return failed("tracks", reason, not_selected=not_selected)
    selected = at_line(selected, line.values)
    near = selected.take(line.kept | _near(selected, line, slopes=slopes))
    try:
        found = _settled(near, settings, slopes=slopes)
    except np.linalg.LinAlgError:
        found = None  # the directions that are left do not determine a line
    if found is None:
        reason = f"no minimum with {len(near)} tracks"
        return failed("tracks", reason, not_selected=not_selected)
    return replace(
        _result(found, height_of(near.take(found.kept)), slopes=slopes),
        rejected=n - found.solution.tracks,
        not_selected=not_selected,
        period=period,
    )


def _near(sample: TrackSample, line: Line, *, slopes: bool) -> NDArray[np.bool_]:
    """Which tracks may belong to a beam that is on a line: also far ones, where their errors or the
    beam are large. Without them the beam would look narrower, and the rest better measured."""
    residuals = sample.dxy - line_design(sample, slopes=slopes) @ line.values
    spread = float(robust_spread(residuals, np.float64(0)))
    return np.asarray(np.abs(residuals) <= _FAR * np.hypot(sample.dxy_error, spread))


class _Found(NamedTuple):
    """Widths and scale, the line at them, what was used and which widths were assumed."""

    solution: Solution
    minimum: Minimum
    width_x: float
    width_y: float
    scale: float
    assumed: tuple[str, ...]
    kept: NDArray[np.bool_]

    @property
    def spreads(self) -> Spreads:
        return Spreads(self.width_x, self.width_y, self.scale)


def _settled(sample: TrackSample, settings: TrackSettings, *, slopes: bool) -> _Found | None:
    """The fit, its outliers dropped; None without a minimum."""
    design = line_design(sample, slopes=slopes)
    kept = np.ones(len(sample), np.bool_)
    found: _Found | None = None
    assumed: dict[str, float] = {}
    if len(sample) < settings.enough_for_widths:
        assumed = dict.fromkeys(("width_x", "width_y"), settings.known_width)
    looks, errors, good = sample, None, kept
    for _ in range(_ROUNDS):
        found = _at_widths(looks, kept, assumed, settings, slopes=slopes, errors=errors)
        if found is None:
            return None
        line, cut = found.solution.line, settings.rejection
        apart = predicted(sample, design, line, found.spreads, good)
        good = apart.within(cut)
        near = displaced(sample, design, line, found.spreads, good)
        looks, errors = as_kept(sample, apart, found.scale, cut), near.errors
        before, kept = kept, good & near.within(settings.vertex_rejection)
        if kept.sum() < settings.enough_for_position:
            return None
        if np.array_equal(before, kept):
            break
    return found


def _at_widths(
    looks: TrackSample,
    kept: NDArray[np.bool_],
    assumed: Mapping[str, float],
    settings: TrackSettings,
    *,
    slopes: bool,
    errors: Floats | None,
) -> _Found | None:
    """Widths and scale of the least -2 ln L; what cannot be measured is assumed, and named.

    The line is drawn to itself by tracks that are dropped far from it: its error is larger than
    that of the kept ones by the inverse of what is left of their variance.
    """
    model = CommonVertex(looks.take(kept), slopes=slopes)
    fixed = dict(assumed)
    free = {
        "width_x": Start(0.01, 0.002, NARROW, 1.0),
        "width_y": Start(0.01, 0.002, NARROW, 1.0),
        "scale": Start(1.0, 0.05, *_SCALES),
    }
    hidden = list(fixed)
    while True:
        free = {name: start for name, start in free.items() if name not in hidden}
        found = minimise(_Widths(model, tuple(free), fixed), free)
        hidden = _hidden(found, settings)
        if not hidden:
            break
        fixed |= dict.fromkeys(hidden, settings.known_width)
    if not found.valid:
        return None
    values = {**fixed, **found.values}
    solution = model.solve(**values)
    if errors is not None:
        for name, error in zip(("width_x", "width_y"), errors, strict=True):
            if name in found.values:
                values[name] = uncut_width(values[name], float(error), settings.vertex_rejection)
    return _Found(
        solution=solution._replace(
            covariance=solution.covariance / left_of_variance(settings.rejection)
        ),
        minimum=found,
        kept=kept,
        assumed=tuple(name for name in PARAMETERS if name in fixed),
        **values,
    )


@dataclass(frozen=True, slots=True)
class _Widths:
    """-2 ln L of a model as a function of some widths and the scale, others fixed."""

    model: CommonVertex
    names: tuple[str, ...]
    fixed: Mapping[str, float]

    def __call__(self, values: Floats) -> float:
        return self.model.solve(
            **{**self.fixed, **dict(zip(self.names, values, strict=True))}
        ).value


def _hidden(found: Minimum, settings: TrackSettings) -> list[str]:
    """Widths that the data do not measure, by what the curvature of ln L says of them.

    Where there is a minimum both can be: one that is clear only where the other is assumed to be
    `known_width`, whatever it is, is not measured.
    """
    widths = [name for name in found.values if name.startswith("width")]
    if not widths:
        return []
    names = list(found.values)
    if not found.valid:
        return [min(widths, key=found.values.__getitem__)]
    doubt = {
        name: float(np.sqrt(found.covariance[at, at])) / found.values[name]
        for at, name in enumerate(names)
        if name in widths
    }
    return [
        name
        for name in widths
        if doubt[name] > settings.largest_width_error or found.values[name] < 2 * NARROW
    ]


def _result(found: _Found, height: Height, *, slopes: bool) -> BeamSpotFit:
    line = np.zeros(4)
    line[: len(found.solution.line)] = found.solution.line
    x, y, dxdz, dydz = map(float, line)
    names = ("x", "y", "dxdz", "dydz", "z", "sigma_z", "width_x")
    covariance = np.zeros((7, 7))
    size = len(found.solution.line)
    covariance[:size, :size] = found.solution.covariance
    covariance[4, 4] = height.z_error**2
    covariance[5, 5] = height.sigma_z_error**2
    errors = np.sqrt(np.diag(found.minimum.covariance))
    width_errors = dict(zip(found.minimum.values, map(float, errors), strict=True))
    error_x, error_y = width_errors.get("width_x", 0.0), width_errors.get("width_y", 0.0)
    covariance[6, 6] = error_x**2
    # From z = 0 to the fitted z, whose own error moves the point along the line.
    move = np.eye(7)
    move[0, [2, 4]] = height.z, dxdz
    move[1, [3, 4]] = height.z, dydz
    covariance = move @ covariance @ move.T
    widths_fitted = len(found.assumed) < 2
    order: Order = "full" if slopes else "no slopes" if widths_fitted else "position"
    assumed = [*(() if slopes else ("dxdz", "dydz")), *found.assumed]
    assumed += [] if height.sigma_z_error else ["sigma_z"]
    words = f"{' and '.join(found.assumed)} not measurable" if found.assumed else ""
    return BeamSpotFit(
        method="tracks",
        order=order,
        converged=True,
        reason=words,
        x=x + dxdz * height.z,
        y=y + dydz * height.z,
        z=height.z,
        sigma_z=height.sigma_z,
        dxdz=dxdz,
        dydz=dydz,
        width_x=unbiased_width(found.width_x, error_x),
        width_y=unbiased_width(found.width_y, error_y),
        width_y_error=error_y,
        covariance=covariance_rows(names, covariance),
        not_measured=tuple(name for name in PARAMETERS if name in assumed),
        used=found.solution.tracks,
        chi2=found.solution.chi2,
        ndof=found.solution.tracks - size,
        error_scale=found.scale,
    )
