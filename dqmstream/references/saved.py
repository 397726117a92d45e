"""A catalogue as a file: the versions that stood when it was saved, with all their contents.

What had expired then is not in it, so that it is read the same at any time. It holds the records as
they were on the log, in the order of names: what is the same is the same file, byte by byte.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from dqmstream.errors import UNDECODABLE, ConfigurationError, MessageError
from dqmstream.messages.references import Reference, ReferenceContents
from dqmstream.messages.struct import Message
from dqmstream.messages.wire import CODEC
from dqmstream.references.catalogue import Catalogue
from dqmstream.references.contents import MOST_BYTES, ReferenceData, unpack
from dqmstream.references.identity import shown_name

__all__ = ["SUFFIX", "SavedCatalogue", "encode_catalogue", "lasting", "read_catalogue"]

SUFFIX: Final = ".references"
_MOST_VERSIONS: Final = 10_000
_MOST_FILE: Final = 16 * MOST_BYTES


class _Record(msgspec.Struct, frozen=True, array_like=True):
    headers: tuple[tuple[str, bytes], ...]
    value: bytes


class _File(msgspec.Struct, frozen=True, kw_only=True, tag_field="format", tag="references"):
    schema: Literal[1] = 1
    records: Annotated[tuple[_Record, ...], msgspec.Meta(max_length=100 * _MOST_VERSIONS)]


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedCatalogue:
    """What a file has.

    Parameters
    ----------
    catalogue
        All of its versions.
    contents
        Of each, by their digest.
    """

    catalogue: Catalogue
    contents: Mapping[str, ReferenceData]

    def data(self, reference: Reference) -> ReferenceData | None:
        """Contents of a version."""
        return self.contents.get(reference.digest)


def lasting(catalogue: Catalogue, now: int) -> tuple[Reference, ...]:
    """The versions that stand, without those that have expired at `now` (nanoseconds since 1970):
    chosen from these alone is what is chosen from all of the catalogue.

    A version that has expired still stands before the older ones of its name: these are left out.
    """
    return tuple(
        one
        for one in catalogue.versions
        if catalogue.stands(one) and (one.expires is None or one.expires > now)
    )


def encode_catalogue(
    versions: Iterable[Reference], parts: Mapping[str, Sequence[ReferenceContents]]
) -> bytes:
    """A file of these versions; `parts` are the contents of each, by digest, in order."""
    chosen = sorted(versions, key=lambda one: (one.workspace, one.name, one.number, one.id))
    digests = dict.fromkeys(one.digest for one in chosen)
    messages: list[Message] = [part for digest in digests for part in parts[digest]]
    wired = map(CODEC.encode, [*messages, *chosen])
    records = tuple(_Record(headers, value) for headers, value in wired)
    return msgspec.msgpack.encode(_File(records=records))


def read_catalogue(file: Path, workspaces: Collection[str] | None = None) -> SavedCatalogue:
    """The catalogue in a file.

    Parameters
    ----------
    workspaces
        Whose versions are wanted: those of others are left out. None takes all.

    Raises
    ------
    ConfigurationError
        If it cannot be read, is no such file, or is damaged.
    """
    try:
        size = file.stat().st_size
        if size > _MOST_FILE:
            msg = f"references {file}: {size} bytes, expected at most {_MOST_FILE}"
            raise ConfigurationError(msg)
        return _decoded(file.read_bytes(), workspaces)
    except OSError as error:
        msg = f"references {file}: cannot be read: {error.strerror}"
        raise ConfigurationError(msg) from error
    except UNDECODABLE as error:
        msg = f"references {file}: not what `dqmstream references save` writes: {error}"
        raise ConfigurationError(msg) from error
    except MessageError as error:
        msg = f"references {file}: {error}"
        raise ConfigurationError(msg) from error


def _decoded(body: bytes, workspaces: Collection[str] | None) -> SavedCatalogue:
    catalogue = Catalogue()
    parts: dict[str, dict[int, ReferenceContents]] = {}
    for record in msgspec.msgpack.decode(body, type=_File).records:
        message = CODEC.decode(record.headers, record.value)
        if isinstance(message, Reference):
            if workspaces is None or message.workspace in workspaces:
                catalogue.take(message)
        elif isinstance(message, ReferenceContents):
            parts.setdefault(message.digest, {})[message.part] = message
    contents = {}
    for one in catalogue.versions:
        own = parts.get(one.digest, {})
        if len(own) != one.parts:
            detail = f"{shown_name(one)} of {one.workspace}: {len(own)} of {one.parts} parts"
            raise MessageError("bad_reference", f"{detail} of its contents are there")
        if one.digest not in contents:
            contents[one.digest] = unpack(one.digest, [own[n].body for n in sorted(own)])
    return SavedCatalogue(catalogue=catalogue, contents=contents)
