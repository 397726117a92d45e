"""The codec: what is encoded is decoded, and what it cannot read is refused by name."""

from collections.abc import Callable
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import MessageError, UnknownVersionError
from dqmstream.messages.chunk_headers import body_checksum, check_body, chunk_of
from dqmstream.messages.events import Chunk, EventBatch
from dqmstream.messages.examples import EXAMPLES
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import TOPICS
from dqmstream.messages.wire import CODEC, MESSAGES, Codec

BY_NAME = pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)


@BY_NAME
@given(data=st.data())
def test_a_message_survives_the_wire(
    kind: type[Message], data: st.DataObject, any_value_of: Callable[[Any], Any]
) -> None:
    message = data.draw(any_value_of(kind))
    if isinstance(message, EventBatch):
        chunk = msgspec.structs.replace(message.chunk, checksum=body_checksum(message.body))
        message = msgspec.structs.replace(message, chunk=chunk)
    wired = CODEC.encode(message)
    decoded = CODEC.decode(wired.headers, wired.value)
    assert decoded == message
    assert CODEC.encode(decoded) == wired


@BY_NAME
def test_headers_say_type_and_version(kind: type[Message]) -> None:
    wired = CODEC.encode(EXAMPLES[kind.__name__])
    schema = str(kind.version).encode()
    assert wired.headers[:2] == (("type", kind.__name__.encode()), ("schema", schema))
    assert CODEC.type_of(wired.headers) is kind


def test_every_message_belongs_on_some_topic() -> None:
    on_topics = {name for topic in TOPICS.values() for name in topic.messages}
    assert on_topics == {kind.__name__ for kind in MESSAGES}


def test_the_value_of_an_event_batch_is_its_body_and_its_headers_are_its_chunk() -> None:
    batch = EXAMPLES["EventBatch"]
    assert isinstance(batch, EventBatch)
    wired = CODEC.encode(batch)
    assert wired.value == batch.body
    headers = dict(wired.headers)
    assert headers["lumisection"] == b"3"
    assert headers["rereadable"] == b"True"
    assert set(headers) == {"type", "schema", *Chunk.__struct_fields__}
    assert chunk_of(wired.headers) == batch.chunk


def test_a_chunk_is_read_from_headers_in_any_order_among_others() -> None:
    batch = EXAMPLES["EventBatch"]
    assert isinstance(batch, EventBatch)
    headers = [("trace", b"\xff"), *reversed(CODEC.encode(batch).headers)]
    assert chunk_of(headers) == batch.chunk


def test_a_missing_header_is_named() -> None:
    with pytest.raises(MessageError, match="no header 'run'"):
        chunk_of([("type", b"EventBatch")])


def test_a_body_is_the_one_that_the_headers_announce() -> None:
    batch = EXAMPLES["EventBatch"]
    assert isinstance(batch, EventBatch)
    assert check_body(batch.chunk, batch.body) == batch.body
    with pytest.raises(MessageError, match="LS 3 source 'file' chunk 0: body has CRC-32"):
        check_body(batch.chunk, batch.body[:-1])
    with pytest.raises(MessageError, match="no_body"):
        check_body(batch.chunk, None)


# ------------------------------------------------------------------ versions


class Reading(Message, frozen=True, kw_only=True, tag=True):
    """A made-up message in its third version: metres once were feet, and once had no unit."""

    version: ClassVar[int] = 3
    metres: float


def _feet(fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": fields["type"], "feet": fields["length"]}


def _metres(fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": fields["type"], "metres": fields["feet"] * 0.3048}


UPGRADES = {("Reading", 1): _feet, ("Reading", 2): _metres}


def _old(version: int, **fields: Any) -> tuple[list[tuple[str, bytes]], bytes]:
    headers = [("type", b"Reading"), ("schema", str(version).encode())]
    return headers, msgspec.msgpack.encode({"type": "Reading"} | fields)


@pytest.mark.parametrize(
    ("version", "fields"), [(1, {"length": 10.0}), (2, {"feet": 10.0}), (3, {"metres": 3.048})]
)
def test_older_versions_are_brought_up_one_by_one(version: int, fields: dict[str, Any]) -> None:
    codec = Codec([Reading], UPGRADES)
    assert codec.decode(*_old(version, **fields)) == Reading(metres=3.048)


def test_a_version_without_a_way_up_is_refused_by_name() -> None:
    codec = Codec([Reading], {("Reading", 2): _metres})
    assert codec.decode(*_old(2, feet=10.0)) == Reading(metres=3.048)
    with pytest.raises(UnknownVersionError, match="Reading schema version 1 is no longer read"):
        codec.decode(*_old(1, length=10.0))


def test_a_newer_version_is_refused_by_name() -> None:
    with pytest.raises(
        UnknownVersionError, match="Reading has schema version 4, this release reads up to 3"
    ):
        Codec([Reading], UPGRADES).decode(*_old(4, metres=1.0))


@pytest.mark.parametrize(
    "fields", [{}, {"feet": 1.0, "metres": 1.0}, {"length": "far"}, {"length": None}]
)
def test_an_old_message_that_is_none_is_refused(fields: dict[str, Any]) -> None:
    codec = Codec([Reading], UPGRADES)
    with pytest.raises(MessageError, match="bad_body"):
        codec.decode(*_old(1, **fields))


def test_an_old_message_with_unknown_fields_after_its_upgrade_is_refused() -> None:
    codec = Codec([Reading], {("Reading", 2): lambda fields: fields | {"metres": 1.0}})
    with pytest.raises(MessageError, match="unknown field `feet`"):
        codec.decode(*_old(2, feet=1.0))


@pytest.mark.parametrize("kind", [kind for kind in MESSAGES if kind is not EventBatch])
def test_unknown_fields_are_refused(kind: type[Message]) -> None:
    """All but an EventBatch: its headers may be added to by anybody on the way."""
    fields = msgspec.msgpack.decode(CODEC.encode(EXAMPLES[kind.__name__]).value)
    value = msgspec.msgpack.encode(fields | {"unheard_of": 1})
    headers = [("type", kind.__name__.encode()), ("schema", b"1")]
    with pytest.raises(MessageError, match="unknown field `unheard_of`"):
        CODEC.decode(headers, value)
