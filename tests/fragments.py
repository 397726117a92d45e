"""Fragments of FEDs for tests, and the checksum by the book: one bit after the other."""

import struct
from collections.abc import Mapping, Sequence

__all__ = ["checksum_of", "fragment", "trigger_fragment"]

_CRC_FROM_END = 6


def checksum_of(data: bytes) -> int:
    """CRC-16 (0x8005, from 0xFFFF) of 64-bit words from their top bytes on, its own field as 0."""
    end = len(data)
    data = data[: end - _CRC_FROM_END] + b"\0\0" + data[end - _CRC_FROM_END + 2 :]
    crc = 0xFFFF
    for start in range(0, end, 8):
        for byte in reversed(data[start : start + 8]):
            crc ^= byte << 8
            for _ in range(8):
                crc = ((crc << 1) ^ (0x8005 if crc & 0x8000 else 0)) & 0xFFFF
    return crc


def fragment(
    source_id: int,
    body: bytes,
    *,
    l1_id: int = 1,
    bunch_crossing: int = 1,
    event_type: int = 1,
    status: int = 0,
    tts: int = 0,
) -> bytes:
    """A fragment with a header, a body of whole words, and a trailer with the right checksum."""
    header = 5 << 60 | event_type << 56 | l1_id << 32 | bunch_crossing << 20 | source_id << 8
    words = len(body) // 8 + 2
    trailer = 10 << 60 | words << 32 | status << 8 | tts << 4
    data = struct.pack("<Q", header) + body + struct.pack("<Q", trailer)
    return data[:-_CRC_FROM_END] + checksum_of(data).to_bytes(2, "little") + data[-4:]


def trigger_fragment(
    boards: Sequence[Mapping[int, Sequence[int]]],
    *,
    orbit: int = 1,
    l1_id: int = 1,
    bunch_crossing: int = 1,
) -> bytes:
    """A fragment of the global trigger: for each board its blocks of 32-bit words, by number."""
    parts = [_board(blocks) for blocks in boards]
    sizes = b"".join(struct.pack("<Q", len(part) // 8 << 32) for part in parts)
    top = struct.pack("<Q", 1 << 60 | len(boards) << 52 | orbit << 4)
    body = top + sizes + b"".join(parts) + bytes(8)
    return fragment(1404, body, l1_id=l1_id, bunch_crossing=bunch_crossing)


def _board(blocks: Mapping[int, Sequence[int]]) -> bytes:
    words = b"".join(
        struct.pack(f"<I{len(block)}I", number << 24 | len(block) << 16, *block)
        for number, block in blocks.items()
    )
    padding = b"\xff" * 4 if len(words) % 8 else b""
    return bytes(24) + words + padding + bytes(8)
