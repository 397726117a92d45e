"""Whether a process works: its services have said so, and its heartbeats go out.

Pure but for the clock passed in. A heartbeat that the log acknowledged shows that the broker
answers; one that was tried, whatever came of it, shows that the process lives. So a broker that is
away makes a process unready, never dead: nobody restarts it and throws its memory away for that.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dqmstream.clock import Clock
from services.draining import Drain

__all__ = ["Health"]

_DEAF_AFTER: Final = 10.0
"""Seconds without an acknowledged heartbeat after which the log counts as away."""
_DEAD_AFTER: Final = 90.0
"""Seconds without even a try: whatever is tried is given up far sooner."""


@dataclass(slots=True)
class Vital:
    """What is known of one service. `tried` and `acknowledged` are monotonic seconds.

    A service that has `stopped` did what it had to, and is waited for no more.
    """

    ready: asyncio.Event = field(default_factory=asyncio.Event)
    tried: float | None = None
    acknowledged: float | None = None
    beats: int = 0
    failures: int = 0
    stopped: bool = False


class Health:
    """The services of one process.

    Parameters
    ----------
    clock
        For ages.
    services
        Names of the services; each says that it is ready, and each beats.
    drain
        Whether the process was told to stop.
    """

    def __init__(self, clock: Clock, services: Sequence[str], drain: Drain | None = None) -> None:
        self._clock = clock
        self._drain = drain or Drain()
        self._started = clock.monotonic()
        self.vitals = {service: Vital() for service in services}

    def ready(self, service: str) -> None:
        """The service has said that it is ready."""
        self.vitals[service].ready.set()

    def is_ready(self, service: str) -> bool:
        """Whether the service has said so."""
        return self.vitals[service].ready.is_set()

    @property
    def all_ready(self) -> bool:
        """Whether every service has said so."""
        return all(vital.ready.is_set() for vital in self.vitals.values())

    async def wait_ready(self) -> None:
        """Until every service has said so."""
        for vital in self.vitals.values():
            await vital.ready.wait()

    def beat(self, service: str, *, acknowledged: bool) -> None:
        """A heartbeat was tried, and taken by the log or not."""
        vital, now = self.vitals[service], self._clock.monotonic()
        vital.tried = now
        if acknowledged:
            vital.beats += 1
            vital.acknowledged = now
        else:
            vital.failures += 1

    def stop(self, service: str) -> None:
        """The service is done, or was told to stop: it beats no more."""
        self.vitals[service].stopped = True

    def age(self, service: str) -> float:
        """Seconds since the last acknowledged heartbeat; without one, since the start."""
        acknowledged = self.vitals[service].acknowledged
        since = self._started if acknowledged is None else acknowledged
        return self._clock.monotonic() - since

    def ailments(self) -> list[str]:
        """Why the process counts as dead; empty while it lives. One that starts is alive."""
        now = self._clock.monotonic()
        return [
            f"{service} has not tried to send a heartbeat for {now - vital.tried:.0f} s"
            for service, vital in self.vitals.items()
            if vital.tried is not None and not vital.stopped and now - vital.tried > _DEAD_AFTER
        ]

    def obstacles(self) -> list[str]:
        """Why the process is not ready; empty when it is."""
        found = ["the process was told to stop"] if self._drain.begun.is_set() else []
        found += [
            f"{service} is starting"
            for service, vital in self.vitals.items()
            if not vital.ready.is_set()
        ]
        found += [
            f"the log has taken no heartbeat of {service} for {age:.0f} s"
            for service, vital in self.vitals.items()
            if vital.ready.is_set()
            and not vital.stopped
            and (age := self.age(service)) > _DEAF_AFTER
        ]
        return found

    def document(self) -> dict[str, Any]:
        """Per service: ready or not, stopped or not, age of the last heartbeat, failed ones."""
        return {
            service: {
                "ready": vital.ready.is_set(),
                "stopped": vital.stopped,
                "heartbeat_age": round(self.age(service), 3),
                "heartbeat_failures": vital.failures,
            }
            for service, vital in self.vitals.items()
        }
