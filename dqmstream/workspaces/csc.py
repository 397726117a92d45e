"""Cathode strip chambers: segments by strip and wire group, layers and timing, station by station.

What `muon` shows of all chambers together is shown here in depth.
"""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import MAP, SPECTRUM, beginning

__all__ = ["workspace"]

_FOLDER: Final = "CSC"
_CALL: Final = "Otherwise call the CSC expert on duty."
_RING: Final = integer(1, 4, label="ring")
_STATIONS: Final = {
    f"ME{'+' if endcap > 0 else '-'}{station}": (
        f"ME{'Plus' if endcap > 0 else 'Minus'}{station}",
        f"csc.endcap == {endcap} and csc.station == {station}",
    )
    for endcap in (-1, 1)
    for station in (1, 2, 3, 4)
}
"""Title to folder and selection."""


def _station(title: str, name: str, select: str) -> Iterator[Element]:
    folder = f"{_FOLDER}/{name}"
    yield histogram(
        f"{folder}/strips",
        integer(1, 81, label="strip"),
        _RING,
        fill=("csc.strip", "csc.ring"),
        select=select,
        title=f"{title}: segments by strip and ring",
        description="Each ring of one colour. A gap of 16 strips is a cathode front-end board. "
        f"{_CALL}",
        draw=MAP,
    )
    yield histogram(
        f"{folder}/wires",
        integer(1, 113, label="wire group"),
        _RING,
        fill=("csc.wire", "csc.ring"),
        select=select,
        title=f"{title}: segments by wire group and ring",
        description=f"Each ring of one colour. A gap of 16 groups is an anode board. {_CALL}",
        draw=MAP,
    )
    yield histogram(
        f"{folder}/layers",
        integer(0, 7, label="layers of a segment with a hit"),
        fill="csc.layers",
        select=select,
        title=f"{title}: layers of segments",
        description=f"Highest at 6, falling to the left. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        f"{folder}/time",
        regular(100, -25, 25, label="time", unit="ns"),
        fill="csc.time",
        select=select,
        title=f"{title}: time of segments",
        description=f"One peak at 0 with a width of 3 ns. {_CALL}",
    )


def _summary() -> Iterator[Element]:
    yield from beginning(_FOLDER, "csc", "station", "segments", most=30, call=_CALL)
    chamber = integer(0, 540, label="chamber")
    yield profile(
        f"{_FOLDER}/layers_by_chamber",
        chamber,
        fill="csc.chamber",
        value="csc.layers",
        value_range=(0, 6),
        title="Mean layers of segments by chamber",
        description=f"Flat at 5.7: less is a layer without high voltage. {_CALL}",
    )
    yield profile(
        f"{_FOLDER}/strip_by_chamber",
        chamber,
        fill="csc.chamber",
        value="csc.strip",
        value_range=(0, 80),
        title="Mean strip of segments by chamber",
        description="Flat at 40, but for two bands at 32: a chamber that differs has lost a board. "
        f"{_CALL}",
    )


workspace = Workspace(
    "csc",
    "Cathode strip chambers: strips, wire groups, layers and time, station by station.",
    [*_summary(), *(one for title, rest in _STATIONS.items() for one in _station(title, *rest))],
)
