"""A recording in a folder: its manifest, its LSs with their chunks, and whether it is sound."""

import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import msgspec

from dqmstream.errors import MessageError, SourceError
from dqmstream.messages.operations import Conditions
from playback.recordings.journal import JOURNAL
from playback.recordings.lumisection_file import bodies
from playback.recordings.manifest import (
    MANIFEST,
    ChunkEntry,
    LumisectionEntry,
    Manifest,
    RunEntry,
    SourceEntry,
    checksum_of,
    contents_checksum,
    decode_manifest,
    digest,
)
from playback.recordings.played import RecordedRun

__all__ = ["Problem", "Recording", "is_recording"]


class Problem(NamedTuple):
    """What is wrong with a file of a recording."""

    file: str
    where: str
    """Run, source and LS; empty for what belongs to none."""
    what: str
    """What was found, and what was expected."""

    def __str__(self) -> str:
        return ": ".join(part for part in self if part)


def is_recording(folder: Path) -> bool:
    """Whether a folder holds a recording, whole or not."""
    return (folder / MANIFEST).is_file()


class Recording:
    """A recording in a folder, of this or an earlier schema.

    Raises
    ------
    SourceError
        With reason `bad_recording` if the manifest cannot be read or was changed, or `unfinished`
        if recording was cut short.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / MANIFEST
        try:
            raw = path.read_bytes()
        except OSError as error:
            if (folder / JOURNAL).exists():
                detail = f"{folder}: recording was cut short: record again to go on with it"
                raise SourceError("unfinished", detail) from error
            raise SourceError("bad_recording", f"{path}: {error.strerror}") from error
        self.manifest: Manifest = decode_manifest(raw, str(path))

    @cached_property
    def runs(self) -> tuple[tuple[RecordedRun, ...], ...]:
        """Each run as the sources that it had, to be played or read side by side."""
        return tuple(
            tuple(
                RecordedRun(self.folder, run.run, source, own=self.manifest.own_numbers)
                for source in run.sources
            )
            for run in self.manifest.runs
        )

    @property
    def sources(self) -> tuple[RecordedRun, ...]:
        """All sources of all runs."""
        return tuple(source for run in self.runs for source in run)

    @property
    def contents(self) -> str:
        """Checksum of all events: equal in two recordings of the same ones."""
        return self.manifest.contents or contents_checksum(self.manifest.runs)

    def conditions(self) -> tuple[Conditions, ...]:
        """What is known of the LSs besides their events, by run and LS.

        Raises
        ------
        SourceError
            With reason `bad_recording` if the file is not as it was written.
        """
        entry = self.manifest.conditions
        if entry is None:
            return ()
        path = self.folder / entry.file
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise SourceError("bad_recording", f"{path}: {error.strerror}") from error
        checksum = checksum_of(raw)
        if checksum != entry.checksum:
            detail = f"{path}: checksum {checksum}, expected {entry.checksum}"
            raise SourceError("bad_recording", detail)
        known = self.manifest.messages.get("Conditions", Conditions.version)
        if known > Conditions.version:
            detail = (
                f"{path}: conditions of version {known}, this release reads {Conditions.version}"
            )
            raise SourceError("bad_recording", detail)
        try:
            return tuple(
                msgspec.json.decode(line, type=Conditions) for line in raw.splitlines() if line
            )
        except msgspec.MsgspecError as error:
            raise SourceError("bad_recording", f"{path}: {error}") from error

    def bodies(self, entry: LumisectionEntry) -> Iterator[tuple[ChunkEntry, bytes]]:
        """Chunks of one LS with their bodies, each checked; see `lumisection_file.bodies`."""
        return bodies(self.folder, entry, f"LS {entry.lumisection}")

    def problems(self) -> Iterator[Problem]:
        """All that is wrong with it, file by file. Reads everything, one chunk at a time."""
        expected = {MANIFEST}
        for run, source, entry in self.manifest.lumisections():
            if entry.file:
                expected.add(entry.file)
                where = _where(run, source, entry)
                yield from (Problem(entry.file, where, what) for what in self._wrong(entry))
        if self.manifest.conditions is not None:
            expected.add(self.manifest.conditions.file)
            try:
                self.conditions()
            except SourceError as error:
                yield Problem(self.manifest.conditions.file, "", error.detail)
        found = contents_checksum(self.manifest.runs)
        if self.manifest.contents and found != self.manifest.contents:
            what = f"its LSs have checksum {found}, expected {self.manifest.contents}"
            yield Problem(MANIFEST, "", what)
        there = {
            path.relative_to(self.folder).as_posix()
            for path in self.folder.rglob("*")
            if path.is_file()
        }
        for file in sorted(there - expected - {JOURNAL}):
            yield Problem(file, "", "is not in the manifest")

    def verify(self) -> None:
        """SourceError `bad_recording` with the first problem, if there is one."""
        for problem in self.problems():
            raise SourceError("bad_recording", f"{self.folder}: {problem}")

    def _wrong(self, entry: LumisectionEntry) -> Iterator[str]:
        """What is wrong with the file of an LS."""
        from dqmstream.booking.columns import decode_batch  # noqa: PLC0415 heavy

        path = self.folder / entry.file
        try:
            size = path.stat().st_size
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, digest)
        except OSError as error:
            yield str(error.strerror)
            return
        if size != entry.bytes:
            yield f"{size} bytes, expected {entry.bytes}"
        elif found.hexdigest() != entry.checksum:
            yield f"checksum {found.hexdigest()}, expected {entry.checksum}"
        start = 0
        try:
            for number, (chunk, body) in enumerate(self.bodies(entry)):
                try:
                    decode_batch(body, selected=chunk.selected)
                except MessageError as error:
                    yield f"chunk {number} at byte {start}: {error}"
                start += chunk.size
        except SourceError as error:
            yield error.detail


def _where(run: RunEntry, source: SourceEntry, entry: LumisectionEntry) -> str:
    return f"run {run.run} LS {entry.lumisection} of {source.name}"
