"""When the histograms of an LS came, by the log's clock: its rate and the delay of its stream."""

from typing import Final

__all__ = ["LumisectionTimes"]

_MOST: Final = 20_000


class LumisectionTimes:
    """Log times of the LSs of one run, in nanoseconds since 1970; the oldest are forgotten."""

    def __init__(self) -> None:
        self._began: dict[int, int] = {}
        self._delay: dict[int, float] = {}

    def take(self, lumisection: int, stamp: int, heard: int) -> None:
        """A set of an LS was taken at `stamp`, made of chunks up to `heard` (0: not known)."""
        self._began.setdefault(lumisection, stamp)
        if heard:
            self._delay[lumisection] = max(0.0, (stamp - heard) / 1e9)
        while len(self._began) > _MOST:
            oldest = min(self._began)
            del self._began[oldest]
            self._delay.pop(oldest, None)

    def began(self, lumisection: int) -> int | None:
        """When its first set was taken; None if memory did not see it."""
        return self._began.get(lumisection)

    def delay(self, lumisection: int) -> float | None:
        """Seconds from its newest events to their histograms, both as the log took them."""
        return self._delay.get(lumisection)
