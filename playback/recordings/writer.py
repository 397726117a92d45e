"""Making a recording: LS after LS onto the disk, the manifest last: a crash loses one LS."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import pyarrow as pa
from msgspec import structs

from dqmstream import __version__
from dqmstream.errors import ConfigurationError
from dqmstream.identity import content_hash, stable_hash
from dqmstream.messages.events import EventBatch, LumisectionEnd, RunStart
from dqmstream.messages.operations import Conditions
from dqmstream.sources.source import SourceLumisection
from dqmstream.transport.folder import sync_folder
from playback.recordings.journal import JOURNAL, Begun, Journal, RecordedLine, SourceLine
from playback.recordings.lumisection_file import PART, bodies, write_lumisection
from playback.recordings.manifest import (
    MANIFEST,
    SCHEMA,
    ConditionsEntry,
    LumisectionEntry,
    Manifest,
    RunEntry,
    SourceEntry,
    checksum_of,
    contents_checksum,
    encode_manifest,
)
from playback.recordings.recording import Recording, is_recording

__all__ = ["RecordingWriter"]

CONDITIONS: Final = "conditions.jsonl"


class RecordingWriter:
    """A recording while it is made; going on with one that was not ended.

    Parameters
    ----------
    folder
        Made if it is not there; else empty, or with what an earlier life left of this recording.
    request
        Anything that names all that decides what is recorded: the same request goes on.
    origin
        What is recorded, in words.
    made
        When (UTC, ISO 8601); an earlier life's outweighs it.
    ends
        Offsets up to which each partition of a log is read; an earlier life's outweigh them.

    Raises
    ------
    ConfigurationError
        If the folder holds something else, or another process records into it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        request: object,
        origin: Sequence[str] = (),
        made: str = "",
        ends: Mapping[int, int] | None = None,
    ) -> None:
        self.folder = folder
        _check_free(folder)
        folder.mkdir(parents=True, exist_ok=True)
        begun = Begun(
            schema=SCHEMA,
            request=content_hash(request),
            made=made,
            origin=tuple(origin),
            ends=dict(ends or {}),
        )
        self._journal = Journal(folder, begun)
        self._sources: dict[tuple[int, str], SourceEntry] = {}
        self._done: dict[tuple[int, str], dict[int, LumisectionEntry]] = {}
        for line in self._journal.lines[1:]:
            if isinstance(line, SourceLine):
                self._sources[line.run, line.source.name] = line.source
            elif isinstance(line, RecordedLine):
                self._done.setdefault((line.run, line.source), {})[line.entry.lumisection] = (
                    line.entry
                )
        for left in folder.rglob(f"*{PART}"):
            left.unlink()

    @property
    def ends(self) -> Mapping[int, int]:
        """Offsets up to which each partition of a log is read."""
        return self._journal.begun.ends

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.close()

    def add_source(self, run: int, entry: SourceEntry) -> None:
        """Announce a source of a run; the first announcement stays."""
        if (run, entry.name) not in self._sources:
            self._journal.append(SourceLine(run=run, source=entry))
            self._sources[run, entry.name] = entry

    def entry(self, run: int, source: str, lumisection: int) -> LumisectionEntry | None:
        """What of an LS is recorded already."""
        return self._done.get((run, source), {}).get(lumisection)

    def recorded(self) -> Iterator[tuple[int, int]]:
        """Run and LS of all that is on the disk."""
        for (run, _), entries in self._done.items():
            yield from ((run, number) for number in entries)

    def add(self, run: int, source: str, one: SourceLumisection) -> LumisectionEntry:
        """Record one LS; when this returns it survives a loss of power."""
        file = f"{_folder_of(run, source)}/{one.lumisection:06}.arrows"
        written = write_lumisection(self.folder, file, one)
        self._journal.append(RecordedLine(run=run, source=source, entry=written))
        self._done.setdefault((run, source), {})[one.lumisection] = written
        return written

    def finish(
        self,
        conditions: Sequence[Conditions] = (),
        *,
        refused: Mapping[tuple[int, str], Mapping[str, int]] | None = None,
        own_numbers: bool = True,
    ) -> Recording:
        """Write the manifest: from here on it is a recording.

        Raises
        ------
        ConfigurationError
            If nothing was recorded.
        """
        if not any(self._done.values()):
            msg = f"{self.folder}: nothing to record: no LS of what was asked for has come"
            raise ConfigurationError(msg)
        runs = self._runs(refused or {})
        begun = self._journal.begun
        types = (EventBatch, LumisectionEnd, RunStart, Conditions)
        manifest = Manifest(
            made=begun.made,
            by=__version__,
            origin=begun.origin,
            messages={one.__name__: one.version for one in types},
            runs=runs,
            conditions=self._write_conditions(conditions),
            own_numbers=own_numbers,
            contents=contents_checksum(runs),
        )
        _write_whole(self.folder / MANIFEST, encode_manifest(manifest))
        self._journal.remove()
        sync_folder(self.folder)
        return Recording(self.folder)

    def _runs(self, refused: Mapping[tuple[int, str], Mapping[str, int]]) -> tuple[RunEntry, ...]:
        by_run: dict[int, list[SourceEntry]] = {}
        for (run, name), entry in sorted(self._sources.items()):
            done = self._done.get((run, name), {})
            lumisections = tuple(done[number] for number in sorted(done))
            columns = self._columns(lumisections)
            whole = structs.replace(
                entry,
                lumisections=lumisections,
                columns=columns,
                columns_hash=content_hash(list(columns.items())),
                refused=dict(refused.get((run, name), {})),
            )
            by_run.setdefault(run, []).append(whole)
        return tuple(RunEntry(run=run, sources=tuple(by_run[run])) for run in sorted(by_run))

    def _columns(self, lumisections: Sequence[LumisectionEntry]) -> dict[str, str]:
        """Columns of the first chunk; what cannot be read has none, and is a filler's to refuse."""
        for entry in lumisections:
            for _, body in bodies(self.folder, entry, f"LS {entry.lumisection}"):
                try:
                    with pa.ipc.open_stream(body) as stream:
                        return dict(_named(stream.schema))
                except (pa.ArrowException, OSError):
                    return {}
        return {}

    def _write_conditions(self, rows: Sequence[Conditions]) -> ConditionsEntry | None:
        if not rows:
            return None
        raw = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
        _write_whole(self.folder / CONDITIONS, raw)
        return ConditionsEntry(file=CONDITIONS, checksum=checksum_of(raw), lumisections=len(rows))


def _check_free(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        msg = f"{folder} is a file, expected a folder to record into"
        raise ConfigurationError(msg)
    # With both a journal and a manifest it was killed at the very end: there is that to finish.
    if is_recording(folder) and not (folder / JOURNAL).exists():
        msg = f"{folder} holds a recording already: expected an empty folder, or a new one"
        raise ConfigurationError(msg)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / JOURNAL).exists():
        msg = f"{folder} is not empty and holds no recording that was begun: use another folder"
        raise ConfigurationError(msg)


def _folder_of(run: int, source: str) -> str:
    """Names of sources are anybody's: as a folder they are letters, and a hash if they were not."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", source)[:60].strip(".") or "_"
    if plain != source:
        plain += f"-{stable_hash(source):016x}"
    return f"run{run:06}/{plain}"


def _named(schema: pa.Schema) -> Iterable[tuple[str, str]]:
    for field in schema:
        kind: Any = field.type
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            yield field.name, "list"
            of = kind.value_type
            members = list(of) if pa.types.is_struct(of) else []
            yield from ((f"{field.name}.{one.name}", str(one.type)) for one in members)
        else:
            yield field.name, str(kind)


def _write_whole(path: Path, raw: bytes) -> None:
    unfinished = path.with_name(path.name + PART)
    with unfinished.open("wb") as stream:
        stream.write(raw)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(path)
    sync_folder(path.parent)
