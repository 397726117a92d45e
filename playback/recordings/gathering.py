"""Which records of `dqm.events` make up which LS: a pure state machine over partitions.

Records of the partitions come in any mixture. An LS of a source is whole once its LumisectionEnd
has been read and as many chunks as that says. Until then its chunks wait; those of a live source
wait until all is read, for another life of it may have spoken too. Chunks that were sent twice
count once. Of a run, source and LS the chunks are put in the order of their numbers, those of
several lives in the order of the lives: so what comes out does not depend on the mixture.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dqmstream.messages.events import Chunk, LumisectionEnd, RunStart
from playback.recordings.manifest import SourceEntry

__all__ = ["Gathered", "Gathering", "Key", "Range"]


class Key(NamedTuple):
    """One LS of one source."""

    run: int
    source: str
    lumisection: int


class Range(NamedTuple):
    """Runs and LSs that are wanted; None is no limit."""

    run: int | None = None
    first: int = 1
    last: int | None = None

    def has(self, key: Key) -> bool:
        """Whether this LS is wanted."""
        return (
            self.run in {None, key.run}
            and key.run >= 1
            and key.lumisection >= self.first
            and (self.last is None or key.lumisection <= self.last)
        )


class Gathered(NamedTuple):
    """One LS as it is to be written: places of its chunks in the order of their numbers."""

    key: Key
    places: tuple[int, ...]
    notes: Mapping[str, int]


@dataclass(slots=True)
class _Open:
    """An LS that is not whole: places of its chunks by life and number, and what ended it."""

    chunks: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    """(incarnation, number) to (place, checksum)."""
    ends: dict[str, LumisectionEnd] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Of a source that can be read again, which has one life."""
        return any(end.chunks == len(self.chunks) for end in self.ends.values())


@dataclass(slots=True)
class _Source:
    start: RunStart | None = None
    lives: list[str] = field(default_factory=list)
    rereadable: bool = True
    whole: set[int] = field(default_factory=set)
    """LSs that were given out."""
    refused: Counter[str] = field(default_factory=Counter)


class Gathering:
    """Takes records in, one after another, and gives LSs out when they are whole.

    Parameters
    ----------
    wanted
        Others are passed over.
    """

    def __init__(self, wanted: Range) -> None:
        self._wanted = wanted
        self._sources: dict[tuple[int, str], _Source] = {}
        self._open: dict[Key, _Open] = {}

    def start(self, start: RunStart) -> None:
        """A source has announced itself."""
        if self._wanted.run in {None, start.run}:
            source = self._source(start.run, start.source)
            if self._lives(source, start.incarnation, start.rereadable):
                source.start = source.start or start

    def chunk(self, chunk: Chunk, place: int) -> Key | None:
        """Take a chunk in that is to be found at `place`; None if it is none of what is wanted."""
        key = Key(chunk.run, chunk.source, chunk.lumisection)
        if not self._wanted.has(key):
            return None
        source = self._source(chunk.run, chunk.source)
        if not self._lives(source, chunk.incarnation, chunk.rereadable):
            source.refused["second_incarnation"] += 1
            return None
        if chunk.lumisection in source.whole:
            return None
        one = self._open.setdefault(key, _Open())
        before = one.chunks.get((chunk.incarnation, chunk.number))
        if before is None:
            one.chunks[chunk.incarnation, chunk.number] = place, chunk.checksum
            return key
        if before[1] != chunk.checksum:
            source.refused["other_body"] += 1
        return None

    def refuse(self, run: int, source: str, reason: str) -> None:
        """A chunk whose body is not what its headers say."""
        if self._wanted.run in {None, run}:
            self._source(run, source).refused[reason] += 1

    def end(self, end: LumisectionEnd) -> None:
        """A source has ended an LS."""
        key = Key(end.run, end.source, end.lumisection)
        if not self._wanted.has(key):
            return
        source = self._source(end.run, end.source)
        if end.lumisection in source.whole:
            return
        if self._lives(source, end.incarnation, end.rereadable):
            self._open.setdefault(key, _Open()).ends[end.incarnation] = end

    def skip(self, key: Key) -> None:
        """This LS is recorded already."""
        self._source(key.run, key.source).whole.add(key.lumisection)
        self._open.pop(key, None)

    def whole(self) -> Iterator[Gathered]:
        """LSs that have become whole; those of live sources wait for further lives to the end."""
        for key in [
            key
            for key, one in self._open.items()
            if one.is_whole and self._source(key.run, key.source).rereadable
        ]:
            yield self._taken(key)

    def rest(self) -> Iterator[Gathered]:
        """All others, once there is nothing more to read, with notes of what they lack."""
        for key in sorted(self._open):
            yield self._taken(key)

    def sources(self) -> Iterator[tuple[int, SourceEntry]]:
        """Sources of each run as they announced themselves."""
        for (run, name), source in sorted(self._sources.items()):
            first = source.start.first_lumisection if source.start else 1
            yield (
                run,
                SourceEntry(
                    name=name,
                    incarnations=tuple(source.lives),
                    rereadable=source.rereadable,
                    run_type=source.start.run_type if source.start else "pp_run",
                    first_lumisection=max(first, self._wanted.first, 1),
                    marks=source.start.marks if source.start else (),
                    labels=source.start.labels if source.start else {},
                ),
            )

    def refused(self) -> dict[tuple[int, str], Mapping[str, int]]:
        """What of each source of each run belongs to no LS, by reason."""
        return {key: source.refused for key, source in self._sources.items() if source.refused}

    def _source(self, run: int, name: str) -> _Source:
        return self._sources.setdefault((run, name), _Source())

    def _lives(self, source: _Source, incarnation: str, rereadable: bool) -> bool:
        """Whether records of an incarnation count: of a re-readable source there is one."""
        if incarnation in source.lives:
            return True
        if source.lives and source.rereadable:
            return False
        source.lives.append(incarnation)
        source.rereadable = rereadable
        return True

    def _taken(self, key: Key) -> Gathered:
        source, one = self._source(key.run, key.source), self._open.pop(key)
        source.whole.add(key.lumisection)
        # In the order in which they announced themselves; that of names where it is not known.
        lives = {incarnation: number for number, incarnation in enumerate(source.lives)}
        order = sorted(one.chunks, key=lambda chunk: (lives[chunk[0]], chunk[1]))
        notes: Counter[str] = Counter()
        for end in one.ends.values():
            notes.update(end.notes)
        unended = {life for life, _ in one.chunks} - set(one.ends)
        if unended:
            notes["no_lumisection_end"] = len(unended)
        expected = sum(end.chunks for end in one.ends.values())
        have = sum(life in one.ends for life, _ in one.chunks)
        if have < expected:
            notes["missing_chunks"] = expected - have
        return Gathered(key, tuple(one.chunks[chunk][0] for chunk in order), dict(notes))
