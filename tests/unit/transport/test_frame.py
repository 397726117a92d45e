"""Frames on disk: what goes in comes out, and damage never goes unnoticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.transport.frame import BrokenFrameError, decode, encode, frames
from dqmstream.transport.record import Record

RECORDS = st.builds(
    Record,
    topic=st.just("dqm.events"),
    partition=st.just(3),
    offset=st.integers(0, 2**63 - 1),
    timestamp=st.integers(-(2**63), 2**63 - 1),
    key=st.none() | st.binary(max_size=20),
    value=st.none() | st.binary(max_size=100),
    headers=st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=5)), max_size=3).map(tuple),
)


def written(records):
    return memoryview(b"".join(part for record in records for part in encode(record)))


@given(st.lists(RECORDS, max_size=5))
def test_records_come_back_as_they_were(records):
    view, position, found = written(records), 0, []
    while position < len(view):
        record, position = decode(view, position, "dqm.events", 3)
        found.append(record)
    assert found == records


@given(st.lists(RECORDS, min_size=1, max_size=5))
def test_headers_alone_tell_keys_and_places(records):
    view = written(records)
    found = list(frames(view, verify=True))
    assert [frame.key(view) for frame in found] == [record.key for record in records]
    assert [frame.offset for frame in found] == [record.offset for record in records]
    assert [frame.tombstone for frame in found] == [record.value is None for record in records]
    assert [frame.end for frame in found[:-1]] == [frame.position for frame in found[1:]]
    assert found[-1].end == len(view)


@given(RECORDS, st.data())
def test_any_changed_byte_is_noticed(record, data):
    damaged = bytearray(written([record]))
    at = data.draw(st.integers(0, len(damaged) - 1))
    damaged[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BrokenFrameError):
        decode(memoryview(damaged), 0, "dqm.events", 3)


@given(RECORDS, st.data())
def test_the_beginning_of_a_frame_is_recognised_as_torn(record, data):
    view = written([record])
    cut = data.draw(st.integers(0, len(view) - 1))
    with pytest.raises(BrokenFrameError) as broken:
        decode(view[:cut], 0, "dqm.events", 3)
    assert broken.value.torn
