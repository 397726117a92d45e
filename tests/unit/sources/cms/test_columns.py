"""Header columns: one row per event, HLT paths as lists, and nothing null."""

import zlib
from collections.abc import Callable
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import ConfigurationError
from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.auxiliary import EventAuxiliary
from dqmstream.sources.cms.columns import (
    COLUMNS,
    HEADER_COLUMNS,
    HLT_PATHS_KEY,
    PAYLOAD_COLUMNS,
    ColumnBuilder,
    header_schema,
    host_code,
)
from dqmstream.sources.cms.messages import EventMessage, InitMessage
from dqmstream.sources.cms.writer import new_event, new_init

STATES = st.integers(0, 20).flatmap(
    lambda paths: st.lists(
        st.lists(st.integers(0, 3), min_size=paths, max_size=paths), min_size=1, max_size=12
    )
)


@given(STATES)
def test_collections_hold_what_the_bits_say(events: list[list[int]]) -> None:
    """All states, the passed paths, and each pair of passed paths, event by event."""
    names = [f"HLT_{number}_v1" for number in range(len(events[0]))]
    init = new_init(names, output_module="out")
    builder = ColumnBuilder(names)
    for number, states in enumerate(events):
        builder.add(new_event(init, LumisectionId(1, 1), number, states, b"x"))
    batch = builder.finish()
    batch.validate(full=True)
    passed = [[path for path, state in enumerate(states) if state == 1] for states in events]
    assert batch["event"].to_pylist() == list(range(len(events)))
    assert batch["hlt"].to_pylist() == [
        [{"path": path, "state": state} for path, state in enumerate(states)] for states in events
    ]
    assert batch["hlt_pass"].to_pylist() == [[{"path": path} for path in row] for row in passed]
    assert batch["hlt_pair"].to_pylist() == [
        [{"first": a, "second": b} for a in row for b in row if a <= b] for row in passed
    ]


def test_scalars_say_what_header_and_auxiliary_say(
    init: InitMessage,
    make_event: Callable[..., EventMessage],
    auxiliary: Callable[[int], EventAuxiliary],
) -> None:
    """Sizes in bytes, the host's number, the L1 bits that are set, and the payload's own."""
    event = make_event(7, [1], host="fu-c2a01-27-02")
    builder = ColumnBuilder(init.hlt_paths)
    builder.add(event, auxiliary(7))
    row = builder.finish().to_pylist()[0]
    assert {name: row[name] for name in COLUMNS if not name.startswith("hlt")} == {
        "event": 7,
        "host": zlib.crc32(b"fu-c2a01-27-02") % 65536,
        "original_size": event.original_size,
        "compressed_size": len(event.payload),
        "message_size": event.message_size,
        "dropped": 0,
        "l1_bits": 2,
        "time": auxiliary(7).time,
        "bunch_crossing": 49,
        "orbit": 11 * 2**18 + 77,
        "fill": 10671,
    }


def test_the_schema_is_the_documented_one(init: InitMessage) -> None:
    """Types and order are a contract with the fillers; names of paths travel in the metadata."""
    schema = header_schema(init.hlt_paths)
    assert [f"{field.name}: {field.type}" for field in schema] == [
        "event: uint64",
        "host: int32",
        "original_size: uint32",
        "compressed_size: uint32",
        "message_size: uint32",
        "dropped: uint32",
        "l1_bits: uint16",
        "time: int64",
        "bunch_crossing: int32",
        "orbit: int64",
        "fill: int32",
        "hlt: list<item: struct<path: int16 not null, state: uint8 not null> not null>",
        "hlt_pass: list<item: struct<path: int16 not null> not null>",
        "hlt_pair: list<item: struct<first: int16 not null, second: int16 not null> not null>",
    ]
    assert not any(field.nullable for field in schema)
    assert schema.metadata == {HLT_PATHS_KEY: "\n".join(init.hlt_paths).encode()}


LARGEST = {
    "event": 2**64 - 1,
    "original_size": 2**32 - 1,
    "dropped": 2**32 - 1,
    "time": (2**32 - 1) * 10**9 + 999_999_000,
    "bunch_crossing": 2**31 - 1,
    "orbit": 2**31 - 1,
    "fill": 2**31 - 1,
}


@pytest.mark.parametrize("name", LARGEST)
def test_the_largest_value_of_each_field_fits_its_column(
    init: InitMessage, make_event: Callable[..., EventMessage], name: str
) -> None:
    """Nothing that can stand in a file wraps around or raises."""
    field: dict[str, Any] = {name: LARGEST[name]}
    event, auxiliary = make_event(1), EventAuxiliary(1, 1, 1, 1, 1, 1, 1)
    if name in PAYLOAD_COLUMNS:
        auxiliary = auxiliary._replace(**field)
    else:
        event = msgspec.structs.replace(event, **field)
    builder = ColumnBuilder(init.hlt_paths)
    builder.add(event, auxiliary)
    assert builder.finish().to_pylist()[0][name] == LARGEST[name]


def test_columns_are_of_the_header_or_of_the_payload() -> None:
    """Each is one of the two, in the order of the schema."""
    assert sorted([*HEADER_COLUMNS, *PAYLOAD_COLUMNS], key=COLUMNS.index) == [*COLUMNS]
    assert set(HEADER_COLUMNS).isdisjoint(PAYLOAD_COLUMNS)


def test_only_the_asked_columns_are_made(
    init: InitMessage, make_event: Callable[..., EventMessage]
) -> None:
    """In the order of the schema, whatever the order asked."""
    builder = ColumnBuilder(init.hlt_paths, ["hlt_pass", "event"])
    builder.add(make_event(1, [0, 2]))
    assert builder.finish().to_pylist() == [{"event": 1, "hlt_pass": [{"path": 0}, {"path": 2}]}]


@pytest.mark.parametrize("columns", [["pt"], ["event", "hlt.path"], []])
def test_unknown_columns_stop_the_start(columns: list[str]) -> None:
    """The sentence lists those there are."""
    with pytest.raises(ConfigurationError, match="expected some of event, host"):
        ColumnBuilder([], columns)


def test_an_emptied_builder_gives_an_empty_batch(init: InitMessage) -> None:
    """Same schema, no rows."""
    batch = ColumnBuilder(init.hlt_paths).finish()
    assert batch.num_rows == 0
    assert batch.schema.equals(header_schema(init.hlt_paths), check_metadata=True)


def test_announced_bytes_bound_the_batch(
    init: InitMessage, make_event: Callable[..., EventMessage]
) -> None:
    """What `nbytes` says decides where chunks are cut, so it must be about what Arrow holds."""
    builder = ColumnBuilder(init.hlt_paths)
    for number in range(200):
        builder.add(make_event(number, range(number % 6)))
    announced = builder.nbytes
    held = builder.finish().nbytes
    assert held <= announced + 3 * 4
    assert announced <= 1.1 * held


def test_a_batch_survives_the_wire(
    init: InitMessage, make_event: Callable[..., EventMessage]
) -> None:
    """An Arrow IPC stream gives the same batch, path names included."""
    builder = ColumnBuilder(init.hlt_paths)
    builder.add(make_event(5, [0, 1]))
    batch = builder.finish()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    back = pa.ipc.open_stream(sink.getvalue()).read_next_batch()
    assert back.equals(batch, check_metadata=True)


def test_host_numbers_are_pinned() -> None:
    """The same in every file, run and release."""
    assert [host_code(name) for name in ("fu-c2a01-27-02", "olcsl-01.cern.ch", "")] == [
        60751,
        29481,
        0,
    ]
