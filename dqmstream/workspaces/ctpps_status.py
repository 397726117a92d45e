"""High voltage of the Roman pots of CT-PPS, as events carry it (`ctpps_pots`).

The record has two bits for each pot: unused, bad, warning or OK. Which pots are in use depends on
the optics of the fill.
"""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Draw, Element
from dqmstream.sources.cms.detector import POTS
from dqmstream.workspaces.elements import EFFICIENCY, MAP, TREND, number_of_events, with_mean
from dqmstream.workspaces.objects import NIBBLE, NIBBLES, TIMED

__all__ = ["workspace"]

_CALL: Final = "Otherwise call the CT-PPS DOC."
_POT: Final = integer(0, len(POTS), label="Roman pot", labels=POTS)
_STATES: Final = ("unused", "bad", "warning", "OK")
_STATE: Final = integer(0, 4, label="status", labels=_STATES)
_ARM: Final = len(POTS) // 2


def _states() -> Iterator[Element]:
    yield number_of_events("CTPPSStatus")
    yield histogram(
        "CTPPSStatus/records",
        integer(0, 21, label="pots in the record of an event"),
        fill="count(ctpps_pots)",
        title="Pots in the record of an event",
        description="All at 20: else the record is missing, or cannot be read. "
        f"{_CALL.replace('CT-PPS DOC', 'DQM operator')}",
    )
    yield histogram(
        "CTPPSStatus/states",
        _STATE,
        _POT,
        fill=("ctpps_pots.status", "ctpps_pots.pot"),
        title="Status of each pot",
        description=f"OK for all pots that are in use in the fill. {_CALL}",
        draw=MAP,
    )
    yield histogram(
        "CTPPSStatus/status",
        _STATE,
        fill="ctpps_pots.status",
        title="Status of all pots",
        description=f"Unused or OK, as in the lumisections before. {_CALL}",
        draw=TREND,
    )
    for code, name in enumerate(_STATES):
        yield histogram(
            f"CTPPSStatus/Number/{name.lower()}",
            integer(0, 21, label=f"pots that are {name}"),
            fill=f"count(ctpps_pots.status == {code})",
            select="count(ctpps_pots) > 0",
            title=f"Pots that are {name} per event",
            description=f"One bin, the same in all lumisections of a fill. {_CALL}",
            draw=TREND,
        )
    for name, condition, select, words in (
        ("ok", "ctpps_pots.status == 3", "", "that are OK"),
        ("used", "ctpps_pots.status != 0", "", "in use"),
        ("ok_of_used", "ctpps_pots.status == 3", "ctpps_pots.status != 0", "used that are OK"),
    ):
        yield profile(
            f"CTPPSStatus/Fraction/{name}",
            _POT,
            fill="ctpps_pots.pot",
            value=f"where({condition}, 1, 0)",
            value_range=(0, 1),
            select=select,
            title=f"Pots {words}, fraction of events",
            description=f"At 0 or 1: between them a pot changed in this time. {_CALL}",
            draw=EFFICIENCY,
        )
    for arm, first in (("45", 0), ("56", _ARM)):
        inside = f"ctpps_pots.pot >= {first} and ctpps_pots.pot < {first + _ARM}"
        yield histogram(
            f"CTPPSStatus/ok_in_sector_{arm}",
            integer(0, _ARM + 1, label="pots that are OK"),
            fill=f"count(ctpps_pots.status == 3 and {inside})",
            select="count(ctpps_pots) > 0",
            title=f"Pots of sector {arm} that are OK",
            description=f"One bin, that of the other sector. {_CALL}",
            draw=TREND,
        )
    yield profile(
        "CTPPSStatus/ok_by_time",
        NIBBLES,
        fill=NIBBLE,
        value="count(ctpps_pots.status == 3)",
        value_range=(0, 20),
        select=f"{TIMED} and count(ctpps_pots) > 0",
        title="Mean number of pots that are OK by time in the lumisection",
        description=f"Flat: a step is a pot that moved, or lost its voltage. {_CALL}",
    )
    yield scalar(
        "CTPPSStatus/fewest_ok",
        "count(ctpps_pots.status == 3)",
        combine="min",
        select="count(ctpps_pots) > 0",
        title="Fewest pots that are OK in an event",
        description="Steady in a fill: a step down is a pot that was withdrawn.",
        draw=TREND,
    )
    yield from with_mean(
        histogram(
            "CTPPSStatus/age",
            regular(120, -10, 110, label="age of the record", unit="s"),
            fill="(time - ctpps.time) / 1e9",
            select="time > 0",
            title="Age of the record in the event",
            description=f"As in the lumisection before; rising beyond it: no new records. {_CALL}",
            draw=Draw(log_y=True),
        ),
        value_range=(-10_000, 10_000),
    )


workspace = Workspace(
    "ctpps_status",
    "High voltage of the Roman pots of CT-PPS, as events carry it.",
    [*_states()],
)
