"""Numbers, byte counts and names in a ROOT buffer, and what can be wrong with them.

Functions return a position, or a negative number that `KINDS` names. Stream rules: ROOT
`TBufferFile`.
"""

from typing import Any, Final

import numpy as np

from dqmstream.kernels.compile import inlined, lean_kernel

__all__ = [
    "BYTE_COUNT",
    "CLASS_TAG",
    "CUT",
    "FULL",
    "KINDS",
    "LENGTH",
    "MEMBER_WISE",
    "MIXED",
    "NEW_CLASS",
    "REPEATED",
    "TRAILING",
    "UNKNOWN",
    "behind_text",
    "class_name",
    "is_named",
    "stop_of",
    "u16",
    "u32",
]

KINDS: Final = (
    *("", "unknown", "byte_count", "length", "cut", "class_tag", "trailing", "member_wise"),
    *("mixed", "repeated", "full"),
)
"""By minus the number. A class that is `unknown` is no fault; `full` asks for more room."""
UNKNOWN: Final = -1
BYTE_COUNT: Final = -2
LENGTH: Final = -3
CUT: Final = -4
CLASS_TAG: Final = -5
TRAILING: Final = -6
MEMBER_WISE: Final = -7
MIXED: Final = -8
REPEATED: Final = -9
FULL: Final = -10

NEW_CLASS: Final = 0xFFFF_FFFF
"""A class's name follows; any other tag says where one did before."""
_REFERENCE: Final = 0x8000_0000
_COUNTED: Final = 0x4000_0000
_COUNT_BITS: Final = 0x3FFF_FFFF
_HEADER: Final = 6
_LONG_TEXT: Final = 255
"""Instead of a length: the length follows in four bytes."""
_BLANK: Final = ord(" ")
_OPENED: Final = ord("<")
_CLOSED: Final = ord(">")


@inlined
def u16(b: Any, at: int) -> Any:
    """Two bytes at `at`, which the caller has checked."""
    p = np.uint64(at)
    return np.int64(b[p]) << 8 | np.int64(b[p + np.uint64(1)])


@inlined
def u32(b: Any, at: int) -> Any:
    """Four bytes at `at`, which the caller has checked."""
    p = np.uint64(at)
    high = np.int64(b[p]) << 24 | np.int64(b[p + np.uint64(1)]) << 16
    return high | np.int64(b[p + np.uint64(2)]) << 8 | np.int64(b[p + np.uint64(3)])


@inlined
def stop_of(b: Any, at: int, end: int) -> Any:
    """Where the object ends whose byte count stands here; it has at least its version."""
    stop = CUT
    if end - at >= _HEADER:
        count = u32(b, at)
        stop = at + 4 + (count & _COUNT_BITS)
        if count & ~_COUNT_BITS != _COUNTED or stop > end or stop < at + _HEADER:
            stop = BYTE_COUNT
    return stop


@lean_kernel
def behind_text(b: Any, at: int, stop: int) -> Any:
    """Behind the length and the bytes of a text."""
    if at >= stop:
        return CUT
    length: Any = np.int64(b[np.uint64(at)])
    at += 1
    if length == _LONG_TEXT:
        if stop - at < 4:
            return CUT
        length = u32(b, at)
        at += 4
    return LENGTH if length > stop - at else at + length


@lean_kernel
def class_name(b: Any, at: int, stop: int, begin: int) -> Any:
    """Name, its end and the object behind a class tag; the first is negative if it is none.

    Parameters
    ----------
    b
        uint8[n].
    at, stop
        The tag, and the end of the pointer record that it is in.
    begin
        Of the payload: references count from there.
    """
    if stop - at < 4:
        return CUT, 0, 0
    tag = u32(b, at)
    name, end, behind = at + 4, stop, at + 4
    if tag != NEW_CLASS:
        place = begin + (tag & ~_REFERENCE) - 2
        if tag & _REFERENCE == 0 or place < begin or place > at - 4 or u32(b, place) != NEW_CLASS:
            return CLASS_TAG, 0, 0
        name, end = place + 4, at
    last = name
    while last < end and b[np.uint64(last)] != 0:
        last += 1
    if last == end:
        return CLASS_TAG, 0, 0
    if tag == NEW_CLASS:
        behind = last + 1
    return name, last, behind


@lean_kernel
def is_named(b: Any, at: int, end: int, letters: Any, first: int, last: int) -> Any:
    """Whether a class name in the buffer is this one, blanks aside, or a template of this name.

    Parameters
    ----------
    b
        uint8[n]; the name stands from `at` to `end`.
    letters
        int64[n]; the name to compare with stands from `first` to `last`, without blanks.
    """
    place = first
    for i in range(at, end):
        letter = np.int64(b[np.uint64(i)])
        if letter == _BLANK:
            continue
        if place == last:
            return letter == _OPENED and letters[last - 1] != _CLOSED
        if letter != letters[np.uint64(place)]:
            return False
        place += 1
    return place == last
