"""When the events of a stream happened, and how long ago: elements of workspace `dqm_stream`.

`log_time - time` is the delay from the event to here. Of a replayed recording it is the age of the
recording: years, whatever the service does.
"""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import histogram, integer, profile, regular, scalar, variable
from dqmstream.messages.booking import Draw, Element
from dqmstream.workspaces.elements import LOG_MAP, SPECTRUM, TREND
from dqmstream.workspaces.objects import LUMISECTION, NIBBLE, NIBBLES

__all__ = ["delays", "times"]

_CALL: Final = "Otherwise call the HLT expert on duty."
_TIMED: Final = "time > 0"
"""The event's own time was read."""
_DELAY: Final = "(log_time - time) / 1e9"
_PAST: Final = f"{_TIMED} and log_time > time"
_POWER: Final = f"log({_DELAY}) / 2.302585092994046"
"""Logarithm to base 10, so that a mean of seconds and one of years are equally fine."""
_STEPS: Final = (f"{step}e{power}" for power in range(-1, 9) for step in (1, 1.5, 2, 3, 5, 7))
_DELAYS: Final = variable([*map(float, _STEPS), 1e9], label="delay", unit="s")
"""From 0.1 s to 30 years, six bins for each factor of ten."""


def times() -> Iterator[Element]:
    """When events happened: in the fill, the lumisection and the orbit."""
    yield scalar(
        "DQMStream/Time/unreadable",
        "time <= 0",
        combine="sum",
        title="Events whose own time could not be read",
        description=f"0: else the release writes events in a form not known here. {_CALL}",
        draw=TREND,
    )
    yield scalar(
        "DQMStream/Time/fill",
        "fill",
        combine="max",
        select=_TIMED,
        title="LHC fill",
        description="That of the LHC page; 0 or -1 without one.",
        draw=TREND,
    )
    yield histogram(
        "DQMStream/Time/in_lumisection",
        NIBBLES,
        fill=NIBBLE,
        select=_TIMED,
        title="Events by time within the lumisection",
        description=f"Flat: a gap is a time without triggers. {_CALL}",
    )
    yield histogram(
        "DQMStream/Time/bunch_crossing",
        integer(0, 3564, label="bunch crossing"),
        fill="bunch_crossing",
        select=_TIMED,
        title="Events by bunch crossing",
        description=f"Only crossings with beam, but for random triggers. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        "DQMStream/Time/orbit",
        regular(128, 0, 262_144, label="orbit within the lumisection"),
        fill="orbit % 262144",
        select="orbit >= 0",
        title="Events by orbit within the lumisection",
        description=f"Flat: a gap is a time without triggers. {_CALL}",
    )
    yield histogram(
        "DQMStream/Time/bunches_in_time",
        NIBBLES,
        regular(99, -0.5, 3563.5, label="bunch crossing, in groups of 36"),
        fill=(NIBBLE, "bunch_crossing"),
        select=_TIMED,
        title="Events by bunch crossing and time within the lumisection",
        description=f"Even from left to right: bunches do not come and go. {_CALL}",
        draw=LOG_MAP,
    )
    yield profile(
        "DQMStream/Time/event_number",
        NIBBLES,
        fill=NIBBLE,
        value="event",
        value_range=(0, 2.0**40),
        select=_TIMED,
        title="Mean event number by time within the lumisection",
        description=f"A straight line that rises: a bend is a change of the trigger rate. {_CALL}",
    )
    for which in ("lowest", "highest"):
        yield scalar(
            f"DQMStream/Time/{which}_lumisection",
            LUMISECTION,
            combine="min" if which == "lowest" else "max",
            select="orbit >= 0",
            title=f"{which.capitalize()} lumisection by the orbit",
            description="The number of the lumisection itself: else orbits and lumisections were "
            "not reset together.",
            draw=TREND,
        )


def delays() -> Iterator[Element]:
    """How long after the event its chunk entered the log."""
    age = "In a replay: the age of the recording."
    yield histogram(
        "DQMStream/Delay/delay",
        _DELAYS,
        fill=_DELAY,
        select=_TIMED,
        title="Delay from the event to here",
        description="One peak at about half a minute, as events come in files of a lumisection. "
        f"Below 0.1 s clocks disagree. {age} {_CALL}",
        draw=Draw(log_x=True),
    )
    yield scalar(
        "DQMStream/Delay/longest",
        _DELAY,
        combine="max",
        select=_TIMED,
        title="Longest delay [s]",
        description=f"Steady over lumisections; rising: we fall behind. {age} {_CALL}",
        draw=TREND,
    )
    yield profile(
        "DQMStream/Delay/by_time",
        NIBBLES,
        fill=NIBBLE,
        value=_POWER,
        value_range=(-6, 12),
        select=_PAST,
        title="Mean power of ten of the delay [s] by time within the lumisection",
        description="1 is 10 s, 2 is 100 s. Falls, as the first events of a file wait longest. "
        f"{age} {_CALL}",
    )
    yield profile(
        "DQMStream/Delay/by_host",
        regular(256, 0, 65536, label="number of the filter unit, in groups of 256"),
        fill="host",
        value=_POWER,
        value_range=(-6, 12),
        select=_PAST,
        title="Mean power of ten of the delay [s] by filter unit",
        description=f"1 is 10 s, 2 is 100 s. Alike in all units. {age} {_CALL}",
    )
