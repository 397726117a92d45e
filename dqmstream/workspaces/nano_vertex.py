"""Vertices of NanoAOD files: how many, where the beams cross, how well they are measured."""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import MAP, SPECTRUM, TREND
from dqmstream.workspaces.nano import CALL, number_of_events

__all__ = ["workspace"]

_NUMBER: Final = integer(0, 100, label="vertices in an event")
_X: Final = regular(100, -0.2, 0.2, label="x", unit="cm")
_Y: Final = regular(100, -0.2, 0.2, label="y", unit="cm")
_Z: Final = regular(100, -25, 25, label="z", unit="cm")
_AXES: Final = {"x": _X, "y": _Y, "z": _Z}


def _numbers() -> Iterator[Element]:
    yield number_of_events("NanoVertex")
    yield histogram(
        "NanoVertex/number",
        _NUMBER,
        fill="PV_npvs",
        title="Vertices per event",
        description=f"One peak that follows pile-up, slowly left during a fill. {CALL}",
        draw=TREND,
    )
    yield histogram(
        "NanoVertex/good",
        _NUMBER,
        fill="PV_npvsGood",
        title="Good vertices per event",
        description=f"One peak, below that of all vertices; files of 2012 have none. {CALL}",
        draw=TREND,
    )
    yield scalar(
        "NanoVertex/most",
        "PV_npvs",
        combine="max",
        title="Most vertices in an event",
        description="Steady within the statistics.",
        draw=TREND,
    )
    yield scalar(
        "NanoVertex/none",
        "where(PV_npvs == 0, 1, 0)",
        combine="sum",
        title="Events without a vertex",
        description="Close to 0: else the tracker is off, or the beam spot is wrong.",
        draw=TREND,
    )


def _places() -> Iterator[Element]:
    for name, axis in _AXES.items():
        yield histogram(
            f"NanoVertex/{name}",
            axis,
            fill=f"PV_{name}",
            title=f"Position of the first vertex along {name}",
            description=f"One peak at the beam spot: tell the shift leader of a jump. {CALL}",
            draw=TREND,
        )
    yield histogram(
        "NanoVertex/transverse",
        _X,
        _Y,
        fill=("PV_x", "PV_y"),
        title="Where the beams cross",
        description=f"One round spot. {CALL}",
        draw=MAP,
    )
    for name in ("x", "y"):
        yield profile(
            f"NanoVertex/{name}_by_z",
            _Z,
            fill="PV_z",
            value=f"PV_{name}",
            value_range=(-10, 10),
            title=f"Mean {name} of the first vertex by z",
            description=f"A straight line: its slope is the tilt of the beams. {CALL}",
        )
    yield profile(
        "NanoVertex/number_by_z",
        _Z,
        fill="PV_z",
        value="PV_npvs",
        value_range=(0, 1000),
        title="Mean number of vertices by z of the first one",
        description=f"Flat within the statistics. {CALL}",
    )
    yield histogram(
        "NanoVertex/ndof",
        regular(100, 0, 500, label="degrees of freedom"),
        fill="PV_ndof",
        title="Degrees of freedom of the first vertex",
        description=f"One broad peak; files of 2012 do not have it. {CALL}",
    )
    yield histogram(
        "NanoVertex/chi2",
        regular(100, 0, 5, label="reduced chi2"),
        fill="PV_chi2",
        title="Goodness of the fit of the first vertex",
        description=f"One peak below 1; files of 2012 do not have it. {CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        "NanoVertex/score",
        regular(100, 0, 20_000, label="sum of squared pt", unit="GeV2"),
        fill="PV_score",
        title="Score of the first vertex",
        description=f"Falls steeply; files of 2012 do not have it. {CALL}",
        draw=SPECTRUM,
    )


workspace = Workspace(
    "nano_vertex",
    "Vertices of NanoAOD files: how many, where the beams cross, how well measured.",
    [*_numbers(), *_places()],
)
