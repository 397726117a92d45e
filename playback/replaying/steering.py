"""Commands to what is being played: go on to the next LS, or to the next run."""

from threading import Lock

from dqmstream.producing.pace import Pace

__all__ = ["Steering"]


class Steering:
    """What is played now, and whether it is to end early.

    Nothing is lost by a command: the rest of the current LS is sent at once. Sources ask from
    worker threads; commands come on the event loop.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._run: int | None = None
        self._over: int | None = None
        self._paces: dict[str, Pace] = {}
        self.commands = {"next-run": 0, "next-lumisection": 0}
        """How often each came."""

    @property
    def run(self) -> int | None:
        """The run that is played; None before the first."""
        with self._lock:
            return self._run

    @property
    def late(self) -> float:
        """Seconds by which the source that is latest is behind its schedule now."""
        return max((pace.late for pace in self._paces.values()), default=0.0)

    @property
    def latest(self) -> float:
        """The most of the run."""
        return max((pace.latest for pace in self._paces.values()), default=0.0)

    def begin(self, run: int, source: str, pace: Pace) -> None:
        """A source of a run begins to be played at this pace."""
        with self._lock:
            if run != self._run:
                self._run = run
                self._paces = {}
            self._paces[source] = pace

    def is_over(self, run: int) -> bool:
        """Whether a run is to end with the LS that is played."""
        with self._lock:
            return self._over == run

    def next_run(self) -> None:
        """End the run that is played with the current LS."""
        with self._lock:
            self._over = self._run
        self.commands["next-run"] += 1
        self._hurry()

    def next_lumisection(self) -> None:
        """Go on to the next LS."""
        self.commands["next-lumisection"] += 1
        self._hurry()

    def _hurry(self) -> None:
        for pace in self._paces.values():
            pace.hurry()
