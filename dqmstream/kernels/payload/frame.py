"""Where the wanted products of events are in their payloads.

A payload is one pointer record of an `edm::SendEvent`. Its last part but a checksum is a
member-wise vector of `edm::StreamedProduct`: first all products, then all descriptions of their
branches, then whether they are present, then their parents. What stands before is stepped over by
its byte count. Which product is which is told by the branch id in its description, never by place
alone. Versions and layout: CMSSW `DataFormats/Streamer`, `DataFormats/Provenance`.
"""

from typing import Any, Final

import numpy as np

from dqmstream.kernels.compile import lean_kernel
from dqmstream.kernels.payload.buffer import (
    BYTE_COUNT,
    CLASS_TAG,
    CUT,
    LENGTH,
    REPEATED,
    TRAILING,
    UNKNOWN,
    behind_text,
    class_name,
    is_named,
    stop_of,
    u16,
    u32,
)

__all__ = ["NO_TABLE", "PARTS", "WRAPPER", "WRAPPER_BASE", "find_products"]

PARTS: Final = (
    *("", "", "edm::SendEvent", "edm::StreamedProduct", "edm::BranchDescription", "edm::BranchID"),
    *("edm::Wrapper", "edm::WrapperBase"),
)
"""Classes around products, by minus the number that stands for them."""
NO_TABLE: Final = -1
"""Stands for a class of which only the name is known."""
_SEND_EVENT: Final = -2
_STREAMED_PRODUCT: Final = -3
_DESCRIPTION: Final = -4
_BRANCH_ID: Final = -5
WRAPPER: Final = -6
WRAPPER_BASE: Final = -7

_OLDER: Final = 10
_NEWER: Final = 11
_PARTS_BEFORE: Final = 4
_PARTS_BEFORE_NEWER: Final = 6
_MEMBER_WISE: Final = 0x4009
_PRODUCT_VERSION: Final = 13
_DESCRIPTION_VERSION: Final = 13
_BRANCH_ID_VERSION: Final = 10
_STRING_VERSION: Final = 9
_VECTOR_HEADER: Final = 8
_BRANCH_TYPE_END: Final = 10
_BRANCH_ID_SIZE: Final = 10
_CHECKSUM_SIZE: Final = 4
_LEAST: Final = 13
"""Bytes of a product that is not there: three null pointers and one byte."""


@lean_kernel
def _unknown(found: Any, e: int, part: int, at: int) -> Any:
    event = found.shape[1] - 1
    found[e, event, 0], found[e, event, 1] = part, at
    return UNKNOWN


@lean_kernel
def _text(b: Any, at: int, end: int) -> Any:
    """Behind a member that is a string."""
    stop = stop_of(b, at, end)
    if stop < 0:
        return stop
    if u16(b, at + 4) != _STRING_VERSION:
        return LENGTH
    end = behind_text(b, at + 6, stop)
    return TRAILING if 0 <= end < stop else end


@lean_kernel
def _branch(b: Any, at: int, stop: int, begin: int, found: Any, e: int) -> Any:
    """Branch id of a description in a pointer record: type, label and process come before."""
    name, _, at = class_name(b, at + 4, stop, begin)
    if name < 0:
        return name
    end = stop_of(b, at, stop)
    if end < 0:
        return end
    if u16(b, at + 4) != _DESCRIPTION_VERSION:
        return _unknown(found, e, _DESCRIPTION, at + 4)
    if end != stop:
        return TRAILING
    if end - at < _BRANCH_TYPE_END:
        return CUT
    at = _text(b, at + _BRANCH_TYPE_END, end)
    if at >= 0:
        at = _text(b, at, end)
    if at < 0:
        return at
    id_end = stop_of(b, at, end)
    if id_end < 0:
        return id_end
    if u16(b, at + 4) != _BRANCH_ID_VERSION:
        return _unknown(found, e, _BRANCH_ID, at + 4)
    if id_end != at + _BRANCH_ID_SIZE:
        return BYTE_COUNT
    return u32(b, at + 6)


@lean_kernel
def _open(b: Any, begin: int, end: int, names: Any, letters: Any, found: Any, e: int) -> Any:
    """Where the products of an event begin and end; the first negative if it has none."""
    stop = stop_of(b, begin, end)
    if stop < 0:
        return stop, 0
    if stop != end:
        return TRAILING, 0
    first, last, at = class_name(b, begin + 4, end, begin)
    event = names.shape[0] - 1
    if first < 0 or not is_named(b, first, last, letters, names[event, 0], names[event, 1]):
        return CLASS_TAG, 0
    stop = stop_of(b, at, end)
    if stop < 0:
        return stop, 0
    version = u16(b, at + 4)
    if version not in (_OLDER, _NEWER):
        return _unknown(found, e, _SEND_EVENT, at + 4), 0
    if stop != end:
        return TRAILING, 0
    at += 6
    for _ in range(_PARTS_BEFORE if version == _OLDER else _PARTS_BEFORE_NEWER):
        at = stop_of(b, at, end)
        if at < 0:
            return at, 0
    stop = stop_of(b, at, end)
    if stop < 0:
        return stop, 0
    rest = 0 if version == _OLDER else _CHECKSUM_SIZE
    if end - stop != rest:
        return (TRAILING if end - stop > rest else CUT), 0
    return at + 4, stop


@lean_kernel
def _skip(b: Any, at: int, n: int, end: int) -> Any:
    """Behind n pointer records."""
    for _ in range(n):
        if end - at < 4:
            return CUT
        at = stop_of(b, at, end) if u32(b, at) else at + 4
        if at < 0:
            return at
    return at


@lean_kernel
def _slot(branches: Any, place: int, number: int) -> Any:
    """The slot of a branch id, negative for one nobody wants; most are where they always are."""
    if place < branches.shape[0] and branches[place, 0] == number:
        return branches[place, 1]
    for i in range(branches.shape[0]):
        if branches[i, 0] == number:
            return branches[i, 1]
    return -1


@lean_kernel
def _event(
    b: Any,
    begin: int,
    end: int,
    branches: Any,
    names: Any,
    letters: Any,
    places: Any,
    faults: Any,
    found: Any,
    e: int,
) -> Any:
    """Find the products of one event; negative if something in it is not what it should be."""
    event = names.shape[0] - 1
    found[e, event, 0] = _SEND_EVENT
    product, end = _open(b, begin, end, names, letters, found, e)
    if product < 0:
        return product
    if end - product < _VECTOR_HEADER:
        return CUT
    if u16(b, product) != _MEMBER_WISE:
        return _unknown(found, e, _STREAMED_PRODUCT, product)
    if u16(b, product + 2) != _PRODUCT_VERSION:
        return _unknown(found, e, _STREAMED_PRODUCT, product + 2)
    n, product = u32(b, product + 4), product + _VECTOR_HEADER
    if n > (end - product) // _LEAST:
        return LENGTH
    if n == 0:
        return 0 if product == end else TRAILING
    description = _skip(b, product, n, end)
    if description < 0:
        return description
    present = _skip(b, description, n, end)
    if present < 0:
        return present
    if end - present < n:
        return CUT
    parents = stop_of(b, present + n, end)
    if parents != end:
        return parents if parents < 0 else TRAILING
    fault = 0
    for i in range(n):
        stop = stop_of(b, product, end) if u32(b, product) else product + 4
        after = stop_of(b, description, end) if u32(b, description) else description + 4
        number = _branch(b, description, after, begin, found, e)
        slot = _slot(branches, i, number) if number >= 0 else -1
        if number < 0:
            fault = number
            if fault != UNKNOWN:
                found[e, event, 0] = _DESCRIPTION
        elif slot >= 0 and b[np.uint64(present + i)] and stop > product + 4:
            first, last, behind = class_name(b, product + 4, stop, begin)
            if first < 0 or not is_named(b, first, last, letters, names[slot, 0], names[slot, 1]):
                faults[e, slot] = CLASS_TAG
            elif places[e, slot, 0] != 0:
                faults[e, slot] = REPEATED
            else:
                places[e, slot, 0], places[e, slot, 1] = behind, stop
        product, description = stop, after
    return fault


@lean_kernel
def find_products(
    b: Any,
    offsets: Any,
    branches: Any,
    names: Any,
    letters: Any,
    places: Any,
    faults: Any,
    found: Any,
) -> None:
    """Find the wanted products of all events.

    Parameters
    ----------
    b, offsets
        uint8[bytes] of all payloads, int64[events + 1] where each begins.
    branches
        int64[branches, 2]: branch id, and its slot among the wanted ones or -1; in the order in
        which events are likely to have them.
    names, letters
        int64[slots + 1, 2], int64[letters]: where the name of each slot's wrapper class, and last
        that of the event's class, begin and end in `letters`. Without blanks.
    places
        int64[events, slots, 2], zeros: becomes where the object in the wrapper's pointer record
        begins, 0 for none, and ends.
    faults
        int64[events, slots + 1], zeros: becomes what is wrong, the event as a whole last.
    found
        int64[events, slots + 1, 2]: becomes which class is unknown or broken, and where.
    """
    for e in range(offsets.size - 1):
        last = faults.shape[1] - 1
        faults[e, last] = _event(
            b, offsets[e], offsets[e + 1], branches, names, letters, places, faults, found, e
        )
        for slot in range(last):
            if faults[e, slot]:
                places[e, slot, 0] = 0
