"""The port of a table: columns by name, rows by number."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import pyarrow as pa

__all__ = ["Array", "Table"]

Array: TypeAlias = "pa.Array[Any]"


class Table(Protocol):
    """One table in a file, read by one thread at a time.

    Parameters
    ----------
    path
        The file.
    name
        Of what is in it: the tree of a ROOT file, else the format.
    rows
        How many.
    types
        Of the columns that can be read, as Arrow names them, in the order of the file.
    unusable
        The others, each with the reason.
    unpacks
        Opening it means to parse all of it.
    """

    @property
    def path(self) -> Path: ...
    @property
    def name(self) -> str: ...
    @property
    def rows(self) -> int: ...
    @property
    def types(self) -> Mapping[str, pa.DataType]: ...
    @property
    def unusable(self) -> Mapping[str, str]: ...
    @property
    def unpacks(self) -> bool: ...

    def row_bytes(self, columns: Sequence[str]) -> float:
        """About how many bytes a row of these columns has, unpacked."""
        ...

    def read(self, columns: Sequence[str], start: int, stop: int) -> dict[str, Array]:
        """Values of the rows [start, stop), of each column `stop - start` of its type.

        Raises
        ------
        SourceError
            With reason `unreadable`, naming file, rows and column.
        """
        ...

    def close(self) -> None:
        """Let go of the file; reading opens it again."""
        ...
