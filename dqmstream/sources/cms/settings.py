"""How to read streamer files: which events and columns come out, and how they are cut."""

from typing import Literal

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.columns import COLUMNS, HEADER_COLUMNS, PAYLOAD_COLUMNS, checked_columns
from dqmstream.sources.cms.selection import HltSelection

__all__ = ["LumisectionFrom", "ReadSettings"]

LumisectionFrom = Literal["content", "name"]
"""Whether events count for the lumisection in their headers, or for the one in the file name.

Playback renames recorded files to new runs and lumisections and leaves the headers as they were.
"""


class ReadSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that decides, beside the file itself, what a reader of streamer files gives.

    Parameters
    ----------
    selection
        HLT paths and prescale.
    columns
        Which columns to make; None: all of `columns.COLUMNS`, or of `columns.HEADER_COLUMNS` when
        payloads are not verified.
    chunk_events, chunk_bytes
        A chunk ends with the event that reaches either, rows or bytes of columns.
    verify_payload
        Check checksums of INIT and payloads, and decompress the payloads of selected events.
        Without it they are decompressed only if `columns` names one of `columns.PAYLOAD_COLUMNS`.
    lumisection_from
        What the events count for; a file of unusual name always goes by content.

    Raises
    ------
    ConfigurationError
        If a column is unknown or a chunk would hold nothing.
    """

    selection: HltSelection = HltSelection()
    columns: tuple[str, ...] | None = None
    chunk_events: int = 1000
    chunk_bytes: int = 4 << 20
    verify_payload: bool = True
    lumisection_from: LumisectionFrom = "content"

    @property
    def made_columns(self) -> tuple[str, ...]:
        """The columns that are made, in the order of the schema."""
        if self.columns is not None:
            return checked_columns(self.columns)
        return COLUMNS if self.verify_payload else HEADER_COLUMNS

    @property
    def expand_payload(self) -> bool:
        """Whether the payloads of selected events are decompressed."""
        return self.verify_payload or not set(PAYLOAD_COLUMNS).isdisjoint(self.made_columns)

    def __post_init__(self) -> None:
        checked_columns(self.columns)
        if self.chunk_events < 1 or self.chunk_bytes < 1:
            msg = f"chunks of {self.chunk_events} events and {self.chunk_bytes} bytes hold nothing"
            raise ConfigurationError(msg)
