"""Fragments of the detector's front-end drivers (FEDs): header, trailer and CRC-16 of many at once.

A fragment is 64-bit little-endian words. Its first is the header: bits 63-60 are 5, 59-56 the
event type, 55-32 the L1 id, 31-20 the bunch crossing, 19-8 the source id. Its last is the trailer:
63-60 are 10, 55-32 the number of words, 31-16 the CRC, 11-8 the status, 7-4 the TTS state. Facts:
CMSSW `EventFilter/Utilities` and `DataFormats/FEDRawData`.

The CRC has polynomial 0x8005 and start 0xFFFF, is not reflected, takes each word from its top byte
and its own field as 0. Eight bytes are looked up at once, as in Kounavis and Berry's slicing.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqmstream.kernels.compile import kernel

__all__ = ["Fragments", "checksums", "read_fragments"]

_HEADER_MARK: Final = 5
_TRAILER_MARK: Final = 10
_WORD: Final = 8
_POLYNOMIAL: Final = 0x8005
_START: Final = 0xFFFF


class Fragments(NamedTuple):
    """Headers and trailers, each array[fragments]; all 0 where a fragment is not `framed`."""

    framed: NDArray[np.bool_]
    event_type: NDArray[np.int64]
    l1_id: NDArray[np.int64]
    bunch_crossing: NDArray[np.int64]
    source_id: NDArray[np.int64]
    trailer_words: NDArray[np.int64]
    crc: NDArray[np.int64]
    status: NDArray[np.int64]
    tts: NDArray[np.int64]


_FIELDS: Final = len(Fragments._fields)


def read_fragments(
    values: NDArray[np.uint8], starts: NDArray[np.int64], sizes: NDArray[np.int64]
) -> Fragments:
    """Headers and trailers of fragments.

    Parameters
    ----------
    values
        uint8[bytes]: the fragments lie in it.
    starts, sizes
        int64[fragments]: where, and of how many bytes each.

    Raises
    ------
    ValueError
        If a fragment is not within `values`.
    """
    _check_within(values, starts, sizes)
    table = np.zeros((_FIELDS, starts.size), np.int64)
    _read(np.ascontiguousarray(values), starts, sizes, table)
    framed, *fields = table
    return Fragments(framed != 0, *fields)


def checksums(
    values: NDArray[np.uint8], starts: NDArray[np.int64], sizes: NDArray[np.int64]
) -> NDArray[np.uint16]:
    """uint16[fragments]: CRC-16 of each; 0 of fragments that are not two whole words or more.

    Parameters and errors are those of `read_fragments`.
    """
    _check_within(values, starts, sizes)
    found = np.zeros(starts.size, np.uint16)
    _checksum(np.ascontiguousarray(values), starts, sizes, _TABLES, found)
    return found


def _check_within(
    values: NDArray[np.uint8], starts: NDArray[np.int64], sizes: NDArray[np.int64]
) -> None:
    if starts.size and (
        int(starts.min()) < 0 or int(sizes.min()) < 0 or int((starts + sizes).max()) > values.size
    ):
        msg = f"fragments from {starts.min()} to {(starts + sizes).max()} of {values.size} bytes"
        raise ValueError(msg)


def _tables() -> NDArray[np.uint16]:
    """uint16[8, 256]: CRC of a byte with 0 to 7 zero bytes behind it."""
    tables = np.zeros((_WORD, 256), np.uint16)
    for byte in range(256):
        crc = byte << 8
        for zeros in range(_WORD):
            for _ in range(8):
                crc = ((crc << 1) ^ (_POLYNOMIAL if crc & 0x8000 else 0)) & 0xFFFF
            tables[zeros, byte] = crc
    return tables


_TABLES: Final = _tables()


@kernel
def _word(values: Any, place: int) -> Any:
    word = np.uint64(0)
    for byte in range(8):
        word |= np.uint64(values[place + byte]) << np.uint64(8 * byte)
    return word


@kernel
def _bits(word: Any, low: int, length: int) -> Any:
    return np.int64((word >> np.uint64(low)) & np.uint64((1 << length) - 1))


@kernel
def _read(values: Any, starts: Any, sizes: Any, table: Any) -> None:
    for i in range(starts.size):
        size = sizes[i]
        if size < 2 * _WORD or size % _WORD != 0:
            continue
        header = _word(values, starts[i])
        trailer = _word(values, starts[i] + size - _WORD)
        if _bits(header, 60, 4) != _HEADER_MARK or _bits(trailer, 60, 4) != _TRAILER_MARK:
            continue
        table[0, i] = 1
        table[1, i] = _bits(header, 56, 4)
        table[2, i] = _bits(header, 32, 24)
        table[3, i] = _bits(header, 20, 12)
        table[4, i] = _bits(header, 8, 12)
        table[5, i] = _bits(trailer, 32, 24)
        table[6, i] = _bits(trailer, 16, 16)
        table[7, i] = _bits(trailer, 8, 4)
        table[8, i] = _bits(trailer, 4, 4)


@kernel
def _checksum(values: Any, starts: Any, sizes: Any, tables: Any, found: Any) -> None:
    last = np.zeros(_WORD, np.uint8)
    for i in range(starts.size):
        size = sizes[i]
        if size < 2 * _WORD or size % _WORD != 0:
            continue
        crc = np.uint32(_START)
        end = starts[i] + size - _WORD
        for place in range(starts[i], end, _WORD):
            # A slice from 0: an index that could be negative costs a test for each byte.
            crc = _next(values[place : place + _WORD], crc, tables)
        # Not by slices: Numba's check of their shapes takes longer to compile than all the rest.
        for byte in range(_WORD):
            last[byte] = values[end + byte]
        last[2] = last[3] = 0
        found[i] = _next(last, crc, tables)


@kernel
def _next(word: Any, crc: Any, tables: Any) -> Any:
    """The CRC after eight more bytes, the last one of which is the word's top one."""
    return np.uint32(
        tables[7, np.uint64(word[7] ^ (crc >> np.uint32(8)))]
        ^ tables[6, np.uint64(word[6] ^ (crc & np.uint32(255)))]
        ^ tables[5, np.uint64(word[5])]
        ^ tables[4, np.uint64(word[4])]
        ^ tables[3, np.uint64(word[3])]
        ^ tables[2, np.uint64(word[2])]
        ^ tables[1, np.uint64(word[1])]
        ^ tables[0, np.uint64(word[0])]
    )
