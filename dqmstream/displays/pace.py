"""So many a second and no more: a pace that is told the time."""

from typing import Final

__all__ = ["Pace"]

_NEVER: Final = float("-inf")


class Pace:
    """Admits one thing at a time, at least 1 / `per_second` seconds after the one before.

    Parameters
    ----------
    per_second
        Above 0; None sets no limit.
    """

    def __init__(self, per_second: float | None) -> None:
        self._apart = 0.0 if per_second is None else 1.0 / per_second
        self.due = _NEVER
        """Seconds on the clock of `spend` from which on the next one is admitted."""

    def admits(self, now: float) -> bool:
        """Whether one is admitted now."""
        return now >= self.due

    def spend(self, now: float) -> None:
        """One was taken now."""
        self.due = now + self._apart
