"""The contracts in schemas/ are those of the code, and they are what they say they are."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from dqmstream.booking.columns import decode_batch
from dqmstream.messages.events import EventBatch
from dqmstream.messages.examples import EXAMPLES
from dqmstream.messages.generate import documents, generate
from dqmstream.messages.topics import TOPICS
from dqmstream.messages.wire import CODEC, MESSAGES

SCHEMAS = Path(__file__).parents[3] / "schemas"
STALE = "schemas/ is stale: run `make schemas`"
OF_SERVICES = {"openapi.json"}
"""Written beside the others by `dqmstream schemas`, and compared elsewhere."""


def files(folder: Path) -> dict[str, bytes]:
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name not in OF_SERVICES}


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    """Every JSON document, parsed."""
    return {
        name: json.loads(content) for name, content in documents().items() if name.endswith(".json")
    }


def test_the_contracts_in_the_repository_are_those_of_the_code(tmp_path: Path) -> None:
    paths = generate(tmp_path)
    fresh, kept = files(tmp_path), files(SCHEMAS)
    assert sorted(str(path.relative_to(tmp_path)) for path in paths) == sorted(fresh)
    assert fresh.keys() == kept.keys(), STALE
    stale = [name for name, content in fresh.items() if kept[name] != content]
    assert not stale, f"{STALE} ({', '.join(stale)})"


def test_writing_them_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    generate(tmp_path / "one")
    generate(tmp_path / "one")
    generate(tmp_path / "two")
    assert files(tmp_path / "one") == files(tmp_path / "two")


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_the_example_of_a_message_is_as_its_schema_says(
    message: type, written: dict[str, Any]
) -> None:
    name = f"{message.__name__}.v{message.version}"
    schema, example = written[f"messages/{name}.schema.json"], written[f"golden/{name}.json"]
    validator = jsonschema_rs.validator_for(schema)
    if message is EventBatch:
        value = dict(example["headers"])
        assert validator.is_valid(value)
        assert not validator.is_valid(value | {"number": "one"})
    else:
        value = example["message"]
        assert validator.is_valid(value)
        assert not validator.is_valid(value | {"unheard_of": 1})
    assert not validator.is_valid({})


def references(document: Any) -> list[str]:
    if isinstance(document, dict):
        own = [document["$ref"]] if isinstance(document.get("$ref"), str) else []
        return own + [ref for value in document.values() for ref in references(value)]
    if isinstance(document, list):
        return [ref for value in document for ref in references(value)]
    return []


def test_every_reference_of_the_asyncapi_document_leads_somewhere(
    written: dict[str, Any],
) -> None:
    document = written["asyncapi.json"]
    found = references(document)
    assert found
    for reference in set(found):
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_the_asyncapi_document_has_all_topics_with_all_their_messages(
    written: dict[str, Any],
) -> None:
    channels = written["asyncapi.json"]["channels"]
    assert {name: tuple(channel["messages"]) for name, channel in channels.items()} == {
        name: tuple(sorted(topic.messages)) for name, topic in TOPICS.items()
    }
    for name, topic in TOPICS.items():
        settings = channels[name]["bindings"]["kafka"]["topicConfiguration"]
        assert settings["cleanup.policy"] == ["compact" if topic.compacted else "delete"]
        assert settings["retention.ms"] == (
            -1 if topic.retention is None else topic.retention * 1000
        )
        assert channels[name]["x-keyed-by"] == topic.keyed_by


def test_message_headers_are_in_the_asyncapi_document(written: dict[str, Any]) -> None:
    messages = written["asyncapi.json"]["components"]["messages"]
    for name, example in EXAMPLES.items():
        headers = {key: text.decode() for key, text in CODEC.encode(example).headers}
        assert messages[name]["headers"]["required"] == sorted(headers)
        assert jsonschema_rs.validator_for(messages[name]["headers"]).is_valid(headers)


@pytest.mark.parametrize("source", ["source-cms", "source-synthetic"])
def test_columns_of_the_sources_are_documented(source: str, written: dict[str, Any]) -> None:
    columns = {column["name"]: column for column in written[f"arrow/{source}.json"]["columns"]}
    assert columns["event"]["type"] == "uint64"
    jagged = [column for column in columns.values() if column["type"] == "list<struct>"]
    assert jagged
    assert all(column["members"] for column in jagged)


def test_the_body_of_the_example_batch_keeps_the_convention() -> None:
    batch = EXAMPLES["EventBatch"]
    assert isinstance(batch, EventBatch)
    columns = decode_batch(batch.body, selected=batch.chunk.selected)
    assert columns.values["orbit"].tolist() == [7, 8, 9]
    assert columns.collections["muon"].offsets.tolist() == [0, 1, 1, 3]
    assert columns.texts["menu"].to_pylist() == ["collisions"] * 3


def test_descriptions_bear_no_indents(written: dict[str, Any]) -> None:
    """Some Pythons keep those of docstrings: the files must not depend on which."""
    assert not any("\n    " in text for text in descriptions(written))


def descriptions(document: Any) -> list[str]:
    if isinstance(document, dict):
        own = [text for name, text in document.items() if name == "description"]
        inner = [found for value in document.values() for found in descriptions(value)]
        return [text for text in own if isinstance(text, str)] + inner
    if isinstance(document, list):
        return [found for value in document for found in descriptions(value)]
    return []
