"""What heartbeats and the run say: silent and lagging processes, missing sources, no events.

All of it is level-triggered: from what was heard follows, at any moment, what is wrong then.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec.structs import replace

from dqmstream.alarms.inputs import Condition
from dqmstream.alarms.rules import ProcessLimits
from dqmstream.alarms.subjects import lag_alarm, process_alarm, source_alarm, starving_alarm
from dqmstream.messages.alarms import AlarmCheckpoint, ProcessSeen
from dqmstream.messages.events import RunEnd, RunStart
from dqmstream.messages.operations import Heartbeat

__all__ = ["Watch"]

_SECOND: Final = 10**9
_FORGOTTEN: Final = 86_400 * _SECOND
_MOST_PROCESSES: Final = 1000
_FILLER: Final = "filler"


class Watch:
    """What is known of processes and of the run that goes on.

    Parameters
    ----------
    limits
        When something is wrong.
    before
        What was known when the process before ended.
    """

    def __init__(self, limits: ProcessLimits, before: AlarmCheckpoint | None = None) -> None:
        self._limits = limits
        known = before.processes if before is not None else ()
        self._processes = {(one.process, one.service): one for one in known}
        self.run = before.run if before is not None else None
        self.run_type = before.run_type if before is not None else ""
        self._sources = set(before.sources) if before is not None else set[str]()
        self._ends = dict(before.ends) if before is not None else {}
        self._events = before.events if before is not None else (0, 0)

    def follow(self, limits: ProcessLimits) -> None:
        """Go by other limits from here on."""
        self._limits = limits

    def kept(self) -> dict[str, Any]:
        """What is known, as fields of a checkpoint."""
        return {
            "processes": tuple(self._processes.values()),
            "run": self.run,
            "run_type": self.run_type,
            "sources": tuple(sorted(self._sources)),
            "ends": dict(self._ends),
            "events": self._events,
        }

    # ------------------------------------------------------------------- heard

    def beat(self, heard: Heartbeat, at: int) -> None:
        """A heartbeat, and when the log took it (nanoseconds since 1970)."""
        key = (heard.process, heard.service)
        if heard.state == "stopping":
            # It says so itself: nobody has to be called.
            self._processes.pop(key, None)
            self._forget_ends_of_none()
            return
        known = self._processes.get(key)
        if known is not None and at < known.last:
            return
        self._processes[key] = ProcessSeen(
            process=heard.process,
            service=heard.service,
            first=at if known is None else known.first,
            last=at,
            state=heard.state,
            missing=heard.missing,
            positions=dict(heard.positions),
            events=heard.counts.get("events", 0),
            replaces=known is not None and known.replaces,
        )
        if len(self._processes) > _MOST_PROCESSES:
            oldest = min(self._processes, key=lambda one: self._processes[one].last)
            del self._processes[oldest]

    def run_start(self, start: RunStart, at: int) -> None:
        """A source begins a run; another run than before is the one that goes on."""
        if start.run != self.run:
            self.run, self.run_type = start.run, start.run_type
            self._sources = set()
            self._events = (self._events[0], at)
        self._sources.add(start.source)

    def run_end(self, end: RunEnd) -> None:
        """A source has ended its run, which ends with the last of them."""
        if end.run == self.run:
            self._sources.discard(end.source)

    @property
    def goes_on(self) -> bool:
        """Whether a run goes on."""
        return bool(self._sources)

    def places(self) -> set[str]:
        """Partitions that processes read, as `topic/partition`."""
        return {place for one in self._processes.values() for place in one.positions}

    def ends(self, ends: Mapping[str, int], now: int) -> None:
        """Where partitions end now, to know later by what time readers are behind."""
        marks: dict[str, tuple[int, int]] = {}
        for service, place, position in self._positions(now):
            end = ends.get(place)
            if end is None:
                continue
            key = f"{service} {place}"
            mark = self._ends.get(key)
            marks[key] = (end, now) if mark is None or position >= mark[0] else mark
        self._ends = marks

    def _forget_ends_of_none(self) -> None:
        """Who begins to read after all of a service have stopped in order counts from then on."""
        services = {one.service for one in self._processes.values()}
        self._ends = {
            key: mark for key, mark in self._ends.items() if key.partition(" ")[0] in services
        }

    def _positions(self, now: int) -> Iterator[tuple[str, str, int]]:
        furthest: dict[tuple[str, str], int] = {}
        for one in self._alive(now):
            for place, position in one.positions.items():
                key = (one.service, place)
                furthest[key] = max(position, furthest.get(key, 0))
        for (service, place), position in sorted(furthest.items()):
            yield service, place, position

    # --------------------------------------------------------------------- now

    def conditions(self, now: int) -> dict[str, Condition]:
        """What is wrong now, by alarm."""
        found: dict[str, Condition] = {}
        self._replace_silent(now)
        for silent in self._silent(now) if self._limits.silent else []:
            age = (now - silent.last) / _SECOND
            why = f"{silent.process} has been silent for {age:.0f} s"
            found.setdefault(process_alarm(silent.service), Condition("BAD", why))
        for service, place, position in self._positions(now):
            end, since = self._ends.get(f"{service} {place}", (position, now))
            behind = (now - since) / _SECOND
            # A mark of before a restart may have been passed since.
            if position < end and 0 < self._limits.lag < behind:
                why = f"{place} is not read to offset {end}, where it ended {behind:.0f} s ago"
                found.setdefault(lag_alarm(service), Condition("BAD", why))
        alive = list(self._alive(now))
        missing = {name for one in alive for name in one.missing}
        for name in sorted(missing):
            why = f"{name} was missed when an LS closed, and has not been heard since"
            found[source_alarm(name)] = Condition("BAD", why, self.run or 0)
        starving = self._starving([one for one in alive if one.service.startswith(_FILLER)], now)
        if starving is not None:
            found[starving_alarm()] = starving
        return found

    def _starving(self, fillers: list[ProcessSeen], now: int) -> Condition | None:
        filled = sum(one.events for one in fillers)
        if filled != self._events[0] or not self.goes_on:
            self._events = (filled, now)
            return None
        silence = (now - self._events[1]) / _SECOND
        if not self._limits.starving or silence <= self._limits.starving:
            return None
        why = f"run {self.run} goes on, and no event was filled for {silence:.0f} s"
        return Condition("BAD", why, self.run or 0)

    def _is_silent(self, one: ProcessSeen, now: int) -> bool:
        # Who is not there any more does not read either, whether that is an alarm or not.
        silent = self._limits.silent or ProcessLimits().silent
        return now - one.last > silent * _SECOND

    def _alive(self, now: int) -> Iterator[ProcessSeen]:
        return (one for one in self._processes.values() if not self._is_silent(one, now))

    def _silent(self, now: int) -> list[ProcessSeen]:
        silent = [one for one in self._processes.values() if self._is_silent(one, now)]
        return sorted(silent, key=lambda one: (one.last, one.process))

    def _replace_silent(self, now: int) -> None:
        """Forget silent processes for which another of their service has come, each for one."""
        for one in self._silent(now):
            newcomer = next(
                (
                    each
                    for each in self._alive(now)
                    if each.service == one.service and each.first > one.last and not each.replaces
                ),
                None,
            )
            if newcomer is not None:
                key = (newcomer.process, newcomer.service)
                self._processes[key] = replace(newcomer, replaces=True)
            if newcomer is not None or now - one.last > _FORGOTTEN:
                del self._processes[one.process, one.service]
