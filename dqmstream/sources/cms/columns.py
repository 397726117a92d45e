"""Events as Arrow columns: one row per event, HLT paths as lists of structs.

================== ============================ ==================================================
column             type                         meaning
================== ============================ ==================================================
`event`            uint64                       event number
`host`             int32                        filter unit: CRC-32 of its name modulo 65536, the
                                                same in every file and run
`original_size`    uint32                       payload before compression [bytes], 0: was plain
`compressed_size`  uint32                       payload as stored [bytes]
`message_size`     uint32                       whole message in the file [bytes]
`dropped`          uint32                       dropped-events counter of the writer
`l1_bits`          uint16                       number of L1 bits set
`time`             int64                        when it happened [ns since 1970], by the detector's
                                                clock; -1 unknown
`bunch_crossing`   int32                        0..3563 within the orbit; -1 unknown or none
`orbit`            int64                        since the start of the run; -1 unknown or none
`fill`             int32                        LHC fill; -1 unknown
`hlt`              list<path i16, state u8>     every path in INIT order, READY 0 ... EXCEPTION 3
`hlt_pass`         list<path i16>               the paths that passed, ascending
`hlt_pair`         list<first i16, second i16>  pairs of passed paths, first <= second; a path
                                                paired with itself counts its passes
================== ============================ ==================================================

From `time` to `fill` they come out of the decompressed payload (`PAYLOAD_COLUMNS`), all others out
of the header (`HEADER_COLUMNS`). An event whose auxiliary is not read has -1 in all four and good
header columns; it is counted under `auxiliary_unknown`, and `time > 0` selects the others.

Nothing is null or dictionary-encoded. The names behind the path numbers travel in the schema's
metadata under `hlt_paths`, joined by newlines.
"""

import struct
import zlib
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.auxiliary import EventAuxiliary
from dqmstream.sources.cms.messages import EventMessage
from dqmstream.sources.cms.states import PASS, packed_size, passed_bits, unpack_states

__all__ = [
    "COLUMNS",
    "HEADER_COLUMNS",
    "HLT_PATHS_KEY",
    "PAYLOAD_COLUMNS",
    "ColumnBuilder",
    "checked_columns",
    "column_names",
    "header_schema",
    "host_code",
    "own_columns",
]

HLT_PATHS_KEY = b"hlt_paths"


def host_code(host: str) -> int:
    """Number of a host, 0..65535, from its name alone: equal in every file, run and release.

    Two of 150 hosts share a number in about one of six farms; names and counts are in the report.
    """
    return zlib.crc32(host.encode()) & 0xFFFF


_SCALARS: dict[str, pa.DataType] = {
    "event": pa.uint64(),
    "host": pa.int32(),
    "original_size": pa.uint32(),
    "compressed_size": pa.uint32(),
    "message_size": pa.uint32(),
    "dropped": pa.uint32(),
    "l1_bits": pa.uint16(),
    "time": pa.int64(),
    "bunch_crossing": pa.int32(),
    "orbit": pa.int64(),
    "fill": pa.int32(),
}
_ROW = struct.Struct("<QiIIIIHqiqi")
"""One event: all scalars in the order above. Packing it is faster than a list for each."""
_ROWS = np.dtype([(name, kind.to_pandas_dtype()) for name, kind in _SCALARS.items()])
_UNKNOWN = (-1, -1, -1, -1)


def _row(message: EventMessage, auxiliary: EventAuxiliary | None) -> bytes:
    own = _UNKNOWN
    if auxiliary is not None:
        own = (auxiliary.time, auxiliary.bunch_crossing, auxiliary.orbit, auxiliary.fill)
    return _ROW.pack(
        message.event,
        host_code(message.host),
        message.original_size,
        len(message.payload),
        message.message_size,
        message.dropped,
        _bits_set(message.l1_bits, message.l1_count),
        *own,
    )


def _bits_set(packed: bytes, count: int) -> int:
    return (int.from_bytes(packed, "little") & ((1 << count) - 1)).bit_count()


_MEMBERS: dict[str, tuple[tuple[str, pa.DataType], ...]] = {
    "hlt": (("path", pa.int16()), ("state", pa.uint8())),
    "hlt_pass": (("path", pa.int16()),),
    "hlt_pair": (("first", pa.int16()), ("second", pa.int16())),
}
COLUMNS = (*_SCALARS, *_MEMBERS)
"""Names of all columns, in the order of the schema."""
PAYLOAD_COLUMNS = ("time", "bunch_crossing", "orbit", "fill")
"""Columns that only a decompressed payload gives."""
HEADER_COLUMNS = tuple(name for name in COLUMNS if name not in PAYLOAD_COLUMNS)
"""Columns that need no payload."""


class _Jagged:
    """A collection: how many objects each event has, and the members of all objects in a row."""

    def __init__(self, counts: npt.NDArray[np.int64], *members: npt.NDArray[np.integer]) -> None:
        self.counts = counts
        self.members = members

    def array(self, name: str) -> "pa.Array[Any]":
        fields = [pa.field(member, kind, nullable=False) for member, kind in _MEMBERS[name]]
        values = pa.StructArray.from_arrays(
            [
                pa.array(values, field.type)
                for values, field in zip(self.members, fields, strict=True)
            ],
            fields=fields,
        )
        offsets = np.concatenate([[0], np.cumsum(self.counts)])
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values, type=_type_of(name))


def _type_of(name: str) -> pa.DataType:
    if name in _SCALARS:
        return _SCALARS[name]
    objects = pa.struct([pa.field(member, kind, nullable=False) for member, kind in _MEMBERS[name]])
    return pa.list_(pa.field("item", objects, nullable=False))


def _width(name: str) -> int:
    """Bytes of one value of a scalar column, or of one object of a collection."""
    kinds = [_SCALARS[name]] if name in _SCALARS else [kind for _, kind in _MEMBERS[name]]
    return sum(kind.bit_width // 8 for kind in kinds)


def _hlt(states: npt.NDArray[np.uint8]) -> _Jagged:
    events, paths = states.shape
    numbers = np.tile(np.arange(paths, dtype=np.int16), events)
    return _Jagged(np.full(events, paths, dtype=np.int64), numbers, states.ravel())


def _hlt_pass(states: npt.NDArray[np.uint8]) -> _Jagged:
    passed = states == PASS
    return _Jagged(passed.sum(axis=1), np.nonzero(passed)[1].astype(np.int16))


def _hlt_pair(states: npt.NDArray[np.uint8]) -> _Jagged:
    """Each passed path with itself and with all later ones of its event, without a Python loop."""
    single = _hlt_pass(states)
    paths = single.members[0]
    ends = np.repeat(np.cumsum(single.counts), single.counts)
    partners = ends - np.arange(len(paths))
    starts = np.cumsum(partners) - partners
    second = np.arange(partners.sum()) - np.repeat(starts - np.arange(len(paths)), partners)
    counts = single.counts * (single.counts + 1) // 2
    return _Jagged(counts, np.repeat(paths, partners), paths[second])


_COLLECTIONS: dict[str, Callable[[npt.NDArray[np.uint8]], _Jagged]] = {
    "hlt": _hlt,
    "hlt_pass": _hlt_pass,
    "hlt_pair": _hlt_pair,
}


def checked_columns(columns: Collection[str] | None) -> tuple[str, ...]:
    """The asked columns in the order of the schema; None: all.

    Raises
    ------
    ConfigurationError
        If a name is not one of `COLUMNS` or none is asked for.
    """
    if columns is None:
        return COLUMNS
    unknown = sorted(set(columns) - set(COLUMNS))
    if unknown or not columns:
        msg = f"columns {unknown or 'none'} asked for, expected some of {', '.join(COLUMNS)}"
        raise ConfigurationError(msg)
    return tuple(name for name in COLUMNS if name in columns)


def own_columns(columns: Collection[str]) -> tuple[str, ...]:
    """Which of `COLUMNS` are named, by themselves or by a member (`hlt.path`), in their order."""
    named = {name.partition(".")[0] for name in columns}
    return tuple(name for name in COLUMNS if name in named)


def header_schema(hlt_paths: Sequence[str], columns: Collection[str] | None = None) -> pa.Schema:
    """Arrow schema of the batches of a file whose INIT names `hlt_paths`."""
    fields = [pa.field(name, _type_of(name), nullable=False) for name in checked_columns(columns)]
    return pa.schema(fields, metadata={HLT_PATHS_KEY: "\n".join(hlt_paths).encode()})


def column_names(columns: Collection[str] | None = None) -> frozenset[str]:
    """The columns as expressions name them: `event`, and `hlt.path` for a member."""
    names: set[str] = set()
    for name in checked_columns(columns):
        names.add(name)
        names.update(f"{name}.{member}" for member, _ in _MEMBERS.get(name, ()))
    return frozenset(names)


class ColumnBuilder:
    """Collects the headers of events, and makes record batches of them.

    Parameters
    ----------
    hlt_paths
        Path names in INIT order.
    columns
        Which columns to make; None: all.
    """

    def __init__(self, hlt_paths: Sequence[str], columns: Collection[str] | None = None) -> None:
        self.schema = header_schema(hlt_paths, columns)
        self._paths = len(hlt_paths)
        self._names = checked_columns(columns)
        widths = {name: _width(name) if name in self._names else 0 for name in COLUMNS}
        self._pass_bytes = widths["hlt_pass"]
        self._pair_bytes = widths["hlt_pair"]
        offsets = sum(4 for name in self._names if name in _MEMBERS)
        scalars = sum(widths[name] for name in _SCALARS)
        self._fixed_bytes = scalars + offsets + widths["hlt"] * self._paths
        self._clear()

    def _clear(self) -> None:
        self.rows = 0
        self.nbytes = 0
        self._scalars: list[bytes] = []
        self._hlt_bits: list[bytes] = []

    def add(self, message: EventMessage, auxiliary: EventAuxiliary | None = None) -> None:
        """Take one event; `rows` and `nbytes` (bytes the columns will need, about) grow.

        Without its auxiliary, the columns of the payload are -1.
        """
        self._scalars.append(_row(message, auxiliary))
        self._hlt_bits.append(message.hlt_bits)
        self.rows += 1
        self.nbytes += self._row_bytes(message)

    def _row_bytes(self, message: EventMessage) -> int:
        passed = passed_bits(message.hlt_bits, self._paths).bit_count()
        pairs = passed * (passed + 1) // 2
        return self._fixed_bytes + self._pass_bytes * passed + self._pair_bytes * pairs

    def finish(self) -> pa.RecordBatch:
        """Record batch of all events taken since the last one; the builder starts anew."""
        packed = np.frombuffer(b"".join(self._hlt_bits), dtype=np.uint8)
        rows = packed.reshape(self.rows, packed_size(self._paths))
        states = unpack_states(rows, self._paths)
        scalars = np.frombuffer(b"".join(self._scalars), dtype=_ROWS)
        arrays = [self._column(name, scalars, states) for name in self._names]
        self._clear()
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _column(
        self, name: str, scalars: npt.NDArray[Any], states: npt.NDArray[np.uint8]
    ) -> "pa.Array[Any]":
        if name in _SCALARS:
            return pa.array(np.ascontiguousarray(scalars[name]), type=_type_of(name))
        return _COLLECTIONS[name](states).array(name)
