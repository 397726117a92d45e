"""Makes the hostile records beside it: `python make_messages.py [folder]`.

Each case is `NAME.json`: the topic it stands on, its headers and value in base64 (`null` is a
tombstone), and the reason it must be refused with.
"""

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import zstandard

from dqmstream.fold.testing.toy import LAYOUTS, toy_body
from dqmstream.messages.checkpoints import FillerCheckpoint
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.messages.events import (
    Chunk,
    EventBatch,
    LumisectionEnd,
    LumisectionOpen,
    RunClose,
    RunStart,
)
from dqmstream.messages.examples import EXAMPLES
from dqmstream.messages.histograms import Account, HistogramSet, ScalarValue, SourceAccount
from dqmstream.messages.topics import CHECKPOINTS, EVENTS, HEARTBEATS, HISTOGRAMS, QUALITY
from dqmstream.messages.wire import CODEC, Wired

TOY = LAYOUTS[0]
SPEAKER: dict[str, Any] = {
    "run": 1,
    "source": "a",
    "incarnation": "i",
    "rereadable": False,
    "partitions": 1,
}
START = RunStart(first_lumisection=1, **SPEAKER)
MARKER = LumisectionEnd(lumisection=1, chunks=1, seen=1, selected=1, dropped=0, **SPEAKER)
TYPE = {"type": b"RunStart", "schema": b"1"}


class Case(NamedTuple):
    """One record and why it is refused."""

    name: str
    reason: str
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None
    topic: str = EVENTS


def wired(name: str, reason: str, record: Wired, topic: str = EVENTS) -> Case:
    return Case(name, reason, record.headers, record.value, topic)


def start(name: str, reason: str, value: bytes | None, **headers: bytes) -> Case:
    """A RunStart with some headers and a value of its own."""
    return Case(name, reason, tuple((TYPE | headers).items()), value)


def chunk(**changes: Any) -> EventBatch:
    body = changes.pop("body", toy_body([1]))
    values = SPEAKER | {
        "lumisection": 1,
        "number": 5,
        "seen": 1,
        "selected": 1,
        "dropped": 0,
        "checksum": body_checksum(body),
    }
    return EventBatch(chunk=Chunk(**values | changes), body=body)


def with_header(name: str, value: bytes | None) -> tuple[tuple[str, bytes], ...]:
    """Headers of a good chunk with one replaced, or left out."""
    headers = dict(CODEC.encode(chunk()).headers)
    headers.pop(name)
    return tuple(headers.items()) + (() if value is None else ((name, value),))


def fields(**changes: Any) -> bytes:
    """The body of a RunStart with fields replaced."""
    plain = msgspec.to_builtins(START)
    return msgspec.msgpack.encode(plain | changes)


def histograms(**changes: Any) -> Wired:
    values = {
        "set": "set",
        "run": 1,
        "lumisection": 1,
        "segment": 0,
        "workspace": "Toy",
        "partition": 0,
        "partitions": 1,
        "booking": TOY.hash,
        "through": 1 << 40,
        "epoch": 0,
        "closed": True,
        "whole": True,
        "writer": "hostile",
        "account": Account(),
        "cells": zstandard.compress(bytes(8 * TOY.cells)),
    }
    return CODEC.encode(HistogramSet(**values | changes))


def headers() -> Iterator[Case]:
    good = CODEC.encode(START).value
    yield Case("no_headers", "no_type", (), good)
    yield Case("no_type", "no_type", (("schema", b"1"),), good)
    yield Case("no_schema", "bad_schema", (("type", b"RunStart"),), good)
    yield start("type_of_another_world", "unknown_type", good, type=b"Sesame")
    yield start("type_not_utf8", "unknown_type", good, type=b"\xff\xfe\x00RunStart")
    yield start("type_endless", "unknown_type", good, type=b"RunStart" * 1000)
    yield start("schema_zero", "bad_schema", good, schema=b"0")
    yield start("schema_negative", "bad_schema", good, schema=b"-1")
    yield start("schema_word", "bad_schema", good, schema=b"latest")
    yield start("schema_wide", "bad_schema", good, schema=b"1" * 5000)
    yield start("schema_other_digits", "bad_schema", good, schema="١".encode())
    yield start("schema_newer", "unknown_version", good, schema=b"99")
    newer = with_header("schema", b"2")
    yield Case("chunk_newer", "unknown_version", newer, chunk().body)


def bodies() -> Iterator[Case]:
    good = CODEC.encode(START).value
    yield start("tombstone", "no_body", None)
    yield start("empty", "bad_body", b"")
    yield start("truncated", "bad_body", good[:-1])
    yield start("trailing", "bad_body", good + b"\x00")
    yield start("json", "bad_body", msgspec.json.encode(START))
    yield start("unknown_field", "bad_body", fields(beam="on"))
    yield start("field_of_another_type", "bad_body", fields(run="one"))
    yield start("field_missing", "bad_body", msgspec.msgpack.encode({"type": "RunStart"}))
    yield start("run_null", "bad_body", fields(run=None))
    yield start("run_float", "bad_body", fields(run=1.5))
    yield start("tag_of_another_type", "bad_body", CODEC.encode(RunClose(run=1)).value)
    yield start("nested_deeply", "bad_body", b"\x91" * 5000)
    yield start("array_of_four_billion", "bad_body", b"\xdd\xff\xff\xff\xff")
    yield start("map_of_four_billion", "bad_body", b"\xdf\xff\xff\xff\xff\xa1a")
    yield start("text_not_utf8", "bad_body", good.replace(b"\xa1a", b"\xa1\xff"))
    yield start("reserved_byte", "bad_body", b"\xc1")
    alien = CODEC.encode(EXAMPLES["Heartbeat"])
    yield wired("message_of_another_topic", "unexpected_type", alien)
    outcome = CODEC.encode(EXAMPLES["QualityReports"])
    bad = outcome.value.replace(b"WARNING", b"GREENER")
    yield Case("outcome_unknown", "bad_body", outcome.headers, bad, QUALITY)
    beat = CODEC.encode(EXAMPLES["Heartbeat"])
    bad = beat.value.replace(b"ready", b"alive")
    yield Case("state_unknown", "bad_body", beat.headers, bad, HEARTBEATS)
    checkpoint = FillerCheckpoint(
        group="g", partition=0, log="l", epoch=0, offset=0, state=b"\x93\x80\x80"
    )
    yield wired("state_of_another_shape", "bad_state", CODEC.encode(checkpoint), CHECKPOINTS)


def chunks() -> Iterator[Case]:
    body = chunk().body
    yield Case("chunk_without_number", "bad_headers", with_header("number", None), body)
    for name, value in {
        "word": b"three",
        "empty": b"",
        "fraction": b"1.5",
        "wide": b"9" * 30,
        "endless": b"9" * 10_000,
        "spaced": b" 3",
    }.items():
        yield Case(f"number_{name}", "bad_headers", with_header("number", value), body)
    yield Case("rereadable_maybe", "bad_headers", with_header("rereadable", b"maybe"), body)
    yield Case("source_not_utf8", "bad_headers", with_header("source", b"\xff"), body)
    yield Case("chunk_tombstone", "no_body", CODEC.encode(chunk()).headers, None)
    for name, reason, changes in (
        ("body_of_another", "checksum", {"checksum": 1}),
        ("body_odd", "bad_columns", {"body": b"odd"}),
        ("events_other_than_said", "event_count", {"body": toy_body([1, 2])}),
        ("partitions_other", "wrong_partitions", {"partitions": 7}),
        ("number_negative", "chunk_number", {"number": -1}),
        ("number_beyond_all", "chunk_number", {"number": 1 << 40}),
        ("seen_negative", "event_counts", {"seen": -1}),
        ("selected_more_than_seen", "event_counts", {"selected": 2}),
        ("dropped_beyond_all", "event_counts", {"dropped": 1 << 62}),
        ("run_zero", "run", {"run": 0}),
        ("run_wide", "run", {"run": 1 << 33}),
        ("lumisection_zero", "lumisection", {"lumisection": 0}),
        ("lumisection_beyond_all", "lumisection", {"lumisection": 1 << 50}),
        ("lumisection_far", "lumisection_jump", {"lumisection": 900}),
    ):
        yield wired(name, reason, CODEC.encode(chunk(**changes)))


def control() -> Iterator[Case]:
    replace = msgspec.structs.replace
    for name, reason, message in (
        ("marker_negative", "chunk_number", replace(MARKER, chunks=-1)),
        ("marker_beyond_all", "chunk_number", replace(MARKER, chunks=1 << 62)),
        ("marker_of_other_partitions", "wrong_partitions", replace(MARKER, partitions=2)),
        ("start_far", "lumisection_jump", replace(START, first_lumisection=900)),
        (
            "start_expects_a_crowd",
            "too_many_sources",
            replace(START, expected=tuple(f"s{number}" for number in range(300))),
        ),
        ("open_backwards", "lumisection", LumisectionOpen(run=1, lowest=3, highest=2)),
        ("open_everything", "lumisection", LumisectionOpen(run=1, lowest=1, highest=1 << 60)),
    ):
        yield wired(name, reason, CODEC.encode(message))


def sets() -> Iterator[Case]:
    bomb = zstandard.ZstdCompressor(level=19).compress(bytes(1 << 26))
    source = SourceAccount(source="a", incarnation="i", rereadable=False, marker=1 << 62)
    for name, reason, changes in (
        ("partition_beyond", "bad_set", {"partition": 1}),
        ("partitions_none", "bad_set", {"partitions": 0}),
        ("partitions_beyond_all", "bad_set", {"partitions": 1 << 60, "partition": 3}),
        ("segment_negative", "bad_set", {"segment": -1}),
        ("parts_beyond_all", "bad_set", {"parts": 1 << 60}),
        ("part_beyond", "bad_set", {"parts": 2, "part": 2}),
        ("marker_of_a_set_beyond_all", "bad_set", {"account": Account(sources=(source,))}),
        ("cells_of_another_layout", "bad_cells", {"cells": zstandard.compress(bytes(16))}),
        ("cells_not_zstd", "bad_cells", {"cells": b"cells"}),
        ("cells_bomb", "bad_cells", {"cells": bomb}),
        ("scalar_of_no_element", "bad_cells", {"scalars": {99: ScalarValue(value=1)}}),
        ("invalid_of_no_element", "bad_cells", {"invalid": {-1: "why"}}),
    ):
        yield wired(name, reason, histograms(**changes), HISTOGRAMS)


def main(folder: Path) -> None:
    for old in folder.glob("*.json"):
        old.unlink()
    for case in (*headers(), *bodies(), *chunks(), *control(), *sets()):
        document = {
            "topic": case.topic,
            "expected": case.reason,
            "headers": [[name, _text(value)] for name, value in case.headers],
            "value": None if case.value is None else _text(case.value),
        }
        path = folder / f"{case.name}.json"
        assert not path.exists(), path
        path.write_text(json.dumps(document, indent=1) + "\n")


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "messages")
