"""What can stand where in a product: its type as a tree, in all known versions of its classes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from dqmstream.kernels.payload.program import (
    BITS,
    CLASS,
    FIXED,
    OPAQUE,
    POINTER,
    TEXT,
    VECTOR,
)
from dqmstream.sources.cms.classes.tables import ClassTable, Tables, plain_name
from dqmstream.sources.cms.classes.types import (
    Bits,
    Class,
    Map,
    Plain,
    Pointer,
    Set,
    Text,
    Type,
    Vector,
    parse_type,
)

__all__ = ["Alternative", "Leaf", "Place", "Tree", "product_tree"]

_DEEPEST: Final = 16
"""Classes within each other; what is deeper counts as unknown. Real ones have 7."""
_SINGLE: Final = "value"
"""Name of a product, or element of one, that is a plain number."""
_OBJECTS: Final = "objects"
_NESTED: Final = "nested"
"""Instead of the name of a group: the elements are the objects; no such thing is taken out."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A member that can be taken out: numbers of one type.

    `path` is its whole name, `code` its NumPy type without byte order, `length` that of a C++
    array or 1, `group` the vector or bitset that its values are elements of, or empty.
    """

    path: str
    code: str
    length: int = 1
    group: str = ""


@dataclass(slots=True, eq=False)
class Place:
    """A place where a value stands: a node of the program to be."""

    kind: int
    name: str
    size: int = 0
    leaf: Leaf | None = None
    group: str = ""
    child: "Place | None" = None
    alternatives: list["Alternative"] = field(default_factory=list)
    pointees: list["Place"] = field(default_factory=list)

    @property
    def counts(self) -> bool:
        """Whether it is a vector or bitset, whose values are counted."""
        return self.kind in {VECTOR, BITS}

    @property
    def is_collection(self) -> bool:
        """Whether the elements of this vector are the objects of the product."""
        return self.group == _OBJECTS

    def children(self) -> "Iterator[Place]":
        """Places directly in it, some of them more than once."""
        yield from self.pointees
        if self.child is not None:
            yield self.child
        for alternative in self.alternatives:
            yield from alternative.members
            yield from alternative.columns

    def below(self) -> "list[Place]":
        """This place and all places in it, each once."""
        seen = {id(self)}
        places = [self]
        for place in places:
            for child in place.children():
                if id(child) not in seen:
                    seen.add(id(child))
                    places.append(child)
        return places


@dataclass(slots=True, eq=False)
class Alternative:
    """A class in one version: what follows the header of an object, and what a member-wise vector
    has as columns, where bases have no header."""

    table: ClassTable
    members: list[Place]
    columns: list[Place]


@dataclass(frozen=True, slots=True)
class Tree:
    """A product: where its value stands, and whether it is one object."""

    top: Place
    single: bool

    def leaves(self) -> dict[str, Leaf]:
        """All members that can be taken out, by path."""
        return {place.leaf.path: place.leaf for place in self.top.below() if place.leaf is not None}

    @property
    def is_complete(self) -> bool:
        """Whether each class in it has a table."""
        return all(place.alternatives for place in self.top.below() if place.kind == CLASS)


def product_tree(class_name: str, tables: Tables) -> Tree:
    """The tree of a product.

    Parameters
    ----------
    class_name
        As in a `Branch`.
    tables
        What is known of classes.
    """
    builder = _Builder(tables)
    type_ = parse_type(class_name)
    if isinstance(type_, Vector):
        return Tree(builder.vector(type_, "", _OBJECTS, 0), single=False)
    if isinstance(type_, Class) and builder.is_collection(type_.name):
        return Tree(builder.class_place(type_.name, "", _OBJECTS, 0), single=False)
    return Tree(builder.place(type_, 0, "", "", 0), single=True)


class _Builder:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._leaves: dict[str, Leaf] = {}

    def is_collection(self, name: str) -> bool:
        """Whether a class is nothing but one vector of objects."""
        table = self._tables.newest(name)
        if table is None or len(table.members) != 1:
            return False
        type_ = table.members[0].type
        bases = map(self._tables.newest, table.bases)
        empty = all(base is not None and not base.members for base in bases)
        return empty and isinstance(type_, Vector) and isinstance(type_.of, Class)

    def place(self, type_: Type, length: int, path: str, group: str, depth: int) -> Place:
        """Where a value of this type stands, an array if it has a length."""
        match type_:
            case Plain(code):
                leaf = self._leaf(path, code, length or 1, group)
                size = np.dtype(code).itemsize * (length or 1)
                return Place(FIXED, path, size, leaf)
            case Text():
                return Place(TEXT, "string")
            case Bits(bits):
                inner = _NESTED if group else path
                return Place(BITS, "bitset", bits, self._leaf(path, "u1", 1, inner), inner)
            case Vector() | Set():
                return self.vector(type_, path, _NESTED if group else path, depth)
            case Map():
                return Place(OPAQUE, "map")
            case Pointer(to):
                return self._pointer(to, path, group, depth)
            case Class(name):
                return self.class_place(name, path, group, depth)

    def _leaf(self, path: str, code: str, length: int, group: str) -> Leaf | None:
        if group == _NESTED:
            return None
        leaf = Leaf(path or _SINGLE, code, length, group)
        # Versions come newest first; what an older one has under the same name as something else
        # is not the member that is asked for.
        return leaf if self._leaves.setdefault(leaf.path, leaf) == leaf else None

    def vector(self, type_: Vector | Set, path: str, group: str, depth: int) -> Place:
        """A vector whose elements are counted as this group."""
        inner = "" if group == _OBJECTS else group
        child = self.place(type_.of, 0, path, inner, depth)
        return Place(VECTOR, "vector", group=group, child=child)

    def _pointer(self, to: Type, path: str, group: str, depth: int) -> Place:
        if not isinstance(to, Class):
            return self.place(to, 0, path, group, depth)
        names = self._derived(to.name)
        pointees = [self.class_place(name, path, group, depth) for name in names]
        return Place(POINTER, to.name, pointees=pointees)

    def _derived(self, name: str) -> list[str]:
        """A class and all that have it as a base."""
        names = [plain_name(name)]
        for known in names:
            for table in self._tables:
                mine = plain_name(table.name)
                if known in map(plain_name, table.bases) and mine not in names:
                    names.append(mine)
        return names

    def class_place(self, name: str, path: str, group: str, depth: int) -> Place:
        """An object of a class in any version there is a table of."""
        versions = self._versions(name) if depth < _DEEPEST else []
        place = Place(CLASS, plain_name(name), size=1)
        for table in versions:
            place.size = int(table.byte_count)
            columns = self._columns(table, path, group, depth + 1)
            if columns is not None:
                own = columns[len(columns) - len(table.members) :]
                bases = [self.class_place(base, path, group, depth + 1) for base in table.bases]
                place.alternatives.append(Alternative(table, bases + own, columns))
        return place

    def _versions(self, name: str) -> list[ClassTable]:
        name = plain_name(name)
        names = {name, name.partition("<")[0]}
        found = [table for table in self._tables if plain_name(table.name) in names]
        return sorted(found, key=lambda table: -table.version)

    def _columns(self, table: ClassTable, path: str, group: str, depth: int) -> list[Place] | None:
        """Members with those of the bases; None where a base has no table."""
        places: list[Place] = []
        for name, version in zip(table.bases, table.base_versions, strict=True):
            base = self._tables.find(name, version)
            columns = self._columns(base, path, group, depth) if base else None
            if columns is None:
                return None
            places += columns
        for member in table.members:
            if group == _OBJECTS and isinstance(member.type, Vector):
                places.append(self.vector(member.type, path, _OBJECTS, depth))
            else:
                inner = f"{path}.{member.name}" if path else member.name
                places.append(self.place(member.type, member.length, inner, group, depth))
        return places
