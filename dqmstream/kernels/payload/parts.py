"""Parts of a walk: records, versions of classes, pointers, and values without parts.

Functions return the position behind what they read, or a negative number of `KINDS`.
"""

from typing import Any, Final

import numpy as np

from dqmstream.kernels.compile import inlined
from dqmstream.kernels.payload.buffer import (
    CUT,
    FULL,
    LENGTH,
    MEMBER_WISE,
    TRAILING,
    UNKNOWN,
    behind_text,
    class_name,
    is_named,
    stop_of,
    u16,
    u32,
)
from dqmstream.kernels.payload.frame import NO_TABLE
from dqmstream.kernels.payload.program import BITS, CLASS, FIXED, NONE, OPAQUE, TEXT, VECTOR
from dqmstream.kernels.payload.state import (
    BEGIN,
    BEHIND,
    DEPTH,
    FOUND,
    FOUND_AT,
    LEFT,
    LIMIT,
    MARK,
    MEMBER,
    MEMBERS_END,
    OPEN,
    STACK_NODE,
    STOP,
    TAG_NAME,
    TAG_NODE,
    TAG_POINTER,
    USED,
    VERSION,
)

__all__ = [
    "alike",
    "alternative",
    "count",
    "empty",
    "enter",
    "flat",
    "no_object",
    "pointee",
    "record",
]

_STL_VERSION: Final = 9
_MEMBER_WISE_BIT: Final = 0x4000
_FEW: Final = 16
"""Objects or lengths that are looked at together."""


@inlined
def record(records: Any, state: Any, target: int, source: int, n: int, stride: int) -> Any:
    used = state[USED]
    if used == records.shape[0]:
        return False
    # A view of the row would be counted as a reference, which takes longer than all the rest.
    at = np.uint64(used)
    records[at, 0], records[at, 1], records[at, 2], records[at, 3] = target, source, n, stride
    state[USED] = used + 1
    return True


@inlined
def count(records: Any, state: Any, group: int, count: int, n: int) -> Any:
    """n objects more have `count` elements each; equal ones become one record."""
    used = state[USED]
    if used > state[MARK]:
        last = np.uint64(used - 1)
        if records[last, 0] == -1 - group and records[last, 1] == count:
            records[last, 2] += n
            return True
    return record(records, state, -1 - group, count, n, 0)


@inlined
def alternative(
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
    state[FOUND], state[FOUND_AT] = node, at
    return UNKNOWN


@inlined
def alike(b: Any, alternatives: Any, numbers: Any, a: int, at: int, n: int, end: int) -> Any:
    """How many objects from here on, n at most, have just the headers of a fixed alternative."""
    size = alternatives[a].fixed
    checks, checks_end = alternatives[a].checks, alternatives[a].checks_end
    n = min(n, (end - at) // size)
    done = 0
    # Check by check is fastest; a few objects at a time, for what comes behind the first that
    # differs is looked at in vain.
    while done < n:
        same = few = min(n - done, _FEW)
        for check in range(checks, checks_end, 3):
            place, value = at + done * size + numbers[check], numbers[check + 2]
            wide = numbers[check + 1] == 4
            for i in range(same):
                found = u32(b, place) if wide else u16(b, place)
                if found != value:
                    same = i
                    break
                place += size
        done += same
        if same < few:
            break
    return done


@inlined
def empty(b: Any, at: int, most: int, stop: int) -> Any:
    """How many lengths from here on, at most so many, are 0."""
    most = min(most, (stop - at) // 4)
    n = 0
    while most - n >= _FEW:
        p = np.uint64(at + 4 * n)
        bits = np.uint8(0)
        for k in range(4 * _FEW):
            bits |= b[p + np.uint64(k)]
        if bits:
            break
        n += _FEW
    while n < most and u32(b, at + 4 * n) == 0:
        n += 1
    return n


@inlined
def pointee(b: Any, nodes: Any, numbers: Any, state: Any, node: int, at: int, stop: int) -> Any:
    """The CLASS node of the object in a pointer record; state says where the object begins."""
    name, end, state[BEHIND] = class_name(b, at, stop, state[BEGIN])
    if name < 0:
        return name
    if name == state[TAG_NAME] and node == state[TAG_POINTER]:
        return state[TAG_NODE]
    for place in range(nodes[node].first, nodes[node].last):
        found = numbers[place]
        if is_named(b, name, end, numbers, nodes[found].name, nodes[found].name_end):
            state[TAG_NAME], state[TAG_POINTER], state[TAG_NODE] = name, node, found
            return found
    state[FOUND], state[FOUND_AT] = NO_TABLE, name
    return UNKNOWN


@inlined
def no_object(nodes: Any, leaves: Any, records: Any, state: Any, node: int) -> Any:
    """Records of what a null pointer does not point to."""
    first, last = nodes[node].groups, nodes[node].groups_end
    for group in range(first, last):
        if not count(records, state, group, 0, 1):
            return False
    for leaf in range(nodes[node].leaves, nodes[node].leaves_end):
        inside = first <= leaves[leaf].group < last
        if not inside and not record(records, state, leaf, NONE, 1, 0):
            return False
    return True


@inlined
def flat(b: Any, one: Any, records: Any, state: Any, n: int, bare: bool, at: int, end: int) -> Any:
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
        if one.group >= 0 and not count(records, state, one.group, bits, 1):
            return FULL
        if one.leaf >= 0 and not record(records, state, one.leaf, at, bits, 1):
            return FULL
        at += bits
    return TRAILING if not bare and at != stop else at


@inlined
def enter(
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
        if one.leaf >= 0 and not record(records, state, one.leaf, at, n, one.size):
            return FULL
        return at + n * one.size
    if one.kind in (TEXT, BITS, OPAQUE):
        behind = flat(b, one, records, state, n, bare, at, end)
        if behind == UNKNOWN:
            state[FOUND], state[FOUND_AT] = node, at + 4
        return behind
    f = np.uint64(state[DEPTH])
    state[DEPTH] += 1
    stack[f, STACK_NODE], stack[f, LEFT] = node, n
    stack[f, LIMIT], stack[f, STOP] = end, end
    stack[f, MEMBER], stack[f, MEMBERS_END], stack[f, OPEN], stack[f, VERSION] = 0, 0, 0, NONE
    if one.kind != VECTOR or bare:
        return at
    stop = stop_of(b, at, end)
    if stop < 0:
        return stop
    version = u16(b, at + 4)
    if version & ~_MEMBER_WISE_BIT != _STL_VERSION:
        state[FOUND], state[FOUND_AT] = node, at + 4
        return UNKNOWN
    at += 6
    stack[f, STOP], stack[f, OPEN] = stop, 1
    if version & _MEMBER_WISE_BIT:
        if nodes[one.child].kind != CLASS:
            return MEMBER_WISE
        a = alternative(b, nodes, alternatives, state, one.child, at, stop)
        if a < 0:
            return a
        stack[f, VERSION] = a
        at += 2 if alternatives[a].version else 6
    return at
