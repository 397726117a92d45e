"""Fragments of FEDs: headers, trailers and checksums, for any bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dqmstream.kernels.payload.fed import Fragments, checksums, read_fragments
from tests.fragments import checksum_of, fragment


def _packed(
    fragments: list[bytes],
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    sizes = np.array([len(found) for found in fragments], np.int64)
    return np.frombuffer(b"".join(fragments), np.uint8), np.cumsum(sizes) - sizes, sizes


def _read(*fragments: bytes) -> Fragments:
    return read_fragments(*_packed(list(fragments)))


def test_header_and_trailer_give_their_fields() -> None:
    data = fragment(
        613, bytes(range(32)), l1_id=0xABCDEF, bunch_crossing=3563, event_type=1, status=5, tts=8
    )
    found = _read(bytes(24), data)
    assert found.framed.tolist() == [False, True]
    assert found.source_id[1] == 613
    assert found.l1_id[1] == 0xABCDEF
    assert found.bunch_crossing[1] == 3563
    assert found.event_type[1] == 1
    assert found.trailer_words[1] == 6
    assert (found.status[1], found.tts[1]) == (5, 8)
    assert found.crc[1] == checksum_of(data)


@given(st.lists(st.binary(max_size=80), max_size=8))
def test_any_bytes_are_read_and_what_is_not_framed_is_all_zeros(fragments: list[bytes]) -> None:
    found = _read(*fragments)
    for place, data in enumerate(fragments):
        framed = (
            len(data) >= 16 and len(data) % 8 == 0 and data[7] >> 4 == 5 and data[-1] >> 4 == 10
        )
        assert found.framed[place] == framed
        if not framed:
            assert not any(values[place] for values in found)


@given(st.lists(st.binary(max_size=100), max_size=4))
def test_checksums_are_those_of_a_division_bit_by_bit(payloads: list[bytes]) -> None:
    fragments = [data[: len(data) // 8 * 8] for data in payloads] + payloads
    expected = [
        checksum_of(data) if len(data) >= 16 and len(data) % 8 == 0 else 0 for data in fragments
    ]
    assert checksums(*_packed(fragments)).tolist() == expected


@given(st.binary(min_size=16, max_size=400), st.data())
def test_one_flipped_bit_outside_its_own_field_changes_the_checksum(
    payload: bytes, data: st.DataObject
) -> None:
    good = fragment(1, payload[: len(payload) // 8 * 8])
    bit = data.draw(st.integers(0, 8 * len(good) - 1).filter(lambda b: b // 8 not in _crc(good)))
    bad = bytearray(good)
    bad[bit // 8] ^= 1 << bit % 8
    found = checksums(*_packed([good, bytes(bad)]))
    assert found[0] == checksum_of(good)
    assert found[1] != found[0]


def _crc(data: bytes) -> range:
    return range(len(data) - 6, len(data) - 4)


def test_a_fragment_beyond_its_bytes_is_refused() -> None:
    values, start = np.zeros(16, np.uint8), np.array([8], np.int64)
    for read in (read_fragments, checksums):
        with pytest.raises(ValueError, match="of 16 bytes"):
            read(values, start, np.array([16], np.int64))
        with pytest.raises(ValueError, match="of 16 bytes"):
            read(values, -start, np.array([8], np.int64))


def test_no_fragments_give_nothing() -> None:
    assert _read().framed.size == 0
    assert checksums(*_packed([])).size == 0
