"""Identity of a chunk of events in headers of its own, readable when the body is not."""

import zlib
from collections.abc import Sequence

import msgspec

from dqmstream.errors import MessageError
from dqmstream.messages.events import Chunk

__all__ = ["Headers", "body_checksum", "check_body", "chunk_headers", "chunk_of"]

Headers = Sequence[tuple[str, bytes]]


def body_checksum(body: bytes) -> int:
    """CRC-32 (zlib's polynomial) of an EventBatch's body."""
    return zlib.crc32(body)


def chunk_headers(chunk: Chunk) -> tuple[tuple[str, bytes], ...]:
    """The identity of an EventBatch as headers: a text for each field."""
    fields = msgspec.structs.asdict(chunk)
    return tuple((name, str(value).encode()) for name, value in fields.items())


def chunk_of(headers: Headers) -> Chunk:
    """The identity of an EventBatch, from its headers alone.

    Raises
    ------
    MessageError
        With reason `bad_headers` if one is missing or of another form.
    """
    header = dict(headers)
    try:
        fields = {name: header[name].decode() for name in Chunk.__struct_fields__}
        return msgspec.convert(fields, Chunk, strict=False)
    except KeyError as error:
        raise MessageError("bad_headers", f"EventBatch: no header {error}") from error
    except (ValueError, msgspec.ValidationError) as error:
        raise MessageError("bad_headers", f"EventBatch: {error}") from error


def check_body(chunk: Chunk, body: bytes | None) -> bytes:
    """The body, if it is the one the headers announce.

    Raises
    ------
    MessageError
        With reason `no_body` or `checksum`.
    """
    if body is None:
        raise MessageError("no_body", "EventBatch: expected a body, got a tombstone")
    found = body_checksum(body)
    if found != chunk.checksum:
        detail = (
            f"EventBatch run {chunk.run} LS {chunk.lumisection} source {chunk.source!r} chunk "
            f"{chunk.number}: body has CRC-32 {found}, headers say {chunk.checksum}"
        )
        raise MessageError("checksum", detail)
    return body
