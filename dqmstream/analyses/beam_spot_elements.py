"""Fits of the beam spot into the elements of the workspace `beam_spot`."""

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from dqmstream.analyses.writing import ElementWriter
from dqmstream.beam_spot.compare import Difference, compare
from dqmstream.beam_spot.payload import Counted, payload_json, text_dump
from dqmstream.beam_spot.result import PARAMETERS, BeamSpotFit
from dqmstream.beam_spot.running import MoveLimits, beyond
from dqmstream.beam_spot.samples import TrackSample, VertexSample
from dqmstream.beam_spot.settings import TrackSettings, VertexSettings
from dqmstream.beam_spot.tracks import good_tracks
from dqmstream.beam_spot.vertices import good_vertices
from dqmstream.messages.booking import Profile

__all__ = ["Lumisection", "Spots", "write"]

_MOVES: Final = ("x", "y", "z")
_LENGTHS: Final = ("x", "y", "z", "sigma_z", "width_x", "width_y")
_MICROMETRES: Final = 1e4
_MOST_ENTRIES: Final = 1_000_000


class Spots(NamedTuple):
    """The fit to vertices and that to tracks, of one period."""

    vertices: BeamSpotFit
    tracks: BeamSpotFit

    @property
    def best(self) -> BeamSpotFit:
        """That to vertices, or to tracks if only they sufficed."""
        return next((fit for fit in self if fit.converged), self.vertices)


class Lumisection(NamedTuple):
    """All that is known when an LS has closed."""

    per_ls: Spots
    last: Spots
    running: BeamSpotFit | None
    moves: Mapping[str, Difference]
    """From the running beam spot before this LS to that of the LS."""
    limits: MoveLimits
    restarts: int
    vertices: VertexSample
    tracks: TrackSample
    selections: tuple[VertexSettings, TrackSettings]
    counted: Counted
    counted_last: Counted
    fraction: float


def write(writer: ElementWriter, found: Lumisection) -> None:
    """Fill all elements of the workspace that there is something to say of."""
    for folder, fit in (
        ("BeamSpot/PerLS", found.per_ls.vertices),
        ("BeamSpot/PerLS/Tracks", found.per_ls.tracks),
        ("BeamSpot/LastN", found.last.best),
        ("BeamSpot/Running", found.running),
    ):
        if fit is not None:
            _write_fit(writer, folder, fit, found.fraction)
    for folder, fit in (
        ("BeamSpot/PerLS", found.per_ls.vertices),
        ("BeamSpot/PerLS/Tracks", found.per_ls.tracks),
    ):
        writer.scalar(f"{folder}/used", fit.used)
        writer.scalar(f"{folder}/rejected", fit.rejected)
    for folder, fit, counted in (
        ("BeamSpot/PerLS", found.per_ls.best, found.counted),
        ("BeamSpot/LastN", found.last.best, found.counted_last),
    ):
        if fit.converged:
            writer.text(f"{folder}/payload", payload_json(fit, counted))
    if found.last.best.converged:
        writer.text("BeamSpot/LastN/dump", text_dump(found.last.best))
    _write_quality(writer, found)
    _write_vertices(writer, found)
    _write_tracks(writer, found)


def _write_fit(writer: ElementWriter, folder: str, fit: BeamSpotFit, fraction: float) -> None:
    for name in PARAMETERS:
        if fit.measured(name):
            _measured(writer, f"{folder}/{name}", getattr(fit, name), fit.error(name), fit.used)
    writer.text(f"{folder}/summary", _summary(fit, fraction))


def _measured(writer: ElementWriter, path: str, value: float, error: float, used: int) -> None:
    """A value with its error as a profile of one bin, of as many entries as were used.

    They spread as far as makes `error` the error on their mean: so sums over LSs are means
    weighted with what each LS had, and have the right error, too.
    """
    place = writer.contents.layout[path]
    assert isinstance(place.element, Profile)  # noqa: S101 the workspace books it so
    entries = min(max(used, 2), _MOST_ENTRIES)
    lower, upper = place.element.value_range
    if not lower <= value <= upper:
        writer.invalid(path, f"the fit found {value:g}, expected {lower:g} to {upper:g}")
        return
    square = value * value + entries * error * error
    cells = writer.contents.cells[place.offset : place.offset + 3 * place.cells]
    # The axis has one bin, between two of flow.
    cells.reshape(3, place.cells)[:, 1] = (
        entries,
        round(math.ldexp(entries * value, place.bits)),
        round(math.ldexp(entries * square, place.square_bits)),
    )


def _write_quality(writer: ElementWriter, found: Lumisection) -> None:
    """What quality tests judge: each number in a bin of its own."""
    folder = "BeamSpot/Quality"
    # Where nothing came that could be fitted, nothing is said: a stream may have no tracks.
    spots = [
        (found.per_ls.vertices, len(found.vertices)),
        (found.per_ls.tracks, len(found.tracks)),
        (found.last.best, len(found.vertices) + len(found.tracks)),
    ]
    for bin_, (fit, objects) in enumerate(spots):
        if not objects:
            continue
        writer.fill(f"{folder}/converged", bin_, weight=float(fit.converged))
        writer.fill(f"{folder}/used", bin_, weight=float(fit.used))
        if fit.converged and fit.ndof > 0:
            writer.fill(f"{folder}/chi2", bin_, weight=fit.chi2 / fit.ndof)
    differences = compare(found.per_ls.vertices, found.per_ls.tracks)
    for name, difference in differences.items():
        writer.fill(f"{folder}/difference", PARAMETERS.index(name), weight=difference.pull)
    for bin_, name in enumerate(_MOVES):
        move = found.moves.get(name)
        if move is None or math.isnan(move.pull):
            continue
        writer.fill(f"{folder}/moved_sigmas", bin_, weight=move.pull)
        if name == "z":  # centimetres of it, beside which micrometres would not be seen
            writer.fill(f"{folder}/moved_distance_z", 0, weight=move.value)
        else:
            writer.fill(f"{folder}/moved_distance", bin_, weight=move.value * _MICROMETRES)
        writer.fill(f"{folder}/moved", bin_, weight=beyond(move, name, found.limits))
    writer.scalar(f"{folder}/restarts", found.restarts)


def _write_vertices(writer: ElementWriter, found: Lumisection) -> None:
    fit = found.per_ls.vertices
    sample = found.vertices.take(good_vertices(found.vertices, found.selections[0]))
    x, y, z = sample.position.T
    writer.fill("BeamSpot/Vertices/xy", x, y)
    writer.fill("BeamSpot/Vertices/x_by_z", z, weight=x)
    writer.fill("BeamSpot/Vertices/y_by_z", z, weight=y)
    if not fit.converged:
        return
    errors = fit.error_scale**2 * sample.covariance
    residuals = {
        "x": (x - fit.x - fit.dxdz * (z - fit.z), errors[:, 0] + fit.width_x**2),
        "y": (y - fit.y - fit.dydz * (z - fit.z), errors[:, 1] + fit.width_y**2),
        "z": (z - fit.z, errors[:, 2] + fit.sigma_z**2),
    }
    for name, (residual, variance) in residuals.items():
        writer.fill(f"BeamSpot/Vertices/pull_{name}", residual / np.sqrt(variance))


def _write_tracks(writer: ElementWriter, found: Lumisection) -> None:
    fit = found.per_ls.tracks
    sample = found.tracks.take(good_tracks(found.tracks, found.selections[1]))
    writer.fill("BeamSpot/Tracks/dxy_by_phi", sample.phi, weight=sample.dxy)
    if not fit.converged:
        return
    x = fit.x + fit.dxdz * (sample.z - fit.z)
    y = fit.y + fit.dydz * (sample.z - fit.z)
    sine, cosine = np.sin(sample.phi), np.cos(sample.phi)
    residual = sample.dxy - (y * cosine - x * sine)
    variance = (fit.error_scale * sample.dxy_error) ** 2
    variance += (fit.width_x * sine) ** 2 + (fit.width_y * cosine) ** 2
    pull = residual / np.sqrt(variance)
    writer.fill("BeamSpot/Tracks/pull_dxy", pull)
    writer.fill("BeamSpot/Tracks/residual_by_phi", sample.phi, weight=residual * _MICROMETRES)


def _summary(fit: BeamSpotFit, fraction: float) -> str:
    """The fit in words and numbers, one line."""
    if not fit.converged:
        return f"no fit: {fit.reason}"
    shown = [
        f"{name} {getattr(fit, name):.5g} ± {fit.error(name):.2g}"
        f"{' cm' if name in _LENGTHS else ''}"
        if fit.measured(name)
        else f"{name} {getattr(fit, name):.5g} (assumed)"
        for name in PARAMETERS
    ]
    what = f"{fit.used} {fit.method}"
    parts = [", ".join(shown), f"{what}, {fit.rejected} outliers", fit.reason]
    if fit.ndof > 0:
        parts.append(f"chi2/ndof {fit.chi2 / fit.ndof:.2f}")
    if fraction < 1:
        parts.append(f"{fraction:g} of the events")
    return "; ".join(filter(None, parts))
