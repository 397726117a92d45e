"""Elements that most workspaces begin with, and hints how to draw."""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Draw, Element, Histogram

__all__ = [
    "BUNCHES",
    "EFFICIENCY",
    "LOG_MAP",
    "MAP",
    "SPECTRUM",
    "TIME_IN_LS",
    "TREND",
    "beginning",
    "number_of_events",
    "with_mean",
]

MAP: Final = Draw(style="map")
LOG_MAP: Final = Draw(style="map", log_z=True)
TREND: Final = Draw(per_lumisection=True)
SPECTRUM: Final = Draw(log_y=True)
EFFICIENCY: Final = Draw(efficiency=True)

_ALL: Final = integer(0, 1, label="all")
BUNCHES: Final = regular(594, 0.5, 3564.5, label="bunch crossing, in groups of 6")
TIME_IN_LS: Final = regular(120, 0, 24, label="time since the start of the LS", unit="s")


def number_of_events(folder: str) -> Element:
    """How many events reached this workspace."""
    return scalar(
        f"{folder}/events",
        "1",
        combine="sum",
        title="Events",
        description="Steady over lumisections. Zero: no data reach this workspace; call the DQM "
        "operator.",
        draw=TREND,
    )


def with_mean(
    shown: Histogram,
    *,
    value_range: tuple[float, float],
    good: str = "Steady over lumisections, without steps.",
    select: str = "",
) -> Iterator[Element]:
    """A histogram, and in a profile of one bin the mean of what it shows, for trends.

    A mean of bins is off by as much as half a bin, and lacks what is beyond the axis.

    Parameters
    ----------
    shown
        The histogram.
    value_range
        Of what it shows: wider than its axis, but not by far, as it sets the precision. What is
        outside is counted, not averaged.
    good
        What a good trend looks like, as a sentence.
    select
        Of which the mean is, if not of all that the histogram shows.
    """
    first, rest = shown.title[0], shown.title[1:]
    # FED stays FED.
    title = f"{first if rest[:1].isupper() else first.lower()}{rest}"
    yield shown
    yield profile(
        f"{shown.path}_mean",
        _ALL,
        fill="0",
        value=shown.fill[0],
        value_range=value_range,
        select=select or shown.select,
        title=f"Mean: {title}",
        description=f"{good} Otherwise look at the histogram, and tell the shift leader.",
        draw=TREND,
    )


def beginning(
    folder: str, collection: str, member: str, what: str, *, most: int, call: str
) -> Iterator[Element]:
    """How many objects there are: in all, by event, by bunch crossing and by time.

    Parameters
    ----------
    folder
        Of the workspace.
    collection, member
        What is counted, and a member of it that is never negative.
    what
        The objects in words, such as `clusters`.
    most
        End of the axis of objects in an event.
    call
        Whom to call.
    """
    yield number_of_events(folder)
    yield scalar(
        f"{folder}/{what}",
        f"count({collection})",
        combine="sum",
        title=what.capitalize(),
        description=f"Falls slowly with the luminosity, without steps. {call}",
        draw=TREND,
    )
    yield histogram(
        f"{folder}/{what}_per_event",
        integer(0, most, label=f"{what} in an event"),
        fill=f"count({collection})",
        title=f"{what.capitalize()} per event",
        description="One peak that moves left as pile-up falls. A second one near 0 means that "
        f"part of the detector does not read out. {call}",
    )
    yield profile(
        f"{folder}/{what}_by_bunch_crossing",
        BUNCHES,
        fill="bunch_crossing",
        value=f"count({collection})",
        value_range=(0, 10_000),
        title=f"Mean {what} by bunch crossing",
        description="Filled bunches alike, gaps between trains empty. Anything in the gap at the "
        f"end: noise or a wrong phase. {call}",
    )
    yield histogram(
        f"{folder}/{what}_in_time",
        TIME_IN_LS,
        fill="time * 1e-9",
        select=f"{collection}.{member} >= 0",
        title=f"{what.capitalize()} by time in the lumisection",
        description=f"Flat: a hole means that readout stopped and came back. {call}",
    )
