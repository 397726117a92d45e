"""Objects that are there with wrong values: at the wrong time, or on a drifting scale."""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from dqmstream.errors import ConfigurationError
from dqmstream.sources.synthetic.beam import Crossings
from dqmstream.sources.synthetic.collection import Rows
from dqmstream.sources.synthetic.faults.fault import NUMBER, checked_range, number
from dqmstream.sources.synthetic.faults.objects import ADDRESS, COLLECTION, ObjectFault

__all__ = ["GainDrift", "TimingShift"]

_SLOT_NS: Final = 25.0
_SCALES: Final = ("charge", "energy", "sn", "pt", "et", "tot")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingShift(ObjectFault):
    """Objects come `shift_ns` later, or earlier if it is negative.

    `time` shifts by it; `bx`, the crossing relative to the event's, by as many whole crossings of
    25 ns as it rounds to.

    Raises
    ------
    ConfigurationError
        If the collection has neither, or nothing would change.
    """

    shift_ns: float

    kind = "timing"
    form = "timing:COLLECTION[:ADDRESS]+NANOSECONDSns"
    pattern = re.compile(rf"{COLLECTION}(?:{ADDRESS})?(?P<shift_ns>[+-]{NUMBER})ns")

    def __post_init__(self) -> None:
        ObjectFault.__post_init__(self)
        checked_range("shift", self.shift_ns, -1e4, 1e4, "-1e4 to 1e4 ns")
        if not self.shift_ns or not self.members:
            msg = (
                f"shift {self.shift_ns} ns of {self.collection!r}: expected a collection with "
                "time, or bx and at least half a crossing of 25 ns"
            )
            raise ConfigurationError(msg)

    @property
    def members(self) -> tuple[str, ...]:
        """Members that change."""
        names = ["time"] + (["bx"] if self._crossings else [])
        return tuple(name for name in names if name in self.of.members)

    @property
    def _crossings(self) -> int:
        return round(self.shift_ns / _SLOT_NS)

    def apply(self, rng: np.random.Generator, crossings: Crossings, rows: Rows) -> Rows:  # noqa: ARG002 as all faults
        """See `ObjectFault.apply`."""
        members, shifted = dict(rows.members), self.at(rows)
        for name in self.members:
            by = np.float32(self.shift_ns) if name == "time" else np.int8(self._crossings)
            members[name] = np.where(shifted, members[name] + by, members[name])
        return Rows(rows.counts, members)

    def _strength(self) -> str:
        sign = "-" if self.shift_ns < 0 else "+"
        return f"{sign}{number(abs(self.shift_ns))}ns"


@dataclass(frozen=True, slots=True, kw_only=True)
class GainDrift(ObjectFault):
    """Charge, energy, pt and the like drift by `percent` in each LS, from the first one on.

    In the n-th LS of the fault they are (1 + percent / 100)^n of what they should be. What is over
    after the last one is calibrated away.
    """

    percent: float

    kind = "gain"
    form = "gain:COLLECTION[:ADDRESS]+PERCENT%"
    pattern = re.compile(rf"{COLLECTION}(?:{ADDRESS})?(?P<percent>[+-]{NUMBER})%")

    def __post_init__(self) -> None:
        ObjectFault.__post_init__(self)
        checked_range("drift", self.percent, -50, 50, "-50 to 50 % in an LS")
        if not self.percent or not self.members:
            msg = (
                f"drift of {self.percent} % in {self.collection!r}: expected a collection with "
                f"{', '.join(_SCALES)}, and a drift"
            )
            raise ConfigurationError(msg)

    @property
    def members(self) -> tuple[str, ...]:
        """Members that change; the charge of a muon is a sign, and does not."""
        types = self.of.members
        return tuple(name for name in _SCALES if types.get(name) == pa.float32())

    def scale(self, lumisection: int) -> float:
        """By what the members are multiplied in a lumisection."""
        if not self.active(lumisection):
            return 1.0
        return float((1 + self.percent / 100) ** (lumisection - self.first_lumisection + 1))

    def apply(self, rng: np.random.Generator, crossings: Crossings, rows: Rows) -> Rows:  # noqa: ARG002 as all faults
        """See `ObjectFault.apply`."""
        members, drifted = dict(rows.members), self.at(rows)
        scale = np.float32(self.scale(crossings.lumisection))
        for name in self.members:
            members[name] = np.where(drifted, members[name] * scale, members[name])
        return Rows(rows.counts, members)

    def _strength(self) -> str:
        sign = "-" if self.percent < 0 else "+"
        return f"{sign}{number(abs(self.percent))}%"
