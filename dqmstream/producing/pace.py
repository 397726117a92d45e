"""Playing by event time."""

import asyncio

from dqmstream.clock import Clock
from dqmstream.producing.schedule import Schedule

__all__ = ["Pace"]


class Pace:
    """Waits until an event time within the LS comes, at the chosen speed, and knows how late it is.

    Parameters
    ----------
    speed
        1 is real time, k plays k times as fast, None does not wait.

    Attributes
    ----------
    late, latest
        Seconds of the clock by which the last of all waits ended after its time was due, and the
        most of any: what was to be sent then came so much late.
    """

    def __init__(self, clock: Clock, speed: float | None) -> None:
        self._clock = clock
        self._schedule = None if speed is None else Schedule(speed)
        self._start = clock.monotonic()
        self._hurried = asyncio.Event()
        self.late = 0.0
        self.latest = 0.0

    async def wait(self, seconds: float) -> None:
        """Until `seconds` of event time after the start of the current LS."""
        if self._schedule is None or self._hurried.is_set():
            return
        due = self._start + self._schedule.due(seconds)
        await self._sleep(due - self._clock.monotonic())
        if not self._hurried.is_set():
            self.late = max(0.0, self._clock.monotonic() - due)
            self.latest = max(self.latest, self.late)

    def next_lumisection(self, seconds: float) -> None:
        """The current LS was `seconds` long and is over."""
        if self._schedule is None:
            return
        self._schedule.next_lumisection(seconds)
        if self._hurried.is_set():
            # The next LS begins now, whatever this one would have taken.
            self._start = self._clock.monotonic() - self._schedule.due(0)
            self._hurried.clear()

    def hurry(self) -> None:
        """Do not wait for the rest of this LS: the next one begins when all of it was taken."""
        self._hurried.set()

    async def _sleep(self, seconds: float) -> None:
        """So long, or until somebody hurries."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        try:
            async with asyncio.timeout(seconds):
                await self._hurried.wait()
        except TimeoutError:
            pass
