"""CT-PPS: tracking planes and timing planes of the Roman pots in both arms."""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import MAP, SPECTRUM, TREND, beginning

__all__ = ["workspace"]

_FOLDER: Final = "CTPPS"
_CALL: Final = "Otherwise call the CT-PPS expert on duty."
_POTS: Final = {
    f"sector {sector}, {('near', 'far')[pot]} pot": (
        f"Sector{sector}{('Near', 'Far')[pot]}",
        arm,
        pot,
    )
    for arm, sector in enumerate((45, 56))
    for pot in (0, 1)
}
"""Title to folder, arm and pot."""
_ARMS: Final = integer(0, 2, labels=["sector 45", "sector 56"], label="arm")


def _summary() -> Iterator[Element]:
    yield from beginning(_FOLDER, "ctpps_pixel", "plane", "clusters", most=40, call=_CALL)
    yield scalar(
        f"{_FOLDER}/timing_hits",
        "count(ctpps_timing)",
        combine="sum",
        title="Timing hits",
        description=f"Falls slowly with the luminosity, without steps. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        f"{_FOLDER}/arms",
        _ARMS,
        fill="ctpps_pixel.arm",
        title="Tracking clusters by arm",
        description=f"Both arms alike; one alone means that its pots are out. {_CALL}",
    )
    yield histogram(
        f"{_FOLDER}/timing_arms",
        _ARMS,
        fill="ctpps_timing.arm",
        title="Timing hits by arm",
        description=f"Both arms alike. {_CALL}",
    )


def _tracking(title: str, name: str, arm: int, pot: int) -> Iterator[Element]:
    folder = f"{_FOLDER}/Tracking/{name}"
    select = f"ctpps_pixel.arm == {arm} and ctpps_pixel.pot == {pot}"
    yield histogram(
        f"{folder}/planes",
        integer(0, 6, label="plane"),
        fill="ctpps_pixel.plane",
        select=select,
        title=f"Tracking, {title}: clusters by plane",
        description=f"Six planes alike: an empty one is dead. {_CALL}",
    )
    yield histogram(
        f"{folder}/row_col",
        regular(78, 0, 156, label="column, from the beam"),
        regular(80, 0, 160, label="row"),
        fill=("ctpps_pixel.col", "ctpps_pixel.row"),
        select=select,
        title=f"Tracking, {title}: clusters in a plane",
        description="Bright at the beam (left) and in the middle, falling outwards. A rectangle "
        f"that differs is a readout chip; all moved: the pot has moved. {_CALL}",
        draw=MAP,
    )
    yield histogram(
        f"{folder}/size",
        integer(1, 16, label="pixels in the cluster"),
        fill="ctpps_pixel.size",
        select=select,
        title=f"Tracking, {title}: cluster size",
        description=f"Falls steeply from 1 on; mean about 1.6. {_CALL}",
        draw=SPECTRUM,
    )


def _timing(title: str, name: str, arm: int, pot: int) -> Iterator[Element]:
    folder = f"{_FOLDER}/Timing/{name}"
    select = f"ctpps_timing.arm == {arm} and ctpps_timing.pot == {pot}"
    channel = integer(0, 12, label="channel, from the beam")
    yield histogram(
        f"{folder}/channels",
        channel,
        integer(0, 4, label="plane"),
        fill=("ctpps_timing.channel", "ctpps_timing.plane"),
        select=select,
        title=f"Timing, {title}: hits by channel and plane",
        description=f"Falls from the left to the right alike in all planes. {_CALL}",
        draw=MAP,
    )
    yield histogram(
        f"{folder}/time",
        regular(100, -2.5, 2.5, label="time", unit="ns"),
        fill="ctpps_timing.time",
        select=select,
        title=f"Timing, {title}: time of hits",
        description=f"One narrow peak at 0: a shift is a lost calibration. {_CALL}",
    )
    yield histogram(
        f"{folder}/tot",
        regular(100, 0, 25, label="time over threshold", unit="ns"),
        fill="ctpps_timing.tot",
        select=select,
        title=f"Timing, {title}: time over threshold",
        description=f"One peak at 12 ns. {_CALL}",
    )
    yield profile(
        f"{folder}/time_by_channel",
        channel,
        fill="ctpps_timing.channel",
        value="ctpps_timing.time",
        value_range=(-25, 25),
        select=select,
        title=f"Timing, {title}: mean time by channel",
        description=f"Flat at 0. {_CALL}",
    )


workspace = Workspace(
    "ctpps",
    "CT-PPS: planes of the tracking pots, channels and times of the timing pots.",
    [
        *_summary(),
        *(one for title, rest in _POTS.items() for one in _tracking(title, *rest)),
        *(one for title, rest in _POTS.items() for one in _timing(title, *rest)),
    ],
)
