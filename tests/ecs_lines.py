"""Whether a JSON log line has fields of the Elastic Common Schema, and our own, and no others."""

import json
import re
from pathlib import Path
from typing import Any

from services.logging.ecs import ECS_VERSION, FIELDS

__all__ = ["TABLE", "check"]

TABLE = json.loads((Path(__file__).parent / "resources" / "ecs-fields.json").read_text())
ALWAYS = {"@timestamp", "log.level", "message", "ecs.version", "service.name", "process.pid"}
JSON_TYPES = {
    "date": str,
    "keyword": str,
    "match_only_text": str,
    "text": str,
    "wildcard": str,
    "long": int,
    "double": float,
    "boolean": bool,
}
OURS = {field: kind for field, kind in FIELDS.values() if field.startswith("dqm.")}


def check(line: dict[str, Any]) -> None:
    """Fail if a line has a field nobody knows, or one of another type."""
    assert line.keys() >= ALWAYS, f"a line lacks {ALWAYS - line.keys()}"
    for name, value in line.items():
        kind = "keyword" if name.startswith("labels.") else (TABLE["fields"] | OURS)[name]
        for each in value if isinstance(value, list) else [value]:
            assert type(each) is JSON_TYPES[kind], f"{name} is {each!r}, expected {kind}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", line["@timestamp"])
    assert line["ecs.version"] == TABLE["version"] == ECS_VERSION
