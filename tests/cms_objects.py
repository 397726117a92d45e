"""Event payloads read object by object: slow, simple, and apart from what the library decodes with.

`ObjectReader` turns a whole payload into Python values, of the kinds that
`dqmstream.sources.cms.encoding.objects` writes, and fails on the first byte that is not as the
class tables say.
"""

import struct
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from dqmstream.sources.cms.classes.tables import ClassTable, Tables, class_tables
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
from dqmstream.sources.cms.encoding.objects import Pointed

T = TypeVar("T")

COUNT = 0x4000_0000
NEW_CLASS = 0xFFFF_FFFF
MEMBER_WISE = 0x4009
STANDARD = 9


class ObjectReader:
    """Reads one payload from its first byte to its last."""

    def __init__(self, payload: bytes, tables: Tables | None = None) -> None:
        self.payload = payload
        self.tables = tables or class_tables()
        self.at = 0
        self.classes: dict[int, str] = {}
        self.seen: set[tuple[str, int]] = set()

    def whole(self) -> Pointed:
        """The one object that a payload is."""
        found = self.pointer()
        assert found is not None
        assert self.at == len(self.payload)
        return found

    def number(self, form: str) -> Any:
        (value,) = struct.unpack_from(f">{form}", self.payload, self.at)
        self.at += struct.calcsize(form)
        return value

    def numbers(self, code: str, length: int) -> Any:
        values = np.frombuffer(self.payload, f">{code}", length, self.at)
        self.at += values.nbytes
        return values

    def counted(self, read: Callable[[], T]) -> T:
        """What stands behind a byte count, which must end where it says."""
        count = self.number("I")
        assert count & COUNT, f"no byte count at {self.at - 4}"
        end = self.at + count - COUNT
        value = read()
        assert self.at == end, f"ends at {self.at}, byte count says {end}"
        return value

    def version(self) -> tuple[int, int]:
        version = self.number("H")
        return version, self.number("I") if version == 0 else 0

    def table(self, name: str) -> ClassTable:
        version, checksum = self.version()
        found = self.tables.find(name, version, checksum)
        assert found is not None, f"no table of {name} v{version} {checksum:08x}"
        self.seen.add((found.name, found.version))
        return found

    def pointer(self) -> Pointed | None:
        if self.payload[self.at : self.at + 4] == bytes(4):
            self.at += 4
            return None
        return self.counted(self._pointed)

    def _pointed(self) -> Pointed:
        place = self.at
        tag = self.number("I")
        if tag == NEW_CLASS:
            end = self.payload.index(b"\0", self.at)
            self.classes[place] = self.payload[self.at : end].decode()
            self.at = end + 1
        else:
            place = (tag & 0x7FFF_FFFF) - 2
        name = self.classes[place]
        if name.startswith("edm::Wrapper<"):
            inside = parse_type(name.removeprefix("edm::Wrapper<")[:-1])
            return Pointed(name, self.counted(lambda: self._wrapper(inside)))
        return Pointed(name, self.object(name))

    def _wrapper(self, inside: Type) -> Any:
        version, _ = self.version()
        assert self.object("edm::WrapperBase") == {}
        present = self.number("?") if version == 3 else None
        value = self.value(inside)
        assert present or self.number("?")
        return value

    def object(self, name: str) -> dict[str, Any]:
        if name.partition("<")[0] == "edm::RefCore":
            return self._members(self.table(name))
        return self.counted(lambda: self._members(self.table(name)))

    def _members(self, table: ClassTable) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for base in table.bases:
            values |= self.object(base)
        for member in table.members:
            if member.length:
                assert isinstance(member.type, Plain)
                values[member.name] = self.numbers(member.type.code, member.length)
            else:
                values[member.name] = self.value(member.type)
        return values

    def value(self, kind: Type) -> Any:
        """A value on its own."""
        match kind:
            case Plain(code):
                return self.numbers(code, 1)[0]
            case Class(name):
                return self.object(name)
            case Pointer():
                return self.pointer()
            case _:
                (one,) = self.column(kind, 1)
                return one

    def column(self, kind: Type, length: int) -> Any:
        """The values of one member of many objects."""
        match kind:
            case Plain(code):
                return self.numbers(code, length)
            case Class(name):
                return [self.object(name) for _ in range(length)]
            case Pointer(Vector() as inside):
                return self.column(inside, length)
            case Pointer():
                return [self.pointer() for _ in range(length)]
            case _:
                return self.counted(lambda: self._contents(kind, length))

    def _contents(self, kind: Type, length: int) -> list[Any]:
        version = self.number("H")
        if version == MEMBER_WISE and isinstance(kind, Map):
            assert self.version() == (0, 0xF5F3C026)
            return [self._pairs(kind) for _ in range(length)]
        if version == MEMBER_WISE:
            assert isinstance(kind, Vector)
            assert isinstance(kind.of, Class)
            version, checksum = self.version()
            return [self._objects(kind.of.name, version, checksum) for _ in range(length)]
        assert version == STANDARD
        return [self.content(kind) for _ in range(length)]

    def _pairs(self, kind: Map) -> list[tuple[Any, Any]]:
        length = self.number("I")
        keys = self.column(kind.key, length)
        return list(zip(keys, self.column(kind.value, length), strict=True))

    def content(self, kind: Type) -> Any:
        """A value of the standard library without a header."""
        match kind:
            case Text():
                length = self.number("B")
                if length == 255:
                    length = self.number("I")
                self.at += length
                return self.payload[self.at - length : self.at]
            case Bits(length):
                assert self.number("I") == length
                return self.numbers("u1", length)
            case Vector(Plain(code)):
                return self.numbers(code, self.number("I"))
            case Vector(inside) | Set(inside):
                return [self.content(inside) for _ in range(self.number("I"))]
            case Map(key, value):
                return [(self.value(key), self.value(value)) for _ in range(self.number("I"))]
            case _:
                raise AssertionError(kind)

    def _objects(self, name: str, version: int, checksum: int) -> list[dict[str, Any]]:
        """Objects member by member."""
        length = self.number("I")
        if length == 0:
            return []
        table = self.tables.find(name, version, checksum)
        assert table is not None, f"no table of {name} v{version}"
        columns = self._columns(table, length)
        return [
            {member: values[place] for member, values in columns.items()} for place in range(length)
        ]

    def _columns(self, table: ClassTable, length: int) -> dict[str, Any]:
        self.seen.add((table.name, table.version))
        columns: dict[str, Any] = {}
        for base, version in zip(table.bases, table.base_versions, strict=True):
            found = self.tables.find(base, version)
            assert found is not None
            columns |= self._columns(found, length)
        for member in table.members:
            if member.length:
                assert isinstance(member.type, Plain)
                values = self.numbers(member.type.code, length * member.length)
                columns[member.name] = values.reshape(length, member.length)
            else:
                columns[member.name] = self.column(member.type, length)
        return columns
