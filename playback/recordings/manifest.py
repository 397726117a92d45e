"""What a recording says of itself: runs, sources, LSs and chunks, and checksums of all of it.

The manifest is one JSON document. Its last field is the checksum of the bytes before it, so that a
flipped bit in the manifest is found as one in the events is.
"""

import hashlib
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Annotated, Any, Final

import msgspec

from dqmstream.errors import SourceError
from playback.recordings.first_form import upgraded

__all__ = [
    "MANIFEST",
    "SCHEMA",
    "ChunkEntry",
    "ConditionsEntry",
    "LumisectionEntry",
    "Manifest",
    "RunEntry",
    "SourceEntry",
    "checksum_of",
    "contents_checksum",
    "decode_manifest",
    "digest",
    "encode_manifest",
]

MANIFEST: Final = "manifest.json"
SCHEMA: Final = 2
_CHECKSUM: Final = b',"checksum":"'

Count = Annotated[int, msgspec.Meta(ge=0)]
Number = Annotated[int, msgspec.Meta(ge=1)]


def digest() -> "hashlib.blake2b":
    """A new checksum as all files of a recording have it: BLAKE2b of 16 bytes."""
    return hashlib.blake2b(digest_size=16)


def checksum_of(raw: bytes) -> str:
    """That of some bytes, in hex digits."""
    checksum = digest()
    checksum.update(raw)
    return checksum.hexdigest()


class ChunkEntry(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One chunk of an LS, in the order of their numbers.

    `size` is that of its body in bytes, which begins where the one before it ends; `at` is the
    event time of its last event in seconds since the start of the LS; `checksum` the CRC-32 of the
    body, None where an earlier form of recordings has none.
    """

    size: Count
    seen: Count
    selected: Count
    dropped: Count
    at: float
    checksum: int | None


class LumisectionEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One LS of a source: its file, empty if it has no chunks, and the file's checksum.

    `seconds` is its length in seconds of data taking; `notes` count by reason what the source
    could not use, and what a log did not have of it.
    """

    lumisection: Number
    seconds: float
    file: str
    checksum: str
    chunks: tuple[ChunkEntry, ...]
    notes: dict[str, int] = {}

    @property
    def bytes(self) -> int:
        """Size of the file."""
        return sum(chunk.size for chunk in self.chunks)

    @property
    def seen(self) -> int:
        """Events that the source read."""
        return sum(chunk.seen for chunk in self.chunks)

    @property
    def selected(self) -> int:
        """Events that are here."""
        return sum(chunk.selected for chunk in self.chunks)

    @property
    def dropped(self) -> int:
        """Events that the source lost knowingly."""
        return sum(chunk.dropped for chunk in self.chunks)


class SourceEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One source in one run, as it announced itself, with its LSs in rising order.

    `incarnations` are those whose chunks were recorded; `columns` name the columns of the first
    chunk, members of collections as `collection.member`, with their types.
    """

    name: str
    incarnations: tuple[str, ...]
    rereadable: bool
    run_type: str
    first_lumisection: Number
    marks: tuple[str, ...] = ()
    labels: dict[str, tuple[str, ...]] = {}
    columns: dict[str, str] = {}
    columns_hash: str = ""
    refused: dict[str, int] = {}
    """Chunks in the log that belong to no LS of this recording, by reason."""
    lumisections: tuple[LumisectionEntry, ...] = ()


class RunEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run with its sources."""

    run: Number
    sources: tuple[SourceEntry, ...]


class ConditionsEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file of conditions: one `Conditions` as JSON on each line."""

    file: str
    checksum: str
    lumisections: Count


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a recording holds, and where it comes from.

    `made` is when it was begun (UTC, ISO 8601), `by` the version of dqmstream; `origin` says in
    words what was recorded; `messages` are the schema versions of what it is made of; `contents` is
    the checksum of all events: equal in two recordings of the same events, whenever and however
    they were made. `own_numbers` is False if runs and LSs are not those that the events had.
    """

    schema: int = SCHEMA
    made: str
    by: str
    origin: tuple[str, ...]
    messages: dict[str, int]
    runs: tuple[RunEntry, ...]
    conditions: ConditionsEntry | None = None
    own_numbers: bool = True
    contents: str

    def lumisections(self) -> Iterable[tuple[RunEntry, SourceEntry, LumisectionEntry]]:
        """All of them, by run, source and LS."""
        for run in self.runs:
            for source in run.sources:
                for lumisection in source.lumisections:
                    yield run, source, lumisection


def contents_checksum(runs: Iterable[RunEntry]) -> str:
    """Checksum of what the events are: bodies and counts, by run, source, LS and chunk.

    Neither times nor notes are in it: they do not decide what a histogram holds, and event times do
    not travel on the log.
    """
    whole = digest()
    for run in sorted(runs, key=lambda one: one.run):
        for source in sorted(run.sources, key=lambda one: one.name):
            for one in source.lumisections:
                counts = [(c.size, c.seen, c.selected, c.dropped) for c in one.chunks]
                said = [run.run, source.name, one.lumisection, one.checksum, counts]
                whole.update(msgspec.msgpack.encode(said))
    return whole.hexdigest()


def encode_manifest(manifest: Manifest) -> bytes:
    """The document, sealed by its checksum."""
    raw = msgspec.json.encode(manifest).removesuffix(b"}")
    return raw + _CHECKSUM + checksum_of(raw).encode() + b'"}'


def decode_manifest(raw: bytes, where: str) -> Manifest:
    """The manifest in a document of this or an earlier form.

    Raises
    ------
    SourceError
        With reason `bad_recording` if it is not one, is damaged or of a later form: names `where`.
    """
    try:
        document: Any = msgspec.json.decode(raw)
        schema = document.get("schema") if isinstance(document, dict) else None
        if schema == 1:
            document = upgraded(document)
        elif schema == SCHEMA:
            _check_sum(raw, where)
            document.pop("checksum", None)
        else:
            detail = f"{where}: schema {schema!r:.40}, this release reads 1 to {SCHEMA}"
            raise SourceError("bad_recording", detail)
        manifest = msgspec.convert(document, Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError("bad_recording", f"{where}: {error}") from error
    for file in _files(manifest):
        _check_inside(file, where)
    return manifest


def _check_sum(raw: bytes, where: str) -> None:
    said, mark, checksum = raw.rpartition(_CHECKSUM)
    found = checksum_of(said)
    if not mark or checksum.strip() != found.encode() + b'"}':
        detail = f"{where}: checksum {found}, the document says {checksum[:40]!r}: it was changed"
        raise SourceError("bad_recording", detail)


def _files(manifest: Manifest) -> Iterable[str]:
    yield from (one.file for _, _, one in manifest.lumisections() if one.file)
    if manifest.conditions is not None:
        yield manifest.conditions.file


def _check_inside(file: str, where: str) -> None:
    """A manifest may come from anybody: it names files of its own folder, and no others."""
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts or "\0" in file or not path.parts:
        detail = f"{where}: names file {file!r:.80}, expected one inside the recording"
        raise SourceError("bad_recording", detail)
