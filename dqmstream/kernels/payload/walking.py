"""Walking through products of events by tables of their classes.

The walk checks all that a payload can lie about: a byte count lies within the one around it, a
length within the bytes that are left, a version is one of the known ones, and each structure ends
where its byte count says. It copies nothing: what is to be copied becomes records, of which there
are never more than bytes and members together.

Rules of the stream: ROOT `TBufferFile` and `TStreamerInfo` (object headers, member-wise vectors).
"""

from typing import Any, Final

import numpy as np

from dqmstream.kernels.compile import inlined, lean_kernel
from dqmstream.kernels.payload.buffer import (
    BYTE_COUNT,
    CUT,
    FULL,
    MIXED,
    TRAILING,
    UNKNOWN,
    stop_of,
    u16,
)
from dqmstream.kernels.payload.frame import WRAPPER, WRAPPER_BASE
from dqmstream.kernels.payload.parts import record
from dqmstream.kernels.payload.program import NONE
from dqmstream.kernels.payload.state import BEGIN, FOUND, FOUND_AT, MARK, OBJECTS, TAG_NAME, USED
from dqmstream.kernels.payload.stepping import read_value

__all__ = ["walk"]

_WRAPPER_BASE_VERSION: Final = 4
_WRAPPER_BASE_SIZE: Final = 12
_OBJECT_FIRST: Final = 4
_PRESENT_FIRST: Final = 3


@inlined
def _product(
    b: Any,
    nodes: Any,
    alternatives: Any,
    numbers: Any,
    leaves: Any,
    product: Any,
    records: Any,
    state: Any,
    stack: Any,
    at: int,
    end: int,
) -> Any:
    """Read one product in its wrapper; 0 objects if the wrapper says that it is not present."""
    stop = stop_of(b, at, end)
    if stop < 0:
        return stop
    if stop != end:
        return TRAILING
    version = u16(b, at + 4)
    if version not in (_OBJECT_FIRST, _PRESENT_FIRST):
        state[FOUND], state[FOUND_AT] = WRAPPER, at + 4
        return UNKNOWN
    base = at + 6
    at = stop_of(b, base, end)
    if at < 0:
        return at
    if u16(b, base + 4) != _WRAPPER_BASE_VERSION:
        state[FOUND], state[FOUND_AT] = WRAPPER_BASE, base + 4
        return UNKNOWN
    if at != base + _WRAPPER_BASE_SIZE:
        return BYTE_COUNT
    if at == end:
        return CUT
    if version == _OBJECT_FIRST:
        end -= 1
        present = b[np.uint64(end)]
    else:
        present = b[np.uint64(at)]
        at += 1
    state[OBJECTS] = product.single
    stop = read_value(
        b, nodes, alternatives, numbers, leaves, records, state, stack, product.node, at, end
    )
    if stop < 0:
        return stop
    if stop != end:
        return TRAILING
    if not present:
        state[OBJECTS], state[USED] = 0, state[MARK]
        return 0
    return 0


@inlined
def _balance(leaves: Any, product: Any, records: Any, state: Any, sums: Any) -> Any:
    """See that all members have one value for each object; say so of those that have none.

    A version of a class may lack a member that others have: it then lacks in the whole product.
    """
    objects = state[OBJECTS]
    for group in range(product.groups, product.groups_end):
        sums[group, 1] = sums[group, 2] = 0
    for leaf in range(product.leaves, product.leaves_end):
        sums[leaf, 0] = 0
    for r in range(state[MARK], state[USED]):
        target, n = records[r, 0], records[r, 2]
        if target >= 0:
            sums[target, 0] += n
        else:
            sums[-1 - target, 1] += n
            sums[-1 - target, 2] += n * records[r, 1]
    for group in range(product.groups, product.groups_end):
        if sums[group, 1] == 0 and objects:
            if not record(records, state, -1 - group, 0, objects, 0):
                return FULL
        elif sums[group, 1] != objects:
            return MIXED
    for leaf in range(product.leaves, product.leaves_end):
        group = leaves[leaf].group
        expected = objects if group < 0 else sums[group, 2]
        if sums[leaf, 0] == 0 and expected:
            if not record(records, state, leaf, NONE, expected, 0):
                return FULL
        elif sums[leaf, 0] != expected:
            return MIXED
    return 0


@lean_kernel
def walk(
    b: Any,
    offsets: Any,
    nodes: Any,
    alternatives: Any,
    numbers: Any,
    leaves: Any,
    products: Any,
    places: Any,
    faults: Any,
    found: Any,
    counts: Any,
    records: Any,
    state: Any,
    stack: Any,
    sums: Any,
    first: int,
) -> Any:
    """Walk through the products of all events from `first` on; returns the event to go on with.

    It is less than the number of events when there was no room for its records: then give more
    room, with the records so far, and go on there.

    Parameters
    ----------
    b, offsets
        uint8[bytes] of all payloads, int64[events + 1] where each begins.
    nodes, alternatives, numbers, leaves
        `NODE[n]`, `ALTERNATIVE[n]`, int64[n], `LEAF[n]`.
    products
        `PRODUCT[slots]`.
    places, faults, found
        As `find_products` left them; faults and found of products are added.
    counts
        int64[events, slots], zeros: becomes the number of objects.
    records
        int64[room, RECORD_FIELDS]: becomes what to copy, events and products in order.
    state
        int64[STATE_FIELDS]: zeros at first; how many records there are is in `USED`.
    stack
        int64[depth of the deepest product, STACK_FIELDS]: scratch.
    sums
        int64[leaves or groups, 3]: scratch.
    """
    for e in range(first, offsets.size - 1):
        begin = state[USED]
        for slot in range(products.size):
            at, end = places[e, slot, 0], places[e, slot, 1]
            if at == 0:
                continue
            state[MARK], state[BEGIN], state[TAG_NAME] = state[USED], offsets[e], NONE
            product = products[slot]
            fault = _product(
                b, nodes, alternatives, numbers, leaves, product, records, state, stack, at, end
            )
            if fault == 0:
                fault = _balance(leaves, product, records, state, sums)
            if fault == FULL:
                state[USED] = begin
                return e
            if fault == 0:
                counts[e, slot] = state[OBJECTS]
                continue
            state[USED] = state[MARK]
            faults[e, slot] = fault
            found[e, slot, 0], found[e, slot, 1] = state[FOUND], state[FOUND_AT]
    return offsets.size - 1
