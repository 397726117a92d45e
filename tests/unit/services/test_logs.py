"""Log lines: named as in the Elastic Common Schema, paced, without secrets, from libraries too."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from dqmstream.clock import SettableClock
from dqmstream.transport.recovery import TornTail
from services.logging.ecs import FIELDS, renamed
from services.logging.logs import EcsFields, Hider
from services.logging.pace import LinePace
from tests.ecs_lines import TABLE, check

ROOT = Path(__file__).parents[3]

# ------------------------------------------------------------------ all calls

METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log", "bind"}
GIVEN_BY_US = {"service", "exc_info", "logger"}
SPLATS = {
    # What a double star brings at the places that have one.
    "services/comparator/judging.py": {"topic", "partition", "offset"},
    "dqmstream/transport/embedded.py": set(TornTail.__struct_fields__),
    "dqmstream/transport/kafka/noise.py": {"logger", "detail", "not_shown", "exc_info"},
    "services/logging/logs.py": {"logger", "exc_info"},
}


def log_calls() -> Iterator[tuple[str, ast.Call]]:
    """Each call of a structlog logger in the code, by file."""
    for folder in ("dqmstream", "services", "playback"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and _is_log_call(node):
                    yield str(path.relative_to(ROOT)), node


def _is_log_call(call: ast.Call) -> bool:
    match call.func:
        case ast.Attribute(value=value, attr=attr):
            of = ast.unparse(value)
            return (attr in METHODS and of.endswith(("logger", "get_logger()"))) or (
                attr == "bind_contextvars"
            )
        case ast.Call(func=ast.Name(id="getattr"), args=[of, *_]):
            return ast.unparse(of).endswith("logger")
    return False


def test_every_field_that_is_logged_has_a_name_in_the_store():
    calls = list(log_calls())
    assert len(calls) > 30, "the search finds no log calls: has the logger another name?"
    unknown, splats = [], set()
    for path, call in calls:
        for keyword in call.keywords:
            if keyword.arg is None:
                splats.add(path)
                unknown += [
                    (path, n) for n in SPLATS.get(path, {"?"}) - FIELDS.keys() - GIVEN_BY_US
                ]
            elif keyword.arg not in FIELDS.keys() | GIVEN_BY_US:
                unknown.append((f"{path}:{call.lineno}", keyword.arg))
    assert unknown == [], "list them in services/logging/ecs.py"
    assert splats == SPLATS.keys(), "list in SPLATS what a double star brings"


def test_a_sentence_is_short_and_the_rest_in_fields():
    for path, call in log_calls():
        if call.args and isinstance(call.args[0], ast.Constant):
            assert isinstance(call.args[0].value, str)
            assert len(call.args[0].value) < 80, f"{path}:{call.lineno}"


def test_fields_are_known_to_the_schema_or_our_own_and_have_one_type():
    kinds: dict[str, set[str]] = {}
    for field, kind in FIELDS.values():
        kinds.setdefault(field, set()).add(kind)
        assert re.fullmatch(r"dqm\.[a-z_]+", field) or field in TABLE["fields"], field
    assert all(len(each) == 1 for each in kinds.values())
    same = {"match_only_text": "text", "wildcard": "keyword"}
    for field in kinds.keys() & TABLE["fields"].keys():
        kind = TABLE["fields"][field]
        assert kinds[field] == {same.get(kind, kind)}, field


def test_the_page_lists_every_field_with_its_type():
    rows = re.findall(r"^\| `(\S+)` \| (\w+) \|", (ROOT / "docs" / "logs.md").read_text(), re.M)
    page = dict(rows)
    assert len(page) == len(rows)
    same = {"match_only_text": "text", "wildcard": "text"}
    table = {name: same.get(kind, kind) for name, kind in TABLE["fields"].items()}
    del table["labels"]
    assert page == table | dict(FIELDS.values())


def test_what_nobody_listed_becomes_a_label():
    assert dict(renamed({"run": 7, "surprise": (1, 2), "offset": None})) == {
        "dqm.run": 7,
        "labels.surprise": "(1, 2)",
    }


def test_a_value_of_another_type_costs_no_line():
    assert dict(renamed({"run": "seven"})) == {"labels.run": "seven"}


# ------------------------------------------------------------------ processors


def ecs(method: str = "info", **fields: Any) -> dict[str, Any]:
    line = dict(EcsFields()(None, method, {"event": "it happened", **fields}))
    check(line)
    return line


def test_services_of_one_kind_have_one_name_and_several_nodes():
    line = ecs(service="filler-3", run=7, lumisections=["1-3"])
    assert line["service.name"] == "filler"
    assert line["service.node.name"].endswith("/filler-3")
    assert (line["dqm.run"], line["dqm.lumisections"]) == (7, ["1-3"])


def test_an_exception_is_type_message_and_trace():
    try:
        raise KeyError("pixel")
    except KeyError as error:
        lines = [ecs(exc_info=error), ecs(exc_info=True), ecs(exc_info=sys.exc_info())]
    for line in lines:
        assert (line["error.type"], line["error.message"]) == ("builtins.KeyError", "'pixel'")
        assert "test_logs.py" in line["error.stack_trace"]


def test_repeats_are_held_back_and_counted():
    clock = SettableClock()
    pace, passed = LinePace(clock), []
    for number in range(417):
        clock.advance(0.01)
        try:
            passed.append(pace(None, "warning", {"event": "no broker", "offset": number}))
        except structlog.DropEvent:
            continue
    assert [line["offset"] for line in passed] == [0, 1, 2, 3, 4]
    assert pace(None, "warning", {"event": "another"})["event"] == "another"
    assert pace(None, "error", {"event": "no broker"})["event"] == "no broker"
    clock.advance(30)
    again = pace(None, "warning", {"event": "no broker"})
    assert (again["event"], again["not_shown"]) == ("no broker (and 412 more)", 412)


def test_what_was_held_back_at_the_end_is_told_once():
    pace = LinePace(SettableClock())
    for _ in range(5):
        pace(None, "error", {"event": "no broker"})
    for _ in range(3):
        with pytest.raises(structlog.DropEvent):
            pace(None, "error", {"event": "no broker"})
    assert pace.held() == [("no broker", 3)]
    assert pace.held() == []


def test_lines_below_a_warning_all_pass():
    pace = LinePace(SettableClock())
    for number in range(100):
        assert pace(None, "info", {"event": "partition taken over", "n": number})["n"] == number


@pytest.mark.parametrize(
    "text",
    [
        "cannot open postgresql+psycopg://dqm:s3cr3t@db:5432/dqm",
        "cannot open postgresql://dqm:p@ss:s3cr3t@db/dqm at all",
        "AIOKafkaProducer(sasl_plain_password='s3cr3t', acks=-1)",
        '{"password": "s3cr3t", "user": "dqm"}',
        "?user=dqm&password=s3cr3t&ssl=on",
        "the value was s3cr3t",
    ],
)
def test_secrets_are_never_shown(text):
    hider = Hider(["s3cr3t"] if "value" in text else [])
    line = hider(None, "info", {"event": text, "error": [text, {"x": text}], "b": text.encode()})
    assert "s3cr3t" not in str(line)
    assert "***" in str(line["event"])


def test_fields_with_the_name_of_a_secret_are_hidden():
    line = Hider()(None, "info", {"kafka_password": "x", "run": 7})
    assert line == {"kafka_password": "***", "run": 7}


def test_harmless_addresses_are_left_as_they_are():
    text = "cannot reach http://127.0.0.1:8000/api, sqlite:///data/store.sqlite"
    assert Hider().text(text) == text


# ---------------------------------------------------------------- whole process

PROGRAM = """
import logging, warnings, sys
import structlog
from services.logging.logs import set_up_logs
set_up_logs("info", sys.argv[1], secrets=["s3cr3t"])
structlog.contextvars.bind_contextvars(service="filler-0")
structlog.get_logger().info("partition taken over", partition=3, position=17)
logging.getLogger("uvicorn.error").error("no %s for %s", "socket", "s3cr3t")
logging.getLogger("sqlalchemy").log(35, "between warning and error")
logging.getLogger("aiokafka").info("too quiet")
warnings.warn("old", UserWarning)
for number in range(9):
    structlog.get_logger().error("no broker", error="at s3cr3t:9092", next_try_in=0.2)
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("asyncio").exception("task failed")
"""


def lines_of(form: str) -> list[str]:
    command = [sys.executable, "-c", PROGRAM, form]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == ""
    assert "s3cr3t" not in done.stderr
    return done.stderr.splitlines()


def test_libraries_and_warnings_go_the_same_way():
    lines = [json.loads(line) for line in lines_of("json")]
    for line in lines:
        check(line)
    told = [(line["log.level"], line["log.logger"], line["message"]) for line in lines]
    assert told[0] == ("info", "dqmstream", "partition taken over")
    assert told[1] == ("error", "uvicorn.error", "no socket for ***")
    assert told[2] == ("warning", "sqlalchemy", "between warning and error")
    assert told[3][:2] == ("warning", "py.warnings")
    assert told[4:9] == [("error", "dqmstream", "no broker")] * 5
    assert told[9] == ("error", "asyncio", "task failed")
    assert lines[9]["error.type"] == "builtins.ZeroDivisionError"
    assert told[10] == ("warning", "dqmstream", "no broker (and 4 more)")
    assert {line["service.name"] for line in lines} == {"filler"}


def test_people_read_text():
    lines = lines_of("text")
    assert "partition taken over" in lines[0]
    assert "partition=3" in lines[0]
    assert "ZeroDivisionError" in "\n".join(lines)


def test_our_own_handler_is_there_once_however_often_logs_are_set_up():
    program = "from services.logging.logs import set_up_logs; import logging\n" + (
        "set_up_logs('info', 'json')\n" * 3 + "logging.error('once')"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert len(done.stderr.splitlines()) == 1
