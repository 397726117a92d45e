"""Programs for the walk: trees of nodes, one node for each place where a member can stand."""

from typing import Final

import numpy as np

__all__ = [
    "ALTERNATIVE",
    "BITS",
    "CLASS",
    "COLLECTION",
    "FIXED",
    "LEAF",
    "NODE",
    "NONE",
    "OPAQUE",
    "POINTER",
    "PRODUCT",
    "RECORD_FIELDS",
    "TEXT",
    "VECTOR",
]

FIXED, TEXT, BITS, VECTOR, POINTER, CLASS, OPAQUE = range(7)
"""Kinds of nodes. An OPAQUE is stepped over by its byte count."""
NONE: Final = -1
COLLECTION: Final = -2
"""The group of a vector whose elements are the objects of the product."""


def _integers(*names: str) -> np.dtype[np.void]:
    return np.dtype([(name, np.int64) for name in names])


NODE: Final = _integers(
    *("kind", "size", "child", "leaf", "group", "first", "last", "name", "name_end"),
    *("leaves", "leaves_end", "groups", "groups_end"),
)
"""`size`: bytes of a FIXED, bits of BITS, whether objects of a CLASS have a byte count. `child` of
a VECTOR is the node of its elements. `leaf` and `group` are what is recorded, or NONE; groups
count elements. `first` to `last` are the alternatives of a CLASS, or where in `numbers` the CLASS
nodes of a POINTER stand; `name` to `name_end` is where the name of a CLASS stands there, without
blanks. The four last are the leaves and groups below a POINTER."""

ALTERNATIVE: Final = _integers(
    *("version", "checksum", "smallest", "fixed"),
    *("members", "members_end", "columns", "columns_end"),
    *("checks", "checks_end", "places", "places_end"),
)
"""A class in one version (0: known by its checksum). The nodes of its bases and members stand in
`numbers` from `members`, those of a member-wise vector, where bases are without header, from
`columns`; `smallest` is the least size there of one object. An object of `fixed` bytes (0: not
fixed) needs only its headers compared: `checks` are (offset, bytes, value), `places` its leaves as
(offset, leaf)."""

LEAF: Final = _integers("size", "length", "group")
"""What is copied: items of `length` numbers of `size` bytes, one for each object, or for each
element of the `group`."""

PRODUCT: Final = _integers("node", "single", "leaves", "leaves_end", "groups", "groups_end")
"""`single`: 1 where one product is one object."""

RECORD_FIELDS: Final = 4
"""(leaf, source, n, stride): n items from byte `source` on, `stride` apart; source NONE: items
that are not there. (-1 - group, count, n, 0): n objects with `count` elements each."""
