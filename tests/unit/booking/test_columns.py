"""Bodies of chunks: what a good one gives, and what is pruned or refused."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from dqmstream.booking import columns as limits
from dqmstream.booking.columns import decode_batch, encode_batch
from dqmstream.booking.flatbuffer import is_compressed
from dqmstream.booking.prune import prune_batch
from dqmstream.booking.testing import make_collection, make_columns
from dqmstream.errors import MessageError

_MUON = pa.list_(pa.struct([("pt", pa.float32()), ("q", pa.int8())]))


def _batch() -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "n": pa.array([1, 2, 3], pa.uint16()),
            "good": pa.array([True, False, True]),
            "word": pa.array(["a", "", "ccc"]),
            "muon": pa.array(
                [[{"pt": 1.5, "q": 1}], [], [{"pt": 2.5, "q": -1}, {"pt": 3.5, "q": 1}]], _MUON
            ),
        }
    )


def test_a_body_gives_the_columns_it_was_made_of() -> None:
    columns = decode_batch(encode_batch(_batch()), selected=3)
    assert columns.events == 3
    assert np.array_equal(columns.values["n"], [1, 2, 3])
    assert columns.values["n"].dtype == np.uint16
    assert np.array_equal(columns.values["good"], [True, False, True])
    assert columns.texts["word"].to_pylist() == ["a", "", "ccc"]
    muon = columns.collections["muon"]
    assert np.array_equal(muon.offsets, [0, 1, 1, 3])
    assert np.array_equal(muon.members["pt"], np.array([1.5, 2.5, 3.5], np.float32))
    assert np.array_equal(muon.members["q"], [1, -1, 1])


def test_numbers_are_views_of_the_body_and_cannot_be_changed() -> None:
    body = encode_batch(_batch())
    numbers = decode_batch(body, selected=3).values["n"]
    begin = np.frombuffer(body, np.uint8).__array_interface__["data"][0]
    assert 0 <= numbers.__array_interface__["data"][0] - begin < len(body)
    assert not numbers.flags.writeable


def test_a_batch_cut_out_of_another_starts_its_offsets_at_0() -> None:
    columns = decode_batch(encode_batch(_batch().slice(2, 1)), selected=1)
    assert np.array_equal(columns.collections["muon"].offsets, [0, 2])
    assert np.array_equal(columns.collections["muon"].members["q"], [-1, 1])


def test_large_lists_and_large_text_are_read_too() -> None:
    jagged = pa.array([[{"pt": 1.0}], []], pa.large_list(pa.struct([("pt", pa.float64())])))
    batch = pa.record_batch({"muon": jagged, "word": pa.array(["a", "b"], pa.large_utf8())})
    columns = decode_batch(encode_batch(batch), selected=2)
    assert np.array_equal(columns.collections["muon"].offsets, [0, 1, 1])
    assert columns.texts["word"].to_pylist() == ["a", "b"]


def test_no_events_are_columns_of_length_0() -> None:
    columns = decode_batch(encode_batch(_batch().slice(0, 0)), selected=0)
    assert columns.values["n"].shape == (0,)
    assert np.array_equal(columns.collections["muon"].offsets, [0])


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: pa.record_batch({"t": pa.array([1], pa.timestamp("s"))}), "bad_type"),
        (lambda: pa.record_batch({"a.b": pa.array([1])}), "bad_columns"),
        (lambda: pa.record_batch({"x": pa.array([1, None])}), "nulls"),
        (lambda: pa.record_batch({f"c{i}": [1] for i in range(4097)}), "bad_columns"),
        (lambda: pa.record_batch({"g": np.zeros(limits.MAX_EVENTS + 1, bool)}), "too_large"),
    ],
)
def test_a_producer_is_told_what_a_filler_would_refuse(
    make: Callable[[], pa.RecordBatch], reason: str
) -> None:
    batch = make()
    with pytest.raises(MessageError) as producers:
        encode_batch(batch)
    assert producers.value.reason == reason
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    with pytest.raises(MessageError) as fillers:
        decode_batch(sink.getvalue().to_pybytes(), selected=batch.num_rows)
    assert fillers.value.reason == reason


def test_a_body_above_the_limit_is_refused_unread() -> None:
    with pytest.raises(MessageError, match="too_large"):
        decode_batch(bytes(limits.MAX_BODY + 1), selected=1)


def test_columns_of_unequal_length_cannot_be_made() -> None:
    with pytest.raises(ValueError, match=r"column n has shape \(2,\), expected \(3,\)"):
        make_columns(3, {"n": [1, 2]})
    with pytest.raises(ValueError, match=r"column pt has shape \(1,\), expected \(2,\)"):
        make_collection([1, 1], pt=[1.0])
    with pytest.raises(ValueError, match="muon has"):
        make_columns(3, collections={"muon": make_collection([1, 1], pt=[1.0, 2.0])})
    with pytest.raises(ValueError, match="expected int64 from 0"):
        limits.Collection(offsets=np.array([1, 2]), members={})


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        ({"n"}, ["n"]),
        ({"muon.q", "n"}, ["n", "muon"]),
        ({"muon"}, ["muon"]),
        ({"gone"}, ["n"]),
    ],
)
def test_pruning_keeps_what_is_named_and_the_number_of_events(
    names: set[str], kept: list[str]
) -> None:
    pruned = prune_batch(_batch(), names)
    assert pruned.schema.names == kept
    columns = decode_batch(encode_batch(pruned), selected=3)
    if "muon" in kept:
        assert np.array_equal(columns.collections["muon"].offsets, [0, 1, 1, 3])
        wanted = {name.partition(".")[2] for name in names if "." in name} or {"pt"}
        assert set(columns.collections["muon"].members) == wanted


def test_pruning_a_batch_cut_out_of_another_keeps_its_objects() -> None:
    pruned = prune_batch(_batch().slice(1, 2), {"muon.pt", "good"})
    columns = decode_batch(encode_batch(pruned), selected=2)
    assert np.array_equal(columns.collections["muon"].offsets, [0, 0, 2])
    assert np.array_equal(columns.collections["muon"].members["pt"], [2.5, 3.5])
    assert np.array_equal(columns.values["good"], [False, True])


@pytest.mark.parametrize("codec", [None, "lz4", "zstd"])
def test_compression_is_seen_in_the_metadata(codec: str | None) -> None:
    options = pa.ipc.IpcWriteOptions(compression=codec)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, _batch().schema, options=options) as writer:
        writer.write_batch(_batch())
    messages = pa.ipc.MessageReader.open_stream(sink.getvalue())
    messages.read_next_message()
    metadata = messages.read_next_message().metadata.to_pybytes()
    assert is_compressed(metadata) is (codec is not None)


@pytest.mark.parametrize("metadata", [b"", b"\x04\0\0\0", bytes(64), b"\xff" * 64])
def test_broken_metadata_is_a_value_error(metadata: bytes) -> None:
    with pytest.raises(ValueError, match=r"bytes|header"):
        is_compressed(metadata)
