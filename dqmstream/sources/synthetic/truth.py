"""The truth of a synthetic run: what was broken when and where it shows, for judging alarms by.

Described in docs/scenarios.md.
"""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import msgspec

from dqmstream.messages.booking import Booking
from dqmstream.quality.declaration import QualityTest
from dqmstream.sources.synthetic.config import SyntheticConfig
from dqmstream.sources.synthetic.faults import (
    AlteredChunks,
    Fault,
    LateSource,
    MissingSource,
    ObjectFault,
    RateDrop,
    RepeatedChunks,
)
from dqmstream.sources.synthetic.faults.written import parameters_of
from dqmstream.sources.synthetic.noticing import noticing
from dqmstream.sources.synthetic.scenario import Scenario

__all__ = ["TRUTH_VERSION", "truth", "write_truth"]

TRUTH_VERSION: Final = 1
"""Rises when a key changes its meaning or goes."""

_ACCOUNTS: Final[dict[type[Fault], str]] = {
    RateDrop: "rate",
    MissingSource: "missing",
    LateSource: "late",
    RepeatedChunks: "duplicates",
    AlteredChunks: "refused",
}


def truth(
    scenario: Scenario, bookings: Iterable[Booking] = (), tests: Iterable[QualityTest] = ()
) -> dict[str, Any]:
    """What is known of a run: its settings, its fill, and each fault with where it shows.

    A fault that lies wholly after the end of the run has an empty list of lumisections' bounds.

    Parameters
    ----------
    bookings, tests
        What is filled, and how it is judged.
    """
    config, bookings, tests = scenario.config, tuple(bookings), tuple(tests)
    return {
        "format": "dqmstream truth",
        "version": TRUTH_VERSION,
        "scenario": scenario.name,
        "description": scenario.description,
        "run": config.run,
        "seed": config.seed,
        "lumisections": config.lumisections,
        "lumisection_seconds": config.lumisection_seconds,
        "events_per_lumisection": config.events,
        "subsystems": sorted(set(config.subsystems)),
        "sources": list(scenario.sources),
        "fill": config.fill.number,
        "conditions": _conditions(config),
        "faults": [
            _described(fault, config.lumisections, bookings, tests) for fault in scenario.faults
        ],
    }


def _conditions(config: SyntheticConfig) -> list[dict[str, Any]]:
    """Ranges of LSs with one energy and column of prescales, and what the beams do at both ends."""
    ranges = []
    numbers = range(1, config.lumisections + 1)
    for (column, energy), found in groupby(
        numbers, lambda one: (config.prescale_index(one), config.fill.energy(one))
    ):
        within = list(found)
        ends = (within[0], within[-1])
        ranges.append(
            {
                "lumisections": list(ends),
                "prescale_index": column,
                "energy": energy,
                "pileup": [config.fill.pileup(end) for end in ends],
                "luminosity": [config.fill.luminosity(end) for end in ends],
            }
        )
    return ranges


def _described(
    fault: Fault,
    lumisections: int,
    bookings: tuple[Booking, ...],
    tests: tuple[QualityTest, ...],
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "fault": str(fault),
        "kind": fault.kind,
        "lumisections": list(fault.within(lumisections) or ()),
    }
    described |= {name: getattr(fault, name) for name in parameters_of(type(fault))}
    if isinstance(fault, ObjectFault):
        described["address"] = dict(fault.where)
    found = noticing(fault, bookings, tests)
    return described | {
        "elements": list(found.elements),
        "quality_tests": list(found.quality_tests),
        "account": _ACCOUNTS.get(type(fault), ""),
    }


def write_truth(
    scenario: Scenario,
    path: Path,
    bookings: Iterable[Booking] = (),
    tests: Iterable[QualityTest] = (),
) -> None:
    """Write `truth` as one JSON document; the folder must be there."""
    document = msgspec.json.encode(truth(scenario, bookings, tests))
    path.write_bytes(msgspec.json.format(document, indent=2) + b"\n")
