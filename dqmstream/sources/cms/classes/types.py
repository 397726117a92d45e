"""Types of members as C++ spells them: text to a checked tree.

`float`, `unsigned int`, `enum edm::BranchType`, `vector<float>`, `vector<vector<unsigned int> >`,
`bitset<46>`, `string`, `reco::HitPattern`, `edm::Wrapper<T>*`, `map<A,B>`, `set<string>`. Spelling
counts: it enters class checksums. Array lengths stand beside a type, not in it.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from dqmstream.errors import ConfigurationError

__all__ = [
    "ENUM",
    "PLAIN",
    "Bits",
    "Class",
    "Map",
    "Plain",
    "Pointer",
    "Set",
    "Text",
    "Type",
    "Vector",
    "parse_type",
]

PLAIN: Final = {
    "bool": "u1",
    "char": "i1",
    "signed char": "i1",
    "unsigned char": "u1",
    "short": "i2",
    "unsigned short": "u2",
    "int": "i4",
    "unsigned int": "u4",
    "float": "f4",
    "Double32_t": "f4",
    "double": "f8",
    "long": "i8",
    "long long": "i8",
    "unsigned long": "u8",
    "unsigned long long": "u8",
    "Long64_t": "i8",
    "ULong64_t": "u8",
    "enum": "i4",
}
"""C++ type to the NumPy type of its bytes in a payload, where they are big-endian."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A number; `code` is its NumPy type without byte order (`f4`)."""

    code: str


@dataclass(frozen=True, slots=True)
class Text:
    """std::string."""


@dataclass(frozen=True, slots=True)
class Bits:
    """std::bitset of `length` bits."""

    length: int


@dataclass(frozen=True, slots=True)
class Vector:
    """std::vector."""

    of: "Type"


@dataclass(frozen=True, slots=True)
class Set:
    """std::set."""

    of: "Type"


@dataclass(frozen=True, slots=True)
class Map:
    """std::map."""

    key: "Type"
    value: "Type"


@dataclass(frozen=True, slots=True)
class Pointer:
    """A pointer to an object, written as a record that may name its class."""

    to: "Type"


@dataclass(frozen=True, slots=True)
class Class:
    """An object of a class that has a table (or has none, and is then skipped)."""

    name: str


Type: TypeAlias = Plain | Text | Bits | Vector | Set | Map | Pointer | Class

ENUM: Final = "enum "
"""Stands before the name of an enumeration, which is written as an `int`."""
_NAME: Final = re.compile(r"[A-Za-z_][\w:]*")


@lru_cache(maxsize=4096)
def parse_type(text: str) -> Type:
    """The tree of a type.

    Raises
    ------
    ConfigurationError
        If it is not spelled as one.
    """
    text = text.strip()
    if text in PLAIN:
        return Plain(PLAIN[text])
    if text.startswith(ENUM) and _NAME.fullmatch(text.removeprefix(ENUM)):
        return Plain(PLAIN["enum"])
    if text in {"string", "std::string"}:
        return Text()
    if text.endswith("*"):
        return Pointer(parse_type(text[:-1]))
    name, arguments = _template(text)
    name = name.removeprefix("std::")
    if name == "bitset" and len(arguments) == 1 and arguments[0].isdigit():
        return Bits(int(arguments[0]))
    if name == "vector" and len(arguments) == 1:
        return Vector(parse_type(arguments[0]))
    if name == "set" and len(arguments) == 1:
        return Set(parse_type(arguments[0]))
    if name == "map" and len(arguments) == 2:
        return Map(parse_type(arguments[0]), parse_type(arguments[1]))
    return Class(text)


def _template(text: str) -> tuple[str, list[str]]:
    """Name and template arguments of a class name."""
    name, opened, rest = text.partition("<")
    name = name.strip()
    if not _NAME.fullmatch(name) or (opened and not rest.endswith(">")):
        msg = f"{text[:200]!r} is not spelled as a type of C++"
        raise ConfigurationError(msg)
    if not opened:
        return name, []
    arguments, depth, start = [], 0, 0
    inside = rest[:-1]
    for place, letter in enumerate(inside):
        depth += (letter == "<") - (letter == ">")
        if depth < 0:
            break
        if letter == "," and depth == 0:
            arguments.append(inside[start:place].strip())
            start = place + 1
    if depth != 0:
        msg = f"{text[:200]!r} has brackets that do not match"
        raise ConfigurationError(msg)
    return name, [*arguments, inside[start:].strip()]
