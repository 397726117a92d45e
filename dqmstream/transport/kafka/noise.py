"""What the client library has to say, in our log and in moderation.

In an outage aiokafka repeats itself ten times a second and connection: every kind of line is passed
on at most once in a while, with the number of those that were not.
"""

import logging
from typing import Any, Final

import structlog

from dqmstream.clock import Clock, SystemClock

__all__ = ["ClientLogs", "route_client_logs"]

_PAUSE: Final = 30.0  # seconds between two lines of one kind
_KINDS: Final = 200  # kinds remembered; there are fewer in the library


class ClientLogs(logging.Handler):
    """Passes lines of the client on to structlog, each kind once in a while.

    Parameters
    ----------
    clock
        Paces the lines.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(logging.WARNING)
        self._clock = clock
        self._passed: dict[str, float] = {}
        self._held: dict[str, int] = {}
        self._logger: Any = structlog.get_logger()

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a line on, or count it."""
        kind = f"{record.name}:{record.msg}"
        now = self._clock.monotonic()
        last = self._passed.get(kind)
        if last is not None and now - last < _PAUSE:
            self._held[kind] = self._held.get(kind, 0) + 1
            return
        if len(self._passed) >= _KINDS:
            self._passed.clear()
        self._passed[kind] = now
        level = "error" if record.levelno >= logging.ERROR else "warning"
        fields: dict[str, Any] = {"logger": record.name, "detail": record.getMessage()}
        if held := self._held.pop(kind, 0):
            fields["not_shown"] = held
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        getattr(self._logger, level)("kafka_client", **fields)


def route_client_logs(clock: Clock | None = None) -> None:
    """Send what aiokafka logs through `ClientLogs`, for the whole process; again does nothing."""
    logger = logging.getLogger("aiokafka")
    if any(isinstance(handler, ClientLogs) for handler in logger.handlers):
        return
    logger.addHandler(ClientLogs(clock or SystemClock()))
    logger.propagate = False
