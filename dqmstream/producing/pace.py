"""Playing by event time."""

import asyncio

from dqmstream.clock import Clock

__all__ = ["Pace"]


class Pace:
    """Waits until an event time within the LS comes, at the chosen speed.

    Parameters
    ----------
    speed
        1 is real time, k plays k times as fast, None does not wait.
    """

    def __init__(self, clock: Clock, speed: float | None) -> None:
        self._clock = clock
        self._speed = speed
        self._start = clock.monotonic()

    async def wait(self, seconds: float) -> None:
        """Until `seconds` of event time after the start of the current LS."""
        if self._speed is not None:
            due = self._start + seconds / self._speed
            await asyncio.sleep(max(0.0, due - self._clock.monotonic()))

    def next_lumisection(self, seconds: float) -> None:
        """The current LS was `seconds` long and is over."""
        if self._speed is not None:
            self._start += seconds / self._speed
