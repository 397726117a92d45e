"""What triggers said of each event: the record of Level-1 (`l1`, FED 1404) and that of the HLT.

Bits stand for algorithms of the Level-1 menu, of which the stream has numbers, no names. A bit is
initial as the algorithm decides, intermediate after masks of bunch crossings and prescales, final
after masks of algorithms: each is a part of the one before. Shown is the triggered bunch crossing.

The HLT says in `trigger_results`, inside the event, what the header of the message says too, and
which module was the last that ran of each path. Columns that every file has are in `dqm_stream`.
"""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Draw, Element
from dqmstream.workspaces.elements import BUNCHES, LOG_MAP, SPECTRUM, TREND, with_mean
from dqmstream.workspaces.elements import number_of_events as events
from dqmstream.workspaces.objects import NIBBLE, NIBBLES, TIMED

__all__ = ["workspace"]

_CALL: Final = "Otherwise call the L1 trigger DOC."
_HLT: Final = "Otherwise call the HLT expert on duty."
_BIT: Final = integer(0, 512, label="Level-1 algorithm")
_GROUPS: Final = regular(64, 0, 512, label="Level-1 algorithm, in groups of 8")
_BITS: Final = integer(0, 200, label="bits of an event")
_COLUMN: Final = integer(0, 16, label="prescale column")
_THERE: Final = "count(l1) > 0"
"""The event has a record of the global trigger that could be read."""

_STAGES: Final = {
    "initial": "as algorithms decide",
    "intermediate": "after prescales",
    "final": "after all masks",
}


def _bits() -> Iterator[Element]:
    for stage, words in _STAGES.items():
        yield histogram(
            f"EventInfo/L1/{stage}",
            _BIT,
            fill=f"l1_{stage}.bit",
            title=f"Level-1 bits {words}",
            description="As in the reference but for prescale changes: a bit far above it is hot, "
            f"an empty one dead. {_CALL}",
            draw=SPECTRUM,
        )
        yield histogram(
            f"EventInfo/L1/{stage}_per_event",
            _BITS,
            fill=f"count(l1_{stage})",
            select=_THERE,
            title=f"Per event: Level-1 bits {words}",
            description=f"As in the reference. {_CALL}",
            draw=Draw(per_lumisection=True),
        )
        yield histogram(
            f"EventInfo/L1/{stage}_in_time",
            NIBBLES,
            _GROUPS,
            fill=(NIBBLE, f"l1_{stage}.bit"),
            select=TIMED,
            title=f"By time: Level-1 bits {words}",
            description=f"Even from left to right: a row that begins or ends is a bit that "
            f"changed. {_CALL}",
            draw=LOG_MAP,
        )
    yield histogram(
        "EventInfo/L1/order",
        integer(0, 2, label="stages", labels=["not one in another", "one in another"]),
        fill="where(count(l1_initial) >= count(l1_intermediate)"
        " and count(l1_intermediate) >= count(l1_final), 1, 0)",
        select=_THERE,
        title="Events whose final bits are fewer than the initial ones",
        description=f"All on the right. {_CALL}",
    )
    yield from with_mean(
        histogram(
            "EventInfo/L1/unprescaled",
            regular(51, -0.01, 1.01, label="final bits / initial bits"),
            fill="count(l1_final) / count(l1_initial)",
            select=f"{_THERE} and count(l1_initial) > 0",
            title="Fraction of bits that pass prescales and masks",
            description=f"As in the reference, steps with the prescale column. {_CALL}",
        ),
        value_range=(0, 1),
        good="Steps with the prescale column alone.",
    )
    yield profile(
        "EventInfo/L1/final_by_bunch_crossing",
        BUNCHES,
        fill="bunch_crossing",
        value="count(l1_final)",
        value_range=(0, 512),
        select=_THERE,
        title="Mean number of final bits by bunch crossing",
        description=f"Colliding bunches alike; the first of a train may have more. {_CALL}",
    )
    yield scalar(
        "EventInfo/L1/without_final",
        f"where({_THERE} and count(l1_final) == 0, 1, 0)",
        combine="sum",
        title="Events that no final bit triggered",
        description="Few: random and calibration triggers have none.",
        draw=TREND,
    )


def _records() -> Iterator[Element]:
    yield events("EventInfo")
    yield histogram(
        "EventInfo/Record/there",
        integer(0, 2, label="record", labels=["missing", "there"]),
        fill=f"where({_THERE}, 1, 0)",
        title="Events with a record of the global trigger",
        description=f"All on the right: else FED 1404 is missing or cannot be read. {_CALL}",
    )
    yield histogram(
        "EventInfo/Record/prescale_column",
        _COLUMN,
        fill="l1.prescale_column",
        title="Prescale column",
        description=f"That in force; two where it was changed within the LS. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        "EventInfo/Record/boards",
        integer(0, 13, label="boards"),
        fill="l1.boards",
        title="Boards of the global trigger in an event",
        description=f"One bin, that of the reference: else a board does not read out. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        "EventInfo/Record/orbit_difference",
        integer(-4, 6, label="orbit of the global trigger - orbit of the event"),
        fill="l1.orbit - orbit",
        select=TIMED,
        title="Orbit of the global trigger against that of the event",
        description=f"All at 1: the two count from 1 and from 0. {_CALL}",
        draw=SPECTRUM,
    )
    for which in ("lowest", "highest"):
        yield scalar(
            f"EventInfo/Record/{which}_prescale_column",
            "l1.prescale_column",
            combine="min" if which == "lowest" else "max",
            title=f"{which.capitalize()} prescale column",
            description="Steps down as the luminosity falls.",
            draw=TREND,
        )


def _paths() -> Iterator[Element]:
    path = integer(0, 512, label="HLT path")
    yield histogram(
        "EventInfo/HLT/agreement",
        integer(0, 2, label="both records", labels=["differ", "agree"]),
        fill="where(count(trigger_results.state == 1) == count(hlt.state == 1), 1, 0)",
        title="Events whose record and header passed equally many paths",
        description=f"All on the right: else files are not what the HLT wrote. {_HLT}",
    )
    yield profile(
        "EventInfo/HLT/last_module",
        path,
        fill="trigger_results.path",
        value="trigger_results.module",
        value_range=(0, 2**16),
        select="trigger_results.state == 2",
        title="Mean number of the module that rejected the event by path",
        description="As in the reference: lower, a filter rejects earlier than it did, with a "
        f"prescale of 0 it is the first. {_HLT}",
    )
    yield histogram(
        "EventInfo/HLT/last_modules",
        path,
        regular(64, -0.5, 255.5, label="module within the path"),
        fill=("trigger_results.path", "trigger_results.module"),
        select="trigger_results.state == 2",
        title="Modules that rejected events by path",
        description=f"As in the reference: each path rejects in its own filters. {_HLT}",
        draw=LOG_MAP,
    )


workspace = Workspace(
    "event_info",
    "What triggers said: Level-1 bits before and after prescales, prescale column, orbit; HLT.",
    [*_records(), *_bits(), *_paths()],
)
