"""The processes of one schedule and whoever starts them again: a supervisor as production has."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dqmstream.clock import Clock
from tests.crash.launcher import STARTS, Running, start
from tests.crash.lives import Life

__all__ = ["Slot", "Stage"]

_CALM: Final = 30.0
"""Seconds after an outage until leaders are chosen and groups have met."""
_UNANSWERED: Final = (
    *("no answer in time", "no Kafka broker can be reached"),
    *("RequestTimedOutError", "KafkaTimeoutError"),
)
"""A broker was away or too slow, in the words of whoever cannot begin for that."""
_AGAIN: Final = 0.3
"""Seconds until a process that ended by itself is started again."""


@dataclass(slots=True)
class Slot:
    """One service over all its lives.

    `due` is when it starts again, `told` how it was to end; `disturbed` that it could not reach the
    broker for a while, which a process that is still starting need not survive.
    """

    name: str
    make: Callable[[], Life]
    ready_line: str = ""
    running: Running | None = None
    due: float | None = None
    told: str = ""
    away: float = 0.0
    gone: bool = False
    disturbed: bool = False
    done: bool = False
    lives: int = 0

    @property
    def alive(self) -> bool:
        """Whether its process is there, if only frozen."""
        return self.running is not None and self.running.status is None


@dataclass(slots=True)
class Stage:
    """All slots of a schedule.

    Attributes
    ----------
    complaints
        Ends that nobody asked for.
    """

    folder: Path
    clock: Clock
    slots: dict[str, Slot] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    _outages: int = 0
    _calm_from: float = 0.0

    def begin(self, name: str, make: Callable[[], Life]) -> None:
        """Start a service for the first time."""
        slot = self.slots[name] = Slot(name, make)
        self._start(slot)

    def hit(
        self, name: str, number: signal.Signals, away: float = 0.0, *, gone: bool = False
    ) -> None:
        """End a service by a signal, if it is there."""
        slot = self.slots.get(name)
        if slot is None or slot.running is None or not slot.alive or slot.told == "SIGKILL":
            return
        slot.told, slot.away, slot.gone = number.name, away, gone
        slot.running.signal(number)

    @contextmanager
    def outage(self) -> Iterator[None]:
        """The broker is away for the length of the block, and for a while after it."""
        self._outages += 1
        for slot in self.slots.values():
            slot.disturbed = True
        try:
            yield
        finally:
            self._outages -= 1
            self._calm_from = self.clock.monotonic() + _CALM

    def freeze(self, name: str) -> Running | None:
        """Let a service stand still; its process, if it is alive."""
        running = self.alive(name)
        if running is not None:
            self.slots[name].disturbed = True
            running.signal(signal.SIGSTOP)
        return running

    def alive(self, name: str) -> Running | None:
        """The process of a service, if it is alive."""
        slot = self.slots.get(name)
        return slot.running if slot is not None and slot.alive else None

    @property
    def lives(self) -> int:
        """How often anything was started."""
        return sum(slot.lives for slot in self.slots.values())

    def tend(self) -> None:
        """Look after all: note who ended, start whoever is due."""
        now = self.clock.monotonic()
        for slot in self.slots.values():
            if slot.running is not None and not slot.alive:
                self._note_end(slot, slot.running, now)
            if slot.due is not None and now >= slot.due:
                self._start(slot)

    def end(self) -> None:
        """kill -9 for all."""
        for slot in self.slots.values():
            if slot.running is not None:
                slot.running.kill()

    def logs(self, lines: int = 12) -> Iterator[str]:
        """The end of what each service printed."""
        for slot in self.slots.values():
            path = self._log(slot)
            said = path.read_text(errors="replace").splitlines() if path.exists() else []
            yield f"== {slot.name}, {slot.lives} lives, {path}"
            yield from said[-lines:]

    def _start(self, slot: Slot) -> None:
        slot.due, slot.told, slot.lives = None, "", slot.lives + 1
        slot.disturbed = self._outages > 0 or self.clock.monotonic() < self._calm_from
        life = slot.make()
        slot.ready_line = life.ready_line
        slot.running = start(life, self._log(slot))

    def count(self, name: str, words: str) -> int:
        """How often a service has printed words, in all of its lives."""
        path = self._log(self.slots[name])
        return path.read_text(errors="replace").count(words) if path.exists() else 0

    def _log(self, slot: Slot) -> Path:
        return self.folder / f"{slot.name.replace(' ', '-')}.log"

    def _note_end(self, slot: Slot, running: Running, now: float) -> None:
        slot.running = None
        status = running.status
        match slot.told:
            case "SIGKILL":
                pass
            case "SIGTERM":
                # One that could not begin may be about to say so.
                fine = {-signal.SIGTERM, 1} if slot.disturbed else {-signal.SIGTERM}
                if status != 0 and not (status in fine and self._just_begun(slot)):
                    self.complaints.append(f"{slot.name} ended by SIGTERM with status {status}")
            case _ if status == 0 and slot.name.startswith("producer"):
                slot.done = True
                return
            case _ if status == 1 and self._just_begun(slot) and self._is_excused(slot):
                slot.away = _AGAIN
            case _:
                self.complaints.append(f"{slot.name} ended by itself with status {status}")
                slot.away = _AGAIN
        if not slot.gone:
            slot.due = now + slot.away

    def _just_begun(self, slot: Slot) -> bool:
        """Whether its last life had not come as far as to say that it is ready."""
        lives = self._lives(slot)
        return len(lives) < slot.lives or slot.ready_line not in lives[-1]

    def _is_excused(self, slot: Slot) -> bool:
        """Whether the broker was away, or too slow for it, as on a machine that does much else."""
        said = "".join(self._lives(slot)[-1:])
        return slot.disturbed or any(words in said for words in _UNANSWERED)

    def _lives(self, slot: Slot) -> list[str]:
        """What it printed, by lives."""
        path = self._log(slot)
        return path.read_text(errors="replace").split(STARTS)[1:] if path.exists() else []
