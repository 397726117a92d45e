"""The newest warnings of this process, kept for heartbeats: a page then shows them without a shell.

Only what the log itself shows is kept, secrets hidden; the log keeps all lines, this a few.
"""

from collections import deque
from collections.abc import Callable, Mapping, MutableMapping
from threading import Lock
from typing import Any, Final

from dqmstream.messages.operations import LogLine

__all__ = ["RECENT", "RecentLines"]

_KEPT: Final = 8
_LONGEST: Final = 300
_MOST_SERVICES: Final = 64
_LEVELS: Final = frozenset({"warning", "error", "critical"})
_NOT_TOLD: Final = frozenset({"event", "level", "service", "exc_info", "stack_info", "timestamp"})


class RecentLines:
    """The last warnings and errors by service. Belongs to all threads of a process.

    Lines that no service said stand under the empty name.
    """

    def __init__(self) -> None:
        self._lines: dict[str, deque[LogLine]] = {}
        self._lock = Lock()

    def keep(self, line: Mapping[str, Any], when: int) -> None:
        """Keep a line if it is one to look at; `when` is in nanoseconds since 1970."""
        level = str(line.get("level", ""))
        if level not in _LEVELS:
            return
        fields = [f"{name}={value}" for name, value in line.items() if name not in _NOT_TOLD]
        text = " ".join([str(line.get("event", "")), *fields])
        kept = LogLine(when=when, level=level, text=_shortened(text))
        service = str(line.get("service", ""))
        with self._lock:
            if service not in self._lines and len(self._lines) >= _MOST_SERVICES:
                del self._lines[next(iter(self._lines))]
            self._lines.setdefault(service, deque(maxlen=_KEPT)).append(kept)

    def of(self, service: str) -> tuple[LogLine, ...]:
        """Lines of a service and of none, the oldest first, at most 8."""
        with self._lock:
            found = [*self._lines.get("", ()), *self._lines.get(service, ())]
        return tuple(sorted(found, key=lambda each: each.when)[-_KEPT:])

    def processor(
        self, hidden: Callable[[Any, str, Any], Mapping[str, Any]], wall: Callable[[], int]
    ) -> Callable[[Any, str, MutableMapping[str, Any]], MutableMapping[str, Any]]:
        """A processor of structlog that keeps lines as `hidden` leaves them, and passes them on."""

        def keep(
            logger: Any, method: str, line: MutableMapping[str, Any]
        ) -> MutableMapping[str, Any]:
            if str(line.get("level", method)) in _LEVELS:
                self.keep(hidden(logger, method, dict(line)), wall())
            return line

        return keep


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else f"{flat[: _LONGEST - 1]}…"


RECENT: Final = RecentLines()
"""Of this process."""
