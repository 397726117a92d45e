"""Chunks of LSs that are not whole yet, on the disk until they are put in order."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from dqmstream.messages.events import Chunk
from dqmstream.sources.source import SourceChunk
from playback.recordings.gathering import Gathered, Key
from playback.recordings.lumisection_file import PART

__all__ = ["GatheredLumisection", "Spool"]

_FILE: Final = "waiting{number}" + PART


class Spool:
    """A file for each LS that waits, its chunks in the order in which they came.

    What it holds in memory is where each chunk lies. Every call blocks.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[Key, Path] = {}
        self._chunks: dict[int, tuple[Chunk, int, int]] = {}
        """Place to the chunk's headers, and where its body begins and how long it is."""
        self._made = 0

    def put(self, key: Key, place: int, chunk: Chunk, body: bytes) -> None:
        """Keep a chunk."""
        path = self._files.get(key)
        if path is None:
            path = self._files[key] = self._folder / _FILE.format(number=self._made)
            self._made += 1
        with path.open("ab") as stream:
            self._chunks[place] = chunk, stream.tell(), len(body)
            stream.write(body)

    def take(self, gathered: Gathered, seconds: float) -> "GatheredLumisection":
        """An LS, to be read once; `drop` it then."""
        chunks = {place: self._chunks[place] for place in gathered.places}
        return GatheredLumisection(gathered, self._files.get(gathered.key), chunks, seconds)

    def drop(self, gathered: Gathered) -> None:
        """Forget an LS that was recorded."""
        for place in gathered.places:
            del self._chunks[place]
        path = self._files.pop(gathered.key, None)
        if path is not None:
            path.unlink()


class GatheredLumisection:
    """An LS out of the log, as a source would give it.

    Event times do not travel on the log: those of its chunks are spread over the LS by the events
    that they stand for, so they do not depend on when they were sent.
    """

    def __init__(
        self,
        gathered: Gathered,
        path: Path | None,
        chunks: Mapping[int, tuple[Chunk, int, int]],
        seconds: float,
    ) -> None:
        self.lumisection = gathered.key.lumisection
        self.seconds = seconds
        self._gathered = gathered
        self._path = path
        self._chunks = chunks

    def chunks(self) -> Iterator[SourceChunk]:
        if self._path is None:
            return
        total = sum(chunk.seen for chunk, _, _ in self._chunks.values())
        seen = 0
        with self._path.open("rb") as stream:
            for place in self._gathered.places:
                chunk, start, size = self._chunks[place]
                stream.seek(start)
                seen += chunk.seen
                yield SourceChunk(
                    body=stream.read(size),
                    seen=chunk.seen,
                    selected=chunk.selected,
                    dropped=chunk.dropped,
                    at=self.seconds * seen / max(total, 1),
                )

    def notes(self) -> Mapping[str, int]:
        return self._gathered.notes
