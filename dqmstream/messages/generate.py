"""Writes the contracts as files for any language: `python -m dqmstream.messages.generate [DIR]`.

``messages/TYPE.vN.schema.json``
    JSON Schema of each message. On the wire it is MessagePack: bytes are bytes there, base64 here.
``asyncapi.json``
    All topics: what travels on them, with which headers and keys, and how long it is kept.
``arrow/*.json``
    The body of an EventBatch: its rules, and the columns of the sources in this package.
``golden/TYPE.vN.bin``, ``.json``
    One example of each message: the record's value as it travels, and the same readable.

The gateway's contract, ``openapi.json``, is written beside these by `dqmstream schemas`, which
calls `generate` and adds it: the library does not import the services.
"""

import sys
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from pathlib import Path
from typing import Any, Final

import msgspec

from dqmstream.messages.arrow_contract import arrow_documents
from dqmstream.messages.events import Chunk, EventBatch
from dqmstream.messages.examples import EXAMPLES
from dqmstream.messages.quality import QualityReports
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import TOPICS, Topic
from dqmstream.messages.wire import CODEC, MESSAGES

__all__ = ["documents", "generate"]

_ARROW_STREAM: Final = "application/vnd.apache.arrow.stream"
_MESSAGE_PACK: Final = "application/msgpack"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_DEFINITIONS: Final = "#/components/schemas/{name}"

_README: Final = """\
# Contracts

Written by `make schemas` from the code; a test fails when they are stale.

| file | what |
|---|---|
| `asyncapi.json` | all topics of the log: messages, headers, keys, retention (AsyncAPI 3.0) |
| `messages/` | JSON Schema of each message; bodies travel as MessagePack with the same fields |
| `arrow/` | the body of an EventBatch, and the columns of the sources in this package |
| `golden/` | one example of each message, as it travels (`.bin`) and readable (`.json`) |
| `openapi.json` | the HTTP interface of the gateway (OpenAPI 3.1) |
"""

Document = Mapping[str, Any]


def generate(folder: Path) -> list[Path]:
    """Write all contracts into `folder`; the paths written, in order."""
    written = []
    for name, content in sorted(documents().items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.append(path)
    return written


def documents() -> dict[str, bytes]:
    """Relative path to content of every file; equal code gives equal bytes."""
    found = {f"messages/{_stem(message)}.schema.json": _schema(message) for message in MESSAGES}
    found["asyncapi.json"] = _json(_without_indents(_asyncapi()))
    found |= {f"arrow/{name}.json": _json(text) for name, text in arrow_documents().items()}
    for example in EXAMPLES.values():
        found |= dict(_golden(example))
    found["README.md"] = _README.encode()
    return found


def _json(document: object) -> bytes:
    # Built-in types only, so that all mappings have text for keys and can be sorted.
    plain = msgspec.to_builtins(document, str_keys=True)
    return msgspec.json.format(msgspec.json.encode(plain, order="sorted"), indent=2) + b"\n"


def _without_indents(document: Any) -> Any:
    """Descriptions as written, whether this Python keeps the indents of docstrings or not."""
    if isinstance(document, dict):
        return {
            name: cleandoc(value)
            if name == "description" and isinstance(value, str)
            else _without_indents(value)
            for name, value in document.items()
        }
    if isinstance(document, list | tuple):
        return [_without_indents(value) for value in document]
    return document


def _stem(message: type[Message]) -> str:
    return f"{message.__name__}.v{message.version}"


# ------------------------------------------------------------------- messages


def _schema(message: type[Message]) -> bytes:
    """JSON Schema of one message; of an EventBatch that of its headers, for its value is Arrow."""
    if message is EventBatch:
        document: dict[str, Any] = _headers(message)
        document["title"] = "EventBatch, headers"
        document["description"] = _first_paragraph(Chunk)
    else:
        document = msgspec.json.schema(message)
    identity = {"$schema": _DIALECT, "$id": f"{_stem(message)}.schema.json"}
    return _json(_without_indents(identity | document))


def _headers(message: type[Message]) -> dict[str, Any]:
    """Headers of a record. All are text; `x-type` says what the text is."""
    properties: dict[str, Any] = {
        "type": {"type": "string", "const": message.__name__},
        "schema": {"type": "string", "const": str(message.version)},
    }
    if message is EventBatch:
        fields = msgspec.json.schema(Chunk)["$defs"]["Chunk"]["properties"]
        for name, field in fields.items():
            properties[name] = {"type": "string", "x-type": field["type"]} | _PATTERNS.get(
                field["type"], {}
            )
    required = sorted(properties)
    if message is QualityReports:
        what = "Of large bodies: they are compressed. Without this header they are not."
        properties["encoding"] = {"type": "string", "const": "zstd", "description": what}
    return {"type": "object", "properties": properties, "required": required}


_PATTERNS: Final[Mapping[str, dict[str, Any]]] = {
    "integer": {"pattern": "^-?[0-9]{1,19}$"},
    "boolean": {"enum": ["True", "False"]},
}


def _first_paragraph(struct: type[msgspec.Struct]) -> str:
    text = (struct.__doc__ or "").split("\n\n", maxsplit=1)[0]
    return " ".join(text.split())


# --------------------------------------------------------------------- topics


def _asyncapi() -> Document:
    bodies = [message for message in MESSAGES if message is not EventBatch]
    _, schemas = msgspec.json.schema_components(bodies, ref_template=_DEFINITIONS)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "dqmstream topics",
            "version": "1",
            "description": "What travels on the log of a dqmstream system.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": _MESSAGE_PACK,
        "channels": {topic.name: _channel(topic) for topic in TOPICS.values()},
        "components": {
            "messages": {message.__name__: _message(message) for message in MESSAGES},
            "schemas": schemas,
        },
    }


def _channel(topic: Topic) -> Document:
    retention = -1 if topic.retention is None else round(topic.retention * 1000)
    return {
        "address": topic.name,
        "description": topic.description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in topic.messages},
        "bindings": {
            "kafka": {
                "topicConfiguration": {
                    "cleanup.policy": ["compact" if topic.compacted else "delete"],
                    "retention.ms": retention,
                },
                "bindingVersion": "0.5.0",
            }
        },
        "x-keyed-by": topic.keyed_by,
        "x-partitions": "configured" if topic.wide else 1,
    }


def _message(message: type[Message]) -> Document:
    arrow = message is EventBatch
    payload: Document = (
        {"type": "string", "format": "binary", "description": "See arrow/event-batch.json."}
        if arrow
        else {"$ref": _DEFINITIONS.format(name=message.__name__)}
    )
    return {
        "name": message.__name__,
        "summary": _first_paragraph(message),
        "contentType": _ARROW_STREAM if arrow else _MESSAGE_PACK,
        "headers": _headers(message),
        "payload": payload,
    }


# --------------------------------------------------------------------- golden


def _golden(example: Message) -> Iterator[tuple[str, bytes]]:
    headers, value = CODEC.encode(example)
    name = type(example).__name__
    stem = _stem(type(example))
    readable = {
        "topics": [topic.name for topic in TOPICS.values() if name in topic.messages],
        "headers": [[key, text.decode()] for key, text in headers],
        "value": f"{stem}.bin",
        "message": example,
    }
    yield f"golden/{stem}.bin", value
    yield f"golden/{stem}.json", _json(readable)


if __name__ == "__main__":
    generate(Path(sys.argv[1] if len(sys.argv) > 1 else "schemas"))
