"""How to read streamer files: which events and columns come out, and how they are cut."""

import re
from collections.abc import Collection
from typing import Final, Literal

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.columns import (
    COLUMNS,
    HEADER_COLUMNS,
    checked_columns,
    own_columns,
)
from dqmstream.sources.cms.detector import FEDS
from dqmstream.sources.cms.selection import HltSelection

__all__ = ["LumisectionFrom", "ReadSettings", "fed_ids"]

LumisectionFrom = Literal["content", "name"]
"""Whether events count for the lumisection in their headers, or for the one in the file name.

Playback renames recorded files to new runs and lumisections and leaves the headers as they were.
"""

_FEDS: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)


class ReadSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that decides, beside the file itself, what a reader of streamer files gives.

    Parameters
    ----------
    selection
        HLT paths and prescale.
    columns
        Which columns to make; None: all of `columns.COLUMNS`, or of `columns.HEADER_COLUMNS` when
        payloads are not verified. Others are columns of products, as `required_columns` names them
        (`tracks.pt`, `fed`), which are only made when they are named; `event` comes with them.
    chunk_events, chunk_bytes
        A chunk ends with the event that reaches either, rows or bytes of columns.
    verify_payload
        Check checksums of INIT and payloads, and decompress the payloads of selected events.
        Without it they are decompressed only if `columns` names one of `columns.PAYLOAD_COLUMNS`,
        or one of a product.
    lumisection_from
        What the events count for; a file of unusual name always goes by content.
    feds
        Ids of FEDs, rising, that events should have, for the column `fed_missing`.

    Raises
    ------
    ConfigurationError
        If a column or FED is unknown or a chunk would hold nothing.
    """

    selection: HltSelection = HltSelection()
    columns: tuple[str, ...] | None = None
    chunk_events: int = 1000
    chunk_bytes: int = 4 << 20
    verify_payload: bool = True
    lumisection_from: LumisectionFrom = "content"
    feds: tuple[int, ...] = ()

    @property
    def made_columns(self) -> tuple[str, ...]:
        """The columns that are made of headers and auxiliaries, in the order of the schema."""
        if self.columns is None:
            return COLUMNS if self.verify_payload else HEADER_COLUMNS
        wanted = set(self.columns) & set(COLUMNS)
        return checked_columns(wanted | {"event"} if self.product_columns else wanted)

    @property
    def product_columns(self) -> tuple[str, ...]:
        """The columns that are made of products, as `required_columns` names them."""
        return tuple(sorted(set(self.columns or ()) - set(COLUMNS)))

    @property
    def expand_payload(self) -> bool:
        """Whether the payloads of selected events are decompressed."""
        wanted = {*self.made_columns, *self.product_columns}
        return self.verify_payload or not wanted <= set(HEADER_COLUMNS)

    def reading(self, columns: Collection[str]) -> "ReadSettings":
        """The same, of only these columns: those of headers that they name, and all others.

        `event` is always among them: who reads a run without it could not put events in order.
        """
        own = own_columns({*columns, "event"})
        products = sorted(name for name in columns if not own_columns([name]))
        return msgspec.structs.replace(self, columns=(*own, *products))

    def __post_init__(self) -> None:
        if self.columns == ():
            checked_columns(())
        if self.product_columns:
            # Products bring kernels with them, which who reads headers need not load.
            from dqmstream.sources.cms.product_columns import product_fields  # noqa: PLC0415

            product_fields(self.product_columns)
        if list(self.feds) != sorted(set(self.feds)) or not set(self.feds) <= set(range(FEDS)):
            msg = f"FEDs {self.feds}: expected rising numbers from 0 to {FEDS - 1}"
            raise ConfigurationError(msg)
        if self.chunk_events < 1 or self.chunk_bytes < 1:
            msg = f"chunks of {self.chunk_events} events and {self.chunk_bytes} bytes hold nothing"
            raise ConfigurationError(msg)


def fed_ids(text: str) -> tuple[int, ...]:
    """FEDs written as `1404,600-731`, rising and without repeats.

    Raises
    ------
    ConfigurationError
        If it is not written so, or a number is not one of a FED.
    """
    found: set[int] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _FEDS.fullmatch(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < FEDS:
            msg = f"FEDs {part!r}: expected numbers up to {FEDS - 1}, as 1404,600-731"
            raise ConfigurationError(msg)
        found.update(range(first, last + 1))
    return tuple(sorted(found))
