"""Trees of products to programs for the walk."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqmstream.kernels.payload.program import (
    ALTERNATIVE,
    BITS,
    CLASS,
    COLLECTION,
    FIXED,
    LEAF,
    NODE,
    NONE,
    OPAQUE,
    POINTER,
    PRODUCT,
    TEXT,
)
from dqmstream.sources.cms.classes.framing import COUNTED
from dqmstream.sources.cms.decoding.tree import Alternative, Leaf, Place, Tree

__all__ = ["Program", "compile_program"]

_LEAST: Final = {TEXT: 1, OPAQUE: 0}
"""Bytes of a value in a column, at least; others begin with four, or have a size."""
_LEAST_HEADER: Final = 2
_COUNT_BYTES: Final = 4


class Program(NamedTuple):
    """What the kernels need of all wanted products.

    `nodes`, `alternatives`, `numbers`, `leaves` and `products` are as `kernels.payload.program`
    says. `taken` has, for each product, its leaves by path with their indices, and `groups` the
    indices of its groups by name. `classes` names the class of each node; `depth` is
    how many are within each other.
    """

    nodes: NDArray[Any]
    alternatives: NDArray[Any]
    numbers: NDArray[np.int64]
    leaves: NDArray[Any]
    products: NDArray[Any]
    taken: tuple[Mapping[Leaf, int], ...]
    groups: tuple[Mapping[str, int], ...]
    classes: tuple[str, ...]
    depth: int

    @property
    def group_count(self) -> int:
        """Groups of all products."""
        return sum(map(len, self.groups))

    @property
    def tables(self) -> tuple[NDArray[Any], ...]:
        """What the walk takes as its program."""
        return self.nodes, self.alternatives, self.numbers, self.leaves


class _Fixed(NamedTuple):
    """An object whose size is known: its headers as (offset, bytes, value), its leaves."""

    size: int
    checks: list[tuple[int, int, int]]
    leaves: list[tuple[int, Leaf]]


def compile_program(trees: Sequence[tuple[Tree, Collection[Leaf]]]) -> Program:
    """The program of products of which some leaves are wanted.

    Parameters
    ----------
    trees
        One for each product, in the order of slots.
    """
    compiler = _Compiler()
    for tree, wanted in trees:
        compiler.add(tree, wanted)
    return compiler.program()


class _Compiler:
    def __init__(self) -> None:
        self._nodes: list[dict[str, int]] = []
        self._alternatives: list[dict[str, int]] = []
        self._numbers: list[int] = []
        self._leaves: list[tuple[int, int, int]] = []
        self._products: list[tuple[int, ...]] = []
        self._classes: list[str] = []
        self._taken: list[dict[Leaf, int]] = []
        self._groups: list[dict[str, int]] = []
        self._group_count = 0
        self._places: dict[int, int] = {}
        self._depth = self._deepest = 0

    def add(self, tree: Tree, wanted: Collection[Leaf]) -> None:
        """Compile the next product."""
        first_leaf, first_group = len(self._leaves), self._group_count
        names = sorted({leaf.group for leaf in wanted if leaf.group})
        groups = {name: first_group + i for i, name in enumerate(names)}
        self._group_count += len(groups)
        # Leaves and groups stand in the order of their paths, so that those below a pointer, which
        # begin with its path, follow each other.
        leaves = sorted(set(wanted), key=lambda leaf: leaf.path)
        taken = {leaf: first_leaf + i for i, leaf in enumerate(leaves)}
        for leaf in leaves:
            item = np.dtype(leaf.code).itemsize
            self._leaves.append((item, leaf.length, groups.get(leaf.group, NONE)))
        self._taken.append(taken)
        self._groups.append(groups)
        node = self._node(tree.top)
        ends = len(self._leaves), self._group_count
        self._products.append((node, int(tree.single), first_leaf, ends[0], first_group, ends[1]))

    def program(self) -> Program:
        """All products added so far."""
        return Program(
            nodes=_table(self._nodes, NODE),
            alternatives=_table(self._alternatives, ALTERNATIVE),
            numbers=np.array(self._numbers or [0], np.int64),
            leaves=np.array(self._leaves, LEAF),
            products=np.array(self._products, PRODUCT),
            taken=tuple(self._taken),
            groups=tuple(self._groups),
            classes=tuple(self._classes),
            depth=self._deepest,
        )

    def _node(self, place: Place) -> int:
        known = self._places.get(id(place))
        if known is not None:
            return known
        index = self._places[id(place)] = len(self._nodes)
        self._depth += 1
        self._deepest = max(self._depth, self._deepest)
        taken, groups = self._taken[-1], self._groups[-1]
        group = COLLECTION if place.is_collection else groups.get(place.group, NONE)
        leaf = NONE if place.leaf is None else taken.get(place.leaf, NONE)
        row = {"kind": place.kind, "size": place.size, "leaf": leaf, "group": group, "child": NONE}
        self._nodes.append(row)
        self._classes.append(place.name)
        if place.child is not None:
            row["child"] = self._node(place.child)
        if place.kind == CLASS:
            letters = [ord(letter) for letter in place.name if letter != " "]
            row["name"], row["name_end"] = self._list(letters)
            alternatives = [self._alternative(one) for one in place.alternatives]
            row["first"] = len(self._alternatives)
            self._alternatives += alternatives
            row["last"] = len(self._alternatives)
        if place.kind == POINTER:
            row["first"], row["last"] = self._list([self._node(one) for one in place.pointees])
            below = place.below()
            leaves = {taken[one.leaf] for one in below if one.leaf in taken}
            row["leaves"], row["leaves_end"] = _span(leaves)
            counted = {groups[one.group] for one in below if one.counts and one.group in groups}
            row["groups"], row["groups_end"] = _span(counted)
        self._depth -= 1
        return index

    def _list(self, numbers: Sequence[int]) -> tuple[int, int]:
        """Where in `numbers` these begin and end."""
        first = len(self._numbers)
        self._numbers += numbers
        return first, len(self._numbers)

    def _alternative(self, one: Alternative) -> dict[str, int]:
        row = {"version": one.table.version, "checksum": one.table.checksum or 0}
        members = [self._node(place) for place in one.members]
        columns = [self._node(place) for place in one.columns]
        row["members"], row["members_end"] = self._list(members)
        row["columns"], row["columns_end"] = self._list(columns)
        row["smallest"] = sum(map(_smallest, one.columns))
        fixed = _fixed(one)
        if fixed is not None:
            taken = self._taken[-1]
            places = [(at, taken[leaf]) for at, leaf in fixed.leaves if leaf in taken]
            row["fixed"] = fixed.size
            row["checks"], row["checks_end"] = self._list(
                [n for check in fixed.checks for n in check]
            )
            row["places"], row["places_end"] = self._list([n for place in places for n in place])
        return row


def _table(rows: Sequence[Mapping[str, int]], dtype: np.dtype[Any]) -> NDArray[Any]:
    names = dtype.names or ()
    return np.array([tuple(row.get(name, 0) for name in names) for row in rows], dtype)


def _span(indices: Collection[int]) -> tuple[int, int]:
    return (min(indices), max(indices) + 1) if indices else (0, 0)


def _smallest(place: Place) -> int:
    """Least bytes of a value in a column."""
    if place.kind == FIXED:
        return place.size
    if place.kind == CLASS:
        return _LEAST_HEADER + _COUNT_BYTES * place.size
    return _LEAST.get(place.kind, _COUNT_BYTES) + (place.size if place.kind == BITS else 0)


def _fixed(one: Alternative) -> _Fixed | None:
    """The layout of an object of the newest versions, if all in it has one size."""
    table = one.table
    head = _COUNT_BYTES if table.byte_count else 0
    checks = [(head, 2, table.version)]
    size = head + 2
    if not table.version:
        checks.append((size, 4, table.checksum or 0))
        size += 4
    leaves: list[tuple[int, Leaf]] = []
    for place in one.members:
        if place.kind == FIXED:
            inner = _Fixed(place.size, [], [(0, place.leaf)] if place.leaf else [])
        else:
            found = (
                _fixed(place.alternatives[0])
                if place.kind == CLASS and place.alternatives
                else None
            )
            if found is None:
                return None
            inner = found
        checks += [(size + at, width, value) for at, width, value in inner.checks]
        leaves += [(size + at, leaf) for at, leaf in inner.leaves]
        size += inner.size
    if table.byte_count:
        checks.append((0, 4, COUNTED | size - _COUNT_BYTES))
    return _Fixed(size, checks, leaves)
