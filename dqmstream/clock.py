"""The wall clock, passed in. It paces screens and time-outs; it never dates data."""

import time
from typing import Protocol

__all__ = ["Clock", "SettableClock", "SystemClock"]


class Clock(Protocol):
    """Where the time comes from."""

    def wall(self) -> int:
        """Nanoseconds since 1970-01-01 UTC: for display and for stamping messages."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never backwards: for pacing and time-outs."""
        ...


class SystemClock:
    """The clock of this machine."""

    def wall(self) -> int:
        return time.time_ns()  # noqa: TID251 the one place that reads it

    def monotonic(self) -> float:
        return time.monotonic()


class SettableClock:
    """A clock that moves only when told to, for tests.

    Parameters
    ----------
    wall
        Start, nanoseconds since 1970.
    """

    def __init__(self, wall: int = 1_700_000_000_000_000_000) -> None:
        self._wall = wall
        self._monotonic = 0.0

    def wall(self) -> int:
        return self._wall

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move both readings forward by `seconds`."""
        if seconds < 0:
            msg = f"a clock cannot go back: advance({seconds})"
            raise ValueError(msg)
        self._monotonic += seconds
        self._wall += round(seconds * 1e9)
