"""The wire codec: a message to (key, headers, value) and back, refused with a named reason.

Every record has the headers `type` and `schema` (the version of its fields) as text. Bodies are
MessagePack maps, except for an EventBatch: its value is the Arrow IPC stream itself and its chunk
identity travels in headers of its own, so that it is readable when the body is not.

A body that is large when written down whole (the reports of thousands of elements) travels
compressed: the header `encoding` is then `zstd`.

A newer version than this release knows is refused by name; an older one is brought up, one
version at a time, by the functions registered for it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import zstandard

from dqmstream.errors import UNDECODABLE, MessageError, UnknownVersionError
from dqmstream.messages.alarms import (
    AlarmCheckpoint,
    AlarmCondition,
    AlarmState,
    AlarmTransition,
)
from dqmstream.messages.booking import Activation, Booking
from dqmstream.messages.checkpoints import (
    AnalyserCheckpoint,
    FillerCheckpoint,
    FillerTenure,
    SourceCheckpoint,
)
from dqmstream.messages.chunk_headers import Headers, check_body, chunk_headers, chunk_of
from dqmstream.messages.configuration import ConfigurationVersion, RunSeen
from dqmstream.messages.display import EventDisplay
from dqmstream.messages.events import (
    EventBatch,
    LumisectionClose,
    LumisectionEnd,
    LumisectionOpen,
    RunClose,
    RunEnd,
    RunStart,
)
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.notifications import Delivery, NotifierStanding
from dqmstream.messages.operations import (
    Command,
    Conditions,
    Dead,
    Heartbeat,
)
from dqmstream.messages.quality import QualityReports
from dqmstream.messages.references import Reference, ReferenceContents
from dqmstream.messages.struct import Message

__all__ = [
    "CODEC",
    "MESSAGES",
    "Codec",
    "Wired",
]

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]

MESSAGES: Final[tuple[type[Message], ...]] = (
    Activation,
    AlarmCheckpoint,
    AlarmCondition,
    AlarmState,
    AlarmTransition,
    AnalyserCheckpoint,
    Booking,
    Command,
    Conditions,
    ConfigurationVersion,
    Dead,
    Delivery,
    EventBatch,
    EventDisplay,
    FillerCheckpoint,
    FillerTenure,
    Heartbeat,
    HistogramSet,
    LumisectionClose,
    LumisectionEnd,
    LumisectionOpen,
    NotifierStanding,
    QualityReports,
    Reference,
    ReferenceContents,
    RunClose,
    RunEnd,
    RunSeen,
    RunStart,
    SourceCheckpoint,
)

_MAX_TYPE_LENGTH: Final = 64
_COMPRESSED_FROM: Final = 256 << 10
_LARGEST_BODY: Final = 128 << 20


class Wired(NamedTuple):
    """A message as it travels: record headers and record value."""

    headers: tuple[tuple[str, bytes], ...]
    value: bytes


class Codec:
    """Encodes and decodes a closed family of message types.

    Parameters
    ----------
    messages
        The types, each with its current `version`.
    upgrades
        (type name, version) to a function that brings the decoded map of that version to the next.
    """

    def __init__(
        self,
        messages: Sequence[type[Message]],
        upgrades: Mapping[tuple[str, int], Upgrade] | None = None,
    ) -> None:
        self._types = {message.__name__: message for message in messages}
        self._current: dict[tuple[bytes | None, bytes | None], type[Message]] = {
            (name.encode(), str(message.version).encode()): message
            for name, message in self._types.items()
        }
        self._upgrades = dict(upgrades or {})
        self._encoder = msgspec.msgpack.Encoder()
        self._decoders = {
            name: msgspec.msgpack.Decoder(message) for name, message in self._types.items()
        }

    def encode(self, message: Message) -> Wired:
        """Headers and value of `message`."""
        name, version = type(message).__name__, type(message).version
        headers = (("type", name.encode()), ("schema", str(version).encode()))
        if isinstance(message, EventBatch):
            return Wired(headers + chunk_headers(message.chunk), message.body)
        body = self.body(message)
        if isinstance(message, QualityReports) and len(body) > _COMPRESSED_FROM:
            return Wired((*headers, ("encoding", b"zstd")), zstandard.compress(body, 1))
        return Wired(headers, body)

    def body(self, message: Message) -> bytes:
        """The body of `message` written down whole; none of an EventBatch's headers is in it."""
        return self._encoder.encode(message)

    def decode(self, headers: Headers, value: bytes | None) -> Message:
        """The message in a record.

        Raises
        ------
        UnknownVersionError
            If the record's schema version is newer than this release's.
        MessageError
            With reason `no_type`, `unknown_type`, `bad_schema`, `no_body`, `bad_body`,
            `bad_headers`, `bad_encoding` or `checksum`.
        """
        message = self.type_of(headers)
        name = message.__name__
        if message is EventBatch:
            chunk = chunk_of(headers)
            return EventBatch(chunk=chunk, body=check_body(chunk, value))
        if value is None:
            raise MessageError("no_body", f"{name}: expected a body, got a tombstone")
        header = dict(headers)
        found = int(header["schema"])
        if "encoding" in header:
            value = _decompressed(name, header["encoding"], value)
        try:
            if found == message.version:
                return self._decoders[name].decode(value)
            return self._upgraded(name, found, value)
        except UNDECODABLE as error:
            raise MessageError("bad_body", f"{name}: {error}") from error

    def type_of(self, headers: Headers) -> type[Message]:
        """The type a record says it has, if this release reads that type and version.

        Raises
        ------
        UnknownVersionError
            If the schema version is newer than this release's.
        MessageError
            With reason `no_type`, `unknown_type` or `bad_schema`.
        """
        header = dict(headers)
        current = self._current.get((header.get("type"), header.get("schema")))
        if current is not None:
            return current
        name = self._type_name(header)
        self._check_version(header, name)
        return self._types[name]

    def _type_name(self, header: Mapping[str, bytes]) -> str:
        if "type" not in header:
            raise MessageError("no_type", f"expected a header 'type', got {sorted(header)}")
        name = header["type"][:_MAX_TYPE_LENGTH].decode("utf-8", "replace")
        if name not in self._types:
            raise MessageError("unknown_type", f"{name!r} is none of {sorted(self._types)}")
        return name

    def _check_version(self, header: Mapping[str, bytes], name: str) -> None:
        raw = header.get("schema", b"")
        current = self._types[name].version
        if not raw.isdigit() or len(raw) > 6 or int(raw) < 1:
            raise MessageError(
                "bad_schema", f"{name}: header 'schema' is {raw[:20]!r}, expected 1.."
            )
        found = int(raw)
        if found > current:
            detail = f"{name} has schema version {found}, this release reads up to {current}"
            raise UnknownVersionError("unknown_version", detail)

    def _upgraded(self, name: str, found: int, value: bytes) -> Message:
        fields = msgspec.msgpack.decode(value, type=dict[str, Any])
        for version in range(found, self._types[name].version):
            if (name, version) not in self._upgrades:
                detail = f"{name} schema version {version} is no longer read"
                raise UnknownVersionError("unknown_version", detail)
            try:
                fields = self._upgrades[name, version](fields)
            except Exception as error:
                # The fields are whatever was sent: an upgrade need not expect them to be sound.
                detail = f"{name} schema version {version}: {type(error).__name__} {error}"
                raise MessageError("bad_body", detail) from error
        return msgspec.convert(fields, self._types[name])


def _decompressed(name: str, encoding: bytes, value: bytes) -> bytes:
    if encoding != b"zstd":
        detail = f"{name}: header 'encoding' is {encoding[:20]!r}, expected 'zstd'"
        raise MessageError("bad_encoding", detail)
    try:
        # Never more than a message can sanely be, whatever the body claims of itself.
        with zstandard.ZstdDecompressor().stream_reader(value) as reader:
            body = reader.read(_LARGEST_BODY + 1)
    except zstandard.ZstdError as error:
        raise MessageError("bad_body", f"{name}: {error}") from error
    if len(body) > _LARGEST_BODY:
        detail = f"{name}: more than {_LARGEST_BODY} bytes when decompressed"
        raise MessageError("bad_body", detail)
    return body


def _only_new_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """The next version has further fields, with defaults."""
    return fields


def _reference_or_none(fields: dict[str, Any]) -> dict[str, Any]:
    """QualityReports 3: references by version, several of them, in place of one by name."""
    reports = []
    for one in fields["reports"]:
        named = one.pop("reference", "")
        reports.append(one | {"references": [named] if named else []})
    return fields | {"reports": reports}


CODEC: Final = Codec(
    MESSAGES,
    {
        ("AlarmCheckpoint", 1): _only_new_fields,  # rules
        ("AlarmState", 1): _only_new_fields,  # all but where it stands
        ("AlarmTransition", 1): _only_new_fields,  # number, event, what it is of, what to do
        ("Booking", 1): _only_new_fields,  # analysis
        ("Conditions", 1): _only_new_fields,  # prescale_name, delivered, recorded, and two flags
        ("Conditions", 2): _only_new_fields,  # energy
        ("Heartbeat", 1): _only_new_fields,  # open, missing
        ("Heartbeat", 2): _only_new_fields,  # waits_for
        ("Heartbeat", 3): _only_new_fields,  # lines
        ("Heartbeat", 4): _only_new_fields,  # held
        ("ConfigurationVersion", 1): _only_new_fields,  # after_run, starts, notes
        ("HistogramSet", 1): _only_new_fields,  # heard, account.expired
        ("NotifierStanding", 1): _only_new_fields,  # routes, refused, problem, whole, origin
        ("QualityReports", 1): _only_new_fields,  # conditions
        ("QualityReports", 2): _reference_or_none,  # and of what window, what code, what tests
        ("QualityReports", 3): _only_new_fields,  # LSs before it that were looked at
        ("Reference", 1): _only_new_fields,  # valid.energies
        ("RunStart", 1): _only_new_fields,  # marks
        ("SourceCheckpoint", 1): _only_new_fields,  # what it decided
    },
)
