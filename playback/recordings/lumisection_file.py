"""The file of one LS: bodies of its chunks, Arrow IPC streams one after another, as they were sent.

Bodies are kept byte by byte rather than written anew: then what is replayed bears the same
checksums, whichever language or release has made it.
"""

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from dqmstream.errors import SourceError
from dqmstream.sources.source import SourceChunk, SourceLumisection
from dqmstream.transport.folder import sync_folder
from playback.recordings.manifest import ChunkEntry, LumisectionEntry, digest

__all__ = ["PART", "bodies", "write_lumisection"]

PART: Final = ".part"
"""What the name of a file ends with while it is written."""


def write_lumisection(folder: Path, file: str, one: SourceLumisection) -> LumisectionEntry:
    """Write an LS; memory holds one chunk at a time. The file is there whole, or not at all.

    Without chunks no file is made.
    """
    path = folder / file
    unfinished = path.with_name(path.name + PART)
    checksum = digest()
    entries: list[ChunkEntry] = []
    stream: IO[bytes] | None = None
    try:
        for chunk in one.chunks():
            if stream is None:
                path.parent.mkdir(parents=True, exist_ok=True)
                stream = unfinished.open("wb")
            stream.write(chunk.body)
            checksum.update(chunk.body)
            entries.append(_entry(chunk))
        if stream is not None:
            stream.flush()
            os.fsync(stream.fileno())
    finally:
        if stream is not None:
            stream.close()
    if entries:
        unfinished.replace(path)
        sync_folder(path.parent)
    return LumisectionEntry(
        lumisection=one.lumisection,
        seconds=one.seconds,
        file=file if entries else "",
        checksum=checksum.hexdigest(),
        chunks=tuple(entries),
        notes=dict(one.notes()),
    )


def _entry(chunk: SourceChunk) -> ChunkEntry:
    return ChunkEntry(
        len(chunk.body),
        chunk.seen,
        chunk.selected,
        chunk.dropped,
        chunk.at,
        zlib.crc32(chunk.body),
    )


def bodies(folder: Path, entry: LumisectionEntry, where: str) -> Iterator[tuple[ChunkEntry, bytes]]:
    """Chunks of an LS with their bodies, each checked.

    Raises
    ------
    SourceError
        With reason `bad_recording` if the file is not there, ends early or has other bytes: names
        `where` (run, source, LS), file, chunk and byte.
    """
    if not entry.chunks:
        return
    path = folder / entry.file
    start = 0
    try:
        with path.open("rb") as stream:
            for number, chunk in enumerate(entry.chunks):
                body = stream.read(chunk.size)
                _check(chunk, body, f"{where}: {path}: chunk {number} at byte {start}")
                start += chunk.size
                yield chunk, body
    except OSError as error:
        raise SourceError("bad_recording", f"{where}: {path}: {error.strerror}") from error


def _check(chunk: ChunkEntry, body: bytes, where: str) -> None:
    if len(body) != chunk.size:
        detail = f"{where}: {len(body)} bytes, expected {chunk.size}: the file ends early"
        raise SourceError("bad_recording", detail)
    if chunk.checksum is not None and (found := zlib.crc32(body)) != chunk.checksum:
        detail = f"{where}: CRC-32 {found}, expected {chunk.checksum}: its bytes have changed"
        raise SourceError("bad_recording", detail)
