"""`dqmstream bench beam-spot`: are the fits of the beam spot right, and how long do they take?

Simulated beam spots first: the pulls of each parameter, mean 0 and width 1 if values and errors are
right, for several beams and as many collisions as one lumisection or many have. Then, of streamer
files if some are given, the fits to their vertices and tracks, file by file and run by run, what
CMS's linear d0-phi fit gives, and by how many errors the two fits differ.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from dqmstream.beam_spot.compare import compare
from dqmstream.beam_spot.d0_phi import fit_line
from dqmstream.beam_spot.ellipsoid import Ellipsoid
from dqmstream.beam_spot.result import PARAMETERS, BeamSpotFit
from dqmstream.beam_spot.samples import TrackSample, VertexSample
from dqmstream.beam_spot.simulation import Collisions, simulate
from dqmstream.beam_spot.toys import Fit, toys
from dqmstream.beam_spot.tracks import fit_tracks
from dqmstream.beam_spot.vertices import fit_vertices
from playback.bench.collisions import read_collisions
from playback.bench.row import Row

__all__ = ["measure"]

_INJECTION: Final = Ellipsoid(0.17, -0.19, -0.5, 6.0, 0.0145, 0.0145, 1e-3, -5e-4)
_BEAMS: Final = {
    "as at injection": _INJECTION,
    "twice as wide": _INJECTION._replace(width_x=0.03, width_y=0.03),
    "tilted by 9 mrad": _INJECTION._replace(dxdz=5e-3, dydz=-8e-3),
    "far from the origin": _INJECTION._replace(x=-0.4, y=0.6, z=5.0),
}
_SIZES: Final = (100, 1000)
_ERROR: Final = 0.1
"""Allowed of the mean of pulls, and of their width less 1; chance allows for sqrt(1/toys)."""


def _vertices(collisions: Collisions) -> BeamSpotFit:
    return fit_vertices(collisions.vertices)


def _tracks(collisions: Collisions) -> BeamSpotFit:
    return fit_tracks(collisions.tracks)


_FITS: Final[Mapping[str, Fit]] = {"vertices": _vertices, "tracks": _tracks}


def measure(*, files: Sequence[Path] = (), quick: bool = False) -> list[Row]:
    """All rows; a quick measurement makes 100 toys of one beam instead of 400 of each."""
    return [*_toys(quick=quick), *_times(), *_of_files(files)]


def _toys(*, quick: bool) -> Iterator[Row]:
    beams = dict(list(_BEAMS.items())[:1]) if quick else _BEAMS
    number = 100 if quick else 400
    allowed = _ERROR + 2 / number**0.5
    for method, fit in _FITS.items():
        for size in _SIZES[:1] if quick else _SIZES:
            for words, beam in beams.items():
                pulls = toys(fit, beam, size, number, seed=1)
                name = f"{number} beams {words}, {size} collisions, {method}"
                yield _goal(f"{name}: fits that failed", pulls.failed, "", 0)
                for parameter in PARAMETERS:
                    mean, width = pulls.spread(parameter)
                    yield _goal(f"{name}: {parameter}, |mean of pulls|", abs(mean), "", allowed)
                    yield _goal(
                        f"{name}: {parameter}, |width of pulls - 1|", abs(width - 1), "", allowed
                    )


def _goal(name: str, value: float, unit: str, goal: float) -> Row:
    return Row(name=name, value=value, unit=unit, goal=goal, higher_is_better=False)


def _times() -> Iterator[Row]:
    """Medians of the seconds that one fit takes."""
    random = np.random.default_rng(1)
    for size in (100, 1000, 10_000):
        collisions = simulate(_INJECTION, size, random)
        for method, fit in _FITS.items():
            seconds = _seconds(fit, collisions)
            what = (
                f"{size} vertices" if method == "vertices" else f"{len(collisions.tracks)} tracks"
            )
            yield Row(
                name=f"time of a fit to {what}",
                value=1e3 * seconds,
                unit="ms",
                higher_is_better=False,
            )


def _seconds(fit: Callable[[Collisions], BeamSpotFit], collisions: Collisions) -> float:
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        fit(collisions)
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[1]


def _of_files(files: Sequence[Path]) -> Iterator[Row]:
    by_run: dict[str, list[Collisions]] = {}
    for path in files:
        name = path.name.rpartition("_stream")[0] or path.name
        collisions = read_collisions(path)
        by_run.setdefault(name.partition("_")[0], []).append(collisions)
        yield from _of_collisions(name, collisions)
    for run, several in by_run.items():
        if len(several) > 1:
            together = Collisions(
                VertexSample.together(*(each.vertices for each in several)),
                TrackSample.together(*(each.tracks for each in several)),
            )
            yield from _of_collisions(f"{run}, all files", together)


def _of_collisions(name: str, collisions: Collisions) -> Iterator[Row]:
    for words, width in (("", 0.0), (", width 0.015", 0.015)):
        line = fit_line(collisions.tracks, width=width)
        if line is not None:
            errors = np.sqrt(np.diag(line.covariance))
            for at, place in enumerate("xy"):
                yield from _value(
                    f"{name}, linear{words}: {place}", line.values[at], errors[at], "cm"
                )
            yield Row(name=f"{name}, linear{words}: tracks", value=line.used, unit="")
            yield Row(name=f"{name}, linear{words}: chi2/n", value=line.chi2 / line.used, unit="")
    fits = {method: fit(collisions) for method, fit in _FITS.items()}
    for method, fit in fits.items():
        if not len(getattr(collisions, method)):
            continue
        yield Row(name=f"{name}, {method}: converged", value=float(fit.converged), unit="", goal=1)
        yield Row(name=f"{name}, {method}: used", value=fit.used, unit="")
        yield Row(name=f"{name}, {method}: outliers", value=fit.rejected, unit="")
        for parameter in PARAMETERS:
            if fit.measured(parameter):
                unit = "" if parameter in {"dxdz", "dydz"} else "cm"
                yield from _value(
                    f"{name}, {method}: {parameter}",
                    getattr(fit, parameter),
                    fit.error(parameter),
                    unit,
                )
        if fit.converged:
            yield Row(name=f"{name}, {method}: chi2/ndof", value=fit.chi2 / fit.ndof, unit="")
            yield Row(name=f"{name}, {method}: scale on errors", value=fit.error_scale, unit="")
    differences = compare(fits["vertices"], fits["tracks"])
    for parameter, difference in differences.items():
        pull = abs(difference.pull)
        yield _goal(f"{name}, |vertices - tracks|/error: {parameter}", pull, "", 3.0)


def _value(name: str, value: float, error: float, unit: str) -> Iterator[Row]:
    yield Row(name=name, value=value, unit=unit)
    yield Row(name=f"{name}, error", value=error, unit=unit, higher_is_better=False)
