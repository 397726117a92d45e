"""Class tables: what the members of a class are in a payload, for each known version.

The tables are the TOML files in `tables/`:

```toml
[[class]]
name = "reco::Track"
version = 20                            # 0: a class without version, named by its checksum
checksum = "0xaabe0ff8"                 # of ROOT's dictionary, where it is known
proved = "checksum"                     # or "bytes"
source = "cms-sw/cmssw DataFormats/TrackReco/interface/Track.h"
bases = [["reco::TrackBase", 20]]       # in order
members = [["extra_", "edm::Ref"]]      # name, type as C++ spells it, array length if any
```

`proved = "checksum"`: the member list hashes to a checksum found in CMSSW's `classes_def.xml` or in
streams (see `dqmstream.sources.cms.classes.checksum`), so that names, types and order are those of
the experiment. `proved = "bytes"`: real events decode with it and are encoded back to the byte; the
names are those of the headers.

A member or base of a class has its own header, which says the version; no version here says which
one will come. Templates whose members are the same for all arguments have one table under the name
before the bracket (`edm::Ref`). `byte_count = false`: objects begin with the version alone.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Final

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.classes.types import Plain, Type, parse_type

__all__ = ["BYTES", "CHECKSUM", "ClassTable", "Member", "Tables", "class_tables", "plain_name"]

CHECKSUM: Final = "checksum"
BYTES: Final = "bytes"
_PROOFS: Final = (CHECKSUM, BYTES)
_KEYS: Final = frozenset(
    ("name", "version", "checksum", "proved", "source", "bases", "members", "byte_count")
)
_BLANK: Final = re.compile(r"\s*([<>,*])\s*")


@lru_cache(maxsize=4096)
def plain_name(name: str) -> str:
    """One spelling of a C++ class: without `std::`, no blanks beside brackets, commas and stars."""
    return _BLANK.sub(r"\1", name.strip()).replace("std::", "")


@dataclass(frozen=True, slots=True)
class Member:
    """One member: `length` is that of an array, 0 for none; `spelled` is the type as in C++."""

    name: str
    type: Type
    length: int = 0
    spelled: str = ""


@dataclass(frozen=True, slots=True)
class ClassTable:
    """The members of one version of a class, as they follow each other in an object.

    `checksum` is None where it is not known. `base_versions` are the versions of `bases` that go
    with this version of the class. Without `byte_count` an object begins with its version alone.
    """

    name: str
    version: int
    checksum: int | None
    bases: tuple[str, ...]
    members: tuple[Member, ...]
    source: str
    base_versions: tuple[int, ...] = ()
    proved: str = BYTES
    byte_count: bool = True

    @property
    def label(self) -> str:
        """Class and version, as they are counted where there is no table."""
        return f"{self.name} v{self.version}"


class Tables:
    """All tables, found by what a stream says of an object.

    Raises
    ------
    ConfigurationError
        If two tables are of one class and version.
    """

    def __init__(self, tables: Iterable[ClassTable]) -> None:
        self._all = tuple(tables)
        self._versions: dict[tuple[str, int], ClassTable] = {}
        self._checksums: dict[int, ClassTable] = {}
        self._newest: dict[str, ClassTable] = {}
        for table in self._all:
            self._add(table)

    def _add(self, table: ClassTable) -> None:
        name = plain_name(table.name)
        if table.version:
            _once(self._versions, (name, table.version), table)
        elif table.checksum is not None:
            _once(self._checksums, table.checksum, table)
        else:
            msg = f"class {table.name} has neither version nor checksum"
            raise ConfigurationError(msg)
        if name not in self._newest or self._newest[name].version < table.version:
            self._newest[name] = table

    def __iter__(self) -> Iterator[ClassTable]:
        return iter(self._all)

    def find(self, name: str, version: int, checksum: int = 0) -> ClassTable | None:
        """The table of an object whose header says `version`, and with version 0 a `checksum`.

        A checksum hashes the name too, so that with version 0 it alone decides.
        """
        if version == 0:
            return self._checksums.get(checksum)
        name = plain_name(name)
        found = self._versions.get((name, version))
        if found is None and "<" in name:
            found = self._versions.get((name.partition("<")[0], version))
        return found

    def newest(self, name: str) -> ClassTable | None:
        """The table of the highest known version, by its name: what is written."""
        name = plain_name(name)
        return self._newest.get(name) or self._newest.get(name.partition("<")[0])


def _once(tables: dict[Any, ClassTable], key: object, table: ClassTable) -> None:
    if key in tables:
        msg = f"two tables of class {table.name} version {table.version}"
        raise ConfigurationError(msg)
    tables[key] = table


@lru_cache(maxsize=1)
def class_tables() -> Tables:
    """The tables that come with this release."""
    folder = resources.files("dqmstream.sources.cms.classes") / "tables"
    files = sorted(
        (one for one in folder.iterdir() if one.name.endswith(".toml")), key=lambda one: one.name
    )
    return Tables(
        table for one in files for table in read_tables(one.read_text(encoding="utf-8"), one.name)
    )


def read_tables(text: str, origin: str) -> list[ClassTable]:
    """The tables of one TOML file.

    Parameters
    ----------
    text
        What the file says.
    origin
        Its name, for errors.

    Raises
    ------
    ConfigurationError
        If it is no such file, or a table in it cannot be right.
    """
    try:
        entries = tomllib.loads(text).get("class", [])
    except tomllib.TOMLDecodeError as error:
        msg = f"{origin}: {error}"
        raise ConfigurationError(msg) from error
    return [_table(entry, origin) for entry in entries]


def _table(entry: Mapping[str, Any], origin: str) -> ClassTable:
    where = f"{origin}: class {entry.get('name')} version {entry.get('version')}"
    unknown = set(entry) - _KEYS
    if unknown:
        msg = f"{where}: unknown {', '.join(sorted(unknown))}"
        raise ConfigurationError(msg)
    try:
        checksum = entry.get("checksum")
        bases = entry.get("bases", [])
        table = ClassTable(
            name=entry["name"],
            version=entry["version"],
            checksum=None if checksum is None else int(checksum, 16),
            bases=tuple(name for name, _ in bases),
            members=tuple(_member(*member) for member in entry["members"]),
            source=entry["source"],
            base_versions=tuple(version for _, version in bases),
            proved=entry["proved"],
            byte_count=entry.get("byte_count", True),
        )
    except (KeyError, TypeError, ValueError) as error:
        msg = f"{where}: {type(error).__name__} {error}"
        raise ConfigurationError(msg) from error
    if table.proved not in _PROOFS or (table.proved == CHECKSUM and table.checksum is None):
        msg = f"{where}: proved is {table.proved!r}, expected {BYTES!r}, or {CHECKSUM!r} with one"
        raise ConfigurationError(msg)
    return table


def _member(name: str, spelled: str, length: int = 0) -> Member:
    found = parse_type(spelled)
    if length and not isinstance(found, Plain):
        msg = f"member {name}: an array of {spelled}, expected one of numbers"
        raise ValueError(msg)
    return Member(name, found, length, spelled)
