"""Drift tubes: segments by chamber and place, layers of segments, timing wheel by wheel.

What `muon` shows of all chambers together is shown here in depth.
"""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import MAP, SPECTRUM, beginning

__all__ = ["workspace"]

_FOLDER: Final = "DT"
_CALL: Final = "Otherwise call the DT expert on duty."
_SECTOR: Final = integer(1, 13, label="sector")
_STATION: Final = integer(1, 5, labels=["MB1", "MB2", "MB3", "MB4"], label="station")
_WHEEL: Final = integer(-2, 3, label="wheel")
_TIME: Final = regular(100, -25, 25, label="time", unit="ns")


def _wheel(wheel: int) -> Iterator[Element]:
    name = f"Wheel{'Minus' if wheel < 0 else 'Plus' if wheel > 0 else ''}{abs(wheel)}"
    folder, select = f"{_FOLDER}/{name}", f"dt.wheel == {wheel}"
    title = f"Wheel {wheel:+}" if wheel else "Wheel 0"
    yield histogram(
        f"{folder}/segments",
        _SECTOR,
        _STATION,
        fill=("dt.sector", "dt.station"),
        select=select,
        title=f"{title}: segments",
        description="One colour. A white field is a chamber without high voltage or readout; a "
        f"white column a sector collector. {_CALL}",
        draw=MAP,
    )
    yield histogram(
        f"{folder}/time",
        _TIME,
        fill="dt.time",
        select=select,
        title=f"{title}: time of segments",
        description=f"One peak at 0 with a width of 2.5 ns. {_CALL}",
    )
    yield profile(
        f"{folder}/time_by_sector",
        _SECTOR,
        _STATION,
        fill=("dt.sector", "dt.station"),
        value="dt.time",
        value_range=(-100, 100),
        select=select,
        title=f"{title}: mean time of segments",
        description=f"One colour, at 0: a chamber that differs has a wrong delay. {_CALL}",
        draw=MAP,
    )


def _station(station: int) -> Iterator[Element]:
    folder, select, layers = f"{_FOLDER}/MB{station}", f"dt.station == {station}", 12
    if station == 4:
        layers = 8
    yield histogram(
        f"{folder}/layers",
        integer(0, 13, label="layers of a segment with a hit"),
        fill="dt.layers",
        select=select,
        title=f"MB{station}: layers of segments",
        description=f"Highest at {layers}, falling to the left; a low mean is a layer without "
        f"high voltage. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        f"{folder}/x",
        regular(80, -100, 100, label="place in the chamber", unit="cm"),
        fill="dt.x",
        select=select,
        title=f"MB{station}: place of segments",
        description=f"Flat: a dip is a dead front-end board. {_CALL}",
    )
    yield profile(
        f"{folder}/layers_by_sector",
        _SECTOR,
        _WHEEL,
        fill=("dt.sector", "dt.wheel"),
        value="dt.layers",
        value_range=(0, 12),
        select=select,
        title=f"MB{station}: mean layers of segments",
        description=f"One colour, at {0.95 * layers:.3g}. {_CALL}",
        draw=MAP,
    )


workspace = Workspace(
    "dt",
    "Drift tubes: segments, their layers and their time, wheel by wheel.",
    [
        *beginning(_FOLDER, "dt", "sector", "segments", most=25, call=_CALL),
        *(one for wheel in range(-2, 3) for one in _wheel(wheel)),
        *(one for station in range(1, 5) for one in _station(station)),
    ],
)
