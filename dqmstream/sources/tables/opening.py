"""Which files are tables, by what they begin with, and opening them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from dqmstream.errors import SourceError
from dqmstream.sources.tables.settings import TableSettings
from dqmstream.sources.tables.table import Table

__all__ = ["find_tables", "is_table", "open_table"]

_CSV: Final = (".csv", ".csv.gz", ".csv.bz2", ".csv.zst")
_SUFFIXES: Final = (".root", ".parquet", *_CSV)


def is_table(path: Path) -> bool:
    """Whether a file is meant to be a table: by its first bytes, or else by its name."""
    return _magic(path) in {b"root", b"PAR1"} or path.name.lower().endswith(_SUFFIXES)


def find_tables(paths: Iterable[Path]) -> list[Path]:
    """Tables among files and in folders (not below them), each once, in the order of the names."""
    found: dict[Path, Path] = {}
    for path in paths:
        inside = (
            sorted(one for one in path.iterdir() if one.name.lower().endswith(_SUFFIXES))
            if path.is_dir()
            else [path]
        )
        for one in inside:
            if one.is_file() and is_table(one):
                found.setdefault(one.resolve(), one)
    return sorted(found.values(), key=lambda path: (path.name, path))


def open_table(path: Path, settings: TableSettings) -> Table:
    """The table in a file, ready to be read.

    Raises
    ------
    SourceError
        With reason `unreadable` or `no_tree`.
    """
    magic = _magic(path)
    if magic == b"root":
        # Slow to import, and most starts have no ROOT file.
        from dqmstream.sources.tables.root import RootTable  # noqa: PLC0415

        return RootTable(path, settings.tree, settings.keys)
    if settings.tree:
        raise SourceError("no_tree", f"{path} is no ROOT file: it has no tree {settings.tree!r}")
    if path.name.lower().endswith(_CSV):
        from dqmstream.sources.tables.csv import CsvTable  # noqa: PLC0415

        return CsvTable(path)
    if magic == b"PAR1" or path.name.lower().endswith(".parquet"):
        from dqmstream.sources.tables.parquet import ParquetTable  # noqa: PLC0415

        return ParquetTable(path)
    began = magic.decode("ascii", "replace")
    raise SourceError("unreadable", f"{path} begins with {began!r}: expected 'root' or 'PAR1'")


def _magic(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4)
    except OSError as error:
        raise SourceError("unreadable", f"{path}: {error.strerror}") from error
