"""Names of log fields: those of the Elastic Common Schema, and our own under `dqm.`.

Services log with short names (`run`, `lumisection`, `error`); here is what each is called in a
store of logs, and its type there. A name with two types would make a store refuse lines, so every
name that is used is listed, and a test looks for others.

https://www.elastic.co/guide/en/ecs/8.11/ecs-field-reference.html
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

__all__ = ["ECS_VERSION", "FIELDS", "Kind", "renamed"]

Kind: TypeAlias = Literal["keyword", "text", "long", "double", "boolean"]

ECS_VERSION: Final = "8.11.0"

FIELDS: Final[Mapping[str, tuple[str, Kind]]] = {
    "error": ("error.message", "text"),
    "detail": ("error.message", "text"),
    "logger": ("log.logger", "keyword"),
    # Where in the data
    "run": ("dqm.run", "long"),
    "lumisection": ("dqm.lumisection", "long"),
    "after_lumisection": ("dqm.after_lumisection", "long"),
    "lumisections": ("dqm.lumisections", "keyword"),
    "workspace": ("dqm.workspace", "keyword"),
    "set": ("dqm.set", "keyword"),
    "source": ("dqm.source", "keyword"),
    "silent": ("dqm.silent", "keyword"),
    "tests": ("dqm.tests", "keyword"),
    # Where in the log
    "topic": ("dqm.topic", "keyword"),
    "partition": ("dqm.partition", "long"),
    "offset": ("dqm.offset", "long"),
    "position": ("dqm.position", "long"),
    "end": ("dqm.end", "long"),
    "first": ("dqm.first", "long"),
    "next_offset": ("dqm.next_offset", "long"),
    "epoch": ("dqm.epoch", "long"),
    "generation": ("dqm.generation", "long"),
    "log": ("dqm.log", "keyword"),
    "stored": ("dqm.stored_log", "keyword"),
    "member": ("dqm.member", "keyword"),
    "hole": ("dqm.hole", "boolean"),
    # What happened, how often
    "reason": ("dqm.reason", "keyword"),
    "why": ("dqm.why", "text"),
    "problem": ("dqm.problem", "text"),
    "attempts": ("dqm.attempts", "long"),
    "deaths": ("dqm.deaths", "keyword"),
    "count": ("dqm.count", "long"),
    "failures": ("dqm.failures", "long"),
    "dropped_chunks": ("dqm.dropped_chunks", "long"),
    "dropped_events": ("dqm.dropped_events", "long"),
    "reports": ("dqm.reports", "long"),
    "bytes": ("dqm.bytes", "long"),
    "not_shown": ("dqm.not_shown", "long"),
    "next_try_in": ("dqm.next_try_in", "double"),
    "wanted": ("dqm.wanted", "double"),
    "used": ("dqm.used", "double"),
    "client": ("dqm.client", "keyword"),
    "receiver": ("dqm.receiver", "keyword"),
    "subscription": ("dqm.subscription", "keyword"),
    "alarm": ("dqm.alarm", "keyword"),
    "reference": ("dqm.reference", "keyword"),
    "configuration": ("dqm.configuration", "keyword"),
    # A file of the embedded log that was cut short
    "path": ("file.path", "keyword"),
    "bytes_cut": ("dqm.bytes_cut", "long"),
    "following": ("dqm.following", "long"),
}


def renamed(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Fields under their names in the store; what nobody listed goes to `labels` as text."""
    for name, value in fields.items():
        if value is None:
            continue
        if name not in FIELDS:
            yield f"labels.{name}", str(value)
            continue
        field, kind = FIELDS[name]
        try:
            yield field, _as(kind, value)
        except (TypeError, ValueError):
            # A line in another form is better than none.
            yield f"labels.{name}", str(value)


def _as(kind: Kind, value: Any) -> Any:
    """A value of the field's type; a list is one in such a store already."""
    if isinstance(value, list | tuple | set | frozenset):
        return [_as(kind, each) for each in value]
    match kind:
        case "long":
            return int(value)
        case "double":
            return float(value)
        case "boolean":
            return bool(value)
    return str(value)
