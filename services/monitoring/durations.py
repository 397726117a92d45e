"""Seconds counted by size, for metrics: kept beside the other counts of a service."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

__all__ = ["BOUNDS", "Durations"]

BOUNDS: Final = (
    0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0
)  # fmt: skip
"""Upper bounds in seconds, each included; above the last there is one more class."""


class Durations:
    """How often something took how long. One task or thread notes, any may read."""

    __slots__ = ("_counts", "seconds")

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0
        """Sum of all that was noted."""

    @property
    def count(self) -> int:
        """How many were noted."""
        return sum(self._counts)

    def note(self, seconds: float) -> None:
        """Count one; what clocks of two machines make negative counts as 0."""
        seconds = max(0.0, seconds)
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds

    def cumulative(self) -> Iterator[tuple[str, float]]:
        """(upper bound as text, count up to it), rising; the last one is `+Inf`."""
        total = 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), list(self._counts), strict=True):
            total += count
            yield bound, total
