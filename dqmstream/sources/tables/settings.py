"""How to read tables: which columns are the keys, which rows come out, and how they are cut."""

from collections.abc import Iterable

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.sources.tables.selection import TableSelection

__all__ = ["KeyNames", "TableSettings"]


class KeyNames(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Columns that say where a row belongs; an empty one is found by the names in use.

    These are, in any case of letters: `run`, `runNumber`; `luminosityBlock`, `lumisection`,
    `lumiSection`, `lumiBlock`, `lumi`, `ls`; `event`, `eventNumber`.
    """

    run: str = ""
    lumisection: str = ""
    event: str = ""

    @staticmethod
    def parsed(words: Iterable[str]) -> "KeyNames":
        """Of words such as `run=RunNumber` and `lumisection=lb`.

        Raises
        ------
        ConfigurationError
            If a word is none of that kind, or names another key.
        """
        given: dict[str, str] = {}
        for word in words:
            key, equals, column = (part.strip() for part in word.partition("="))
            if key not in {"run", "lumisection", "event"} or not equals or not column:
                msg = f"key {word!r}: expected run=COLUMN, lumisection=COLUMN or event=COLUMN"
                raise ConfigurationError(msg)
            given[key] = column
        return KeyNames(**given)


class TableSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that decides, beside the file itself, what a reader of tables gives.

    Parameters
    ----------
    tree
        Of ROOT files; empty: the one whose columns are those of events.
    keys
        Names of the key columns.
    events_per_lumisection
        Where a file names no lumisections: so many rows of a run, in the order of the file, make
        one, numbered from 1; what comes of it is marked so.
    selection
        Which rows to take.
    chunk_events
        Most rows in a chunk.
    block_bytes
        About how much of a file is in memory at once, unpacked. One basket of a ROOT file, or one
        page of a Parquet file, is the least that can be read. It does not change the chunks.
    lumisection_seconds
        Length of an LS; the rows are spread evenly over it.

    Raises
    ------
    ConfigurationError
        If a number is below 1.
    """

    tree: str = ""
    keys: KeyNames = KeyNames()
    events_per_lumisection: int = 100
    selection: TableSelection = TableSelection()
    chunk_events: int = 100
    block_bytes: int = 16 << 20
    lumisection_seconds: float = 23.31

    def __post_init__(self) -> None:
        for name in ("events_per_lumisection", "chunk_events", "block_bytes"):
            if getattr(self, name) < 1:
                msg = f"{name} is {getattr(self, name)}, expected 1 or more"
                raise ConfigurationError(msg)
        if not self.lumisection_seconds > 0:
            msg = f"lumisection_seconds is {self.lumisection_seconds}, expected more than 0"
            raise ConfigurationError(msg)
