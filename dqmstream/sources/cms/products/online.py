"""What the soft FED 1022 says of the detector and the machine: DCS, luminosity, Roman pots.

Facts: CMSSW `DataFormats/OnlineMetaData/interface/*.h`.
"""

from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.sources.cms.detector import PARTITIONS, POTS
from dqmstream.sources.cms.products.collection import (
    FLOAT,
    INT8,
    INT16,
    INT64,
    UINT8,
    UINT16,
    Array,
    Collection,
    Member,
    Objects,
    member,
    same,
)
from dqmstream.sources.cms.products.rows import numbers_within

__all__ = ["CTPPS", "CTPPS_POTS", "DCS", "DCS_PARTITIONS", "LUMINOSITY"]

_TIME: Final = ("timestamp_.timeHigh_", "timestamp_.timeLow_")
_READY: Final = "highVoltageReady_"
_VALID: Final = "highVoltageValid_"
_CURRENT: Final = "magnetCurrent_"
_STATUS: Final = "status_"
_TESLA_PER_AMPERE: Final = 0.0002067
_TESLA: Final = 0.0557973
_OFF: Final = 0
_NOT_VALID: Final = 2


class Record(Objects):
    """Records of which an event has one or none."""

    def numbers(self, parts: int) -> Array:
        """int64[records * parts]: 0 to parts - 1 for each record."""
        return np.tile(np.arange(parts), int(self.given.product.counts.sum()))

    @property
    def time(self) -> NDArray[np.int64]:
        """Of the record [ns since 1970], from seconds and microseconds."""
        seconds, microseconds = (self.plain(name).astype(np.int64) for name in _TIME)
        return (seconds * 1_000_000 + microseconds) * 1000


class DcsRecord(Record):
    """Bits of the partitions and current of the magnet."""

    @cached_property
    def states(self) -> NDArray[np.uint8]:
        """uint8[records, partitions]: 0 off, 1 on, 2 not valid. Records of old say none is not."""
        ready = self._bits(_READY, _OFF)
        return np.where(self._bits(_VALID, 1) != 0, ready, np.uint8(_NOT_VALID))

    def _bits(self, name: str, absent: int) -> NDArray[np.uint8]:
        """uint8[records, partitions], whatever number of bits each record has."""
        records = int(self.given.product.counts.sum())
        bits = np.full((records, len(PARTITIONS)), absent, np.uint8)
        if name in self.given.product.ragged:
            counts, values = self.ragged(name)
            place = numbers_within(counts)
            record = np.repeat(np.arange(records), counts)
            known = place < len(PARTITIONS)
            bits[record[known], place[known]] = values[known] != 0
        return bits

    @property
    def field(self) -> Array:
        """Of the magnet [T], by its current (`DCSRecord.h`)."""
        return self.plain(_CURRENT).astype(np.float64) * _TESLA_PER_AMPERE + _TESLA

    @property
    def partition_counts(self) -> NDArray[np.int64]:
        """27 for each record."""
        return self.given.product.counts * len(PARTITIONS)

    def partition(self, place: int) -> Array:
        """int8[records]: 1 on, 0 off, -1 not valid."""
        states = self.states[:, place].astype(np.int8)
        states[states == _NOT_VALID] = -1
        return states


class CtppsRecord(Record):
    """Two bits for each Roman pot."""

    @property
    def pot_counts(self) -> NDArray[np.int64]:
        """20 for each record."""
        return self.given.product.counts * len(POTS)

    @property
    def status(self) -> Array:
        """uint64[pots of all records]: 2 bits of the record's word for each."""
        shifts = np.arange(len(POTS), dtype=np.uint64) * np.uint64(2)
        words = self.plain(_STATUS).astype(np.uint64)
        return ((words[:, None] >> shifts) & np.uint64(3)).ravel()


def _time(meaning: str) -> Member:
    return member("time", INT64, meaning, *_TIME, unit="ns", values=lambda records: records.time)


def _partition(place: int, name: str) -> Member:
    return member(
        name.lower(),
        INT8,
        f"{name} has its high voltage: 1 on, 0 off, -1 not valid",
        _READY,
        _VALID,
        values=lambda records: records.partition(place),
    )


DCS = Collection(
    name="dcs",
    class_name="DCSRecord",
    meaning="state of the detector, 0 or 1",
    objects=DcsRecord,
    other="dcs",
    members=(
        _time("last change, since 1970"),
        same("magnet_current", FLOAT, _CURRENT, "current of the magnet", "A"),
        member(
            "magnet_field",
            FLOAT,
            "field of the magnet, by its current",
            _CURRENT,
            unit="T",
            values=lambda records: records.field,
        ),
        *(_partition(place, name) for place, name in enumerate(PARTITIONS)),
    ),
)

DCS_PARTITIONS = Collection(
    name="dcs_partitions",
    class_name="DCSRecord",
    meaning="one object for each high-voltage partition of the record in `dcs`",
    objects=DcsRecord,
    counts=lambda records: records.partition_counts,
    other="dcs_partitions",
    members=(
        member(
            "partition",
            INT16,
            f"0 {PARTITIONS[0]} ... {len(PARTITIONS) - 1} {PARTITIONS[-1]}, in the order of `dcs`",
            values=lambda records: records.numbers(len(PARTITIONS)),
        ),
        member(
            "state",
            INT8,
            "0 off, 1 on, 2 not valid",
            _READY,
            _VALID,
            values=lambda records: records.states.ravel(),
        ),
    ),
)

LUMINOSITY = Collection(
    name="luminosity",
    class_name="OnlineLuminosityRecord",
    meaning="last published luminosity, 0 or 1; some nibbles old",
    objects=Record,
    other="luminosity",
    members=(
        _time("of the measurement, since 1970"),
        same("luminosity", FLOAT, "instLumi_", "instantaneous luminosity", "10³⁰ cm⁻² s⁻¹"),
        same("pileup", FLOAT, "avgPileUp_", "mean pile-up"),
        same("lumisection", UINT16, "lumiSection_", "lumisection of the measurement"),
        same("nibble", UINT16, "lumiNibble_", "its nibble (4096 orbits) in that lumisection"),
    ),
)

CTPPS = Collection(
    name="ctpps",
    class_name="CTPPSRecord",
    meaning="record of the Roman pots, 0 or 1",
    objects=CtppsRecord,
    other="ctpps",
    members=(_time("last change, since 1970"),),
)

CTPPS_POTS = Collection(
    name="ctpps_pots",
    class_name="CTPPSRecord",
    meaning="one object for each Roman pot of the record in `ctpps`",
    objects=CtppsRecord,
    counts=lambda records: records.pot_counts,
    other="ctpps_pots",
    members=(
        member(
            "pot",
            INT16,
            f"0 {POTS[0]} ... {len(POTS) - 1} {POTS[-1]}",
            values=lambda records: records.numbers(len(POTS)),
        ),
        member(
            "status",
            UINT8,
            "0 unused, 1 bad, 2 warning, 3 ok",
            _STATUS,
            values=lambda records: records.status,
        ),
    ),
)
