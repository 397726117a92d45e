"""What to make: run, rate, length, subsystems and faults of a synthetic detector."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from dqmstream.errors import ConfigurationError
from dqmstream.sources.synthetic.faults import (
    Fault,
    ObjectFault,
    PrescaleChange,
    RateDrop,
    SourceFault,
)
from dqmstream.sources.synthetic.fill import Fill
from dqmstream.sources.synthetic.subsystem import SUBSYSTEMS, Subsystem

__all__ = ["SyntheticConfig"]

_BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "seed": (0, 2**63 - 1),
    "run": (1, 2**31 - 1),
    "lumisections": (1, 2**31 - 1),
    "rate": (0, 1e7),
    "lumisection_seconds": (1e-3, 1e4),
    "chunk_events": (1, 10**6),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SyntheticConfig:
    """All that the events of a synthetic run depend on.

    Parameters
    ----------
    seed
        Another seed gives another run of the same detector.
    run
        Run number.
    lumisections
        How many the run has, numbered from 1.
    rate
        Events per second [Hz]: each LS has round(rate * lumisection_seconds) of them.
    lumisection_seconds
        Length of a LS [s].
    chunk_events
        Events in a chunk; the last one of a LS has what is left. It cuts the events, and changes
        none of them.
    fill
        Pile-up and prescales of each LS.
    faults
        What is broken when, but for what is wrong with sources (see `Scenario`).
    subsystems
        Which ones read out; the order does not matter.

    Raises
    ------
    ConfigurationError
        If a value is out of bounds, a subsystem is unknown, or a fault is in one left out.
    """

    run: int
    seed: int = 1
    lumisections: int = 100
    rate: float = 1000.0
    lumisection_seconds: float = 23.31
    chunk_events: int = 250
    fill: Fill = field(default_factory=Fill)
    faults: tuple[Fault, ...] = ()
    subsystems: tuple[str, ...] = tuple(SUBSYSTEMS)

    def __post_init__(self) -> None:
        for name, (lower, upper) in _BOUNDS.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and lower <= value <= upper):
                msg = f"synthetic detector: {name} is {value}, expected {lower:g} to {upper:g}"
                raise ConfigurationError(msg)
        self._check_subsystems()

    def _check_subsystems(self) -> None:
        unknown = sorted(set(self.subsystems) - set(SUBSYSTEMS))
        if unknown or not self.subsystems:
            msg = (
                f"synthetic detector: subsystems {', '.join(unknown) or 'are none'}: "
                f"expected some of {', '.join(SUBSYSTEMS)}"
            )
            raise ConfigurationError(msg)
        read_out = {
            collection.name for subsystem in self.parts for collection in subsystem.collections
        }
        for fault in self.faults:
            if isinstance(fault, SourceFault):
                msg = f"fault {fault}: a source breaks, the detector does not"
                raise ConfigurationError(msg)
            if isinstance(fault, ObjectFault) and fault.collection not in read_out:
                msg = f"fault {fault}: subsystems {', '.join(self.subsystems)} do not read it out"
                raise ConfigurationError(msg)

    @property
    def parts(self) -> tuple[Subsystem, ...]:
        """The subsystems that read out, in the order of their columns."""
        return tuple(part for name, part in SUBSYSTEMS.items() if name in self.subsystems)

    @property
    def events(self) -> int:
        """Events in each lumisection in which the trigger rate is as it should be."""
        return round(self.rate * self.lumisection_seconds)

    def events_in(self, lumisection: int) -> int:
        """Events in a lumisection."""
        drops = (f for f in self.faults if isinstance(f, RateDrop) and f.active(lumisection))
        return round(self.events * math.prod(drop.share for drop in drops))

    def chunks_in(self, lumisection: int) -> int:
        """Chunks in a lumisection."""
        return -(-self.events_in(lumisection) // self.chunk_events)

    def prescale_index(self, lumisection: int) -> int:
        """Column of prescales in force in a lumisection: the fill's, or that of the last fault."""
        for fault in reversed(self.faults):
            if isinstance(fault, PrescaleChange) and fault.active(lumisection):
                return fault.column
        return self.fill.prescale_index(lumisection)
