"""The event's own time: the EventAuxiliary at the beginning of each payload.

A payload is a ROOT buffer, big-endian, with one `edm::SendEvent` whose first member is the
auxiliary. Each object in it begins with its byte count (bit 30 set) and its class version. In the
versions known here every size is fixed, so the auxiliary stands at one place; it is read only when
each class on the way has the known version and the known number of bytes. Nothing is guessed of
any other: it is named, and its time stays unknown. This is done for each event, whatever is read
of it, so that it is one `struct` and no walk by class tables; these say the same, and it is written
by them (`encoding`).

Classes: CMSSW `DataFormats/Streamer` and `DataFormats/Provenance`. Stream rules: ROOT
`TBufferFile`. The layout was checked with events of 2021 and 2025.
"""

import struct
from typing import Final, NamedTuple

from dqmstream.sources.cms.classes.framing import COUNTED, NEW_CLASS, STANDARD

__all__ = ["AUXILIARY_END", "EventAuxiliary", "UnknownClass", "decode_auxiliary"]

_SEND_EVENT: Final = b"edm::SendEvent"
_SEND_EVENT_VERSIONS: Final = (10, 11)
_NO_OBJECT: Final = "not a ROOT object"
_LONGEST_NAME: Final = 80
_HEADER: Final = struct.Struct(">IH")
"""Byte count of what follows it, class version."""


class _Object(NamedTuple):
    """An object that must stand at `offset`: byte count, version, and the bytes behind them."""

    name: str
    offset: int
    size: int
    version: int
    then: bytes = b""

    @property
    def expected(self) -> bytes:
        return _HEADER.pack(COUNTED + self.size, self.version) + self.then


# A string member is its length in one byte and that many bytes; the two here are raw MD5 sums.
_AUXILIARY = _Object("edm::EventAuxiliary", 29, 111, 11)
_HISTORY = _Object("edm::Hash", 35, 25, 11)
_HISTORY_TEXT = _Object("std::string", 41, 19, STANDARD, b"\x10")
_EVENT_ID = _Object("edm::EventID", 64, 18, 12)
_GUID_TEXT = _Object("std::string", 86, 19, STANDARD, b"\x10")
_TIMESTAMP = _Object("edm::Timestamp", 109, 10, 10)
_OBJECTS: Final = (_AUXILIARY, _HISTORY, _HISTORY_TEXT, _EVENT_ID, _GUID_TEXT, _TIMESTAMP)

_RECORD: Final = NEW_CLASS + _SEND_EVENT + b"\0"
_FIXED: Final = (
    b"".join(found.expected for found in _OBJECTS[:3]),
    *(found.expected for found in _OBJECTS[3:]),
)
_FRAME: Final = struct.Struct(">I19sIH19s16x6s16x7s16x6s")
"""What must be: count, record, count and version of the SendEvent, then `_FIXED`."""
_VALUES: Final = struct.Struct(">48x16s6xIIQ7x16s6xIIIBiiii")
"""What is read, from the history's id to the fill; an old lumisection, always 0, among it."""
AUXILIARY_END: Final = _VALUES.size
"""Bytes of a payload up to the end of its auxiliary."""
_INSIDE_RECORD: Final = 4
_INSIDE_SEND_EVENT: Final = 27
"""Bytes of a payload up to the end of the byte count of the record, of the SendEvent."""
_SECOND: Final = 1_000_000
"""In microseconds."""


class EventAuxiliary(NamedTuple):
    """What an event says of itself, and not of its trigger or its products.

    `time` is in nanoseconds since 1970, as the timing system of the detector gave it: whole
    microseconds. `bunch_crossing` is 0..3563 within the orbit, `orbit` counts from the start of
    the run, `fill` is the LHC fill; -1 where there is none. `experiment_type` is 1 for physics.
    `process_history` and `process_guid` are raw 16 bytes.
    """

    run: int
    lumisection: int
    event: int
    time: int
    bunch_crossing: int
    orbit: int
    fill: int
    real_data: bool = True
    experiment_type: int = 1
    process_history: bytes = bytes(16)
    process_guid: bytes = bytes(16)


class UnknownClass(NamedTuple):
    """The first class in a payload that is not as it is known; `version` None: not to be told."""

    name: str
    version: int | None
    detail: str

    @property
    def label(self) -> str:
        """Class and version, as they are counted."""
        return self.name if self.version is None else f"{self.name} v{self.version}"


def decode_auxiliary(payload: bytes) -> EventAuxiliary | UnknownClass:
    """The auxiliary of a decompressed payload, or the class that stands in the way.

    No byte outside `payload` is looked at, and nothing raises, whatever the bytes are.
    """
    if len(payload) < AUXILIARY_END:
        return _first_unknown(payload)
    frame = _FRAME.unpack_from(payload)
    if frame[3] not in _SEND_EVENT_VERSIONS or frame != _frame(len(payload), frame[3]):
        return _first_unknown(payload)
    (
        history,
        run,
        lumisection,
        event,
        guid,
        microseconds,
        seconds,
        _,
        real,
        kind,
        bx,
        orbit,
        fill,
    ) = _VALUES.unpack_from(payload)
    if microseconds >= _SECOND:
        return _first_unknown(payload)
    time = (seconds * _SECOND + microseconds) * 1000
    return EventAuxiliary(
        run, lumisection, event, time, bx, orbit, fill, real != 0, kind, history, guid
    )


def _frame(size: int, version: int) -> tuple[object, ...]:
    """What `_FRAME` must give for a payload of `size` bytes."""
    counts = COUNTED + size - _INSIDE_RECORD, COUNTED + size - _INSIDE_SEND_EVENT
    return (counts[0], _RECORD, counts[1], version, *_FIXED)


def _first_unknown(payload: bytes) -> UnknownClass:
    """Why a payload is not the known one, from its first byte on."""
    size = len(payload)
    if payload[4:8] != NEW_CLASS:
        return UnknownClass(_NO_OBJECT, None, f"{size} bytes begin with {payload[:8].hex()}")
    name = payload[8 : 8 + _LONGEST_NAME].partition(b"\0")[0]
    if name != _SEND_EVENT:
        text = ascii(name.decode("latin-1"))[1:-1]
        return UnknownClass(text, None, f"class {text}, expected {_SEND_EVENT.decode()}")
    version = int.from_bytes(payload[27:29])
    if version not in _SEND_EVENT_VERSIONS:
        version = _SEND_EVENT_VERSIONS[-1]
    send_event = _Object(_SEND_EVENT.decode(), 23, size - _INSIDE_SEND_EVENT, version)
    for known in (send_event, *_OBJECTS):
        unknown = _compare(payload, known)
        if unknown is not None:
            return unknown
    if payload[:4] != (COUNTED + size - _INSIDE_RECORD).to_bytes(4):
        detail = f"record of {payload[:4].hex()} bytes in a payload of {size}"
        return UnknownClass(_NO_OBJECT, None, detail)
    if size < AUXILIARY_END:
        detail = f"ends at byte {AUXILIARY_END} of a payload of {size}"
        return UnknownClass(_AUXILIARY.name, _AUXILIARY.version, detail)
    microseconds = int.from_bytes(payload[115:119])
    return UnknownClass(_TIMESTAMP.name, _TIMESTAMP.version, f"{microseconds} microseconds")


def _compare(payload: bytes, known: _Object) -> UnknownClass | None:
    """None if the known object is there."""
    expected = known.expected
    found = payload[known.offset : known.offset + len(expected)]
    if found == expected:
        return None
    detail = (
        f"bytes {found.hex() or 'none'} at byte {known.offset} of a payload of {len(payload)}, "
        f"expected {expected.hex()}"
    )
    version = _HEADER.unpack_from(found)[1] if len(found) >= _HEADER.size else None
    return UnknownClass(known.name, version, detail)
