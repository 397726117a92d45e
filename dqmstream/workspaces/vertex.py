"""Primary vertices of the high-level trigger (`vertices`, of reco::Vertex).

Where they are, how well they are measured and from how many tracks. Axes are those of CMS's own
monitoring (cms-sw/cmssw DQMOffline/RecoB/plugins/PrimaryVertexMonitor.cc and DQM/BeamMonitor), but
for x and y, which show any place that beams ever had: fits of the beam spot are in `beam_spot`.
"""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import (
    EFFICIENCY,
    LOG_MAP,
    MAP,
    SPECTRUM,
    TREND,
    number_of_events,
    with_mean,
)
from dqmstream.workspaces.objects import ACROSS, NIBBLE, NIBBLES, POINTS, TIMED, numbers

__all__ = ["workspace"]

_CALL: Final = "Otherwise call the tracker DOC."
_X: Final = regular(100, -0.5, 0.5, label="x", unit="cm")
_Y: Final = regular(100, -0.5, 0.5, label="y", unit="cm")
_Z: Final = regular(80, -20, 20, label="z", unit="cm")
_AXES: Final = {"x": _X, "y": _Y, "z": _Z}
_RANGES: Final = {"x": (-10, 10), "y": (-10, 10), "z": (-100, 100)}
"""Of means, in cm: where vertices can be at all."""
_TRACKS: Final = integer(0, 100, label="tracks of the vertex")
_NDOF: Final = regular(50, 0, 100, label="degrees of freedom")
_SHARE: Final = "vertices.weight_sum / vertices.tracks"
_ERRORS: Final = {"x": 0.05, "y": 0.05, "z": 0.1}
"""Ends of the axes of errors, in cm."""


def _numbers() -> Iterator[Element]:
    yield number_of_events("Vertex")
    yield from numbers(
        "Vertex",
        "vertices",
        "vertices",
        most=80,
        good="One peak that follows pile-up; 0 or 1 in streams of low pile-up.",
        call=_CALL,
    )
    yield scalar(
        "Vertex/none",
        "count(vertices) == 0",
        combine="sum",
        title="Events without a vertex",
        description="Follows the trigger: a step up means that the pixel detector does not read "
        "out, or that the beam spot in use is wrong.",
        draw=TREND,
    )
    yield histogram(
        "Vertex/valid",
        integer(0, 2, label="vertex", labels=["not valid", "valid"]),
        fill="where(vertices.valid, 1, 0)",
        title="Valid vertices",
        description=f"All are valid. {_CALL}",
        draw=TREND,
    )


def _places() -> Iterator[Element]:
    for name, axis in _AXES.items():
        yield from with_mean(
            histogram(
                f"Vertex/Position/{name}",
                axis,
                fill=f"vertices.{name}",
                title=f"{name} of vertices",
                description="One peak at the beam spot: tell the shift leader of a jump. At 0 with "
                f"beams elsewhere: the beam spot in use is a fake one. {_CALL}",
            ),
            value_range=_RANGES[name],
        )
    yield histogram(
        "Vertex/Position/transverse",
        *ACROSS,
        fill=("vertices.x", "vertices.y"),
        title="Where the beams cross",
        description=f"One round spot. {_CALL}",
        draw=LOG_MAP,
    )
    for name in ("x", "y"):
        yield histogram(
            f"Vertex/Position/{name}_z",
            _Z,
            _AXES[name],
            fill=("vertices.z", f"vertices.{name}"),
            title=f"Vertices in z and {name}",
            description=f"One narrow band, straight. {_CALL}",
            draw=MAP,
        )
        yield profile(
            f"Vertex/Position/{name}_by_z",
            _Z,
            fill="vertices.z",
            value=f"vertices.{name}",
            value_range=(-10, 10),
            title=f"Mean {name} of vertices by z",
            description=f"A straight line: its slope is the tilt of the beams. {_CALL}",
            draw=POINTS,
        )
    for name in _AXES:
        yield profile(
            f"Vertex/Position/{name}_by_time",
            NIBBLES,
            fill=NIBBLE,
            value=f"vertices.{name}",
            value_range=(-100, 100),
            select=TIMED,
            title=f"Mean {name} of vertices by time in the lumisection",
            description="Flat within the statistics: tell the shift leader of a step, the beams "
            "have moved.",
            draw=POINTS,
        )


def _fits() -> Iterator[Element]:
    yield histogram(
        "Vertex/Fit/tracks",
        _TRACKS,
        fill="vertices.tracks",
        title="Tracks of a vertex",
        description=f"One broad peak. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        "Vertex/Fit/ndof",
        regular(100, 0, 200, label="degrees of freedom"),
        fill="vertices.ndof",
        title="Degrees of freedom of a vertex",
        description=f"Twice the sum of the weights of its tracks, less 3. {_CALL}",
    )
    yield histogram(
        "Vertex/Fit/chi2",
        regular(100, 0, 200, label="chi2"),
        fill="vertices.chi2",
        title="Chi2 of vertices",
        description=f"One peak near the number of degrees of freedom. {_CALL}",
        draw=SPECTRUM,
    )
    yield from with_mean(
        histogram(
            "Vertex/Fit/normalized_chi2",
            regular(100, 0, 10, label="chi2 / ndof"),
            fill="vertices.chi2 / vertices.ndof",
            select="vertices.ndof > 0",
            title="Chi2 of vertices per degree of freedom",
            description=f"One peak near 1. Rising: the pixel detector has moved. {_CALL}",
        ),
        value_range=(0, 1000),
    )
    yield histogram(
        "Vertex/Fit/weight",
        regular(51, -0.01, 1.01, label="mean weight of the tracks of a vertex"),
        fill=_SHARE,
        select="vertices.tracks > 0",
        title="Mean weight of the tracks of a vertex",
        description=f"Above 0.8: else vertices are made of tracks that are not theirs. {_CALL}",
        draw=SPECTRUM,
    )
    yield profile(
        "Vertex/Fit/tracks_by_z",
        _Z,
        fill="vertices.z",
        value="vertices.tracks",
        value_range=(0, 65_535),
        title="Mean number of tracks of a vertex by z",
        description=f"Flat within the statistics. {_CALL}",
        draw=POINTS,
    )
    yield profile(
        "Vertex/Fit/valid_by_tracks",
        _TRACKS,
        fill="vertices.tracks",
        value="where(vertices.valid, 1, 0)",
        value_range=(0, 1),
        title="Fraction of valid vertices by their number of tracks",
        description=f"At 1. {_CALL}",
        draw=EFFICIENCY,
    )


def _errors() -> Iterator[Element]:
    for name, end in _ERRORS.items():
        yield from with_mean(
            histogram(
                f"Vertex/Error/{name}",
                regular(100, 0, end, label=f"error of {name}", unit="cm"),
                fill=f"vertices.{name}_error",
                title=f"Error of vertices along {name}",
                description=f"One peak and a tail; wider: the innermost layer is not used. {_CALL}",
                draw=SPECTRUM,
            ),
            value_range=(0, 10),
        )
        for by, axis, words in (
            ("tracks", _TRACKS, "number of tracks"),
            ("ndof", _NDOF, "degrees of freedom"),
        ):
            yield profile(
                f"Vertex/Error/{name}_by_{by}",
                axis,
                fill=f"vertices.{by}",
                value=f"vertices.{name}_error",
                value_range=(0, 10),
                title=f"Error along {name} by {words}, mean",
                description="Falls as one over the square root: higher than in the reference is a "
                f"worse resolution. {_CALL}",
                draw=POINTS,
            )
    yield histogram(
        "Vertex/Error/correlation",
        regular(50, -1, 1, label="correlation of x and y"),
        fill="vertices.xy_covariance / (vertices.x_error * vertices.y_error)",
        select="vertices.x_error > 0 and vertices.y_error > 0",
        title="Correlation of the errors along x and y",
        description=f"Symmetric about 0. {_CALL}",
    )


workspace = Workspace(
    "vertex",
    "Primary vertices of the high-level trigger: how many, where, how well they are measured.",
    [*_numbers(), *_places(), *_fits(), *_errors()],
)
