"""What a gateway remembers of the sources that speak through it.

Nothing rests on it: it only tells a client at once what the fold would find out later, and saves
writing a repeat. After a restart it begins empty, and all is as right as before.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from dqmstream.producing.outbox import EndedLumisection
from services.gateway.problems import ProblemError

__all__ = ["ChunkId", "Remembered", "SourceId", "SourceMemory", "Written", "check_kind"]

_KEPT: Final = 64
"""LSs that are remembered of a source behind the last it has ended."""


class SourceId(NamedTuple):
    """One incarnation of a source in a run."""

    run: int
    source: str
    incarnation: str


class ChunkId(NamedTuple):
    """One chunk."""

    of: SourceId
    lumisection: int
    number: int


class Written(NamedTuple):
    """What a chunk is, as its headers say."""

    checksum: int
    seen: int
    selected: int
    dropped: int


@dataclass(slots=True)
class SourceMemory:
    """One incarnation, as far as it spoke here.

    `done` is the last LS up to which all are known to be ended, `noted` the one that the log's
    checkpoint names, `ended` what was said at the end of LSs here, `chunks` one more than the
    highest chunk written of an LS.
    """

    rereadable: bool
    done: int
    noted: int
    run_ended: bool = False
    ended: dict[int, EndedLumisection] = field(default_factory=dict)
    chunks: dict[int, int] = field(default_factory=dict)

    def end(self, said: EndedLumisection) -> None:
        """An LS is ended in the log; `done` moves over all that are ended without a gap."""
        self.ended[said.lumisection] = said
        while self.done + 1 in self.ended:
            self.done += 1
        for known in (self.ended, self.chunks):
            for old in [each for each in known if each < self.done - _KEPT]:
                del known[old]

    def write(self, lumisection: int, number: int) -> None:
        """A chunk is in the log."""
        if lumisection >= self.done - _KEPT:
            self.chunks[lumisection] = max(self.chunks.get(lumisection, 0), number + 1)


class Remembered:
    """All of them; of more than so many the one that was silent for longest is forgotten.

    Parameters
    ----------
    sources, chunks
        How many are kept.
    """

    def __init__(self, *, sources: int, chunks: int) -> None:
        self._most_sources = sources
        self._most_chunks = chunks
        self._sources: OrderedDict[SourceId, SourceMemory] = OrderedDict()
        self._chunks: OrderedDict[ChunkId, Written] = OrderedDict()

    def source(self, of: SourceId) -> SourceMemory | None:
        """What is known of a source."""
        found = self._sources.get(of)
        if found is not None:
            self._sources.move_to_end(of)
        return found

    def begin(self, of: SourceId, memory: SourceMemory) -> SourceMemory:
        """Remember a source from now on; what was known of it already stays."""
        found = self._sources.setdefault(of, memory)
        self._sources.move_to_end(of)
        if len(self._sources) > self._most_sources:
            self._sources.popitem(last=False)
        return found

    def chunk(self, chunk: ChunkId) -> Written | None:
        """What was written as this chunk."""
        return self._chunks.get(chunk)

    def write(self, chunk: ChunkId, written: Written) -> None:
        """The log has a chunk."""
        self._chunks[chunk] = written
        self._chunks.move_to_end(chunk)
        if len(self._chunks) > self._most_chunks:
            self._chunks.popitem(last=False)
        source = self._sources.get(chunk.of)
        if source is not None:
            source.write(chunk.lumisection, chunk.number)


def check_kind(speaker: SourceId, memory: SourceMemory, *, rereadable: bool) -> None:
    """ProblemError 409 if a source says that it is `rereadable`, or not, and began otherwise."""
    if memory.rereadable is not rereadable:
        kinds = {True: "re-readable", False: "live"}
        detail = (
            f"run {speaker.run} {speaker.source!r} incarnation {speaker.incarnation!r} began as "
            f"{kinds[memory.rereadable]}, now it says that it is {kinds[rereadable]}"
        )
        raise ProblemError(409, detail)
