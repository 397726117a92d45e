"""When events are due that are played by event time: a pure function of times and speed."""

from dqmstream.errors import ConfigurationError

__all__ = ["Schedule"]

_NANOSECONDS = 1_000_000_000


class Schedule:
    """Due times of a run, in seconds since it began to be played.

    The event time of an LS is kept in whole nanoseconds and divided by the speed once, when it is
    asked for: so nothing adds up, however long the run is.

    Parameters
    ----------
    speed
        1 is real time, k plays k times as fast.

    Raises
    ------
    ConfigurationError
        If the speed is not above 0 and finite.
    """

    def __init__(self, speed: float) -> None:
        if not 0 < speed < float("inf"):
            msg = f"speed {speed}: expected a number above 0, 1 for real time"
            raise ConfigurationError(msg)
        self.speed = speed
        self._passed = 0

    def due(self, seconds: float) -> float:
        """When `seconds` of event time after the start of the current LS are due."""
        return (self._passed + seconds * _NANOSECONDS) / (self.speed * _NANOSECONDS)

    def next_lumisection(self, seconds: float) -> None:
        """The current LS was `seconds` long and is over."""
        self._passed += round(seconds * _NANOSECONDS)
