"""Lines that repeat: in an outage everybody complains several times a second, for minutes."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from dqmstream.clock import Clock

__all__ = ["LinePace"]

_BURST: Final = 5
"""Lines of one kind that pass in a window."""
_WINDOW: Final = 30.0
_KINDS: Final = 500
_QUIET: Final = frozenset({"debug", "info"})


@dataclass(slots=True)
class _Seen:
    """Lines of one kind in the window that began at `since` (monotonic seconds)."""

    since: float
    passed: int = 0
    held: int = 0


class LinePace:
    """Lets a few lines of each kind pass in a window, and then says how many more there were.

    A kind is level, service, library and sentence: what differs (offsets, errors) is not looked at.
    Lines below a warning all pass: nobody asks for them who does not want them. A processor of
    structlog; belongs to the threads of one process, none of which it makes wait.

    Parameters
    ----------
    clock
        Paces the lines.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kinds: dict[tuple[str, ...], _Seen] = {}

    def __call__(
        self, _logger: Any, method: str, line: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """The line, with the number of those held back before it; `DropEvent` holds it back."""
        if method in _QUIET:
            return line
        now = self._clock.monotonic()
        names = [str(line.get(name, "")) for name in ("service", "logger", "event")]
        seen = self._seen((method, *names), now)
        if now - seen.since >= _WINDOW:
            if seen.held:
                line["event"] = f"{line.get('event', '')} (and {seen.held} more)"
                line["not_shown"] = seen.held
            seen.since, seen.passed, seen.held = now, 0, 0
        if seen.passed >= _BURST:
            seen.held += 1
            raise structlog.DropEvent
        seen.passed += 1
        return line

    def held(self) -> list[tuple[str, int]]:
        """Sentences with the number of lines that were held back and not told yet; all are told."""
        told = [(kind[-1], seen.held) for kind, seen in list(self._kinds.items()) if seen.held]
        self._kinds.clear()
        return told

    def _seen(self, kind: tuple[str, ...], now: float) -> _Seen:
        seen = self._kinds.get(kind)
        if seen is None:
            if len(self._kinds) >= _KINDS:
                del self._kinds[next(iter(self._kinds))]
            seen = self._kinds[kind] = _Seen(now)
        return seen
