"""What the shipper's configuration makes of a container's log line: its filters, as documented.

No shipper can be had from the registries that tests may use; only the few filters that our file
has are known here, and anything else in it fails.
"""

import json
import re
from typing import Any, Final

__all__ = ["container_line", "shipped"]

_ACCESSOR: Final = re.compile(r"\$(\w+)\['([^']+)'\] (.*)")

Record = dict[str, Any]


def container_line(text: str, *, project: str, service: str, time: str) -> str:
    """A line as the engine's json-file driver keeps it."""
    labels = {"com.docker.compose.project": project, "com.docker.compose.service": service}
    return json.dumps({"log": f"{text}\n", "stream": "stderr", "attrs": labels, "time": time})


def shipped(configuration: Record, line: str) -> Record | None:
    """The document that the store gets; None if the line is left out."""
    parsers = {parser["name"]: parser for parser in configuration["parsers"]}
    pipeline = configuration["pipeline"]
    (tail,) = pipeline["inputs"]
    (store,) = pipeline["outputs"]
    record, when = _parse(parsers[tail["parser"]], line)
    assert record is not None
    for given in pipeline["filters"]:
        options = dict(given)
        kind, match = options.pop("name"), options.pop("match")
        assert match == tail["tag"]
        if kind == "grep":
            found = _ACCESSOR.fullmatch(options.pop("regex"))
            assert found is not None
            value = record.get(found[1], {}).get(found[2])
            if value is None or not re.search(found[3], value):
                return None
        elif kind == "parser":
            key, reserve = options.pop("key_name"), options.pop("reserve_data")
            parsed, time = _parse(parsers[options.pop("parser")], record[key])
            if parsed is not None:
                del record[key]
                record = (record if reserve else {}) | parsed
                when = time or when
        elif kind == "nest":
            assert options.pop("operation") == "lift"
            record |= record.pop(options.pop("nested_under"))
        elif kind == "modify" and "rename" in options:
            old, new = options.pop("rename").split()
            if old in record and new not in record:
                record[new] = record.pop(old)
        elif kind == "modify":
            record.pop(options.pop("remove"), None)
        else:
            msg = f"what does {kind} do?"
            raise AssertionError(msg)
        assert not options
    return record | {store["time_key"]: when}


def _parse(parser: Record, text: str) -> tuple[Record | None, str]:
    """The fields of a JSON line and its time, which leaves them; None if it is no JSON."""
    assert parser["format"] == "json"
    try:
        record = json.loads(text)
    except ValueError:
        return None, ""
    if not isinstance(record, dict):
        return None, ""
    when = record.pop(parser["time_key"], "")
    # %L takes any number of digits.
    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:?\d\d)"
    assert parser["time_format"] == "%Y-%m-%dT%H:%M:%S.%L%z"
    assert not when or re.fullmatch(pattern, when)
    return record, when
