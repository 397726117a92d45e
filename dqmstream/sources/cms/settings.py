"""How to read streamer files: which events and columns come out, and how they are cut."""

from typing import Literal

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.columns import checked_columns
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
        Which columns to make; None: all of `columns.COLUMNS`.
    chunk_events, chunk_bytes
        A chunk ends with the event that reaches either, rows or bytes of columns.
    verify_payload
        Check checksums of INIT and payloads, and decompress the payloads of selected events.
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

    def __post_init__(self) -> None:
        checked_columns(self.columns)
        if self.chunk_events < 1 or self.chunk_bytes < 1:
            msg = f"chunks of {self.chunk_events} events and {self.chunk_bytes} bytes hold nothing"
            raise ConfigurationError(msg)
