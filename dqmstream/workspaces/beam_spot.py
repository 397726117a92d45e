"""The beam spot, fitted to vertices and to tracks: `docs/beam-spot.md`.

The analysis `dqmstream.analyses.beam_spot` fills all elements when a lumisection has closed. A
fitted number is a profile of one bin: its mean is the value, the error on its mean the error of the
fit, its entries what the fit used; so trends have errors, and sums of LSs are weighted means.
"""

from collections.abc import Iterator
from typing import Final

from dqmstream.beam_spot.result import PARAMETERS
from dqmstream.beam_spot.samples import TRACK_COLUMNS, VERTEX_COLUMNS
from dqmstream.booking import (
    Workspace,
    analysis,
    histogram,
    integer,
    profile,
    regular,
    scalar,
    text,
)
from dqmstream.messages.booking import Draw, Element
from dqmstream.workspaces.elements import MAP, TREND
from dqmstream.workspaces.objects import ACROSS

__all__ = ["workspace"]

_CALL: Final = "Otherwise call the beam spot expert, and the tracker DOC."
_ONE: Final = integer(0, 1, label="fit")
_PHI: Final = regular(63, -3.15, 3.15, label="phi of the track", unit="rad")
_Z: Final = regular(80, -20, 20, label="z", unit="cm")
_PULL: Final = regular(100, -10, 10, label="pull")
_POINTS: Final = Draw(style="points", efficiency=True)

_RANGES: Final = {
    "x": ("x", "cm", 5.0),
    "y": ("y", "cm", 5.0),
    "z": ("z", "cm", 100.0),
    "sigma_z": ("Length sigma z", "cm", 100.0),
    "dxdz": ("Slope dx/dz", "", 0.5),
    "dydz": ("Slope dy/dz", "", 0.5),
    "width_x": ("Width in x", "cm", 5.0),
    "width_y": ("Width in y", "cm", 5.0),
}
"""What each parameter is, its unit, and how large it can be."""
_WATCHED: Final = {
    "x": "Steady to some 10 um; a step is a moved beam. Where it should be, the LHC page says.",
    "z": "Steady to a few mm, but for changes of the crossing angle.",
    "sigma_z": "3 to 6 cm, and shrinks slowly in a fill.",
    "dxdz": "Below 0.001, and steady.",
    "width_x": "About 0.001 cm at high energy, up to 0.02 cm at injection; grows slowly.",
}
_ALIKE: Final = {"y": "x", "dydz": "dxdz", "width_y": "width_x"}
_FITS: Final = (
    ("BeamSpot/PerLS", "vertices of the LS", "vertices"),
    ("BeamSpot/PerLS/Tracks", "tracks of the LS", "tracks"),
    ("BeamSpot/LastN", "the last LSs", "vertices, or tracks where these are too few,"),
    ("BeamSpot/Running", "the run since the beam spot moved", "vertices, or tracks"),
)


def _fits() -> Iterator[Element]:
    for folder, where, what in _FITS:
        yield text(
            f"{folder}/summary",
            title=f"Beam spot: {where}",
            description=f"All numbers of a fit to {what} and what it could not measure. 'no fit' "
            "in single LSs means that they had too few; if it stays, call the beam spot expert.",
        )
        for name, (title, unit, most) in _RANGES.items():
            watched = _WATCHED[_ALIKE.get(name, name)]
            yield profile(
                f"{folder}/{name}",
                _ONE,
                value_range=(-most, most),
                title=f"{title}{f' [{unit}]' if unit else ''}: {where}",
                description=f"{watched} {_CALL}",
                draw=TREND,
            )


def _counts() -> Iterator[Element]:
    for folder, what in (("BeamSpot/PerLS", "vertices"), ("BeamSpot/PerLS/Tracks", "tracks")):
        yield scalar(
            f"{folder}/used",
            combine="last",
            title=f"{what.capitalize()} used in the LS",
            description=f"Follows the luminosity. 0: nothing could be fitted. {_CALL}",
            draw=TREND,
        )
        yield scalar(
            f"{folder}/rejected",
            combine="last",
            title=f"{what.capitalize()} of the LS rejected as outliers",
            description=f"A few percent of those used. {_CALL}",
            draw=TREND,
        )


def _payloads() -> Iterator[Element]:
    for folder, where in (("BeamSpot/PerLS", "the LS"), ("BeamSpot/LastN", "the last LSs")):
        yield text(
            f"{folder}/payload",
            title=f"Payload for the conditions database: {where}",
            description="JSON with the members of BeamSpotOnlineObjects, and how it was made. "
            f"Not written where the fit did not converge. {_CALL}",
        )
    yield text(
        "BeamSpot/LastN/dump",
        title="Fit to the last LSs as CMS's monitors write it",
        description=f"For scripts that read the text of BeamMonitor. {_CALL}",
    )


def _quality() -> Iterator[Element]:
    fits = integer(0, 3, label="fit", labels=["vertices", "tracks", "last LSs"])
    parameters = integer(0, len(PARAMETERS), label="parameter", labels=PARAMETERS)
    places = integer(0, 3, label="place", labels=["x", "y", "z"])
    folder = "BeamSpot/Quality"
    yield profile(
        f"{folder}/converged",
        fits,
        value_range=(0, 1),
        title="Converged fits",
        description=f"1; over several LSs the fraction of them. {_CALL}",
        draw=_POINTS,
    )
    yield profile(
        f"{folder}/used",
        fits,
        value_range=(0, 1e6),
        title="Vertices or tracks that a fit used",
        description=f"Enough for a fit with all parameters: 30 vertices, 150 tracks. {_CALL}",
        draw=_POINTS,
    )
    yield profile(
        f"{folder}/chi2",
        fits,
        value_range=(0, 1e4),
        title="Chi2 per degree of freedom",
        description="Near 1. Above: the errors of vertices or tracks are too small, or the beams "
        f"are not one normal spot. {_CALL}",
        draw=_POINTS,
    )
    yield profile(
        f"{folder}/difference",
        parameters,
        value_range=(-1e4, 1e4),
        title="Vertices minus tracks, over the error",
        description="Within 3, mostly within 1, as the vertices are made of the same tracks. A "
        f"parameter that a fit did not measure has no point. {_CALL}",
        draw=_POINTS,
    )
    yield profile(
        f"{folder}/moved_sigmas",
        places,
        value_range=(-1e4, 1e4),
        title="Over the error: this LS minus the run so far",
        description=f"Within 3. {_CALL}",
        draw=_POINTS,
    )
    yield profile(
        f"{folder}/moved_distance",
        integer(0, 2, label="place", labels=["x", "y"]),
        value_range=(-1e6, 1e6),
        title="x and y of this LS minus the run so far [um]",
        description=f"Within 30. {_CALL}",
        draw=_POINTS,
    )
    yield profile(
        f"{folder}/moved_distance_z",
        _ONE,
        value_range=(-1000, 1000),
        title="z of this LS minus the run so far [cm]",
        description=f"Within 1. {_CALL}",
        draw=TREND,
    )
    yield profile(
        f"{folder}/moved",
        places,
        value_range=(0, 1e4),
        title="Move of the beam spot in units of its limits",
        description="Below 1. Above, it moved by more than the limit both in sigmas and in "
        "distance: ask the shift leader whether the LHC moved the beams; if not, call the tracker "
        "DOC: it moved, or its readout fails.",
        draw=_POINTS,
    )
    yield scalar(
        f"{folder}/restarts",
        combine="last",
        title="Times that the run's beam spot started again",
        description="0, but for luminosity scans: each is a move seen in LSs one after the other.",
        draw=TREND,
    )


def _vertices() -> Iterator[Element]:
    folder = "BeamSpot/Vertices"
    yield histogram(
        f"{folder}/xy",
        *ACROSS,
        title="Vertices across the beam",
        description=f"One round spot. {_CALL}",
        draw=MAP,
    )
    for axis in ("x", "y"):
        yield profile(
            f"{folder}/{axis}_by_z",
            _Z,
            value_range=(-5, 5),
            title=f"Mean {axis} of vertices by z [cm]",
            description=f"A straight line, almost flat: its slope is that of the beam. {_CALL}",
            draw=_POINTS,
        )
    for axis in ("x", "y", "z"):
        yield histogram(
            f"{folder}/pull_{axis}",
            _PULL,
            title=f"Vertices minus beam spot in {axis}, over width and error",
            description="Normal, of mean 0 and width 1. Wider: the errors of vertices are too "
            f"small; tails: vertices that are none. {_CALL}",
        )


def _tracks() -> Iterator[Element]:
    folder = "BeamSpot/Tracks"
    yield profile(
        f"{folder}/dxy_by_phi",
        _PHI,
        value_range=(-5, 5),
        title="Mean impact parameter by phi [cm]",
        description="A sine: its height is the distance of the beam from the origin. A hole is a "
        f"part of the detector without tracks. {_CALL}",
        draw=_POINTS,
    )
    yield profile(
        f"{folder}/residual_by_phi",
        _PHI,
        value_range=(-1e5, 1e5),
        title="Mean impact parameter to the fitted beam line by phi [um]",
        description=f"Flat at 0. A wave that is left: the detector is deformed. {_CALL}",
        draw=_POINTS,
    )
    yield histogram(
        f"{folder}/pull_dxy",
        _PULL,
        title="Impact parameter to the fitted beam line, over width and error",
        description=f"Normal, of mean 0 and width 1, with tails of tracks from decays. {_CALL}",
    )


_COLUMNS: Final = (
    "time",
    "fill",
    *(f"vertices.{name}" for name in VERTEX_COLUMNS),
    *(f"tracks.{name}" for name in TRACK_COLUMNS),
)

workspace = Workspace(
    "beam_spot",
    "Where the beams collide, how wide they are, and whether they moved: fits to vertices and "
    "tracks.",
    [*_fits(), *_counts(), *_payloads(), *_quality(), *_vertices(), *_tracks()],
    analysis=analysis("beam_spot", columns=_COLUMNS),
)
