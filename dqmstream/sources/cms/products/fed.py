"""Raw data of FEDs: headers, trailers, checksums, and whether the fragments of an event agree."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dqmstream.kernels.payload.fed import Fragments, checksums, read_fragments
from dqmstream.sources.cms.products.collection import (
    BOOLEAN,
    UINT8,
    UINT16,
    UINT32,
    Array,
    Collection,
    Given,
    Member,
    Objects,
    member,
)
from dqmstream.sources.cms.products.rows import starts_of

__all__ = ["FED", "FED_MISSING", "RAW", "RAW_CLASS", "Feds"]

RAW_CLASS: Final = "FEDRawDataCollection"
RAW: Final = "data_"
_MOST: Final = 2**16 - 1
_WORD: Final = 8
_L1_ID_BITS: Final = 24


class Feds(Objects):
    """The FEDs of all events that have bytes, in the order of their ids in each event."""

    always = (RAW,)

    def __init__(self, given: Given) -> None:
        super().__init__(given)
        slots, (sizes, self.values) = given.product.counts, self.ragged(RAW)
        # Most of the 4097 slots of an event are empty, so that only filled ones are looked at.
        filled = np.flatnonzero(sizes)
        event = np.searchsorted(np.cumsum(slots), filled, side="right")
        number = filled - starts_of(slots)[event]
        starts = starts_of(sizes[filled])
        # Ids have 16 bits in the column.
        known = number <= _MOST
        self.event, self.id = event[known], number[known]
        self.sizes, self.starts = sizes[filled][known], starts[known]

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many FEDs of each event have bytes."""
        return np.bincount(self.event, minlength=self.given.events)

    @cached_property
    def fragments(self) -> Fragments:
        """Headers and trailers."""
        return read_fragments(self.values, self.starts, self.sizes)

    @property
    def size_ok(self) -> Array:
        """Whether the trailer says how many bytes there are."""
        agrees: Array = self.fragments.framed & (self.fragments.trailer_words * _WORD == self.sizes)
        return agrees

    @property
    def crc_ok(self) -> Array:
        """Whether the trailer's checksum is that of the bytes."""
        found = checksums(self.values, self.starts, self.sizes)
        agrees: Array = self.fragments.framed & (self.fragments.crc == found)
        return agrees

    @property
    def source_id_ok(self) -> Array:
        """Whether the header names the FED in whose place it stands."""
        agrees: Array = self.fragments.framed & (self.fragments.source_id == self.id)
        return agrees

    @property
    def bunch_crossing_ok(self) -> Array:
        """Whether the header's bunch crossing is the event's."""
        expected = self.given.bunch_crossings[self.event]
        agrees: Array = self.fragments.framed & (self.fragments.bunch_crossing == expected)
        return agrees

    @property
    def l1_id_ok(self) -> Array:
        """Whether the header has the L1 id that most framed FEDs of the event have.

        Of several that are equally frequent it is that of the lowest FED.
        """
        framed = np.flatnonzero(self.fragments.framed)
        keys = (self.event[framed] << _L1_ID_BITS) | self.fragments.l1_id[framed]
        # The first row with a key is that of the lowest FED: rows are in the order of ids.
        keys, first, group, votes = np.unique(
            keys, return_index=True, return_inverse=True, return_counts=True
        )
        best = np.lexsort((first, -votes, keys >> _L1_ID_BITS))
        _, leading = np.unique(keys[best] >> _L1_ID_BITS, return_index=True)
        chosen = np.zeros(keys.size, np.bool_)
        chosen[best[leading]] = True
        agrees = np.zeros(self.id.size, np.bool_)
        agrees[framed] = chosen[group]
        return agrees

    @cached_property
    def missing(self) -> tuple[Array, Array]:
        """Events and ids of expected FEDs without bytes, in events that have raw data at all."""
        expected = np.array(sorted(self.given.feds), np.int64)
        there = np.zeros((self.given.events, expected.size), np.bool_)
        place = np.searchsorted(expected, self.id)
        known = place < expected.size
        known[known] = expected[place[known]] == self.id[known]
        there[self.event[known], place[known]] = True
        event, place = np.nonzero(~there & (self.given.product.counts > 0)[:, None])
        return event, expected[place]

    @property
    def missing_counts(self) -> NDArray[np.int64]:
        """How many expected FEDs each event lacks."""
        return np.bincount(self.missing[0], minlength=self.given.events)


def _of_fragment(name: str, type_: pa.DataType, meaning: str) -> Member:
    def values(feds: Any) -> Array:
        found: Array = getattr(feds.fragments, name)
        return found

    return member(name, type_, meaning, RAW, values=values)


def _flag(name: str, meaning: str, values: Callable[[Any], Array]) -> Member:
    return member(name, BOOLEAN, meaning, RAW, values=values)


FED = Collection(
    name="fed",
    class_name=RAW_CLASS,
    meaning="one object for each FED with bytes; fields are 0 and flags false where not framed",
    objects=Feds,
    other="fed",
    members=(
        member("id", UINT16, "in whose place it stands", RAW, values=lambda feds: feds.id),
        member("size", UINT32, "its size", RAW, unit="bytes", values=lambda feds: feds.sizes),
        _of_fragment("source_id", UINT16, "FED id of the header"),
        _of_fragment("l1_id", UINT32, "number of the L1 accept, 24 bits"),
        _of_fragment("bunch_crossing", UINT16, "of the header"),
        _of_fragment("event_type", UINT8, "of the header: 1 physics"),
        _of_fragment("trailer_words", UINT32, "number of 64-bit words, by the trailer"),
        _of_fragment("crc", UINT16, "checksum in the trailer"),
        _of_fragment("status", UINT8, "event status of the trailer, 0 without errors"),
        _of_fragment("tts", UINT8, "state of the trigger throttling of the trailer"),
        _of_fragment("framed", BOOLEAN, "whole words, with the marks of header and trailer"),
        _flag("size_ok", "the trailer says the size it has", lambda feds: feds.size_ok),
        _flag("crc_ok", "the checksum in the trailer is that of the bytes", lambda f: f.crc_ok),
        _flag("source_id_ok", "source_id is id", lambda feds: feds.source_id_ok),
        _flag(
            "bunch_crossing_ok",
            "the bunch crossing is that of the event",
            lambda feds: feds.bunch_crossing_ok,
        ),
        _flag(
            "l1_id_ok",
            "the L1 id is the one most framed FEDs of the event have, or else the lowest FED's",
            lambda feds: feds.l1_id_ok,
        ),
    ),
)

FED_MISSING = Collection(
    name="fed_missing",
    class_name=RAW_CLASS,
    meaning="FEDs that are expected (`--feds`) and have no bytes in an event with raw data",
    objects=Feds,
    counts=lambda feds: feds.missing_counts,
    other="fed_missing",
    members=(member("id", UINT16, "of the FED", RAW, values=lambda feds: feds.missing[1]),),
)
