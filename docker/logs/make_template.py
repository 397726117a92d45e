"""Writes index-template.json: `.venv/bin/python docker/logs/make_template.py`.

The types of the fields that services write come from `services.logging.ecs`, so that the store and
the services cannot disagree.
"""

import json
from pathlib import Path
from typing import Final

from services.logging.ecs import FIELDS

TARGET: Final = Path(__file__).parent / "index-template.json"
# What every line has, and what describes an error.
_ALWAYS: Final = {
    "@timestamp": "date",
    "message": "text",
    "ecs.version": "keyword",
    "log.level": "keyword",
    "log.logger": "keyword",
    "service.name": "keyword",
    "service.node.name": "keyword",
    "service.version": "keyword",
    "process.pid": "long",
    "error.type": "keyword",
    "error.message": "text",
    "error.stack_trace": "text",
}
# Longer ones are kept and shown, but not found by their value.
_LONGEST: Final = 1024


def template() -> str:
    """The template as the store takes it, a field a line."""
    fields = sorted((_ALWAYS | dict(FIELDS.values())).items())
    lines = ",\n".join(f"        {json.dumps(name)}: {_mapping(kind)}" for name, kind in fields)
    return f"""\
{{
  "index_patterns": ["dqmstream-logs-*"],
  "template": {{
    "settings": {{ "number_of_shards": 1, "number_of_replicas": 0 }},
    "mappings": {{
      "dynamic_templates": [
        {{
          "others": {{ "match_mapping_type": "string", "mapping": {_mapping("keyword")} }}
        }}
      ],
      "properties": {{
{lines}
      }}
    }}
  }}
}}
"""


def _mapping(kind: str) -> str:
    return json.dumps({"type": kind} | ({"ignore_above": _LONGEST} if kind == "keyword" else {}))


if __name__ == "__main__":
    TARGET.write_text(template())
