"""Level-1 bits, out of the fragment of the global trigger (FED 1404)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.kernels.payload.global_trigger import (
    STAGES,
    TriggerRecords,
    read_trigger_records,
)
from dqmstream.sources.cms.products.collection import (
    INT16,
    UINT8,
    UINT32,
    Array,
    Collection,
    Given,
    member,
)
from dqmstream.sources.cms.products.fed import RAW, RAW_CLASS, Feds

__all__ = ["L1", "L1_BITS", "L1_FED"]

L1_FED: Final = 1404
_MOST_COLUMN: Final = 2**8 - 1
_STAGES: Final = ("initial", "intermediate", "final")
_MEANINGS: Final = (
    "L1 bits of the triggering bunch crossing, before prescales",
    "L1 bits of the triggering bunch crossing, behind the prescales",
    "L1 bits of the triggering bunch crossing, behind prescales, masks and vetoes",
)


class L1Records(Feds):
    """Records of the global trigger; an event has one or none."""

    def __init__(self, given: Given) -> None:
        super().__init__(given)
        rows = np.flatnonzero(self.id == L1_FED)
        found = read_trigger_records(self.values, self.starts[rows], self.sizes[rows])
        good = found.good
        self.events = self.event[rows][good]
        self.records = TriggerRecords(
            found.good[good],
            found.orbit[good],
            found.boards[good],
            found.prescale_column[good],
            found.words[good],
        )

    @property
    def counts(self) -> NDArray[np.int64]:
        """1 where the event has a record that can be read."""
        return np.bincount(self.events, minlength=self.given.events)

    def bits(self, stage: int) -> tuple[Array, Array]:
        """Rows of records, and numbers of bits, of all bits that are set in a stage."""
        words = np.ascontiguousarray(self.records.words[:, stage], "<u4")
        set_bits = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")
        records, bits = np.nonzero(set_bits)
        return records, bits

    def bit_counts(self, stage: int) -> NDArray[np.int64]:
        """How many bits each event has in a stage."""
        return np.bincount(self.events[self.bits(stage)[0]], minlength=self.given.events)


def _bits_of(stage: int) -> Collection:
    return Collection(
        name=f"l1_{_STAGES[stage]}",
        class_name=RAW_CLASS,
        meaning=_MEANINGS[stage],
        objects=L1Records,
        counts=lambda found: found.bit_counts(stage),
        other=f"l1_{_STAGES[stage]}",
        members=(member("bit", INT16, "0 to 511", RAW, values=lambda found: found.bits(stage)[1]),),
    )


L1 = Collection(
    name="l1",
    class_name=RAW_CLASS,
    meaning=f"what the global trigger (FED {L1_FED}) says, 0 or 1",
    objects=L1Records,
    other="l1",
    members=(
        member("orbit", UINT32, "counted from 1", RAW, values=lambda found: found.records.orbit),
        member(
            "prescale_column",
            UINT8,
            "which prescales are in force, from 0; 255 for more",
            RAW,
            values=lambda found: np.minimum(found.records.prescale_column, _MOST_COLUMN),
        ),
        member("boards", UINT8, "boards that took part", RAW, values=lambda f: f.records.boards),
    ),
)

L1_BITS = tuple(_bits_of(stage) for stage in range(STAGES))
