"""Bytes of good records, flipped, cut and inserted: refused by name, or read as something sound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.booking.columns import decode_batch, encode_batch
from dqmstream.errors import MessageError
from dqmstream.messages.examples import EXAMPLES
from dqmstream.messages.struct import Message
from dqmstream.messages.wire import CODEC
from services.gateway.ingest_ndjson import arrow_of_lines
from tests.mutated import mutated
from tests.random_run import random_batch

BODIES = [
    encode_batch(random_batch(np.random.default_rng(seed), events))
    for seed, events in enumerate((0, 1, 7, 40))
]
LINES = [
    b'{"x": 1, "good": true, "t": "text", "hit": [{"e": 1.5, "n": 2}]}\n{"x": 2, "good": false, '
    b'"t": "\xc3\xa9", "hit": []}\n',
    b'{"columns": {"x": "int16", "hit": {"e": "float32"}}}\n{"x": 3, "hit": [{"e": 1}]}\n',
]


def test_there_is_something_of_each_kind_to_change() -> None:
    assert len(EXAMPLES) >= 20


@settings(max_examples=200)
@given(message=st.sampled_from(list(EXAMPLES.values())), data=st.data())
def test_the_codec_refuses_a_changed_record_by_name_or_reads_a_message(
    message: Message, data: st.DataObject
) -> None:
    headers, value = CODEC.encode(message)
    at = data.draw(st.integers(-1, len(headers) - 1))
    if at < 0:
        value = data.draw(mutated(value))
    else:
        changed = [list(header) for header in headers]
        changed[at][1] = data.draw(mutated(changed[at][1]))
        headers = tuple((name, content) for name, content in changed)
    try:
        found = CODEC.decode(headers, value)
    except MessageError:
        return
    # What it takes, it can say again; by their text, for a NaN differs from itself.
    assert repr(CODEC.decode(*CODEC.encode(found))) == repr(found)


@settings(max_examples=200)
@given(body=st.sampled_from(BODIES), data=st.data())
def test_a_changed_body_is_refused_by_name_or_has_columns_that_fit(
    body: bytes, data: st.DataObject
) -> None:
    changed = data.draw(mutated(body))
    try:
        columns = decode_batch(changed, selected=None)
    except MessageError:
        return
    for values in columns.values.values():
        assert values.shape == (columns.events,)
        values.tobytes()
    for collection in columns.collections.values():
        assert np.all(np.diff(collection.offsets) >= 0)
        for values in collection.members.values():
            assert values.shape == (collection.offsets[-1],)
            values.tobytes()


@settings(max_examples=200)
@given(lines=st.sampled_from(LINES), data=st.data())
def test_changed_lines_of_json_are_refused_by_name_or_become_a_chunk(
    lines: bytes, data: st.DataObject
) -> None:
    changed = data.draw(mutated(lines))
    try:
        body = arrow_of_lines(changed)
    except MessageError:
        return
    decode_batch(body, selected=None)


@pytest.mark.parametrize("body", BODIES, ids=len)
def test_a_body_cut_anywhere_is_refused_or_whole(body: bytes) -> None:
    whole = decode_batch(body, selected=None)
    for length in range(0, len(body), 7):
        try:
            found = decode_batch(body[:length], selected=None)
        except MessageError:
            continue
        # Only the mark of its end is missing.
        assert found.events == whole.events
        assert length >= len(body) - 8
