"""The profile `logs`: what the services write arrives in the store under the names it knows."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dqmstream.clock import SystemClock
from dqmstream.messages.topics import HISTOGRAMS
from dqmstream.transport.kafka import KafkaLog, KafkaSettings
from dqmstream.transport.log import Outgoing
from services.logging.ecs import FIELDS
from tests.deployment.conftest import Deployment, Service, wait_until
from tests.deployment.files import COMPOSE, DOCKER, load, made
from tests.deployment.shipping import container_line, shipped

_LOGS = DOCKER / "logs"
_CONFIGURATION = load(_LOGS / "fluent-bit.yaml")
_TEMPLATE = json.loads((_LOGS / "index-template.json").read_text())
_MAPPED: dict[str, dict[str, Any]] = _TEMPLATE["template"]["mappings"]["properties"]
_COMPOSE = load(COMPOSE)
_TIME = "2026-01-31T12:00:00.123456789Z"
_TYPES = {"long": int, "double": int | float, "boolean": bool, "keyword": str, "text": str}


def _saved(kind: str) -> list[dict[str, Any]]:
    lines = (_LOGS / "searches.ndjson").read_text().splitlines()
    return [saved for line in lines if (saved := json.loads(line))["type"] == kind]


def _fields_of(saved: dict[str, Any]) -> set[str]:
    """Fields that a saved search shows, sorts by or asks for."""
    attributes = saved["attributes"]
    source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
    asked = re.findall(r"([\w.@]+):", source["query"]["query"])
    return {*attributes["columns"], *asked, *(field for field, _ in attributes["sort"])}


def _arrives(text: str, service: str = "filler") -> dict[str, Any]:
    document = shipped(
        _CONFIGURATION,
        container_line(text, project=_COMPOSE["name"], service=service, time=_TIME),
    )
    assert document is not None
    return document


def test_a_line_of_ours_arrives_with_its_own_fields_and_time() -> None:
    line = {
        "@timestamp": "2026-01-31T11:59:59.000001Z",
        "log.level": "warning",
        "message": "hello",
        "service.name": "gateway",
        "dqm.run": 7,
    }
    assert _arrives(json.dumps(line), service="somewhere") == line


def test_a_line_of_others_arrives_as_a_message_of_its_container() -> None:
    """Text, and JSON that is no object."""
    for text in ("database system is ready", "17", '"text"'):
        assert _arrives(text, service="postgres") == {
            "message": f"{text}\n",
            "service.name": "postgres",
            "@timestamp": _TIME,
        }


def test_other_projects_on_the_machine_are_left_alone() -> None:
    line = container_line("private", project="another", service="filler", time=_TIME)
    assert shipped(_CONFIGURATION, line) is None
    plain = json.dumps({"log": "private\n", "stream": "stdout", "time": _TIME})
    assert shipped(_CONFIGURATION, plain) is None


def test_every_container_bears_the_labels_that_the_shipper_looks_for() -> None:
    for service in _COMPOSE["services"].values():
        labels = service["logging"]["options"]["labels"].split(",")
        assert labels == ["com.docker.compose.project", "com.docker.compose.service"]
        assert service["logging"]["driver"] == "json-file"


def test_the_shipper_reads_and_writes_only_where_it_may() -> None:
    shipper = _COMPOSE["services"]["logs-shipper"]
    targets = {v.split(":")[1]: v.split(":")[2:] for v in shipper["volumes"]}
    (tail,) = _CONFIGURATION["pipeline"]["inputs"]
    assert targets[tail["path"].split("/*/")[0]] == ["ro"]
    for path in (tail["db"], _CONFIGURATION["service"]["storage.path"]):
        assert targets[str(Path(path).parent)] == []
    (configuration,) = [word for word in shipper["command"] if word.endswith(".yaml")]
    configuration = configuration.removeprefix("--config=")
    assert targets[str(Path(configuration).parent)] == ["ro"]
    assert Path(configuration).name == "fluent-bit.yaml"


def test_the_store_is_told_the_type_of_every_field_that_services_can_write() -> None:
    """A stale template fails: docker/logs/make_template.py writes it anew."""
    assert (_LOGS / "index-template.json").read_text() == made(_LOGS / "make_template.py")
    declared = {name: mapping["type"] for name, mapping in _MAPPED.items()}
    assert dict(FIELDS.values()).items() <= declared.items()


def test_no_field_lies_within_another() -> None:
    """The store takes dots for levels: a name cannot be a value and a level."""
    for name in _MAPPED:
        assert not [other for other in _MAPPED if other.startswith(f"{name}.")]


def test_the_index_is_the_one_that_template_retention_and_searches_are_about() -> None:
    (store,) = _CONFIGURATION["pipeline"]["outputs"]
    pattern = f"{store['logstash_prefix']}-*"
    assert _TEMPLATE["index_patterns"] == [pattern]
    policy = json.loads((_LOGS / "retention.json").read_text())["policy"]
    assert policy["ism_template"][0]["index_patterns"] == [pattern]
    (index,) = _saved("index-pattern")
    assert index["attributes"] == {"title": pattern, "timeFieldName": store["time_key"]}
    for search in _saved("search"):
        (reference,) = search["references"]
        assert reference["id"] == index["id"]
        meta = search["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"]
        assert json.loads(meta)["indexRefName"] == reference["name"]
    assert (
        f"{store['host']}:{store['port']}"
        in _COMPOSE["services"]["logs-setup"]["environment"]["OPENSEARCH"]
    )


@pytest.mark.parametrize("saved", _saved("search"), ids=lambda saved: saved["id"])
def test_a_search_asks_for_fields_that_the_store_knows(saved: dict[str, Any]) -> None:
    assert _fields_of(saved) <= set(_MAPPED)


def test_the_files_that_are_set_up_exist() -> None:
    script = (_LOGS / "set-up").read_text()
    for name in ("index-template.json", "retention.json", "searches.ndjson"):
        assert name in script
        assert (_LOGS / name).is_file()
    assert subprocess.run(["bash", "-n", _LOGS / "set-up"], check=False).returncode == 0
    variables = _COMPOSE["services"]["logs-setup"]["environment"]
    assert set(re.findall(r"\$([A-Z]+)", script)) == set(variables)


async def _send_garbage(service: Service) -> None:
    """A record that nobody can use, onto the topic of the histograms."""
    given = service.environment
    settings = KafkaSettings(
        servers=tuple(given["DQMSTREAM_KAFKA"].split(",")),
        prefix=given["DQMSTREAM_KAFKA_PREFIX"],
    )
    async with KafkaLog.open(settings, clock=SystemClock()) as log:
        await log.send([Outgoing(topic=HISTOGRAMS, partition=0, headers=(), value=b"garbage")])


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_what_the_services_write_arrives_under_names_and_types_of_the_store(
    deployment: Deployment,
) -> None:
    comparator = deployment.services["comparator"]
    asyncio.run(_send_garbage(comparator))
    wait_until(
        lambda: any('"dqm.reason"' in line for line in comparator.lines()),
        "line about the record that was refused",
        deployment.services,
    )
    seen: set[str] = set()
    for service in deployment.services.values():
        for line in service.lines():
            document = _arrives(line, service.name)
            assert document["service.name"] == service.name
            seen |= set(document)
            for name, value in document.items():
                if name == "@timestamp":
                    continue
                mapping = _MAPPED.get(name)
                if mapping is None:
                    assert name.startswith("labels.")
                    assert isinstance(value, str)
                else:
                    for one in value if isinstance(value, list) else [value]:
                        assert isinstance(one, _TYPES[mapping["type"]])
    shown = {"service.name", "log.level", "message", "dqm.partition", "dqm.position"}
    refused = {"dqm.reason", "dqm.topic", "dqm.offset"}
    assert shown | refused <= seen


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_every_line_of_a_service_is_one_document(deployment: Deployment) -> None:
    """A line that is no JSON would lose its level and its time."""
    lines = [line for one in deployment.services.values() for line in one.lines()]
    assert lines
    for line in lines:
        assert {"@timestamp", "log.level", "message", "ecs.version"} <= set(json.loads(line))


def test_a_start_that_fails_says_why_in_a_message(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "fill"],
        env={"DQMSTREAM_LOG_FORMAT": "json", "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    messages = [_arrives(line)["message"] for line in done.stderr.splitlines()]
    assert all(messages)
    assert any("Kafka broker" in str(message) for message in messages)
