"""Fragments of the global trigger (FED 1404): which L1 bits were set, in three stages.

The fragment is that of an AMC13: behind the header one word with the number of boards (bits 55-52)
and the orbit (35-4), then one word for each board, whose bits 55-32 are the size of its part in
words. The parts follow in this order. Each has three words of headers, then blocks: a 32-bit word
with the block's number (31-24) and its size in 32-bit words (23-16), and as many words; its last
word is a trailer. Blocks 33, 35, 37 are the L1 bits before any prescale, 39, 41, 43 behind the
prescales, 45, 47, 49 final, 192 bits and 192 and 128; a row of six words for each bunch crossing,
the triggering one in the middle. The last word of that row of block 49 is the prescale column.
All boards together have all bits. Facts: CMSSW `EventFilter/L1TRawToDigi`.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqmstream.kernels.compile import kernel

__all__ = ["L1_BITS", "STAGES", "TriggerRecords", "read_trigger_records"]

STAGES: Final = 3
"""Initial, intermediate, final."""
L1_BITS: Final = 512
"""Of one stage."""

_WORD: Final = 8
_BLOCKS: Final = 3
"""Of one stage."""
_ROW: Final = 6
_STAGE_WORDS: Final = L1_BITS // 32
_FIRST_BLOCK: Final = 33
_PRESCALE_BLOCK: Final = 49
_BOARD_HEADERS: Final = 3
_PADDING: Final = 0xFFFFFFFF


class TriggerRecords(NamedTuple):
    """What fragments say, each array[fragments]; `good` where the fragment has that structure.

    `words` is uint32[fragments, stages, 16], bit 0 of the first word being L1 bit 0.
    """

    good: NDArray[np.bool_]
    orbit: NDArray[np.int64]
    boards: NDArray[np.int64]
    prescale_column: NDArray[np.int64]
    words: NDArray[np.uint32]


def read_trigger_records(
    values: NDArray[np.uint8], starts: NDArray[np.int64], sizes: NDArray[np.int64]
) -> TriggerRecords:
    """The L1 bits of fragments; whatever the bytes are, nothing outside a fragment is read.

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
    if starts.size and (int(starts.min()) < 0 or int((starts + sizes).max()) > values.size):
        msg = f"fragments up to {(starts + sizes).max()} of {values.size} bytes"
        raise ValueError(msg)
    good = np.zeros(starts.size, np.bool_)
    table = np.zeros((3, starts.size), np.int64)
    words = np.zeros((starts.size, STAGES, _STAGE_WORDS), np.uint32)
    _read(np.ascontiguousarray(values), starts, sizes, good, table, words)
    words[~good] = 0
    return TriggerRecords(good, table[0], table[1], table[2], words)


@kernel
def _half(values: Any, start: int, place: int) -> Any:
    """A 32-bit word; `place` counts them from the start of the fragment."""
    at = start + 4 * place
    return (
        np.int64(values[at])
        | np.int64(values[at + 1]) << 8
        | np.int64(values[at + 2]) << 16
        | np.int64(values[at + 3]) << 24
    )


@kernel
def _read(values: Any, starts: Any, sizes: Any, good: Any, table: Any, words: Any) -> None:
    for i in range(starts.size):
        start, length = starts[i], sizes[i] // _WORD
        # Header and AMC13 word in front, the trailers of the AMC13 and of the fragment behind.
        if sizes[i] % _WORD != 0 or length < 4 or _half(values, start, 1) >> 28 != 5:
            continue
        low, high = _half(values, start, 2), _half(values, start, 3)
        boards = (high >> 20) & 15
        place, end = 2 + boards, length - 2
        whole = boards > 0 and place <= end
        for board in range(boards):
            if not whole:
                break
            size = _half(values, start, 2 * (2 + board) + 1) & 0xFFFFFF
            whole = size > _BOARD_HEADERS and place + size <= end
            if whole:
                first = 2 * (place + _BOARD_HEADERS)
                last = 2 * (place + size - 1)
                column = _read_blocks(values, start, first, last, words[i])
                whole = column != -2
                if column >= 0:
                    table[2, i] = column
                place += size
        if whole:
            good[i] = True
            table[0, i] = (low >> 4) | (high & 15) << 28
            table[1, i] = boards


@kernel
def _read_blocks(values: Any, start: int, place: int, end: int, words: Any) -> int:
    """Takes the bits of one board; its prescale column, -1 without one, -2 if a block runs over."""
    column = -1
    while place < end:
        header = _half(values, start, place)
        if header == _PADDING:
            break
        block, size = header >> 24, (header >> 16) & 255
        if place + 1 + size > end:
            return -2
        known = _FIRST_BLOCK <= block <= _PRESCALE_BLOCK and block & 1 == 1
        if known and size >= _ROW and size % _ROW == 0:
            number = (block - _FIRST_BLOCK) // 2
            stage, first = number // _BLOCKS, (number % _BLOCKS) * _ROW
            row = place + 1 + size // _ROW // 2 * _ROW
            for j in range(min(_ROW, _STAGE_WORDS - first)):
                words[stage, first + j] |= np.uint32(_half(values, start, row + j))
            if block == _PRESCALE_BLOCK:
                column = _half(values, start, row + _ROW - 1)
        place += 1 + size
    return column
