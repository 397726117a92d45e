"""What workspaces on the contents of CMS events show of each kind of object: how many, and where.

Axes are those that CMS books for the same plots (cms-sw/cmssw, DQM/TrackingMonitor/python and
HLTriggerOffline/Scouting/plugins/ScoutingCollectionMonitor.cc), wider where newer detectors reach
further. A time within the lumisection is told by the orbit: an LS has 2^18 of them, 23.31 s.
"""

import math
from collections.abc import Iterator
from typing import Final

from dqmstream.booking import histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Draw, Element, Regular
from dqmstream.workspaces.elements import BUNCHES, MAP, SPECTRUM, TREND, with_mean

__all__ = [
    "ACROSS",
    "ETA",
    "LUMISECTION",
    "NIBBLE",
    "NIBBLES",
    "PHI",
    "POINTS",
    "TIMED",
    "numbers",
    "places",
]

ETA: Final = regular(60, -3, 3, label="eta")
PHI: Final = regular(32, -math.pi, math.pi, label="phi")
ACROSS: Final = tuple(regular(160, -0.4, 0.4, label=name, unit="cm") for name in "xy")
"""Any place that beams had, in bins of 50 um: half of what most vertices are blurred by."""
POINTS: Final = Draw(style="points")

LUMISECTION: Final = "orbit // 262144 + 1"
"""The lumisection that an event is in, by its orbit."""
NIBBLES: Final = integer(0, 64, label="lumi nibble: 64 to a lumisection, of 4096 orbits each")
NIBBLE: Final = "orbit % 262144 // 4096"
TIMED: Final = "orbit >= 0"
"""The event's own orbit was read."""


def numbers(
    folder: str, collection: str, what: str, *, most: int, good: str, call: str, step: int = 1
) -> Iterator[Element]:
    """How many objects there are: in all, by event, by bunch crossing and by time.

    Parameters
    ----------
    folder
        Where the elements are.
    collection
        What is counted.
    what
        The objects in words, such as `tracks`.
    most
        End of the axis of objects in an event.
    good
        What a good distribution of objects in an event looks like, as a sentence.
    call
        Whom to call, as a sentence.
    step
        Numbers that share a bin.
    """
    yield scalar(
        f"{folder}/number",
        f"count({collection})",
        combine="sum",
        title=what.capitalize(),
        description=f"Steady over lumisections, without steps. {call}",
        draw=TREND,
    )
    yield histogram(
        f"{folder}/per_event",
        regular(most // step, -0.5, most - 0.5, label=f"{what} in an event"),
        fill=f"count({collection})",
        title=f"{what.capitalize()} per event",
        description=f"{good} {call}",
        draw=SPECTRUM,
    )
    yield profile(
        f"{folder}/by_bunch_crossing",
        BUNCHES,
        fill="bunch_crossing",
        value=f"count({collection})",
        value_range=(0, 10_000),
        title=f"By bunch crossing: mean number of {what}",
        description=f"Colliding bunches alike; nothing where no bunches collide. {call}",
    )
    yield profile(
        f"{folder}/by_time",
        NIBBLES,
        fill=NIBBLE,
        value=f"count({collection})",
        value_range=(0, 10_000),
        select=TIMED,
        title=f"By time in the LS: mean number of {what}",
        description=f"Flat: a step means that a part of the detector came or went. {call}",
    )


def places(
    folder: str,
    collection: str,
    what: str,
    *,
    pt: Regular,
    call: str,
    eta: Regular = ETA,
    spectrum: str = "Falls steeply from the threshold, without spikes.",
) -> Iterator[Element]:
    """Transverse momenta and directions of objects, and the mean of the former by the latter.

    Parameters
    ----------
    folder, collection, what, call
        As for `numbers`.
    pt, eta
        Axes.
    spectrum
        What good transverse momenta look like, as a sentence.
    """
    yield from with_mean(
        histogram(
            f"{folder}/pt",
            pt,
            fill=f"{collection}.pt",
            title=f"Transverse momentum of {what}",
            description=f"{spectrum} {call}",
            draw=SPECTRUM,
        ),
        value_range=(0, 20 * pt.upper),
    )
    yield from with_mean(
        histogram(
            f"{folder}/eta",
            eta,
            fill=f"{collection}.eta",
            title=f"Eta of {what}",
            description=f"Symmetric, without holes. {call}",
        ),
        value_range=(-20, 20),
    )
    yield histogram(
        f"{folder}/phi",
        PHI,
        fill=f"{collection}.phi",
        title=f"Phi of {what}",
        description=f"Flat within the statistics: a hole is a dead sector. {call}",
    )
    yield histogram(
        f"{folder}/map",
        eta,
        PHI,
        fill=(f"{collection}.eta", f"{collection}.phi"),
        title=f"Where {what} are",
        description=f"Even along phi. An empty region is dead, a lone hot cell is noise. {call}",
        draw=MAP,
    )
    yield profile(
        f"{folder}/pt_by_eta",
        eta,
        fill=f"{collection}.eta",
        value=f"{collection}.pt",
        value_range=(0, 14_000),
        title=f"By eta: mean transverse momentum of {what}",
        description=f"Symmetric: else the momentum scale depends on the side. {call}",
        draw=POINTS,
    )
