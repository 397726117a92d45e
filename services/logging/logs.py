"""Log lines of the process: for people in a terminal, or JSON for a store of logs.

Libraries that log by `logging` go the same way, so there is one format, one level, one place where
secrets are hidden and repeats are held back.
"""

import atexit
import logging
import os
import re
import socket
import sys
import traceback
from collections.abc import Iterable, MutableMapping
from contextlib import suppress
from typing import Any, Final

import structlog

from dqmstream import __version__
from dqmstream.clock import Clock, SystemClock
from dqmstream.identity import kind_of_service
from services.logging.ecs import ECS_VERSION, renamed
from services.logging.pace import LinePace
from services.logging.recent import RECENT

__all__ = ["AtTheEnd", "EcsFields", "Hider", "set_up_logs"]

_Line = MutableMapping[str, Any]

_HIDDEN: Final = "***"
_SECRET_NAME: Final = re.compile(r"password|passwd|secret|token|credential", re.IGNORECASE)
_IN_URL: Final = re.compile(r"(://[^:/@\s]*:)\S*(@)")
_ASSIGNED: Final = re.compile(
    r"""((?:password|passwd|secret|token)["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&)}\]]+)""",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(r"dqm_(?:p\.[A-Za-z0-9_-]{20,}|[A-Za-z0-9_-]{43})")
"""As `dqmstream token new` and logins make them, wherever one turns up."""
_OURS: Final = "dqmstream"
_LEVELS: Final = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)


class AtTheEnd(str):
    """What the command says itself, in a sentence, when it ends. Log lines for people leave it out:
    whoever reads the terminal reads it once."""

    __slots__ = ()


def set_up_logs(
    level: str, form: str, *, secrets: Iterable[str] = (), clock: Clock | None = None
) -> None:
    """Send log lines of `level` and above to standard error.

    Parameters
    ----------
    form
        `text` for people, `json` for programs: one object a line, fields named as in the Elastic
        Common Schema (`services.logging.ecs`).
    secrets
        Never shown, wherever they turn up.
    clock
        Paces repeats.
    """
    known = clock or SystemClock()
    pace, hider = LinePace(known), Hider(secrets)
    rendering: list[structlog.typing.Processor] = (
        [EcsFields(), structlog.processors.JSONRenderer(ensure_ascii=False)]
        if form == "json"
        else [
            _without_last_words,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0),
        ]
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            pace,
            RECENT.processor(hider, known.wall),
            *rendering[:-1],
            hider,
            rendering[-1],
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    _route_libraries(number)
    atexit.unregister(_tell_held)
    atexit.register(_tell_held, pace)


def _without_last_words(_logger: Any, _method: str, line: _Line) -> _Line:
    return {name: value for name, value in line.items() if not isinstance(value, AtTheEnd)}


class EcsFields:
    """Renames fields, and adds those that every line has. A processor of structlog."""

    def __init__(self) -> None:
        self._node = f"{socket.gethostname()}-{os.getpid()}"
        self._stamp = structlog.processors.TimeStamper(fmt="iso", utc=True, key="@timestamp")

    def __call__(self, logger: Any, method: str, line: _Line) -> _Line:
        """The line under its names in a store."""
        fields = dict(line)
        service = str(fields.pop("service", ""))
        named = dict(self._stamp(logger, method, {})) | {
            "log.level": fields.pop("level", method),
            "message": str(fields.pop("event", "")),
            "ecs.version": ECS_VERSION,
            "service.name": kind_of_service(service) or _OURS,
            "service.node.name": f"{self._node}/{service}" if service else self._node,
            "service.version": __version__,
            "process.pid": os.getpid(),
            "log.logger": _OURS,
        }
        error = _error_of(fields.pop("exc_info", None))
        return named | _described(error) | dict(renamed(fields))


def _error_of(given: object) -> BaseException | None:
    """The exception a line is about, in any of the ways one is handed over."""
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return given[1] if isinstance(given[1], BaseException) else None
    return sys.exc_info()[1] if given else None


def _described(error: BaseException | None) -> dict[str, Any]:
    if error is None:
        return {}
    kind = type(error)
    return {
        "error.type": f"{kind.__module__}.{kind.__qualname__}",
        "error.message": str(error),
        "error.stack_trace": "".join(traceback.format_exception(error)),
    }


class Hider:
    """Hides passwords: by value where they are known, by name and in addresses everywhere.

    Parameters
    ----------
    secrets
        Values never to be shown.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({each for each in secrets if each}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, _logger: Any, _method: str, line: _Line) -> _Line:
        """The line without secrets. A processor of structlog."""
        return {
            name: _HIDDEN if _SECRET_NAME.search(name) else self._hidden(value)
            for name, value in line.items()
        }

    def _hidden(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            return self.text(value.decode("utf-8", "replace"))
        if isinstance(value, dict):
            return self("", "", value) if value else value
        if isinstance(value, list | tuple):
            return [self._hidden(each) for each in value]
        return value

    def text(self, text: str) -> str:
        """Free text without secrets."""
        if self._known is not None:
            text = self._known.sub(_HIDDEN, text)
        text = _TOKEN.sub(_HIDDEN, text)
        text = _IN_URL.sub(rf"\1{_HIDDEN}\2", text)
        return _ASSIGNED.sub(rf"\1{_HIDDEN}", text)


class _Forwarding(logging.Handler):
    """Lines of libraries, as lines of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a line on."""
        try:
            fields: dict[str, Any] = {"logger": record.name}
            if record.exc_info:
                fields["exc_info"] = record.exc_info
            level = max((each for each in _LEVELS if each <= record.levelno), default=logging.DEBUG)
            structlog.get_logger().log(level, record.getMessage(), **fields)
        except Exception:
            self.handleError(record)


def _route_libraries(level: int) -> None:
    """Everything that goes to `logging`, and warnings, from warnings on, or from `level`."""
    root = logging.getLogger()
    if not any(isinstance(handler, _Forwarding) for handler in root.handlers):
        root.addHandler(_Forwarding())
    root.setLevel(max(level, logging.WARNING))
    logging.captureWarnings(capture=True)


def _tell_held(pace: LinePace) -> None:
    """At the end, what was held back and had no line to be told on."""
    with suppress(ValueError):  # standard error is closed
        for sentence, count in pace.held():
            structlog.get_logger().warning(f"{sentence} (and {count} more)", not_shown=count)
