"""Made-up raw data: fragments of FEDs with headers, trailers and checksums, faults among them.

Words are of 64 bits and little-endian. The header has 5 in its bits 63-60, event type, L1 id, bunch
crossing and source id below; the trailer has 10 there, size, CRC-16, status and TTS below. The CRC
(polynomial 0x8005, start 0xFFFF) goes over each word from its top byte, with its own field 0.
Source: CMSSW `DataFormats/FEDRawData` and `FWCore/Utilities/interface/CRC16.h`.
"""

import struct
import zlib
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dqmstream.sources.cms.auxiliary import EventAuxiliary
from dqmstream.sources.cms.detector import FEDS
from dqmstream.sources.cms.madeup.plan import FedFault, Plan

__all__ = ["GLOBAL_TRIGGER", "crc16", "fed_collection"]

GLOBAL_TRIGGER: Final = 1404
_POLYNOMIAL: Final = 0x8005
_WORD: Final = 8
_BOARDS: Final = 6
_ROWS: Final = 5
_ROW: Final = 6
_FIRST_BLOCK: Final = 33
_BLOCKS: Final = 9
_STAGE_BITS: Final = 512
_PADDING: Final = 0xFFFF_FFFF
_PRESCALE_COLUMN: Final = 2


def fed_collection(
    plan: Plan, auxiliary: EventAuxiliary, rng: np.random.Generator
) -> dict[str, Any]:
    """`FEDRawDataCollection` of an event: fragments of the plan's FEDs, and all other places."""
    empty = {"data_": np.empty(0, np.uint8)}
    places: list[dict[str, Any]] = [empty] * FEDS
    for fed in plan.feds:
        fragment = _fragment(plan, auxiliary, fed, rng)
        places[fed] = {"data_": np.frombuffer(fragment, np.uint8)}
    return {"data_": places}


def crc16(words: bytes) -> int:
    """The checksum of a fragment of whole words.

    It is linear: each byte, by its distance from the end, adds what a table says, so that NumPy
    does a fragment at once. Apart from the reading side, which checks it byte by byte.
    """
    data = np.frombuffer(words, np.uint8).reshape(-1, _WORD)[:, ::-1].ravel().copy()
    data[:2] ^= 0xFF
    table = _table(-(-len(data) // 4096) * 4096)
    return int(np.bitwise_xor.reduce(table[np.arange(len(data))[::-1], data]))


@lru_cache(maxsize=4)
def _table(length: int) -> npt.NDArray[np.uint16]:
    """uint16[length, 256]: what a byte adds that so many others follow."""
    table = np.empty((length, 256), np.uint16)
    row = np.arange(256, dtype=np.uint16) << 8
    for _ in range(8):
        row = (row << 1) ^ np.where(row & 0x8000, _POLYNOMIAL, 0).astype(np.uint16)
    table[0] = row
    for place in range(1, length):
        last = table[place - 1]
        table[place] = (last << 8) ^ row[last >> 8]
    return table


def _fragment(plan: Plan, auxiliary: EventAuxiliary, fed: int, rng: np.random.Generator) -> bytes:
    fault = plan.fed_faults.get(fed, FedFault())

    def happens(share: float) -> bool:
        return bool(rng.random() < share)

    l1_id = auxiliary.event & 0xFF_FFFF
    if fed == GLOBAL_TRIGGER:
        inside = _global_trigger(auxiliary, l1_id, rng)
    else:
        words = 1 + int(rng.poisson(plan.fed_bytes / _WORD))
        inside = rng.bytes(words * _WORD)
    if happens(fault.missing):
        return b""
    size = len(inside) // _WORD + 2
    header = (
        5 << 60
        | 1 << 56
        | (l1_id ^ happens(fault.wrong_l1_id)) << 32
        | (auxiliary.bunch_crossing ^ happens(fault.wrong_bunch_crossing)) << 20
        | (fed ^ happens(fault.wrong_source)) << 8
    )
    trailer = 10 << 60 | (size + happens(fault.wrong_size)) << 32
    crc = crc16(struct.pack("<Q", header) + inside + struct.pack("<Q", trailer))
    trailer |= (crc ^ happens(fault.wrong_crc)) << 16
    whole = struct.pack("<Q", header) + inside + struct.pack("<Q", trailer)
    return whole[:-3] if happens(fault.truncated) else whole


def _global_trigger(auxiliary: EventAuxiliary, l1_id: int, rng: np.random.Generator) -> bytes:
    """The boards of a global trigger behind an AMC13, whose orbit is one ahead.

    Each board has three words of headers and nine blocks of L1 bits: initial, intermediate and
    final, in three blocks each, five bunch crossings of which the middle one triggered.
    """
    initial = rng.random(_STAGE_BITS) < 0.18
    intermediate = initial & (rng.random(_STAGE_BITS) < 0.98)
    final = intermediate & (rng.random(_STAGE_BITS) < 0.14)
    owner = rng.integers(0, _BOARDS, _STAGE_BITS)
    boards = [
        _board(
            number,
            auxiliary,
            l1_id,
            [s & (owner == number) for s in (initial, intermediate, final)],
        )
        for number in range(_BOARDS)
    ]
    head = [_BOARDS << 52 | (auxiliary.orbit + 1 & 0xFFFF_FFFF) << 4]
    head += [
        0xF << 56 | len(board) // _WORD << 32 | number + 1 << 16
        for number, board in enumerate(boards)
    ]
    parts = struct.pack(f"<{len(head)}Q", *head) + b"".join(boards)
    return parts + struct.pack("<II", l1_id, zlib.crc32(parts))


def _board(
    number: int,
    auxiliary: EventAuxiliary,
    l1_id: int,
    stages: list[npt.NDArray[np.bool_]],
) -> bytes:
    blocks: list[int] = []
    for block in range(_BLOCKS):
        words = np.zeros((_ROWS, _ROW), "<u4")
        stage, part = divmod(block, 3)
        bits = stages[stage][part * 192 : (part + 1) * 192]
        packed = np.packbits(bits, bitorder="little").view("<u4")
        words[_ROWS // 2, : len(packed)] = packed
        if block == _BLOCKS - 1:
            words[_ROWS // 2, -1] = _PRESCALE_COLUMN
        blocks.append((_FIRST_BLOCK + 2 * block) << 24 | words.size << 16 | 1 << 8)
        blocks += words.ravel().tolist()
    blocks += [_PADDING] * (len(blocks) % 2)
    size = 3 + len(blocks) // 2 + 1
    headers = (
        (number + 1) << 56 | l1_id << 32 | auxiliary.bunch_crossing << 20 | size,
        (auxiliary.orbit + 1 & 0xFFFF) << 16,
        0x119D_0003_0202,
    )
    board = struct.pack("<3Q", *headers) + struct.pack(f"<{len(blocks)}I", *blocks)
    return board + struct.pack("<II", (l1_id & 0xFF) << 24 | size, zlib.crc32(board))
