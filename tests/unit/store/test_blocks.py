"""Blocks give back every value, whole or in slices, and say when they are broken."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nst

from dqmstream.errors import StoreError
from dqmstream.store.blocks import decode_block, encode_block

INT64 = nst.from_dtype(np.dtype(np.int64))
SMALL = st.integers(-300, 70_000)


@given(nst.arrays(np.int64, nst.array_shapes(max_dims=2), elements=st.one_of(INT64, SMALL)))
def test_a_block_gives_back_every_value(values: np.ndarray) -> None:
    decoded = decode_block(encode_block(values), values.size)
    assert decoded.dtype == np.int64
    assert np.array_equal(decoded, values.reshape(-1))


@given(nst.arrays(np.int64, st.integers(1, 50), elements=INT64), st.data())
def test_a_slice_of_a_block_is_the_slice_of_its_values(
    values: np.ndarray, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, values.size))
    stop = data.draw(st.integers(start, values.size))
    assert np.array_equal(
        decode_block(encode_block(values), values.size, start, stop), values[start:stop]
    )


def test_a_block_of_nothing_is_empty() -> None:
    assert decode_block(encode_block(np.zeros(0, np.int64)), 0).shape == (0,)


def test_a_view_that_is_not_contiguous_is_kept_in_c_order() -> None:
    values = np.arange(12, dtype=np.int64).reshape(3, 4).T
    assert np.array_equal(decode_block(encode_block(values), 12).reshape(4, 3), values)


def test_small_values_take_the_room_of_their_bytes() -> None:
    values = np.random.default_rng(1).integers(0, 256, 10_000)
    assert len(encode_block(values)) < 10_100


@pytest.mark.parametrize(
    ("block", "count", "what"),
    [
        (b"", 4, "cannot be unpacked"),
        (b"not zstd at all", 4, "cannot be unpacked"),
        (encode_block(np.arange(100)), 4, "expected at most 32"),
        (encode_block(np.arange(100)), 99, "expected a multiple"),
        (encode_block(np.arange(100))[:-5], 100, "cannot be unpacked"),
    ],
)
def test_a_broken_block_is_refused(block: bytes, count: int, what: str) -> None:
    with pytest.raises(StoreError, match=what):
        decode_block(block, count)
