"""The global trigger's fragment: L1 bits of the triggering bunch crossing, or no record at all."""

import random
import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.kernels.payload.global_trigger import (
    L1_BITS,
    STAGES,
    TriggerRecords,
    read_trigger_records,
)
from tests.fragments import trigger_fragment

_BLOCKS = range(33, 50, 2)
_CROSSINGS = 5


def _read(*fragments: bytes) -> TriggerRecords:
    sizes = np.array([len(data) for data in fragments], np.int64)
    values = np.frombuffer(b"".join(fragments), np.uint8)
    return read_trigger_records(values, np.cumsum(sizes) - sizes, sizes)


def _bits(found: TriggerRecords, row: int, stage: int) -> set[int]:
    words = found.words[row, stage].tolist()
    return {bit for bit in range(L1_BITS) if words[bit // 32] >> (bit % 32) & 1}


def _block(middle: list[int], elsewhere: int = 0) -> list[int]:
    """Six words for each of five bunch crossings; the third one triggered."""
    row = [elsewhere] * 6
    return row + row + middle + row + row


def test_bits_of_all_boards_and_blocks_are_put_together_by_stage() -> None:
    first = {33: _block([1, 0, 0, 0, 0, 0]), 35: _block([0, 2, 0, 0, 0, 0])}
    second = {
        37: _block([4, 0, 0, 0, 0, 0]),
        39: _block([0, 0, 0, 0, 0, 1 << 31]),
        49: _block([0, 0, 0, 1 << 31, 0, 7]),
    }
    found = _read(trigger_fragment([first, second], orbit=0xFEDCBA98))
    assert found.good.all()
    assert _bits(found, 0, 0) == {0, 192 + 33, 384 + 2}
    assert _bits(found, 0, 1) == {191}
    assert _bits(found, 0, 2) == {511}
    assert (found.orbit[0], found.boards[0], found.prescale_column[0]) == (0xFEDCBA98, 2, 7)


def test_only_the_middle_bunch_crossing_counts() -> None:
    found = _read(trigger_fragment([{33: _block([0] * 6, elsewhere=0xFFFFFFFF)}]))
    assert found.good.all()
    assert _bits(found, 0, 0) == set()


def test_blocks_of_inputs_are_passed_over() -> None:
    found = _read(trigger_fragment([{0: [0xFFFFFFFF] * 30, 33: _block([1, 0, 0, 0, 0, 0])}]))
    assert _bits(found, 0, 0) == {0}


@given(st.integers(0, 2**32), st.lists(st.sampled_from(_BLOCKS), unique=True), st.data())
def test_a_fragment_cut_anywhere_is_no_record_and_spoils_no_other(
    seed: int, numbers: list[int], data: st.DataObject
) -> None:
    rng = random.Random(seed)
    blocks = {n: _block([rng.getrandbits(32) for _ in range(6)]) for n in numbers or [33]}
    whole = trigger_fragment([blocks, blocks])
    cut = whole[: data.draw(st.integers(0, len(whole) - 8))]
    found = _read(cut, whole)
    # The two trailers are no part of a board: without them the boards run over.
    assert found.good.tolist() == [False, True]
    assert not found.words[0].any()
    alone = _read(whole)
    assert np.array_equal(found.words[1], alone.words[0])


@given(st.integers(0, 2**32), st.lists(st.tuples(st.integers(0), st.integers(0, 255))))
def test_any_changed_bytes_are_read_within_the_fragment(
    seed: int, changes: list[tuple[int, int]]
) -> None:
    rng = random.Random(seed)
    blocks = {n: _block([rng.getrandbits(32) for _ in range(6)]) for n in _BLOCKS}
    changed = bytearray(trigger_fragment([blocks]))
    for place, value in changes:
        changed[place % len(changed)] = value
    # All that stands around it has all bits set: a read outside would show in the words.
    around = b"\xff" * 64
    values = np.frombuffer(around + bytes(changed) + around, np.uint8)
    start, size = np.array([64], np.int64), np.array([len(changed)], np.int64)
    found = read_trigger_records(values, start, size)
    alone = _read(bytes(changed))
    assert found.good.tolist() == alone.good.tolist()
    assert np.array_equal(found.words, alone.words)
    assert found.words.shape == (1, STAGES, L1_BITS // 32)


def test_a_board_without_size_or_with_too_much_is_no_record() -> None:
    whole = trigger_fragment([{33: _block([1] * 6)}])
    for size in (0, 3, 1000, 0xFFFFFF):
        lying = bytearray(whole)
        struct.pack_into("<Q", lying, 16, size << 32)
        assert not _read(bytes(lying)).good.any()
