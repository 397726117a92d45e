"""BRIL: luminosity, pile-up and beam background from the fast beam condition monitor."""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import (
    BUNCHES,
    EFFICIENCY,
    LOG_MAP,
    MAP,
    SPECTRUM,
    TREND,
    number_of_events,
)

__all__ = ["workspace"]

_CALL: Final = "Otherwise call the BRIL expert on duty."

_LUMINOMETERS: Final = ("HFET", "PLT", "PCC")
_CHANNEL: Final = integer(0, 48, label="channel")
_BUNCH: Final = integer(1, 3565, label="bunch crossing")
_TIME: Final = regular(100, -12.5, 12.5, label="time in the crossing", unit="ns")
_BACKGROUND: Final = "where(bril.time < 0, 1, 0)"
_ANY_HIT: Final = "bril.channel >= 0"
"""True for each hit: fills a value of the event once for each of its hits."""


def _rates() -> Iterator[Element]:
    yield number_of_events("BRIL")
    yield scalar(
        "BRIL/hits",
        "count(bril)",
        combine="sum",
        title="Hits",
        description=f"Falls slowly with the luminosity, without steps. {_CALL}",
        draw=TREND,
    )
    yield scalar(
        "BRIL/collision_hits",
        "count(bril.time > 0)",
        combine="sum",
        title="Hits of collision products",
        description=f"Falls slowly with the luminosity. {_CALL}",
        draw=TREND,
    )
    yield scalar(
        "BRIL/background_hits",
        "count(bril.time < 0)",
        combine="sum",
        title="Hits of incoming background",
        description=f"About 2 % of all hits: tell the shift leader of a rise at once. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        "BRIL/hits_per_event",
        integer(0, 30, label="hits in an event"),
        fill="count(bril)",
        title="Hits per event",
        description=f"One peak that moves left as pile-up falls. {_CALL}",
    )
    yield histogram(
        "BRIL/hits_in_time",
        regular(240, 0, 24, label="time since the start of the LS", unit="s"),
        fill="time * 1e-9",
        select=_ANY_HIT,
        title="Hits by time in the lumisection",
        description=f"Flat: a hole is lost readout, a spike a beam loss. {_CALL}",
    )


def _bunches() -> Iterator[Element]:
    yield histogram(
        "BRIL/Bunches/hits",
        _BUNCH,
        fill="bunch_crossing",
        select=_ANY_HIT,
        title="Hits by bunch crossing",
        description="The filling scheme: trains alike, gaps and abort gap empty. Hits in the "
        f"abort gap: tell the shift leader at once. {_CALL}",
    )
    yield histogram(
        "BRIL/Bunches/events",
        _BUNCH,
        fill="bunch_crossing",
        title="Events by bunch crossing",
        description=f"The filling scheme. {_CALL}",
    )
    yield profile(
        "BRIL/Bunches/hits_per_event",
        BUNCHES,
        fill="bunch_crossing",
        value="count(bril)",
        value_range=(0, 1000),
        title="Mean hits by bunch crossing",
        description=f"Flat within a few per cent in the filled bunches. {_CALL}",
    )
    yield profile(
        "BRIL/Bunches/pileup",
        BUNCHES,
        fill="bunch_crossing",
        value="pileup",
        value_range=(0, 500),
        title="Mean pile-up by bunch crossing",
        description=f"Flat within a few per cent in the filled bunches. {_CALL}",
    )
    yield histogram(
        "BRIL/Bunches/time",
        BUNCHES,
        regular(50, -12.5, 12.5, label="time in the crossing", unit="ns"),
        fill=("bunch_crossing", "bril.time"),
        title="Time of hits by bunch crossing",
        description=f"Two bands, at +6 and -6 ns, with the gaps of the filling scheme. {_CALL}",
        draw=LOG_MAP,
    )


def _pileup() -> Iterator[Element]:
    yield histogram(
        "BRIL/pileup",
        regular(100, 0, 100, label="interactions in a crossing"),
        fill="pileup",
        title="Pile-up",
        description=f"A narrow peak that moves slowly left during the fill. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        "BRIL/vertices",
        integer(0, 100, label="reconstructed vertices"),
        fill="vertices",
        title="Vertices per event",
        description=f"One peak at about 0.7 times the pile-up. {_CALL}",
        draw=TREND,
    )
    yield profile(
        "BRIL/vertices_by_pileup",
        regular(100, 0, 100, label="interactions in a crossing"),
        fill="pileup",
        value="vertices",
        value_range=(0, 500),
        title="Mean vertices by pile-up",
        description=f"A straight line with slope 0.7. {_CALL}",
    )
    yield profile(
        "BRIL/hits_by_vertices",
        integer(0, 100, label="reconstructed vertices"),
        fill="vertices",
        value="count(bril)",
        value_range=(0, 1000),
        title="Mean hits by vertices",
        description=f"Rises gently. {_CALL}",
    )
    yield scalar(
        "BRIL/highest_pileup",
        "pileup",
        combine="max",
        title="Highest pile-up of a bunch",
        description="Less than 10 % above the mean: more means uneven bunches; tell the shift "
        "leader.",
        draw=TREND,
    )


def _channels() -> Iterator[Element]:
    yield histogram(
        "BRIL/Channels/occupancy",
        _CHANNEL,
        fill="bril.channel",
        title="Hits by channel",
        description=f"Flat within the statistics: an empty bin is a dead channel. {_CALL}",
    )
    yield histogram(
        "BRIL/Channels/background",
        _CHANNEL,
        fill="bril.channel",
        select="bril.time < 0",
        title="Background hits by channel",
        description=f"Flat within the statistics. {_CALL}",
    )
    yield profile(
        "BRIL/Channels/background_fraction",
        _CHANNEL,
        fill="bril.channel",
        value=_BACKGROUND,
        value_range=(0, 1),
        title="Fraction of background hits by channel",
        description=f"Flat at 0.02. {_CALL}",
        draw=EFFICIENCY,
    )
    yield histogram(
        "BRIL/Channels/time",
        _TIME,
        fill="bril.time",
        title="Time of hits",
        description="A large peak at +6 ns (collisions) and a small one at -6 ns (incoming "
        f"background). {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        "BRIL/Channels/time_by_channel",
        _CHANNEL,
        _TIME,
        fill=("bril.channel", "bril.time"),
        title="Time of hits by channel",
        description=f"Two straight bands, at +6 and -6 ns. {_CALL}",
        draw=MAP,
    )
    yield histogram(
        "BRIL/Channels/charge",
        regular(100, 0, 100, label="charge", unit="ke"),
        fill="bril.charge",
        title="Charge of hits",
        description=f"One peak at 20 ke with a tail to the right. {_CALL}",
    )
    yield profile(
        "BRIL/Channels/charge_by_channel",
        _CHANNEL,
        fill="bril.channel",
        value="bril.charge",
        value_range=(0, 500),
        title="Mean charge by channel",
        description=f"Flat at about 24 ke; falls with radiation damage over months. {_CALL}",
    )


def _luminometers() -> Iterator[Element]:
    for number, name in enumerate(_LUMINOMETERS):
        here, folder = f"luminometer.device == {number}", f"BRIL/Luminometers/{name}"
        yield histogram(
            f"{folder}/ratio",
            regular(100, -1, 3, label=f"pile-up of {name} over the one in use"),
            fill="luminometer.pileup / pileup",
            select=here,
            title=f"{name}: ratio to the pile-up in use",
            description="One peak at 1. A shifted one is an efficiency that changed: tell the "
            "shift leader, the luminosity may be wrong.",
            draw=TREND,
        )
        yield profile(
            f"{folder}/by_bunch_crossing",
            BUNCHES,
            fill="bunch_crossing",
            value="luminometer.pileup",
            value_range=(-500, 1000),
            select=here,
            title=f"{name}: mean pile-up by bunch crossing",
            description=f"Flat within a few per cent in the filled bunches. {_CALL}",
        )
        yield profile(
            f"{folder}/ratio_by_bunch_crossing",
            BUNCHES,
            fill="bunch_crossing",
            value="luminometer.pileup / pileup",
            value_range=(-1000, 1000),
            select=here,
            title=f"{name}: ratio to the pile-up in use, by bunch crossing",
            description="Flat at 1: a slope along trains is afterglow, or a detector that "
            f"saturates. {_CALL}",
        )
    yield profile(
        "BRIL/Luminometers/ratios",
        integer(0, 3, labels=list(_LUMINOMETERS), label="luminometer"),
        fill="luminometer.device",
        value="luminometer.pileup / pileup",
        value_range=(-1000, 1000),
        title="Mean ratio to the pile-up in use, by luminometer",
        description="All at 1 within a per cent. One that differs: tell the shift leader.",
    )


workspace = Workspace(
    "bril",
    "Luminosity counts by bunch and channel, luminometers, pile-up, beam background.",
    [*_rates(), *_bunches(), *_pileup(), *_luminometers(), *_channels()],
)
