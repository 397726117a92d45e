"""Makes the hostile EventBatch bodies beside it: `python make_arrow.py [folder]`.

Each case is `NAME.bin`, the body, and `NAME.expected`: the number of events its headers announce,
and the reason it must be refused with, or that it is good.
"""

import random
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

EVENTS = 3
MUONS = [[{"pt": 1.0, "q": 1}], [], [{"pt": 2.0, "q": -1}, {"pt": 3.0, "q": 1}]]


class Case(NamedTuple):
    """One body; `reason` is empty if it is good."""

    name: str
    body: bytes
    reason: str
    selected: int = EVENTS


def muons(values: list[Any]) -> "pa.Array[Any]":
    """A collection of muons."""
    kind = pa.struct([("pt", pa.float64()), ("q", pa.int8())])
    return pa.array(values, pa.list_(kind))


COLUMNS = {
    "n": pa.array([1, 2, 3], pa.uint8()),
    "x": pa.array([0.5, 1.5, 2.5], pa.float32()),
    "good": pa.array([True, False, True]),
    "word": pa.array(["a", "bc", ""]),
    "muon": muons(MUONS),
}


def stream(
    *batches: pa.RecordBatch, schema: pa.Schema | None = None, compression: str | None = None
) -> bytes:
    """An IPC stream of these batches."""
    options = pa.ipc.IpcWriteOptions(compression=compression)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema or batches[0].schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def batch(**changes: Any) -> pa.RecordBatch:
    """The good batch with other columns."""
    return pa.RecordBatch.from_pydict(COLUMNS | changes)


def body(**changes: Any) -> bytes:
    """Its body."""
    return stream(batch(**changes))


GOOD = body()


def patched(old: bytes, new: bytes, content: bytes = GOOD) -> bytes:
    """The only place of `old` in a body overwritten."""
    if content.count(old) != 1:
        msg = f"{old!r} stands {content.count(old)} times in the body"
        raise ValueError(msg)
    return content.replace(old, new)


def form_cases() -> Iterator[Case]:
    """Bytes that are no IPC stream of one plain batch."""
    yield Case("good", GOOD, "")
    yield Case("good_without_events", stream(batch().slice(0, 0)), "", 0)
    yield Case("good_cut_out", stream(pa.record_batch(COLUMNS).slice(1, 2)), "", 2)
    yield Case("good_without_end_mark", GOOD[:-8], "")
    yield Case("empty", b"", "bad_arrow")
    yield Case("web_page", b"<!doctype html><title>502 Bad Gateway</title>", "bad_arrow")
    yield Case("zeros", bytes(600), "bad_arrow")
    yield Case("noise", random.Random(1).randbytes(600), "bad_arrow")
    yield Case("cut_in_schema", GOOD[:100], "bad_arrow")
    yield Case("cut_in_batch", GOOD[: len(GOOD) // 2], "bad_arrow")
    yield Case("cut_in_buffers", GOOD[:-20], "bad_arrow")
    yield Case("metadata_huge", GOOD[:4] + struct.pack("<i", 2**31 - 1) + GOOD[8:], "bad_arrow")
    yield Case("metadata_negative", GOOD[:4] + struct.pack("<i", -5) + GOOD[8:], "bad_arrow")
    yield Case("schema_alone", stream(schema=batch().schema), "batch_count")
    yield Case("two_batches", stream(batch(), batch()), "batch_count")
    yield Case("batch_without_schema", batch().serialize().to_pybytes(), "bad_arrow")
    yield Case("compressed_lz4", stream(batch(), compression="lz4"), "compressed")
    yield Case("compressed_zstd", stream(batch(), compression="zstd"), "compressed")
    yield Case("dictionary", body(word=COLUMNS["word"].dictionary_encode()), "bad_type")
    yield Case("more_events_than_announced", GOOD, "event_count", 2)
    yield Case("fewer_events_than_announced", GOOD, "event_count", 4)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, batch().schema) as writer:
        writer.write_batch(batch())
    yield Case("file_instead_of_stream", sink.getvalue().to_pybytes(), "bad_arrow")
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"x": COLUMNS["x"]}), sink)
    yield Case("parquet", sink.getvalue().to_pybytes(), "bad_arrow")


def type_cases() -> Iterator[Case]:
    """Types and names that no expression could read."""
    nested = pa.array([1.0, 2.0, 3.0])
    for _ in range(40):
        nested = pa.StructArray.from_arrays([nested], ["deeper"])
    odd = {
        "timestamp": pa.array([1, 2, 3], pa.timestamp("ns")),
        "half_float": pa.array([1, 2, 3], pa.int16()).view(pa.float16()),
        "decimal": pa.array([1, 2, 3], pa.decimal128(9, 2)),
        "binary": pa.array([b"a", b"b", b"c"]),
        "nothing": pa.nulls(3),
        "list_of_numbers": pa.array([[1.0], [], [2.0]]),
        "fixed_list": pa.array([[1.0], [2.0], [3.0]], pa.list_(pa.float64(), 1)),
        "list_of_lists": pa.array([[[1.0]], [], []]),
        "struct": pa.StructArray.from_arrays([COLUMNS["n"]], ["pt"]),
        "text_member": pa.array([[{"name": "a"}], [], []]),
        "extension": pa.ExtensionArray.from_storage(
            pa.fixed_shape_tensor(pa.int8(), [1]), pa.array([[1], [2], [3]], pa.list_(pa.int8(), 1))
        ),
        "deep": nested,
    }
    for name, array in odd.items():
        yield Case(f"type_{name}", body(y=array), "bad_type")
    for name, column in {"dot": "muon.pt", "empty": "", "space": "a b", "long": "x" * 300}.items():
        yield Case(f"name_{name}", body(**{column: COLUMNS["n"]}), "bad_columns")
    twice = pa.RecordBatch.from_arrays([COLUMNS["n"], COLUMNS["x"]], names=["n", "n"])
    yield Case("name_twice", stream(twice), "bad_columns")
    members = pa.StructArray.from_arrays([COLUMNS["n"], COLUMNS["x"]], names=["pt", "pt"])
    jagged = pa.ListArray.from_arrays(pa.array([0, 1, 1, 3], pa.int32()), members)
    yield Case("member_twice", body(muon=jagged), "bad_columns")
    yield Case("name_not_utf8", patched(b"word", b"wo\xff\xfe"), "bad_arrow")


def null_cases() -> Iterator[Case]:
    """A null at each place it can stand."""
    struct_null = pa.StructArray.from_arrays(
        [COLUMNS["x"]], ["pt"], mask=pa.array([False, True, False])
    )
    offsets = pa.array([0, 1, 2, 3], pa.int32())
    yield Case("null_number", body(x=pa.array([1.0, None, 2.0])), "nulls")
    yield Case("null_boolean", body(good=pa.array([True, None, False])), "nulls")
    yield Case("null_text", body(word=pa.array(["a", None, "b"])), "nulls")
    yield Case("null_list", body(muon=muons([None, [], []])), "nulls")
    yield Case("null_object", body(muon=pa.ListArray.from_arrays(offsets, struct_null)), "nulls")
    yield Case("null_member", body(muon=muons([[{"pt": None, "q": 1}], [], []])), "nulls")


def memory_cases() -> Iterator[Case]:
    """Lengths and offsets that lead out of the buffers, or ask for too much."""
    offsets = struct.pack("<4i", 0, 1, 1, 3)
    for name, wrong in {
        "fall": (0, 2, 1, 3),
        "past_end": (0, 1, 1, 3000),
        "negative": (-1, 1, 1, 3),
    }.items():
        yield Case(f"offsets_{name}", patched(offsets, struct.pack("<4i", *wrong)), "bad_arrow")
    yield Case("text_not_utf8", patched(b"abc", b"a\xff\xfe"), "bad_arrow")
    length = struct.pack("<q", EVENTS)
    yield Case("events_claimed", GOOD.replace(length, struct.pack("<q", 2**60)), "bad_arrow")
    yield Case("events_negative", GOOD.replace(length, struct.pack("<q", -3)), "bad_arrow")
    one = stream(pa.record_batch({"muon": empty_objects(77)}))
    many = one.replace(struct.pack("<q", 77), struct.pack("<q", 2**24 + 1))
    many = patched(struct.pack("<2i", 0, 77), struct.pack("<2i", 0, 2**24 + 1), many)
    yield Case("objects_too_many", many, "too_large", 1)


def empty_objects(count: int) -> "pa.Array[Any]":
    """One event with objects that have no members, so that they take no memory."""
    objects = pa.array([{}] * count, pa.struct([]))
    return pa.ListArray.from_arrays(pa.array([0, count], pa.int32()), objects)


def cases() -> list[Case]:
    """All cases."""
    return [*form_cases(), *type_cases(), *null_cases(), *memory_cases()]


def write(folder: Path) -> None:
    """Write all cases into `folder`."""
    for case in cases():
        verdict = f"refused {case.reason}" if case.reason else "good"
        (folder / f"{case.name}.bin").write_bytes(case.body)
        (folder / f"{case.name}.expected").write_text(f"selected {case.selected}\n{verdict}\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).with_name("arrow"))
