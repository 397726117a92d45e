"""The sparse index: small, and never pointing past what is wanted."""

from hypothesis import given
from hypothesis import strategies as st

from dqmstream.transport.segment import INDEX_BYTES, SparseIndex

LENGTHS = st.lists(
    st.integers(40, 2000) | st.integers(INDEX_BYTES // 4, INDEX_BYTES * 3), min_size=1, max_size=60
)


def indexed(lengths, step):
    """An index over frames of these lengths, with offsets `step` apart."""
    index, position, places = SparseIndex(), 0, []
    for number, length in enumerate(lengths):
        index.note(number * step, position)
        places.append((number * step, position, position + length))
        position += length
    return index, places, position


@given(
    lengths=LENGTHS,
    step=st.integers(1, 3),
    offset=st.integers(0, 200),
    max_records=st.integers(1, 100),
    max_bytes=st.integers(1, INDEX_BYTES * 10),
)
def test_a_span_holds_the_next_record_or_says_where_to_look(
    lengths, step, offset, max_records, max_bytes
):
    index, places, size = indexed(lengths, step)
    begin, stop, behind = index.span(offset, max_records, max_bytes, size)
    boundaries = {position for _, position, _ in places} | {size}
    assert {begin, stop} <= boundaries
    assert begin < stop
    wanted = [place for place in places if place[0] >= offset]
    if wanted and not begin <= wanted[0][1] < stop:
        assert behind == wanted[0][0]
    if behind is None:
        assert stop == size


@given(lengths=LENGTHS, offset=st.integers(0, 100), max_bytes=st.integers(1, INDEX_BYTES * 4))
def test_a_span_is_bounded_by_the_limit_or_one_step_of_the_index(lengths, offset, max_bytes):
    index, _, size = indexed(lengths, 1)
    begin, stop, _ = index.span(offset, 1000, max_bytes, size)
    assert stop - begin <= max(max_bytes, INDEX_BYTES + max(lengths))


@given(lengths=LENGTHS)
def test_the_index_has_one_entry_per_step_at_most(lengths):
    index, _, size = indexed(lengths, 1)
    assert len(index) <= size // INDEX_BYTES + 1
