"""INIT and EVENT messages of streamer files, protocol version 11, decoded into frozen values.

All integers are little-endian and unaligned. Layouts: CMSSW `IOPool/Streamer`, `MsgTools.h`,
`InitMessage.{h,cc}`, `EventMessage.h` and the two builders beside them. Encoding is in `writer`.
"""

import struct

import msgspec

from dqmstream.errors import SourceError
from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.states import packed_size

__all__ = [
    "EVENT",
    "EVENT_FIXED",
    "EVENT_TAIL",
    "HOST_LENGTH",
    "INIT",
    "INIT_FIXED",
    "MIN_SIZES",
    "PROTOCOL_VERSION",
    "EventMessage",
    "InitMessage",
    "decode_event",
    "decode_init",
    "l1_size",
]

INIT = 1
EVENT = 2
PROTOCOL_VERSION = 11
HOST_LENGTH = 25

INIT_FIXED = struct.Struct("<BIB16sIII")
"""Code, size, version, process id, run, INIT header size, EVENT header size."""
EVENT_FIXED = struct.Struct("<BIBIQIIIII")
"""Code, size, version, run, event, lumisection, original size, module id, dropped, L1 count."""
EVENT_TAIL = struct.Struct("<IB25sI")
"""Checksum of the payload, length of the host name, host name, payload length."""
_U32 = struct.Struct("<I")
_PAIR = struct.Struct("<II")

MIN_SIZES = {
    INIT: INIT_FIXED.size + 3 + _U32.size + 4 * _PAIR.size,
    EVENT: EVENT_FIXED.size + _U32.size + EVENT_TAIL.size,
}
"""Smallest size each message can have: all texts, bits and the payload empty."""


class InitMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The first message of a file: who wrote it, and what the HLT bits of its events mean.

    `process_id` is the raw MD5 of the process configuration (16 bytes), `run` a dummy 1,
    `output_module_id` the CRC-32 of the label, `adler32` the checksum of `payload`, which is the
    uncompressed `edm::SendJobHeader`.
    """

    process_id: bytes
    run: int
    event_header_size: int
    release: str
    process: str
    output_module: str
    output_module_id: int
    hlt_paths: tuple[str, ...]
    hlt_selections: tuple[str, ...]
    l1_names: tuple[str, ...]
    adler32: int
    payload: bytes


class EventMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One event: its header, and the payload as it is in the file (compressed or not).

    `hlt_bits` holds 2 bits per path (see `states`), `l1_bits` 1 bit per name, both lowest bit
    first; `original_size` is the size of the payload before compression in bytes, 0 when it was
    not compressed; `adler32` is the checksum of `payload` as stored.
    """

    run: int
    event: int
    lumisection: int
    original_size: int
    output_module_id: int
    dropped: int
    l1_count: int
    l1_bits: bytes
    hlt_count: int
    hlt_bits: bytes
    adler32: int
    host: str
    payload: bytes

    @property
    def is_metadata(self) -> bool:
        """Whether this is an event-meta-data message (2024 on), which is not an event."""
        return self.run == self.lumisection == self.event == self.hlt_count == 0

    @property
    def lumisection_id(self) -> LumisectionId:
        """Run and lumisection as the header says."""
        return LumisectionId(self.run, self.lumisection)

    @property
    def message_size(self) -> int:
        """Bytes of the whole message in the file."""
        return MIN_SIZES[EVENT] + len(self.l1_bits) + len(self.hlt_bits) + len(self.payload)


def l1_size(count: int) -> int:
    """Bytes that `count` L1 bits take."""
    return (count + 7) // 8


class _Fields:
    """Reads the fields behind the fixed part of an INIT one after the other."""

    def __init__(self, message: bytes) -> None:
        self._message = message
        self.offset = INIT_FIXED.size

    def take(self, length: int) -> bytes:
        end = self.offset + length
        if end > len(self._message):
            detail = (
                f"a field of {length} bytes at byte {self.offset} of an INIT message of "
                f"{len(self._message)} bytes"
            )
            raise SourceError("init_length", detail)
        start, self.offset = self.offset, end
        return self._message[start:end]

    def number(self) -> int:
        (value,) = _U32.unpack(self.take(_U32.size))
        return int(value)

    def short_text(self) -> str:
        return _text(self.take(self.take(1)[0]), "init_names")

    def names(self) -> tuple[str, ...]:
        count, length = _PAIR.unpack(self.take(_PAIR.size))
        text = _text(self.take(length), "init_names")
        names = tuple(text.split(" ")) if count else ()
        if len(names) != count or not all(names) or (not count and text):
            detail = f"{count} names announced, {len(names)} found in {text[:60]!r}"
            raise SourceError("init_names", detail)
        return names


def _text(raw: bytes, reason: str) -> str:
    text = raw.decode("latin-1")
    if not (text.isascii() and text.isprintable()):
        raise SourceError(reason, f"expected printable ASCII, got {raw[:60]!r}")
    return text


def _check_version(found: int, reason: str, message: str) -> None:
    if found != PROTOCOL_VERSION:
        detail = f"{message} protocol version {found}; this release reads {PROTOCOL_VERSION} only"
        raise SourceError(reason, detail)


def decode_init(message: bytes, limits: Limits) -> InitMessage:
    """Decode a whole INIT message, header included; the payload's checksum is not looked at.

    Raises
    ------
    SourceError
        `init_version`, `init_length`, `init_names` or `init_paths`.
    """
    _, _, version, process_id, run, header_size, event_header_size = INIT_FIXED.unpack_from(message)
    _check_version(version, "init_version", "INIT")
    fields = _Fields(message)
    release, process, output_module = (fields.short_text() for _ in range(3))
    output_module_id = fields.number()
    hlt_paths, hlt_selections, l1_names = (fields.names() for _ in range(3))
    if max(map(len, (hlt_paths, hlt_selections, l1_names))) > limits.max_paths:
        detail = (
            f"INIT names {len(hlt_paths)} HLT paths, {len(hlt_selections)} selections, "
            f"{len(l1_names)} L1 bits; at most {limits.max_paths} of each are read"
        )
        raise SourceError("init_paths", detail)
    adler32, length = fields.number(), fields.number()
    if fields.offset != header_size or fields.offset + length != len(message):
        detail = (
            f"INIT header of {fields.offset} bytes says {header_size}; payload of {length} bytes "
            f"in a message of {len(message)}"
        )
        raise SourceError("init_length", detail)
    return InitMessage(
        process_id=process_id,
        run=run,
        event_header_size=event_header_size,
        release=release,
        process=process,
        output_module=output_module,
        output_module_id=output_module_id,
        hlt_paths=hlt_paths,
        hlt_selections=hlt_selections,
        l1_names=l1_names,
        adler32=adler32,
        payload=fields.take(length),
    )


def _host(length: int, raw: bytes) -> str:
    name = raw.rstrip(b"\0")
    if length != HOST_LENGTH or b"\0" in name:
        detail = f"host name {raw!r} of length {length}, expected {HOST_LENGTH}, zero-padded"
        raise SourceError("host_name", detail)
    return _text(name, "host_name")


def decode_event(message: bytes) -> EventMessage:
    """Decode a whole EVENT message, header included; the payload stays as it is.

    Raises
    ------
    SourceError
        `event_version`, `event_length` or `host_name`.
    """
    (_, _, version, run, event, lumisection, original, module_id, dropped, l1_count) = (
        EVENT_FIXED.unpack_from(message)
    )
    _check_version(version, "event_version", "EVENT")
    l1_end = EVENT_FIXED.size + l1_size(l1_count)
    hlt_start = l1_end + _U32.size
    hlt_count = _U32.unpack_from(message, l1_end)[0] if hlt_start <= len(message) else 0
    hlt_end = hlt_start + packed_size(hlt_count)
    header = hlt_end + EVENT_TAIL.size
    if header > len(message):
        detail = (
            f"{l1_count} L1 bits and {hlt_count} HLT paths need a header of {header} bytes "
            f"or more, the message has {len(message)}"
        )
        raise SourceError("event_length", detail)
    adler32, host_length, host, length = EVENT_TAIL.unpack_from(message, hlt_end)
    if header + length != len(message):
        detail = f"{header} bytes of header + {length} of payload, message has {len(message)}"
        raise SourceError("event_length", detail)
    return EventMessage(
        run=run,
        event=event,
        lumisection=lumisection,
        original_size=original,
        output_module_id=module_id,
        dropped=dropped,
        l1_count=l1_count,
        l1_bits=message[EVENT_FIXED.size : l1_end],
        hlt_count=hlt_count,
        hlt_bits=message[hlt_start:hlt_end],
        adler32=adler32,
        host=_host(host_length, host),
        payload=message[header:],
    )
