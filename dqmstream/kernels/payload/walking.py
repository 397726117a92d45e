"""Walking through products of events by tables of their classes.

The walk checks all that a payload can lie about: a byte count lies within the one around it, a
length within the bytes that are left, a version is one of the known ones, and each structure ends
where its byte count says. It copies nothing: what is to be copied becomes records, of which there
are never more than bytes and members together.

Numba's disk cache cannot hold functions that call themselves, so a stack says where the walk is in
the tree of nodes. Functions return the position behind what they read, or a negative number of
`KINDS`.

Rules of the stream: ROOT `TBufferFile` and `TStreamerInfo` (object headers, member-wise vectors).
"""

from typing import Any, Final

import numpy as np

from dqmstream.kernels.compile import kernel
from dqmstream.kernels.payload.buffer import (
    BYTE_COUNT,
    CUT,
    FULL,
    LENGTH,
    MEMBER_WISE,
    MIXED,
    TRAILING,
    UNKNOWN,
    behind_text,
    class_name,
    is_named,
    stop_of,
    u16,
    u32,
)
from dqmstream.kernels.payload.frame import NO_TABLE, WRAPPER, WRAPPER_BASE
from dqmstream.kernels.payload.program import (
    BITS,
    CLASS,
    COLLECTION,
    FIXED,
    NONE,
    OPAQUE,
    POINTER,
    TEXT,
    VECTOR,
)

__all__ = ["STACK_FIELDS", "STATE_FIELDS", "USED", "walk"]

STATE_FIELDS: Final = 11
STACK_FIELDS: Final = 9
USED: Final = 0
"""Where in the state the number of records stands."""
_MARK, _OBJECTS, _BEGIN, _DEPTH, _FOUND, _FOUND_AT, *_TAGS = range(1, STATE_FIELDS)
_TAG_NAME, _TAG_POINTER, _TAG_NODE, _BEHIND = _TAGS
_NODE, _LEFT, _LIMIT, _STOP, _MEMBER, _MEMBERS_END, _EACH, _OPEN, _VERSION = range(STACK_FIELDS)

_STL_VERSION: Final = 9
_MEMBER_WISE_BIT: Final = 0x4000
_WRAPPER_BASE_VERSION: Final = 4
_WRAPPER_BASE_SIZE: Final = 12
_OBJECT_FIRST: Final = 4
_PRESENT_FIRST: Final = 3


@kernel
def _record(records: Any, state: Any, target: int, source: int, n: int, stride: int) -> Any:
    used = state[USED]
    if used == records.shape[0]:
        return False
    # A view of the row would be counted as a reference, which takes longer than all the rest.
    at = np.uint64(used)
    records[at, 0], records[at, 1], records[at, 2], records[at, 3] = target, source, n, stride
    state[USED] = used + 1
    return True


@kernel
def _count(records: Any, state: Any, group: int, count: int, n: int) -> Any:
    """n objects more have `count` elements each; equal ones become one record."""
    used = state[USED]
    if used > state[_MARK]:
        last = np.uint64(used - 1)
        if records[last, 0] == -1 - group and records[last, 1] == count:
            records[last, 2] += n
            return True
    return _record(records, state, -1 - group, count, n, 0)


@kernel
def _alternative(
    b: Any, nodes: Any, alternatives: Any, state: Any, node: int, at: int, end: int
) -> Any:
    """Which version of a class this is: a version stands here, and perhaps a checksum."""
    if end - at < 2:
        return CUT
    version, checksum = u16(b, at), np.int64(0)
    if version == 0:
        if end - at < 6:
            return CUT
        checksum = u32(b, at + 2)
    for a in range(nodes[node].first, nodes[node].last):
        one = alternatives[a]
        if one.version == version and (version != 0 or one.checksum == checksum):
            return a
    state[_FOUND], state[_FOUND_AT] = node, at
    return UNKNOWN


@kernel
def _alike(b: Any, alternatives: Any, numbers: Any, a: int, at: int, n: int, end: int) -> Any:
    """How many objects from here on, n at most, have just the headers of a fixed alternative."""
    size = alternatives[a].fixed
    checks, checks_end = alternatives[a].checks, alternatives[a].checks_end
    n = min(n, (end - at) // size)
    for i in range(n):
        begin = at + i * size
        for check in range(checks, checks_end, 3):
            place = begin + numbers[check]
            found = u32(b, place) if numbers[check + 1] == 4 else u16(b, place)
            if found != numbers[check + 2]:
                return i
    return n


@kernel
def _pointee(b: Any, nodes: Any, numbers: Any, state: Any, node: int, at: int, stop: int) -> Any:
    """The CLASS node of the object in a pointer record; state says where the object begins."""
    name, end, state[_BEHIND] = class_name(b, at, stop, state[_BEGIN])
    if name < 0:
        return name
    if name == state[_TAG_NAME] and node == state[_TAG_POINTER]:
        return state[_TAG_NODE]
    for place in range(nodes[node].first, nodes[node].last):
        found = numbers[place]
        if is_named(b, name, end, numbers, nodes[found].name, nodes[found].name_end):
            state[_TAG_NAME], state[_TAG_POINTER], state[_TAG_NODE] = name, node, found
            return found
    state[_FOUND], state[_FOUND_AT] = NO_TABLE, name
    return UNKNOWN


@kernel
def _no_object(nodes: Any, leaves: Any, records: Any, state: Any, node: int) -> Any:
    """Records of what a null pointer does not point to."""
    first, last = nodes[node].groups, nodes[node].groups_end
    for group in range(first, last):
        if not _count(records, state, group, 0, 1):
            return False
    for leaf in range(nodes[node].leaves, nodes[node].leaves_end):
        inside = first <= leaves[leaf].group < last
        if not inside and not _record(records, state, leaf, NONE, 1, 0):
            return False
    return True


@kernel
def _flat(b: Any, one: Any, records: Any, state: Any, n: int, bare: bool, at: int, end: int) -> Any:
    """Read texts, bitsets, or something opaque."""
    stop = end
    if not bare:
        stop = stop_of(b, at, end)
        if stop < 0 or one.kind == OPAQUE:
            return stop
        if u16(b, at + 4) != _STL_VERSION:
            return UNKNOWN
        at += 6
    for _ in range(n):
        if one.kind == TEXT:
            at = behind_text(b, at, stop)
            if at < 0:
                return at
            continue
        if stop - at < 4:
            return CUT
        bits = u32(b, at)
        at += 4
        if bits != one.size or bits > stop - at:
            return LENGTH
        if one.group >= 0 and not _count(records, state, one.group, bits, 1):
            return FULL
        if one.leaf >= 0 and not _record(records, state, one.leaf, at, bits, 1):
            return FULL
        at += bits
    return TRAILING if not bare and at != stop else at


@kernel
def _enter(
    b: Any,
    nodes: Any,
    alternatives: Any,
    records: Any,
    state: Any,
    stack: Any,
    node: int,
    n: int,
    bare: bool,
    at: int,
    end: int,
) -> Any:
    """Begin to read n values of one type that follow each other, as the column of a member does.

    An object has columns of one value. `bare` values are elements of a vector that is not
    member-wise: they have no header in common. What has parts goes on the stack.
    """
    one = nodes[node]
    if one.kind == FIXED:
        if n > (end - at) // one.size:
            return LENGTH
        if one.leaf >= 0 and not _record(records, state, one.leaf, at, n, one.size):
            return FULL
        return at + n * one.size
    if one.kind in (TEXT, BITS, OPAQUE):
        behind = _flat(b, one, records, state, n, bare, at, end)
        if behind == UNKNOWN:
            state[_FOUND], state[_FOUND_AT] = node, at + 4
        return behind
    f = np.uint64(state[_DEPTH])
    state[_DEPTH] += 1
    stack[f, _NODE], stack[f, _LEFT] = node, n
    stack[f, _LIMIT], stack[f, _STOP] = end, end
    stack[f, _MEMBER], stack[f, _MEMBERS_END], stack[f, _OPEN], stack[f, _VERSION] = 0, 0, 0, NONE
    if one.kind != VECTOR or bare:
        return at
    stop = stop_of(b, at, end)
    if stop < 0:
        return stop
    version = u16(b, at + 4)
    if version & ~_MEMBER_WISE_BIT != _STL_VERSION:
        state[_FOUND], state[_FOUND_AT] = node, at + 4
        return UNKNOWN
    at += 6
    stack[f, _STOP], stack[f, _OPEN] = stop, 1
    if version & _MEMBER_WISE_BIT:
        if nodes[one.child].kind != CLASS:
            return MEMBER_WISE
        a = _alternative(b, nodes, alternatives, state, one.child, at, stop)
        if a < 0:
            return a
        stack[f, _VERSION] = a
        at += 2 if alternatives[a].version else 6
    return at


@kernel
def _next_content(
    b: Any, nodes: Any, alternatives: Any, records: Any, state: Any, stack: Any, f: int, at: int
) -> Any:
    """Begin the contents of the next vectors of a column, until one of them has parts."""
    one = nodes[stack[f, _NODE]]
    depth, stop = state[_DEPTH], stack[f, _STOP]
    while stack[f, _LEFT] > 0:
        stack[f, _LEFT] -= 1
        if stop - at < 4:
            return CUT
        length = u32(b, at)
        at += 4
        if one.group == COLLECTION:
            state[_OBJECTS] += length
        elif one.group >= 0 and not _count(records, state, one.group, length, 1):
            return FULL
        if length == 0:
            continue
        if stack[f, _VERSION] >= 0:
            found = alternatives[stack[f, _VERSION]]
            if length > (stop - at) // max(1, found.smallest):
                return LENGTH
            stack[f, _MEMBER], stack[f, _MEMBERS_END] = found.columns, found.columns_end
            stack[f, _EACH] = length
            return at
        # Each element has a byte or more.
        if length > stop - at:
            return LENGTH
        at = _enter(
            b, nodes, alternatives, records, state, stack, one.child, length, True, at, stop
        )
        if at < 0 or state[_DEPTH] != depth:
            return at
    state[_DEPTH] -= 1
    return TRAILING if stack[f, _OPEN] and at != stop else at


@kernel
def _next_object(
    b: Any,
    nodes: Any,
    alternatives: Any,
    numbers: Any,
    records: Any,
    state: Any,
    stack: Any,
    f: int,
    at: int,
) -> Any:
    """Close an object, and begin the next one; those of fixed size are done at once."""
    node, end = stack[f, _NODE], stack[f, _LIMIT]
    counted = nodes[node].size
    if stack[f, _OPEN]:
        if counted and at != stack[f, _STOP]:
            return TRAILING
        stack[f, _OPEN] = 0
        stack[f, _LEFT] -= 1
    while stack[f, _LEFT] > 0:
        if counted and end - at < 6:
            return CUT
        version_at = at + 4 if counted else at
        a = _alternative(b, nodes, alternatives, state, node, version_at, end)
        if a < 0:
            return a
        found = alternatives[a]
        if found.fixed:
            n = _alike(b, alternatives, numbers, a, at, stack[f, _LEFT], end)
            for place in range(found.places, found.places_end, 2):
                leaf, source = numbers[place + 1], at + numbers[place]
                if n and not _record(records, state, leaf, source, n, found.fixed):
                    return FULL
            at += n * found.fixed
            stack[f, _LEFT] -= n
            if n:
                continue
        stop = stop_of(b, at, end) if counted else end
        if stop < 0:
            return stop
        at = version_at + (2 if found.version else 6)
        if at > stop:
            return BYTE_COUNT
        stack[f, _STOP], stack[f, _OPEN], stack[f, _EACH] = stop, 1, 1
        stack[f, _MEMBER], stack[f, _MEMBERS_END] = found.members, found.members_end
        return at
    state[_DEPTH] -= 1
    return at


@kernel
def _next_pointer(
    b: Any,
    nodes: Any,
    alternatives: Any,
    numbers: Any,
    leaves: Any,
    records: Any,
    state: Any,
    stack: Any,
    f: int,
    at: int,
) -> Any:
    """Close a pointer record, and begin the next one."""
    node, end = stack[f, _NODE], stack[f, _LIMIT]
    if stack[f, _OPEN] and at != stack[f, _STOP]:
        return TRAILING
    stack[f, _OPEN] = 0
    while stack[f, _LEFT] > 0:
        stack[f, _LEFT] -= 1
        if end - at < 4:
            return CUT
        if u32(b, at) == 0:
            if not _no_object(nodes, leaves, records, state, node):
                return FULL
            at += 4
            continue
        stop = stop_of(b, at, end)
        if stop < 0:
            return stop
        child = _pointee(b, nodes, numbers, state, node, at + 4, stop)
        if child < 0:
            return child
        stack[f, _STOP], stack[f, _OPEN] = stop, 1
        return _enter(
            b, nodes, alternatives, records, state, stack, child, 1, False, state[_BEHIND], stop
        )
    state[_DEPTH] -= 1
    return at


@kernel
def _value(
    b: Any,
    nodes: Any,
    alternatives: Any,
    numbers: Any,
    leaves: Any,
    records: Any,
    state: Any,
    stack: Any,
    node: int,
    at: int,
    end: int,
) -> Any:
    """Read one value with all its parts.

    The stack is as deep as the tree of nodes, whatever the bytes are: each frame on it is of a
    node below that of the frame before.
    """
    state[_DEPTH] = 0
    at = _enter(b, nodes, alternatives, records, state, stack, node, 1, False, at, end)
    while at >= 0 and state[_DEPTH] > 0:
        f = np.uint64(state[_DEPTH] - 1)
        if stack[f, _MEMBER] < stack[f, _MEMBERS_END]:
            member = numbers[stack[f, _MEMBER]]
            stack[f, _MEMBER] += 1
            stop, n = stack[f, _STOP], stack[f, _EACH]
            at = _enter(b, nodes, alternatives, records, state, stack, member, n, False, at, stop)
        elif nodes[stack[f, _NODE]].kind == CLASS:
            at = _next_object(b, nodes, alternatives, numbers, records, state, stack, f, at)
        elif nodes[stack[f, _NODE]].kind == POINTER:
            at = _next_pointer(
                b, nodes, alternatives, numbers, leaves, records, state, stack, f, at
            )
        else:
            at = _next_content(b, nodes, alternatives, records, state, stack, f, at)
    return at


@kernel
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
        state[_FOUND], state[_FOUND_AT] = WRAPPER, at + 4
        return UNKNOWN
    base = at + 6
    at = stop_of(b, base, end)
    if at < 0:
        return at
    if u16(b, base + 4) != _WRAPPER_BASE_VERSION:
        state[_FOUND], state[_FOUND_AT] = WRAPPER_BASE, base + 4
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
    state[_OBJECTS] = product.single
    stop = _value(
        b, nodes, alternatives, numbers, leaves, records, state, stack, product.node, at, end
    )
    if stop < 0:
        return stop
    if stop != end:
        return TRAILING
    if not present:
        state[_OBJECTS], state[USED] = 0, state[_MARK]
        return 0
    return 0


@kernel
def _balance(leaves: Any, product: Any, records: Any, state: Any, sums: Any) -> Any:
    """See that all members have one value for each object; say so of those that have none.

    A version of a class may lack a member that others have: it then lacks in the whole product.
    """
    objects = state[_OBJECTS]
    for group in range(product.groups, product.groups_end):
        sums[group, 1] = sums[group, 2] = 0
    for leaf in range(product.leaves, product.leaves_end):
        sums[leaf, 0] = 0
    for r in range(state[_MARK], state[USED]):
        target, n = records[r, 0], records[r, 2]
        if target >= 0:
            sums[target, 0] += n
        else:
            sums[-1 - target, 1] += n
            sums[-1 - target, 2] += n * records[r, 1]
    for group in range(product.groups, product.groups_end):
        if sums[group, 1] == 0 and objects:
            if not _record(records, state, -1 - group, 0, objects, 0):
                return FULL
        elif sums[group, 1] != objects:
            return MIXED
    for leaf in range(product.leaves, product.leaves_end):
        group = leaves[leaf].group
        expected = objects if group < 0 else sums[group, 2]
        if sums[leaf, 0] == 0 and expected:
            if not _record(records, state, leaf, NONE, expected, 0):
                return FULL
        elif sums[leaf, 0] != expected:
            return MIXED
    return 0


@kernel
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
            state[_MARK], state[_BEGIN], state[_TAG_NAME] = state[USED], offsets[e], NONE
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
                counts[e, slot] = state[_OBJECTS]
                continue
            state[USED] = state[_MARK]
            faults[e, slot] = fault
            found[e, slot, 0], found[e, slot, 1] = state[_FOUND], state[_FOUND_AT]
    return offsets.size - 1
