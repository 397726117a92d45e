"""Table files that are known well enough to be read at any time: keys, columns, index."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from dqmstream.errors import SourceError
from dqmstream.sources.fingerprint import fingerprint
from dqmstream.sources.tables.index import TableIndex, index_table
from dqmstream.sources.tables.keys import Keys, found_keys
from dqmstream.sources.tables.naming import Naming, named
from dqmstream.sources.tables.opening import open_table
from dqmstream.sources.tables.settings import TableSettings
from dqmstream.sources.tables.table import Table

__all__ = ["SkippedTable", "TableFile", "TableReport", "indexed"]

_GENERATED: Final = frozenset({"genWeight", "Generator_weight", "GenPart", "LHEWeight"})
"""Columns that only simulated events have (NanoAOD)."""


class SkippedTable(NamedTuple):
    """A file that is not read, and why."""

    path: Path
    reason: str
    detail: str


class TableReport(msgspec.Struct, kw_only=True):
    """What became of one file in one run."""

    path: str
    table: str
    rows: int
    """Rows of this run."""
    lumisections: int
    refused: dict[str, int] = {}
    """Rows that could not be used, by reason."""
    unusable: dict[str, str] = {}
    """Columns that events cannot have, and why."""
    problems: list[str] = []


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table with its index, known well enough to be read at any time."""

    table: Table
    keys: Keys
    naming: Naming
    index: TableIndex
    refused: Mapping[str, int]
    print: Sequence[object]

    @property
    def last_run(self) -> int:
        """The highest run with rows in it."""
        return max(self.index.rows).run

    @property
    def simulated(self) -> bool:
        """Whether it has columns that only simulated events have."""
        return not _GENERATED.isdisjoint(self.naming.names)


def indexed(path: Path, settings: TableSettings) -> TableFile:
    """Open a file and read its keys; it stays open.

    Raises
    ------
    SourceError
        With reason `unreadable`, `no_tree`, or one of `index_table`.
    ConfigurationError
        If the settings name key columns that are not there.
    """
    try:
        # Before it is read: what changes meanwhile is another file.
        printed = fingerprint(path)
    except OSError as error:
        raise SourceError("unreadable", f"{path}: {error.strerror}") from error
    table = open_table(path, settings)
    try:
        keys = found_keys(table.types, settings.keys)
        index = index_table(table, keys, settings)
        refused = Counter(index.refused)
        refused["bad_row"] = getattr(table, "bad_rows", 0)
        naming = named(table.types)
        naming = Naming(naming.parts, {**table.unusable, **naming.unusable})
        return TableFile(table, keys, naming, index, +refused, printed)
    except BaseException:
        table.close()
        raise
