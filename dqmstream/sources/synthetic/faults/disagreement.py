"""Two that should show the same and do not: trigger and emulator, or two readouts."""

import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from dqmstream.errors import ConfigurationError
from dqmstream.sources.synthetic.beam import Crossings
from dqmstream.sources.synthetic.collection import Rows
from dqmstream.sources.synthetic.comparison import Mismatch
from dqmstream.sources.synthetic.faults.fault import NUMBER, number
from dqmstream.sources.synthetic.faults.objects import (
    COLLECTION,
    ObjectFault,
    chosen_rows,
    joined_rows,
)
from dqmstream.sources.synthetic.subsystem import SUBSYSTEMS

__all__ = ["Disagreement"]


@cache
def _compared() -> frozenset[str]:
    """Collections that are compared with another."""
    comparisons = [d for part in SUBSYSTEMS.values() for d in part.derived]
    return frozenset(n for d in comparisons if isinstance(d, Mismatch) for n in d.inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement(ObjectFault):
    """In the share `share` of the events, at random, a collection differs from its counterpart.

    Such an event lacks one of its objects, any of them; if it has none it gets one. So as long as
    nothing else is broken there, the share of events that differ is this one.
    """

    share: float

    kind = "mismatch"
    form = "mismatch:COLLECTION*SHARE"
    pattern = re.compile(rf"{COLLECTION}\*(?P<share>{NUMBER})")

    def __post_init__(self) -> None:
        ObjectFault.__post_init__(self)
        if not 0 < self.share <= 1:
            msg = f"share {self.share}: expected more than 0 and at most 1"
            raise ConfigurationError(msg)
        if self.address:
            msg = f"address {self.address!r}: expected none, events differ as a whole"
            raise ConfigurationError(msg)
        if self.collection not in _compared():
            names = ", ".join(sorted(_compared()))
            msg = f"collection {self.collection!r} is compared with none: expected one of {names}"
            raise ConfigurationError(msg)

    def seed_name(self) -> str:
        """Its own, so that trigger and emulator do not fail alike."""
        return str(self)

    def apply(self, rng: np.random.Generator, crossings: Crossings, rows: Rows) -> Rows:
        """See `ObjectFault.apply`."""
        events = len(crossings)
        differ = rng.random(events) < self.share
        place = (rng.random(events) * rows.counts).astype(np.int64)
        first = np.cumsum(rows.counts) - rows.counts
        lacking = differ & (rows.counts > 0)
        kept = np.ones(int(rows.counts.sum()), np.bool_)
        kept[(first + place)[lacking]] = False
        counts = (differ & (rows.counts == 0)).astype(np.int64)
        added = Rows(counts, self.of.draw(rng, int(counts.sum())))
        return joined_rows(chosen_rows(rows, kept), added)

    def _strength(self) -> str:
        return f"*{number(self.share)}"
