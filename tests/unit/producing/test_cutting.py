"""Chunks that are too large are cut by events, and nothing of them gets lost uncounted."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.booking.columns import decode_batch, encode_batch
from dqmstream.errors import ConfigurationError
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.producing.cutting import Cutter, body_limit
from dqmstream.sources.source import SourceChunk
from tests.random_run import random_batch

EMPTY_BYTES = len(encode_batch(random_batch(np.random.default_rng(0), 0)))


def read(body: bytes) -> pa.RecordBatch:
    return pa.ipc.open_stream(body).read_next_batch()


@given(
    seed=st.integers(0, 1000),
    events=st.integers(0, 60),
    unselected=st.integers(0, 9),
    dropped=st.integers(0, 3),
    room=st.integers(0, 3000),
)
def test_pieces_hold_all_events_in_order_within_the_limit(
    seed: int, events: int, unselected: int, dropped: int, room: int
) -> None:
    batch = random_batch(np.random.default_rng(seed), events)
    chunk = SourceChunk(
        body=encode_batch(batch), seen=events + unselected, selected=events, dropped=dropped, at=0.5
    )
    cutter = Cutter(EMPTY_BYTES + room)
    cut = cutter.cut(chunk)
    assert cut.at == 0.5
    assert all(len(piece.body) <= cutter.limit for piece in cut.pieces)
    assert all(piece.checksum == body_checksum(piece.body) for piece in cut.pieces)
    found = [read(piece.body) for piece in cut.pieces]
    assert [one.num_rows for one in found] == [piece.selected for piece in cut.pieces]
    kept = pa.Table.from_batches(found).combine_chunks()
    refused = cut.refused.get("event_too_large", 0)
    assert kept.num_rows + refused == events
    assert sum(piece.seen for piece in cut.pieces) == chunk.seen
    assert sum(piece.dropped for piece in cut.pieces) == dropped + refused
    assert all(piece.selected <= piece.seen for piece in cut.pieces)
    # What is left out are exactly the events that do not fit alone.
    fits = [
        row
        for row in range(events)
        if len(encode_batch(batch.slice(row, 1))) <= cutter.limit
        or len(encode_batch(batch)) <= cutter.limit
    ]
    expected = pa.Table.from_batches([batch]).take(pa.array(fits, pa.int64())).combine_chunks()
    # Bits are compared: a NaN equals itself.
    assert same_bits(kept, expected)
    assert Cutter(cutter.limit).cut(chunk) == cut


def same_bits(a: pa.Table, b: pa.Table) -> bool:
    if a.num_rows == 0 or b.num_rows == 0:
        return a.num_rows == b.num_rows
    bodies = [encode_batch(table.to_batches()[0]) for table in (a, b)]
    return bodies[0] == bodies[1]


def test_a_single_event_that_fits_into_no_message_is_refused_by_name() -> None:
    text = pa.field("text", pa.string(), nullable=False)
    batch = pa.RecordBatch.from_arrays(
        [pa.array(["a", "x" * 9000, "b"], pa.string())], schema=pa.schema([text])
    )
    cut = Cutter(4096).cut(SourceChunk(body=encode_batch(batch), seen=5, selected=3))
    assert cut.refused == {"event_too_large": 1}
    assert [(piece.seen, piece.selected, piece.dropped) for piece in cut.pieces] == [
        (4, 1, 1),
        (1, 1, 0),
    ]
    assert [read(piece.body)["text"].to_pylist() for piece in cut.pieces] == [["a"], ["b"]]


def test_a_chunk_of_nothing_but_too_large_events_leaves_an_empty_one_that_counts_them() -> None:
    text = pa.field("text", pa.string(), nullable=False)
    batch = pa.RecordBatch.from_arrays(
        [pa.array(["x" * 9000, "y" * 9000], pa.string())], schema=pa.schema([text])
    )
    cut = Cutter(4096).cut(SourceChunk(body=encode_batch(batch), seen=2, selected=2))
    (piece,) = cut.pieces
    assert (piece.seen, piece.selected, piece.dropped) == (2, 0, 2)
    assert decode_batch(piece.body, selected=0).events == 0
    assert cut.refused == {"event_too_large": 2}


def test_a_large_chunk_that_cannot_be_read_is_refused_by_name_and_keeps_its_number() -> None:
    cut = Cutter(4096).cut(SourceChunk(body=b"?" * 5000, seen=9, selected=7, dropped=1))
    (piece,) = cut.pieces
    assert (piece.body, piece.seen, piece.selected, piece.dropped) == (b"", 9, 0, 8)
    assert cut.refused == {"chunk_too_large": 1}


def test_small_chunks_go_as_they_are_whatever_they_hold() -> None:
    (piece,) = Cutter(4096).cut(SourceChunk(body=b"junk", seen=1, selected=1)).pieces
    assert piece.body == b"junk"


def test_the_empty_body_has_the_columns_of_the_first_chunk() -> None:
    cutter = Cutter(1 << 20)
    assert cutter.empty.body == b""
    batch = random_batch(np.random.default_rng(0), 3)
    cutter.cut(SourceChunk(body=encode_batch(batch), seen=3, selected=3))
    assert read(cutter.empty.body).schema == batch.schema
    assert read(cutter.empty.body).num_rows == 0


def test_messages_too_small_for_any_chunk_stop_the_start() -> None:
    with pytest.raises(ConfigurationError, match=r"messages of 5000 bytes.*'synthetic'"):
        body_limit(5000, "synthetic", "0f3a")
    assert body_limit(1 << 20, "synthetic", "0f3a") == (1 << 20) - 1024 - 13
