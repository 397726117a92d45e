"""Which processes are alive, and how old what is shown is. Stale is never green.

Only stamps are kept here; ages are taken at the moment of asking. What is sent to a page holds
ages as of then, and the page lets them grow by itself: it turns grey also when nothing arrives.
"""

from typing import Final, Literal, NamedTuple

from dqmstream.messages.operations import Heartbeat

__all__ = ["Beat", "Pulse"]

_MAX_PROCESSES: Final = 1_000
_FORGET_STOPPED: Final = 600.0
_FORGET_SILENT: Final = 6 * 3600.0


class Beat(NamedTuple):
    """The last heartbeat of a service in a process, `age` seconds ago."""

    heartbeat: Heartbeat
    age: float
    state: Literal["starting", "ready", "stopping", "stale"]


class Pulse:
    """Newest heartbeat by process and service.

    Parameters
    ----------
    stale_after
        Seconds of silence after which a service counts as stale.
    """

    def __init__(self, stale_after: float) -> None:
        self.stale_after = stale_after
        self._beats: dict[tuple[str, str], Heartbeat] = {}

    def take(self, heartbeat: Heartbeat) -> None:
        """Take a heartbeat in, unless a newer one of the same is at hand."""
        key = (heartbeat.process, heartbeat.service)
        held = self._beats.get(key)
        if held is not None and held.when > heartbeat.when:
            return
        self._beats[key] = heartbeat
        if len(self._beats) > _MAX_PROCESSES:
            del self._beats[min(self._beats, key=lambda each: self._beats[each].when)]

    def beats(self, now: int) -> list[Beat]:
        """All processes heard of lately, by name; `now` is the wall clock in nanoseconds.

        One that said it stops is listed for ten minutes, one that fell silent for six hours.
        """
        beats = [self._beat(heartbeat, now) for _, heartbeat in sorted(self._beats.items())]
        return [beat for beat in beats if beat.age < _kept_for(beat)]

    def alive(self, service: str, now: int) -> bool:
        """Whether some process of a service is ready and not stale."""
        return any(
            beat.heartbeat.service == service and beat.state == "ready" for beat in self.beats(now)
        )

    def _beat(self, heartbeat: Heartbeat, now: int) -> Beat:
        age = max(0.0, (now - heartbeat.when) / 1e9)
        stale = age > self.stale_after and heartbeat.state != "stopping"
        return Beat(heartbeat, age, "stale" if stale else heartbeat.state)


def _kept_for(beat: Beat) -> float:
    return _FORGET_STOPPED if beat.state == "stopping" else _FORGET_SILENT
