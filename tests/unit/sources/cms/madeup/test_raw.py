"""Made-up fragments: whole, with the checksum of the book, and wrong where it was asked for."""

import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.sources.cms.auxiliary import EventAuxiliary
from dqmstream.sources.cms.madeup.plan import FedFault, Plan
from dqmstream.sources.cms.madeup.raw import GLOBAL_TRIGGER, crc16, fed_collection

AUXILIARY = EventAuxiliary(
    run=400000,
    lumisection=3,
    event=3_000_017,
    time=0,
    bunch_crossing=1237,
    orbit=600_000,
    fill=10000,
)
FAULTS = {
    "wrong_crc": (1, 31, 16),
    "wrong_size": (1, 55, 32),
    "wrong_source": (0, 19, 8),
    "wrong_bunch_crossing": (0, 31, 20),
    "wrong_l1_id": (0, 55, 32),
}
"""Of each fault: the word it is in (header 0, trailer 1), its highest and its lowest bit."""


def _fragment(fed: int, fault: FedFault | None = None) -> bytes:
    faults = {} if fault is None else {fed: fault}
    plan = Plan(feds=(fed,), fed_faults=faults)
    found = fed_collection(plan, AUXILIARY, np.random.default_rng(5))["data_"]
    assert len(found) == 4097
    return bytes(found[fed]["data_"])


def _words(fragment: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(fragment) // 8}Q", fragment)


def _bits(word: int, high: int, low: int) -> int:
    return word >> low & (1 << high - low + 1) - 1


def _crc_by_the_book(data: bytes) -> int:
    """Bit by bit: polynomial 0x8005, start 0xFFFF, not reflected, each word from its top byte."""
    crc = 0xFFFF
    for start in range(0, len(data), 8):
        for byte in reversed(data[start : start + 8]):
            crc ^= byte << 8
            for _ in range(8):
                crc = (crc << 1 ^ (0x8005 if crc & 0x8000 else 0)) & 0xFFFF
    return crc


@given(st.binary(min_size=1, max_size=40).map(lambda data: (data * 8)[: len(data) * 8]))
def test_the_checksum_is_that_of_the_book(data: bytes) -> None:
    assert crc16(data) == _crc_by_the_book(data)


@pytest.mark.parametrize("fed", [0, 600, GLOBAL_TRIGGER, 4096])
def test_a_fragment_has_header_trailer_size_and_checksum(fed: int) -> None:
    fragment = _fragment(fed)
    header, *_, trailer = _words(fragment)
    assert (_bits(header, 63, 60), _bits(trailer, 63, 60)) == (5, 10)
    assert _bits(header, 55, 32) == AUXILIARY.event & 0xFFFFFF
    assert _bits(header, 31, 20) == AUXILIARY.bunch_crossing
    assert _bits(header, 19, 8) == fed & 0xFFF
    assert _bits(trailer, 55, 32) * 8 == len(fragment)
    blank = struct.pack("<Q", trailer & ~(0xFFFF << 16))
    assert _bits(trailer, 31, 16) == _crc_by_the_book(fragment[:-8] + blank)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_spoils_its_field_and_nothing_else(name: str) -> None:
    good = _words(_fragment(600))
    bad = _words(_fragment(600, replace(FedFault(), **{name: 1.0})))
    place, high, low = FAULTS[name]
    assert _bits(good[-place], high, low) != _bits(bad[-place], high, low)
    crc = 0xFFFF << 16
    for other in (0, -1):
        mask = crc if other else 0
        field = ((1 << high - low + 1) - 1) << low if other == -place else 0
        assert good[other] & ~(mask | field) == bad[other] & ~(mask | field)
    assert good[1:-1] == bad[1:-1]


def test_the_global_trigger_has_its_bits_in_three_stages_within_each_other() -> None:
    """Each L1 bit in one board, in the middle of five bunch crossings; one prescale column."""
    fragment = _fragment(GLOBAL_TRIGGER)
    words = _words(fragment)
    boards = _bits(words[1], 55, 52)
    assert boards == 6
    assert _bits(words[1], 35, 4) == AUXILIARY.orbit + 1
    stages = np.zeros((3, 3, 6), np.uint32)
    start = 2 + boards
    for board in range(boards):
        size = _bits(words[2 + board], 55, 32)
        inside = struct.unpack_from(f"<{2 * (size - 4)}I", fragment, 8 * (start + 3))
        place = 0
        while place < len(inside) and inside[place] != 0xFFFFFFFF:
            block, length = inside[place] >> 24, inside[place] >> 16 & 255
            rows = np.array(inside[place + 1 : place + 1 + length], np.uint32).reshape(5, 6)
            assert not rows[[0, 1, 3, 4]].any()
            stages[divmod((block - 33) // 2, 3)] |= rows[2]
            place += 1 + length
        start += size
    assert start == len(words) - 2
    assert stages[2, 2, 5] == 2
    stages[:, 2, 4:] = 0
    initial, intermediate, final = stages
    assert not (intermediate & ~initial).any()
    assert not (final & ~intermediate).any()
    counts = [int(np.bitwise_count(one).sum()) for one in stages]
    assert 60 < counts[0] < 130
    assert 0 < counts[2] < counts[1] <= counts[0]
