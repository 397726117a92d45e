"""One value of a product, step by step.

Numba's disk cache cannot hold functions that call themselves, so a stack says where the walk is in
the tree of nodes. Functions return the position behind what they read, or a negative number of
`KINDS`.
"""

from typing import Any

import numpy as np

from dqmstream.kernels.compile import inlined
from dqmstream.kernels.payload.buffer import BYTE_COUNT, CUT, FULL, LENGTH, TRAILING, stop_of, u32
from dqmstream.kernels.payload.parts import (
    alike,
    alternative,
    count,
    empty,
    enter,
    no_object,
    pointee,
    record,
)
from dqmstream.kernels.payload.program import CLASS, COLLECTION, NONE, POINTER, VECTOR
from dqmstream.kernels.payload.state import (
    BEHIND,
    CHILD,
    DEPTH,
    EACH,
    ELEMENTS,
    LEFT,
    LIMIT,
    MEMBER,
    MEMBERS_END,
    OBJECTS,
    OPEN,
    STACK_NODE,
    STOP,
    VERSION,
)

__all__ = ["read_value"]


@inlined
def _next_content(
    b: Any, nodes: Any, alternatives: Any, records: Any, state: Any, stack: Any, f: int, at: int
) -> Any:
    """Begin the contents of the next vectors of a column, until one of them has parts."""
    one = nodes[stack[f, STACK_NODE]]
    stop = stack[f, STOP]
    while stack[f, LEFT] > 0:
        stack[f, LEFT] -= 1
        if stop - at < 4:
            return CUT
        length, same = u32(b, at), 1
        at += 4
        # Most of the thousands of front-end drivers have nothing to say.
        if length == 0:
            same += empty(b, at, stack[f, LEFT], stop)
            at += 4 * (same - 1)
        stack[f, LEFT] -= same - 1
        if one.group == COLLECTION:
            state[OBJECTS] += length
        elif one.group >= 0 and not count(records, state, one.group, length, same):
            return FULL
        if length == 0:
            continue
        if stack[f, VERSION] >= 0:
            found = alternatives[stack[f, VERSION]]
            if length > (stop - at) // max(1, found.smallest):
                return LENGTH
            stack[f, MEMBER], stack[f, MEMBERS_END] = found.columns, found.columns_end
            stack[f, EACH] = length
            return at
        # Each element has a byte or more.
        if length > stop - at:
            return LENGTH
        state[CHILD], state[ELEMENTS] = one.child, length
        return at
    state[DEPTH] -= 1
    return TRAILING if stack[f, OPEN] and at != stop else at


@inlined
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
    node, end = stack[f, STACK_NODE], stack[f, LIMIT]
    counted = nodes[node].size
    if stack[f, OPEN]:
        if counted and at != stack[f, STOP]:
            return TRAILING
        stack[f, OPEN] = 0
        stack[f, LEFT] -= 1
    while stack[f, LEFT] > 0:
        if counted and end - at < 6:
            return CUT
        version_at = at + 4 if counted else at
        a = alternative(b, nodes, alternatives, state, node, version_at, end)
        if a < 0:
            return a
        found = alternatives[a]
        if found.fixed:
            n = alike(b, alternatives, numbers, a, at, stack[f, LEFT], end)
            for place in range(found.places, found.places_end, 2):
                leaf, source = numbers[place + 1], at + numbers[place]
                if n and not record(records, state, leaf, source, n, found.fixed):
                    return FULL
            at += n * found.fixed
            stack[f, LEFT] -= n
            if n:
                continue
        stop = stop_of(b, at, end) if counted else end
        if stop < 0:
            return stop
        at = version_at + (2 if found.version else 6)
        if at > stop:
            return BYTE_COUNT
        stack[f, STOP], stack[f, OPEN], stack[f, EACH] = stop, 1, 1
        stack[f, MEMBER], stack[f, MEMBERS_END] = found.members, found.members_end
        return at
    state[DEPTH] -= 1
    return at


@inlined
def _next_pointer(
    b: Any,
    nodes: Any,
    numbers: Any,
    leaves: Any,
    records: Any,
    state: Any,
    stack: Any,
    f: int,
    at: int,
) -> Any:
    """Close a pointer record, and begin the next one."""
    node, end = stack[f, STACK_NODE], stack[f, LIMIT]
    if stack[f, OPEN] and at != stack[f, STOP]:
        return TRAILING
    stack[f, OPEN] = 0
    while stack[f, LEFT] > 0:
        stack[f, LEFT] -= 1
        if end - at < 4:
            return CUT
        if u32(b, at) == 0:
            if not no_object(nodes, leaves, records, state, node):
                return FULL
            at += 4
            continue
        stop = stop_of(b, at, end)
        if stop < 0:
            return stop
        child = pointee(b, nodes, numbers, state, node, at + 4, stop)
        if child < 0:
            return child
        stack[f, STOP], stack[f, OPEN] = stop, 1
        state[CHILD], state[ELEMENTS] = child, 1
        return state[BEHIND]
    state[DEPTH] -= 1
    return at


@inlined
def read_value(
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
    state[DEPTH] = 0
    n, bare, limit = 1, False, end
    while True:
        if node >= 0:
            at = enter(b, nodes, alternatives, records, state, stack, node, n, bare, at, limit)
        if at < 0 or state[DEPTH] == 0:
            return at
        f = np.uint64(state[DEPTH] - 1)
        limit = stack[f, STOP]
        if stack[f, MEMBER] < stack[f, MEMBERS_END]:
            node, n, bare = numbers[stack[f, MEMBER]], stack[f, EACH], False
            stack[f, MEMBER] += 1
            continue
        state[CHILD] = NONE
        kind = nodes[stack[f, STACK_NODE]].kind
        if kind == CLASS:
            at = _next_object(b, nodes, alternatives, numbers, records, state, stack, f, at)
        elif kind == POINTER:
            at = _next_pointer(b, nodes, numbers, leaves, records, state, stack, f, at)
        else:
            at = _next_content(b, nodes, alternatives, records, state, stack, f, at)
        limit = stack[f, STOP]
        node, n, bare = state[CHILD], state[ELEMENTS], kind == VECTOR
