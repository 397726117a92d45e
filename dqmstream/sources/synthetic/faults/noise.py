"""Channels that show more than they should: hot ones, and bursts of noise."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dqmstream.errors import ConfigurationError
from dqmstream.sources.synthetic.beam import Crossings
from dqmstream.sources.synthetic.collection import Rows
from dqmstream.sources.synthetic.faults.fault import NUMBER, number
from dqmstream.sources.synthetic.faults.objects import (
    ADDRESS,
    COLLECTION,
    ObjectFault,
    chosen_rows,
    joined_rows,
)

__all__ = ["HotChannel", "NoiseBurst"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HotChannel(ObjectFault):
    """The address gives `factor` times its share: noise is added to what is there.

    Each event gets a Poisson number of noise objects with mean (factor - 1) times the mean number
    of objects expected there; but for the address they are drawn as all others.
    """

    factor: float = 10.0

    kind = "hot"
    form = "hot:COLLECTION:ADDRESS*FACTOR"
    pattern = re.compile(rf"{COLLECTION}{ADDRESS}\*(?P<factor>{NUMBER})")

    def __post_init__(self) -> None:
        ObjectFault.__post_init__(self)
        if not 1 < self.factor <= 1e6:
            msg = f"factor {self.factor}: expected more than 1 and at most 1e6"
            raise ConfigurationError(msg)

    def apply(self, rng: np.random.Generator, crossings: Crossings, rows: Rows) -> Rows:
        """See `ObjectFault.apply`."""
        share = self.of.cells.share(self.where)
        mean = self.of.expected(crossings) * (share * (self.factor - 1)) * self.noisy(crossings)
        counts = rng.poisson(mean, len(crossings))
        if self.of.once_per_event:
            counts = np.minimum(counts, 1)
            noisy = np.repeat(counts > 0, rows.counts)
            rows = chosen_rows(rows, ~(noisy & self.at(rows)))
        return joined_rows(rows, Rows(counts, self.of.draw(rng, int(counts.sum()), self.where)))

    def noisy(self, crossings: Crossings) -> npt.NDArray[np.bool_]:
        """bool[events]: when there is noise."""
        return np.ones(len(crossings), np.bool_)

    def _strength(self) -> str:
        return f"*{number(self.factor)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseBurst(HotChannel):
    """A hot channel for a part of each LS: from `start` to `end` seconds after its beginning."""

    start: float = 0.0
    end: float = 1.0

    kind = "burst"
    form = "burst:COLLECTION:ADDRESS*FACTOR~START-END"
    pattern = re.compile(
        rf"{COLLECTION}{ADDRESS}\*(?P<factor>{NUMBER})~(?P<start>{NUMBER})-(?P<end>{NUMBER})"
    )

    def __post_init__(self) -> None:
        HotChannel.__post_init__(self)
        if not 0 <= self.start < self.end <= 1e4:
            msg = f"seconds {self.start} to {self.end}: expected an end after the start, 0 to 1e4"
            raise ConfigurationError(msg)

    def noisy(self, crossings: Crossings) -> npt.NDArray[np.bool_]:
        """bool[events]: those in the burst."""
        seconds = crossings.time * 1e-9
        found: npt.NDArray[np.bool_] = (seconds >= self.start) & (seconds < self.end)
        return found

    def _strength(self) -> str:
        return f"*{number(self.factor)}~{number(self.start)}-{number(self.end)}"
