"""Channels that show less than they should: dead ones, and those that tripped and come back."""

import re
from dataclasses import dataclass

import numpy as np

from dqmstream.errors import ConfigurationError
from dqmstream.sources.synthetic.beam import Crossings
from dqmstream.sources.synthetic.collection import Rows
from dqmstream.sources.synthetic.faults.fault import NUMBER, checked_range, number
from dqmstream.sources.synthetic.faults.objects import (
    ADDRESS,
    COLLECTION,
    ObjectFault,
    chosen_rows,
)

__all__ = ["DeadModule", "VoltageTrip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadModule(ObjectFault):
    """Of what is at the address only the share `efficiency` comes out, object by object."""

    efficiency: float = 0.0

    kind = "dead"
    form = "dead:COLLECTION:ADDRESS[*EFFICIENCY]"
    pattern = re.compile(rf"{COLLECTION}{ADDRESS}(?:\*(?P<efficiency>{NUMBER}))?")

    def __post_init__(self) -> None:
        ObjectFault.__post_init__(self)
        if not 0 <= self.efficiency < 1:
            msg = f"efficiency {self.efficiency}: expected 0 or more and less than 1"
            raise ConfigurationError(msg)

    def apply(self, rng: np.random.Generator, crossings: Crossings, rows: Rows) -> Rows:  # noqa: ARG002 as all faults
        return _thinned(self, rng, rows, self.efficiency)

    def _strength(self) -> str:
        return f"*{number(self.efficiency)}" if self.efficiency else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoltageTrip(ObjectFault):
    """A sector whose high voltage tripped: nothing comes out, then it ramps back.

    In the last `ramp` LSs efficiency rises in equal steps, so that with the one after them it is
    whole: with 3, a quarter, a half, three quarters.
    """

    ramp: int = 0

    kind = "trip"
    form = "trip:COLLECTION:ADDRESS[~RAMP]"
    pattern = re.compile(rf"{COLLECTION}{ADDRESS}(?:~(?P<ramp>[0-9]{{1,6}}))?")

    def __post_init__(self) -> None:
        ObjectFault.__post_init__(self)
        last = self.last_lumisection
        length = 0 if last is None else last - self.first_lumisection + 1
        if self.ramp:
            expected = f"fewer LSs than the fault has, and it needs a last one; it has {length}"
            checked_range("ramp", self.ramp, 0, length - 1, expected)

    def efficiency(self, lumisection: int) -> float:
        """What comes out of the address in a lumisection, 0 to 1."""
        last = self.last_lumisection
        if not self.active(lumisection):
            return 1.0
        if last is None:
            return 0.0
        return max(0, lumisection - (last - self.ramp)) / (self.ramp + 1)

    def apply(self, rng: np.random.Generator, crossings: Crossings, rows: Rows) -> Rows:
        return _thinned(self, rng, rows, self.efficiency(crossings.lumisection))

    def _strength(self) -> str:
        return f"~{self.ramp}" if self.ramp else ""


def _thinned(fault: ObjectFault, rng: np.random.Generator, rows: Rows, efficiency: float) -> Rows:
    lost = fault.at(rows)
    if efficiency > 0:
        lost &= rng.random(len(lost)) >= efficiency
    return chosen_rows(rows, ~lost)
