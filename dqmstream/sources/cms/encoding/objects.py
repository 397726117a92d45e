"""Objects as ROOT writes them, from Python values and class tables.

What a value of each type is:

=================== ===============================================================================
type                value
=================== ===============================================================================
number              `int`, `float` or `bool`; an array or a vector of numbers: any sequence of them
string              `bytes` (a hash is 16 raw ones) or `str`
bitset              a sequence of 0 and 1, lowest bit first
vector, set         a sequence of values
map                 a sequence of (key, value)
class               a mapping from member name to value, the members of bases among them
pointer             None, or a `Pointed` that says the class; to a vector: a sequence
=================== ===============================================================================

An object begins with its byte count and its version. Vectors of objects are written member by
member ("member-wise"), one column after another, where a base has no header. Source of the rules:
ROOT `TBufferFile`, `TStreamerInfo`, `TGenCollectionStreamer`. That the bytes are those of CMSSW is
shown by whole events of 2021 and 2025, which come out as they were.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from dqmstream.errors import SourceError
from dqmstream.sources.cms.classes.checksum import text_checksum
from dqmstream.sources.cms.classes.framing import MEMBER_WISE, STANDARD
from dqmstream.sources.cms.classes.tables import ClassTable, Member, Tables, class_tables
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
from dqmstream.sources.cms.encoding.buffer import Buffer

__all__ = ["WRITTEN_2021", "WRITTEN_2025", "Encoder", "Pointed", "Written"]

_WRAPPER: Final = "edm::Wrapper<"
_WRAPPER_BASE: Final = "edm::WrapperBase"
_PRODUCT_FIRST: Final = 4
"""Version of `edm::Wrapper` from which on the product stands before its presence."""


class Pointed(NamedTuple):
    """What a pointer leads to: an object, and its class as the record names it."""

    name: str
    value: Any


class Written(NamedTuple):
    """What differs between the years: versions other than the newest known, and how maps are."""

    versions: Mapping[str, int]
    wrapper: int
    member_wise_maps: bool


WRITTEN_2021: Final = Written({"edm::SendEvent": 10, "edm::SendJobHeader": 11}, 3, True)
"""As in files of October 2021 (CMSSW 12_0)."""
WRITTEN_2025: Final = Written({}, 4, False)
"""As in files of 2025 (CMSSW 15_1)."""


class Encoder:
    """One payload, from its first byte on.

    Parameters
    ----------
    tables
        By default those that come with this release.
    written
        Which versions to write.
    """

    def __init__(self, tables: Tables | None = None, written: Written = WRITTEN_2025) -> None:
        self._tables = class_tables() if tables is None else tables
        self._written = written
        self._buffer = Buffer()

    def payload(self) -> bytes:
        """What was written."""
        return bytes(self._buffer)

    def write(self, spelled: str, value: Any) -> None:
        """Append a value as a member of that type is written.

        Parameters
        ----------
        spelled
            The type as C++ spells it.
        value
            See the table of this module.

        Raises
        ------
        SourceError
            `class_unknown` where a class has no table; `class_value` where a value is not one of
            its type, or a member is missing. What was appended until then stays.
        """
        self._value(parse_type(spelled), value)

    def point(self, value: Pointed | None) -> None:
        """Append a pointer: nothing, or a record with the class and the object.

        Raises
        ------
        SourceError
            As `write`.
        """
        if value is None:
            self._buffer.u32(0)
            return
        with self._buffer.counted():
            self._buffer.class_tag(value.name)
            if value.name.startswith(_WRAPPER):
                self._wrapper(parse_type(value.name[len(_WRAPPER) : -1]), value.value)
            else:
                self._object(value.name, value.value)

    def _wrapper(self, inside: Type, value: Any) -> None:
        """`edm::Wrapper`: a base without content, the product, and that it is there."""
        version = self._written.wrapper
        with self._buffer.headed(version):
            self._object(_WRAPPER_BASE, {})
            if version < _PRODUCT_FIRST:
                self._buffer.raw(b"\1")
            self._value(inside, value)
            if version >= _PRODUCT_FIRST:
                self._buffer.raw(b"\1")

    def _object(self, name: str, value: Mapping[str, Any]) -> None:
        table = self._table(name)
        if not table.byte_count:
            self._buffer.version(table.version)
            self._members(table, value)
            return
        with self._buffer.headed(table.version, table.checksum or 0):
            self._members(table, value)

    def _members(self, table: ClassTable, value: Mapping[str, Any]) -> None:
        for base in table.bases:
            self._object(base, value)
        for member in table.members:
            found = _of(table, member, value)
            if isinstance(member.type, Plain) and member.length:
                self._buffer.numbers(member.type.code, found, member.length)
            else:
                self._value(member.type, found)

    def _value(self, kind: Type, value: Any) -> None:
        """A value on its own; most types are as columns of one."""
        match kind:
            case Pointer():
                self.point(value)
            case Map() if not self._written.member_wise_maps:
                with self._buffer.headed(STANDARD):
                    self._buffer.u32(len(value))
                    for key, one in value:
                        self._value(kind.key, key)
                        self._value(kind.value, one)
            case _:
                self._column(kind, [value])

    def _column(self, kind: Type, values: Sequence[Any]) -> None:
        """The values of one member of many objects: one header, where the type has one."""
        match kind:
            case Plain(code):
                self._buffer.numbers(code, values, len(values))
            case Class(name):
                for value in values:
                    self._object(name, value)
            case Pointer(Vector() as inside):
                self._column(inside, values)
            case Pointer():
                for value in values:
                    self.point(value)
            case Vector(Class(name)) | Set(Class(name)):
                table = self._table(name)
                with self._buffer.headed(MEMBER_WISE):
                    self._buffer.version(table.version, table.checksum or 0)
                    for value in values:
                        self._buffer.u32(len(value))
                        self._objects(table, value)
            case Map():
                self._pairs(kind, values)
            case _:
                with self._buffer.headed(STANDARD):
                    for value in values:
                        self._content(kind, value)

    def _content(self, kind: Type, value: Any) -> None:
        """A value of the standard library without its header."""
        match kind:
            case Text():
                self._buffer.text(value)
            case Bits(length):
                self._buffer.u32(length)
                self._buffer.numbers("u1", value, length)
            case Vector(Plain(code)) | Set(Plain(code)):
                self._buffer.u32(len(value))
                if len(value):
                    self._buffer.numbers(code, value, len(value))
            case Vector(inside) | Set(inside):
                self._buffer.u32(len(value))
                for one in value:
                    self._content(inside, one)
            case _:
                raise SourceError("class_value", f"nothing writes a vector of {kind}")

    def _objects(self, table: ClassTable, values: Sequence[Mapping[str, Any]]) -> None:
        """Objects member by member: first the members of bases, which have no header here."""
        if not len(values):
            return
        for base in table.bases:
            self._objects(self._table(base), values)
        for member in table.members:
            found = [_of(table, member, value) for value in values]
            if isinstance(member.type, Plain) and member.length:
                for one in found:
                    self._buffer.numbers(member.type.code, one, member.length)
            else:
                self._column(member.type, found)

    def _pairs(self, kind: Map, values: Sequence[Any]) -> None:
        """Maps member by member: all keys, then all values, as of a class `pair`."""
        first, second = _name(kind.key), _name(kind.value)
        checksum = text_checksum(f"pair<{first},{second}>", "first", first, "second", second)
        with self._buffer.headed(MEMBER_WISE):
            self._buffer.version(0, checksum)
            for value in values:
                self._buffer.u32(len(value))
                if len(value):
                    self._column(kind.key, [key for key, _ in value])
                    self._column(kind.value, [one for _, one in value])

    def _table(self, name: str) -> ClassTable:
        version = self._written.versions.get(name)
        table = self._tables.newest(name) if version is None else self._tables.find(name, version)
        if table is None:
            newest = "" if version is None else f" v{version}"
            raise SourceError("class_unknown", f"no table of class {name!r}{newest}")
        return table


def _of(table: ClassTable, member: Member, value: Mapping[str, Any]) -> Any:
    try:
        return value[member.name]
    except (KeyError, TypeError, IndexError) as error:
        detail = f"class {table.label}: no member {member.name} in {value!r:.100}"
        raise SourceError("class_value", detail) from error


def _name(kind: Type) -> str:
    if not isinstance(kind, Class):
        raise SourceError("class_value", f"a map of {kind}, expected one of classes")
    return kind.name
