"""High-level trigger: how often paths accept, streams, prescales.

Paths and streams are numbers here; a source that knows their names sends them as labels of
`hlt.path` and `hlt_stream.stream`.
"""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import (
    BUNCHES,
    LOG_MAP,
    SPECTRUM,
    TIME_IN_LS,
    TREND,
    number_of_events,
)

__all__ = ["workspace"]

_FOLDER: Final = "HLT"
_CALL: Final = "Otherwise call the HLT expert on duty."
_PATH: Final = integer(0, 64, label="path")
_STREAM: Final = integer(0, 8, label="stream")
_STREAMS: Final = ("Physics", "Express", "Scouting", "Calibration", "DQM")
_COLUMN: Final = integer(0, 8, label="column of prescales")


def _events() -> Iterator[Element]:
    yield number_of_events(_FOLDER)
    yield scalar(
        f"{_FOLDER}/accepting_paths",
        "count(hlt)",
        combine="sum",
        title="Accepting paths",
        description=f"Steady, without steps but at prescale changes. {_CALL}",
        draw=TREND,
    )
    yield scalar(
        f"{_FOLDER}/without_path",
        "count(hlt) == 0",
        combine="sum",
        title="Events that no path accepted",
        description=f"None: an event is here because a path accepted it. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        f"{_FOLDER}/prescale_index",
        _COLUMN,
        fill="prescale_index",
        title="Events by column of prescales",
        description="One bin in an LS, further right as the luminosity falls. A column that does "
        "not fit the luminosity: tell the shift leader.",
        draw=TREND,
    )
    yield histogram(
        f"{_FOLDER}/events_in_time",
        TIME_IN_LS,
        fill="time * 1e-9",
        title="Events by time in the lumisection",
        description=f"Flat: a hole is dead time. {_CALL}",
    )


def _paths() -> Iterator[Element]:
    yield histogram(
        f"{_FOLDER}/Paths/counts",
        _PATH,
        fill="hlt.path",
        title="Events by path",
        description="As in the reference with the same prescales. One at 0 is dead, one far above "
        f"it fires on noise. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        f"{_FOLDER}/Paths/per_event",
        integer(0, 30, label="paths that accepted the event"),
        fill="count(hlt)",
        title="Accepting paths per event",
        description=f"Highest at 1, falling; none at 0. {_CALL}",
    )
    yield histogram(
        f"{_FOLDER}/Paths/by_prescale",
        _PATH,
        _COLUMN,
        fill=("hlt.path", "prescale_index"),
        title="Events by path and column of prescales",
        description=f"Paths with prescales gain from column to column. {_CALL}",
        draw=LOG_MAP,
    )
    yield histogram(
        f"{_FOLDER}/Paths/in_time",
        _PATH,
        regular(48, 0, 24, label="time since the start of the LS", unit="s"),
        fill=("hlt.path", "time * 1e-9"),
        title="Paths by time in the lumisection",
        description=f"Stripes of one colour: a step is a change of rate within the LS. {_CALL}",
        draw=LOG_MAP,
    )
    yield histogram(
        f"{_FOLDER}/Paths/by_bunch_crossing",
        _PATH,
        regular(99, 0.5, 3564.5, label="bunch crossing, in groups of 36"),
        fill=("hlt.path", "bunch_crossing"),
        title="Paths by bunch crossing",
        description=f"Stripes with the gaps of the filling scheme. {_CALL}",
        draw=LOG_MAP,
    )
    yield profile(
        f"{_FOLDER}/Paths/mean_by_bunch_crossing",
        BUNCHES,
        fill="bunch_crossing",
        value="count(hlt)",
        value_range=(0, 1000),
        title="Mean accepting paths by bunch crossing",
        description=f"Flat in the filled bunches. {_CALL}",
    )


def _streams() -> Iterator[Element]:
    yield histogram(
        f"{_FOLDER}/Streams/counts",
        _STREAM,
        fill="hlt_stream.stream",
        title="Events by stream",
        description=f"As in the reference; no stream is empty. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        f"{_FOLDER}/Streams/per_event",
        integer(0, 9, label="streams of the event"),
        fill="count(hlt_stream)",
        title="Streams per event",
        description=f"One peak at 1 to 2. {_CALL}",
    )
    yield histogram(
        f"{_FOLDER}/Streams/in_time",
        _STREAM,
        TIME_IN_LS,
        fill=("hlt_stream.stream", "time * 1e-9"),
        title="Streams by time in the lumisection",
        description=f"Stripes of one colour. {_CALL}",
        draw=LOG_MAP,
    )
    for number, name in enumerate(_STREAMS):
        yield scalar(
            f"{_FOLDER}/Streams/{name}",
            f"count(hlt_stream.stream == {number})",
            combine="sum",
            title=f"Events of stream {name}",
            description=f"Steady, without steps but at prescale changes. {_CALL}",
            draw=TREND,
        )


workspace = Workspace(
    "hlt",
    "High-level trigger: rates of paths and streams, prescales.",
    [*_events(), *_paths(), *_streams()],
)
