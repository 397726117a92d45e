"""High voltage, magnet and luminosity as the events of the stream carry them (`dcs`, `luminosity`).

The detector control system says of 27 partitions whether they are ready, and of some that it does
not know. The luminosity is the last one known when the event was built, a few nibbles old. Both
are records of the online meta data, and become conditions of the lumisection.
"""

import re
from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Draw, Element
from dqmstream.sources.cms.detector import PARTITIONS
from dqmstream.workspaces.elements import EFFICIENCY, MAP, TREND, number_of_events, with_mean
from dqmstream.workspaces.objects import LUMISECTION, NIBBLE, NIBBLES, POINTS, TIMED

__all__ = ["workspace"]

_CALL: Final = "Otherwise tell the shift leader."
_LABELS: Final = tuple(re.sub("m$", "-", re.sub("p$", "+", name)) for name in PARTITIONS)
"""Of the partitions; p and m stand for the ends of the detector."""
_PARTITION: Final = integer(0, len(PARTITIONS), label="partition", labels=_LABELS)
_TRACKER: Final = 17, 23
"""First partition of the tracker, and the one behind its last."""
_LUMINOSITY: Final = regular(120, 0, 30_000, label="luminosity", unit="1e30 /cm2/s")
_PILEUP: Final = regular(120, 0, 120, label="pile-up")
_AGE: Final = f"({LUMISECTION} - luminosity.lumisection) * 64 + {NIBBLE} - luminosity.nibble"


def _voltages() -> Iterator[Element]:
    yield number_of_events("DCS")
    yield histogram(
        "DCS/states",
        integer(0, 3, label="state", labels=["off", "on", "not known"]),
        _PARTITION,
        fill=("dcs_partitions.state", "dcs_partitions.partition"),
        title="State of each partition",
        description=f"On in stable beams, but for what is known to be off. {_CALL}",
        draw=MAP,
    )
    yield profile(
        "DCS/on",
        _PARTITION,
        fill="dcs_partitions.partition",
        value="where(dcs_partitions.state == 1, 1, 0)",
        value_range=(0, 1),
        select="dcs_partitions.state != 2",
        title="Partitions on, fraction of events",
        description="At 1 in stable beams. Between 0 and 1: its voltage changed in this time. "
        f"Empty: its state is not known. {_CALL}",
        draw=EFFICIENCY,
    )
    yield profile(
        "DCS/tracker",
        integer(*_TRACKER, label="partition", labels=_LABELS[slice(*_TRACKER)]),
        fill="dcs_partitions.partition",
        value="where(dcs_partitions.state == 1, 1, 0)",
        value_range=(0, 1),
        select=f"dcs_partitions.partition >= {_TRACKER[0]}"
        f" and dcs_partitions.partition < {_TRACKER[1]}",
        title="Tracker's partitions on, fraction of events",
        description="At 1 in stable beams: else data are not good for physics. "
        f"{_CALL.replace('leader', 'leader, and call the tracker DOC')}",
        draw=EFFICIENCY,
    )
    yield histogram(
        "DCS/on_per_event",
        integer(0, 28, label="partitions that are on"),
        fill="count(dcs_partitions.state == 1)",
        select="count(dcs) > 0",
        title="Partitions that are on per event",
        description=f"One bin, the same in all lumisections of stable beams. {_CALL}",
        draw=TREND,
    )
    yield profile(
        "DCS/on_by_time",
        NIBBLES,
        fill=NIBBLE,
        value="count(dcs_partitions.state == 1)",
        value_range=(0, 27),
        select=f"{TIMED} and count(dcs) > 0",
        title="Mean number of partitions that are on by time in the lumisection",
        description=f"Flat: a step is a partition that went off or on. {_CALL}",
    )
    yield from with_mean(
        histogram(
            "DCS/age",
            regular(120, 0, 48, label="hours since the last change of any state", unit="h"),
            fill="(time - dcs.time) / 3.6e12",
            select="time > 0",
            title="Time since the last change of the detector control system",
            description="Grows in a fill; one that jumps back to 0 is a change of voltage. "
            "Beyond the axis, or below 0: the record is not updated. "
            f"{_CALL}",
        ),
        value_range=(-1000, 1000),
        good="Grows by 0.0065 h each lumisection, but where a voltage changed.",
    )


def _magnet() -> Iterator[Element]:
    yield from with_mean(
        histogram(
            "DCS/Magnet/field",
            regular(200, 0, 4, label="field", unit="T"),
            fill="dcs.magnet_field",
            title="Magnetic field",
            description=f"At 3.8 T; 0 in runs without field. {_CALL}",
        ),
        value_range=(-10, 10),
    )
    yield from with_mean(
        histogram(
            "DCS/Magnet/current",
            regular(190, 0, 19_000, label="current", unit="A"),
            fill="dcs.magnet_current",
            title="Current of the magnet",
            description=f"At 18 164 A, steady. {_CALL}",
        ),
        value_range=(-32_000, 32_000),
    )
    yield scalar(
        "DCS/Magnet/lowest_current",
        "dcs.magnet_current",
        combine="min",
        title="Lowest current of the magnet [A]",
        description="18 164 A: lower and falling is a ramp down.",
        draw=TREND,
    )


def _luminosity() -> Iterator[Element]:
    # A narrow range: squares are summed in steps of its square / 2**30, which spreads show.
    for name, axis, highest, words in (
        ("luminosity", _LUMINOSITY, 100_000, "Luminosity"),
        ("pileup", _PILEUP, 500, "Pile-up"),
    ):
        yield from with_mean(
            histogram(
                f"DCS/Luminosity/{name}",
                axis,
                fill=f"luminosity.{name}",
                title=words,
                description=f"One bin or two, falling slowly in a fill but for levelling. {_CALL}",
            ),
            value_range=(0, 4 * axis.upper),
            good="Falls slowly in a fill but for levelling.",
        )
        yield profile(
            f"DCS/Luminosity/{name}_by_time",
            NIBBLES,
            fill=NIBBLE,
            value=f"luminosity.{name}",
            value_range=(0, highest),
            select=TIMED,
            title=f"Mean {words.lower()} by time in the lumisection",
            description=f"Smooth; a step is a change of the beams. {_CALL}",
            draw=POINTS,
        )
    yield from with_mean(
        histogram(
            "DCS/Luminosity/pileup_per_luminosity",
            regular(100, 0, 0.02, label="pile-up / luminosity", unit="1e-30 cm2 s"),
            fill="luminosity.pileup / luminosity.luminosity",
            select="luminosity.luminosity > 0",
            title="Pile-up for each unit of luminosity",
            description="One bin: the cross section over the frequency and the number of bunches. "
            f"{_CALL}",
        ),
        value_range=(0, 1),
    )
    yield histogram(
        "DCS/Luminosity/nibble",
        integer(0, 65, label="lumi nibble"),
        fill="luminosity.nibble",
        title="Nibble of the luminosity",
        description=f"All nibbles, as far as there are events. {_CALL}",
    )
    yield histogram(
        "DCS/Luminosity/age",
        integer(-16, 129, label="nibbles"),
        fill=_AGE,
        select=TIMED,
        title="Age of the luminosity in the event",
        description=f"4 to 7 nibbles, of 0.36 s each: more is a luminosity that stopped. {_CALL}",
        draw=Draw(log_y=True, per_lumisection=True),
    )
    yield histogram(
        "DCS/Luminosity/there",
        integer(0, 2, label="record", labels=["missing", "there"]),
        fill="where(count(luminosity) > 0 and count(dcs) > 0, 1, 0)",
        title="Events with both records",
        description=f"All on the right: else the online meta data are not built in. {_CALL}",
    )


workspace = Workspace(
    "dcs_luminosity",
    "High voltage of all partitions, magnet, luminosity and pile-up, as events carry them.",
    [*_voltages(), *_magnet(), *_luminosity()],
)
