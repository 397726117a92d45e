"""Where a walk is: what its state and its stack hold, by place."""

from typing import Final

__all__ = [
    "BEGIN",
    "BEHIND",
    "CHILD",
    "DEPTH",
    "EACH",
    "ELEMENTS",
    "FOUND",
    "FOUND_AT",
    "LEFT",
    "LIMIT",
    "MARK",
    "MEMBER",
    "MEMBERS_END",
    "OBJECTS",
    "OPEN",
    "STACK_FIELDS",
    "STACK_NODE",
    "STATE_FIELDS",
    "STOP",
    "TAG_NAME",
    "TAG_NODE",
    "TAG_POINTER",
    "USED",
    "VERSION",
]

STATE_FIELDS: Final = 13
USED: Final = 0
"""Number of records."""
MARK, OBJECTS, BEGIN, DEPTH, CHILD, ELEMENTS, *_FOUNDS = range(1, STATE_FIELDS)
FOUND, FOUND_AT, TAG_NAME, TAG_POINTER, TAG_NODE, BEHIND = _FOUNDS
"""Number of records before the product; its objects; where the payload begins; frames on the stack;
node and number of elements to go on with; what is unknown, and where; where the name of a class
stands that was last pointed to, by which node, and its node; where its object begins."""

STACK_FIELDS: Final = 9
STACK_NODE, LEFT, LIMIT, STOP, MEMBER, MEMBERS_END, EACH, OPEN, VERSION = range(STACK_FIELDS)
"""A frame: the node; values left to read; where all of them and where this one must end; members
still to read, and values in the column of each; whether a value is open; alternative of the
elements of a member-wise vector, or NONE."""
