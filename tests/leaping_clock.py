"""A clock that goes as that of the machine, and leaps when it is told to."""

import asyncio

from dqmstream.clock import SystemClock
from dqmstream.messages.topics import EVENTS
from dqmstream.transport.log import Log
from services.filler.progress import FillerProgress

__all__ = ["LeapingClock", "fall_silent"]


class LeapingClock(SystemClock):
    """For silences that a test decides on: a busy machine is silent when nobody meant it to be."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def monotonic(self) -> float:
        """See `Clock`."""
        return super().monotonic() + self._ahead

    def leap(self, seconds: float) -> None:
        """So many seconds have passed."""
        self._ahead += seconds


async def fall_silent(
    log: Log, filler: FillerProgress, clock: LeapingClock, seconds: float
) -> None:
    """For a filler with that clock nothing comes for so long, after it has read all there is."""
    while True:
        ends = {
            (EVENTS, number): (await log.bounds(EVENTS, number)).end
            for number in range(log.partitions(EVENTS))
        }
        if filler.positions == ends:
            clock.leap(seconds)
            return
        await asyncio.sleep(0.02)
