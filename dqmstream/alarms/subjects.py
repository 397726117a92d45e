"""Names of alarms: what each is of, stable across runs, lumisections and restarts."""

from typing import Final, get_args

from dqmstream.messages.alarms import AlarmKind

__all__ = [
    "alarm_kind",
    "condition_alarm",
    "error_alarm",
    "lag_alarm",
    "process_alarm",
    "quality_alarm",
    "reports_alarm",
    "source_alarm",
    "starving_alarm",
]

_KINDS: Final[dict[str, AlarmKind]] = {kind: kind for kind in get_args(AlarmKind)}


def quality_alarm(path: str, qtname: str, scope: str) -> str:
    """Of a quality test on an element; another scope than an LS makes another alarm."""
    return f"quality:{path}:{qtname}{_suffix(scope)}"


def error_alarm(workspace: str, qtname: str, scope: str) -> str:
    """Of a quality test that fails: one for a workspace, for it mostly does so on all elements."""
    return f"error:{workspace}:{qtname}{_suffix(scope)}"


def process_alarm(service: str) -> str:
    """Of processes of a service that are silent."""
    return f"process:{service}"


def lag_alarm(service: str) -> str:
    """Of a service that does not keep up."""
    return f"lag:{service}"


def source_alarm(source: str) -> str:
    """Of a source that is missing."""
    return f"source:{source}"


def starving_alarm() -> str:
    """Of a run that goes on without events."""
    return "stream:events"


def reports_alarm(workspace: str) -> str:
    """Of a workspace whose reports stopped."""
    return f"reports:{workspace}"


def condition_alarm(subject: str) -> str:
    """Of what a service says of itself."""
    return f"condition:{subject}"


def alarm_kind(alarm: str) -> AlarmKind | None:
    """What an alarm is of, by its name; None if it is the name of none."""
    kind, colon, rest = alarm.partition(":")
    return _KINDS.get(kind) if colon and rest else None


def _suffix(scope: str) -> str:
    return "" if scope == "lumisection" else f"@{scope}"
