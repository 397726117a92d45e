"""The checksum of a class, by which ROOT tells member lists apart: the proof of a table.

ROOT hashes what a dictionary says of a class: its name; of each base its name and its checksum; of
each persistent member its name and its type, and after the type the length of an array. A letter
`c` makes `3 * hash + c` of a hash, a number likewise, all modulo 2**32; before the name of a member
that is an enumeration stands a 1. Types are spelled as the dictionary does: standard containers
without `std::`, one blank between two closing brackets, `ULong64_t` for `unsigned long long`.

CMSSW keeps the checksum of each version of its classes in `classes_def.xml`, and streams carry
those of classes without version. A table whose checksum comes out the same has the right names,
types and order, but for one weakness: a letter that is one more makes up for a next one that is
three less (`bitset<39>` and `bitset<46>` hash the same), so that lengths need bytes to prove them.

Source of the rule: ROOT `TClass::GetCheckSum`; that it holds is shown by the tables themselves.
"""

from collections.abc import Iterable

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.classes.tables import ClassTable, Tables
from dqmstream.sources.cms.classes.types import ENUM

__all__ = ["class_checksum", "text_checksum"]


def class_checksum(table: ClassTable, tables: Tables) -> int:
    """The checksum that a class with these bases and members has.

    Parameters
    ----------
    table
        The class; its own `checksum` is not looked at.
    tables
        Where its bases are found.

    Raises
    ------
    ConfigurationError
        If a base has no table.
    """
    total = _text(0, table.name)
    for name, version in zip(table.bases, table.base_versions, strict=True):
        base = tables.find(name, version)
        if base is None:
            msg = f"class {table.label} has base {name} v{version}, which has no table"
            raise ConfigurationError(msg)
        total = _hashed(_text(total, name), [class_checksum(base, tables)])
    for member in table.members:
        if member.spelled.startswith(ENUM):
            total = _hashed(total, [1])
        total = _text(total, member.name)
        total = _text(total, member.spelled.removeprefix(ENUM))
        if member.length:
            total = _hashed(total, [member.length])
    return total


def text_checksum(*texts: str) -> int:
    """The hash of texts one after another: of a class without bases, arrays and enumerations."""
    total = 0
    for text in texts:
        total = _text(total, text)
    return total


def _text(total: int, text: str) -> int:
    return _hashed(total, text.encode())


def _hashed(total: int, numbers: Iterable[int]) -> int:
    for number in numbers:
        total = (3 * total + number) & 0xFFFF_FFFF
    return total
