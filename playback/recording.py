"""A recording: chunks of events as they go into the log, in a folder with a manifest.

One file per recorded LS holds the chunk bodies (Arrow IPC streams) one after another; the manifest
says where each begins, how many events it has, and the checksum of the file.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from dqmstream.errors import SourceError
from dqmstream.identity import content_hash
from dqmstream.sources.source import SourceChunk, SourceLumisection

__all__ = [
    "Manifest",
    "RecordedChunk",
    "RecordedLumisection",
    "RecordedRun",
    "Recording",
    "is_recording",
    "record",
]

_MANIFEST: Final = "manifest.json"
_SCHEMA: Final = 1


class RecordedChunk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One chunk: `size` bytes from `start` on in the file of its LS."""

    start: int
    size: int
    seen: int
    selected: int
    at: float


class RecordedLumisection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One LS: its file, the file's blake2b checksum, and its chunks in order."""

    file: str
    checksum: str
    seconds: float
    chunks: tuple[RecordedChunk, ...]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a recording holds."""

    schema: int = _SCHEMA
    lumisections: tuple[RecordedLumisection, ...]


def record(lumisections: Iterable[SourceLumisection], folder: Path) -> "Recording":
    """Record the chunks of some LSs; memory holds one chunk at a time."""
    folder.mkdir(parents=True)
    recorded = tuple(
        _record_one(lumisection, folder, f"{number:06}.arrows")
        for number, lumisection in enumerate(lumisections)
    )
    (folder / _MANIFEST).write_bytes(msgspec.json.encode(Manifest(lumisections=recorded)))
    return Recording(folder)


def _record_one(lumisection: SourceLumisection, folder: Path, file: str) -> RecordedLumisection:
    chunks: list[RecordedChunk] = []
    checksum = hashlib.blake2b(digest_size=16)
    start = 0
    with (folder / file).open("xb") as stream:
        for chunk in lumisection.chunks():
            stream.write(chunk.body)
            checksum.update(chunk.body)
            chunks.append(
                RecordedChunk(
                    start=start,
                    size=len(chunk.body),
                    seen=chunk.seen,
                    selected=chunk.selected,
                    at=chunk.at,
                )
            )
            start += len(chunk.body)
    return RecordedLumisection(
        file=file,
        checksum=checksum.hexdigest(),
        seconds=lumisection.seconds,
        chunks=tuple(chunks),
    )


def is_recording(folder: Path) -> bool:
    """Whether a folder holds a recording."""
    return (folder / _MANIFEST).is_file()


class Recording:
    """A recording in a folder.

    Raises
    ------
    SourceError
        With reason `bad_recording` if the manifest cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            raw = (folder / _MANIFEST).read_bytes()
            self.manifest = msgspec.json.decode(raw, type=Manifest)
        except (OSError, msgspec.MsgspecError) as error:
            raise SourceError("bad_recording", f"{folder / _MANIFEST}: {error}") from error
        if self.manifest.schema != _SCHEMA:
            detail = f"{folder}: schema {self.manifest.schema}, this release reads {_SCHEMA}"
            raise SourceError("bad_recording", detail)

    def verify(self) -> None:
        """Compare all checksums; SourceError `bad_recording` names the first that differs."""
        for lumisection in self.manifest.lumisections:
            path = self.folder / lumisection.file
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16))
            if found.hexdigest() != lumisection.checksum:
                detail = f"{path}: checksum {found.hexdigest()}, recorded {lumisection.checksum}"
                raise SourceError("bad_recording", detail)

    def bodies(self, lumisection: RecordedLumisection) -> Iterator[tuple[RecordedChunk, bytes]]:
        """Chunks of one recorded LS with their bytes."""
        path = self.folder / lumisection.file
        with path.open("rb") as stream:
            for chunk in lumisection.chunks:
                stream.seek(chunk.start)
                body = stream.read(chunk.size)
                if len(body) != chunk.size:
                    detail = f"{path}: {len(body)} bytes at {chunk.start}, expected {chunk.size}"
                    raise SourceError("bad_recording", detail)
                yield chunk, body


class RecordedRun:
    """A recording as an `EventSource`: run 1, its LSs from 1 on.

    What run and LSs the events had is not recorded, so it is to be played as another run, by
    `playback.retiming`.
    """

    name = "recording"
    run = 1
    rereadable = True
    run_type = "pp_run"
    marks = ("re-timed",)
    first_lumisection = 1
    labels: Mapping[str, tuple[str, ...]] = {}

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.incarnation = content_hash([recording.manifest])

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        recorded = self.recording.manifest.lumisections
        for number in range(after + 1, len(recorded) + 1):
            yield _Played(self.recording, recorded[number - 1], number)


class _Played:
    def __init__(
        self, recording: Recording, recorded: RecordedLumisection, lumisection: int
    ) -> None:
        self.lumisection = lumisection
        self.seconds = recorded.seconds
        self._recording = recording
        self._recorded = recorded

    def chunks(self) -> Iterator[SourceChunk]:
        for chunk, body in self._recording.bodies(self._recorded):
            yield SourceChunk(body=body, seen=chunk.seen, selected=chunk.selected, at=chunk.at)

    def notes(self) -> Mapping[str, int]:
        return {}
