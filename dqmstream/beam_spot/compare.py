"""Whether two beam-spot fits agree."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dqmstream.beam_spot.result import PARAMETERS, BeamSpotFit

__all__ = ["Difference", "compare"]


class Difference(NamedTuple):
    """First minus second, of one parameter: in its unit, its error, and the one over the other."""

    value: float
    error: float

    @property
    def pull(self) -> float:
        """In standard errors; NaN where there is none."""
        return self.value / self.error if self.error > 0 else math.nan


def compare(
    first: BeamSpotFit, second: BeamSpotFit, names: Sequence[str] = PARAMETERS
) -> dict[str, Difference]:
    """Differences of the parameters that both fits measured; x and y at the first one's z.

    Errors are added in squares, as of fits to different data. Fits to the same collisions (the
    vertices, and the tracks they were made of) have errors that go together: they differ by less,
    and their pulls are smaller than 1 on average.
    """
    if not (first.converged and second.converged):
        return {}
    one, two = first.at(first.z), second.at(first.z)
    places = {
        name: Difference(
            getattr(one, name) - getattr(two, name),
            float(np.sqrt(one.covariance[at, at] + two.covariance[at, at])),
        )
        for at, name in enumerate(("x", "y"))
    }
    others = {
        name: Difference(
            getattr(first, name) - getattr(second, name),
            math.hypot(first.error(name), second.error(name)),
        )
        for name in names
        if name not in places
    }
    found = {**places, **others}
    return {name: found[name] for name in names if first.measured(name) and second.measured(name)}
