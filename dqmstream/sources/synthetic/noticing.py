"""Which elements and quality tests a fault of the synthetic detector can show up in."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from dqmstream.booking.fill import required_columns
from dqmstream.messages.booking import Booking, Element
from dqmstream.quality.declaration import QualityTest
from dqmstream.quality.pattern import compile_pattern
from dqmstream.sources.synthetic.faults import (
    DeadModule,
    Disagreement,
    Fault,
    GainDrift,
    HotChannel,
    LateSource,
    MissingSource,
    NoiseBurst,
    ObjectFault,
    PrescaleChange,
    RateDrop,
    TimingShift,
    VoltageTrip,
)
from dqmstream.sources.synthetic.subsystem import SUBSYSTEMS

__all__ = ["ALGORITHMS", "Noticing", "noticing"]

_BINS: Final = frozenset({"DeadChannel", "DeadRegion", "NoisyChannel", "ContentsXRange"})
_MEANS: Final = frozenset({"MeanWithinExpected", "LevelShift", "ContentsXRange", "ContentsYRange"})
_RATES: Final = frozenset({"RateChange"})

ALGORITHMS: Final[Mapping[type[Fault], frozenset[str]]] = {
    DeadModule: _BINS,
    VoltageTrip: _BINS,
    HotChannel: _BINS,
    NoiseBurst: _BINS,
    TimingShift: _MEANS,
    GainDrift: _MEANS,
    Disagreement: frozenset({"ContentsXRange", "ContentsYRange"}),
    PrescaleChange: frozenset({"ContentsXRange"}),
    RateDrop: _RATES,
    MissingSource: _RATES,
    LateSource: _RATES,
}
"""Algorithms that look at what a fault changes.

Channels lost or noisy stand out among their neighbours, which then look noisy or dead beside them.
"""

_EQUAL: Final = re.compile(r"(?P<member>[a-z0-9_]+\.[a-z_]+)\s*==\s*(?P<value>-?\d+)(?![\d.])")


class Noticing(NamedTuple):
    """Paths of elements whose contents the fault changes; names of tests that may say so, sorted.

    A fault below the limits of a test shows in the element alone.
    """

    elements: tuple[str, ...]
    quality_tests: tuple[str, ...]


def noticing(fault: Fault, bookings: Iterable[Booking], tests: Iterable[QualityTest]) -> Noticing:
    """Where a fault can be seen, out of what the elements read.

    An element counts if it reads what changes, and does not select another address alone. A test
    counts if it looks at such an element with an algorithm of `ALGORITHMS`. Fewer events change all
    elements: those count that such a test looks at. Accounts tell the rest.

    Parameters
    ----------
    bookings, tests
        What is filled, and how it is judged.
    """
    algorithms = ALGORITHMS.get(type(fault), frozenset())
    if isinstance(fault, DeadModule) and fault.efficiency:
        # It looks for bins with next to nothing in them: what counts too little is not dead.
        algorithms -= {"DeadChannel"}
    columns = _changed(fault)
    of_events = algorithms is _RATES
    found = [
        (booking.workspace, element)
        for booking in bookings
        for element in booking.elements
        if of_events or (_reads(booking, element, columns) and not _elsewhere(fault, element))
    ]
    judged = [
        (test.name, element.path)
        for test in tests
        if test.enabled and test.algorithm in algorithms
        for workspace, element in found
        if compile_pattern(test.workspace).fullmatch(workspace)
        and compile_pattern(test.path).fullmatch(element.path)
    ]
    shown = {path for _, path in judged} if of_events else {element.path for _, element in found}
    return Noticing(tuple(sorted(shown)), tuple(sorted({name for name, _ in judged})))


def _changed(fault: Fault) -> frozenset[str]:
    """Columns that change; a collection alone stands for all its members."""
    if isinstance(fault, PrescaleChange):
        return frozenset({"prescale_index", "ls_prescale_index", "hlt", "hlt_stream"})
    if not isinstance(fault, ObjectFault):
        return frozenset()
    derived = {
        one.name
        for part in SUBSYSTEMS.values()
        for one in part.derived
        if fault.collection in one.inputs
    }
    if isinstance(fault, TimingShift | GainDrift):
        return frozenset(derived) | {f"{fault.collection}.{name}" for name in fault.members}
    return frozenset(derived) | {fault.collection}


def _reads(booking: Booking, element: Element, columns: frozenset[str]) -> bool:
    read = required_columns(Booking(workspace=booking.workspace, elements=(element,)))
    return any(name in columns or name.partition(".")[0] in columns for name in read)


def _elsewhere(fault: Fault, element: Element) -> bool:
    """Whether the element selects objects that are not at the address."""
    if not isinstance(fault, ObjectFault):
        return False
    where = {f"{fault.collection}.{name}": value for name, value in fault.where}
    equal = _EQUAL.finditer(element.select)
    return any(where.get(one["member"], int(one["value"])) != int(one["value"]) for one in equal)
