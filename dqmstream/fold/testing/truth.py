"""What really happened in a world, read from its logs without the rules under test."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from dqmstream.errors import MessageError
from dqmstream.fold.effects import SegmentId
from dqmstream.fold.sets import histogram_sets
from dqmstream.fold.state import ControlState
from dqmstream.fold.testing.owner import SET, Checkpoint, Entry
from dqmstream.fold.testing.toy import ToyChunk, toy_columns
from dqmstream.fold.testing.world import World
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.messages.events import Chunk, EventBatch, LumisectionEnd, RunEnd, RunStart
from dqmstream.messages.histograms import HistogramKey, HistogramSet

__all__ = [
    "ChunkId",
    "LoggedChunk",
    "Reference",
    "Truth",
    "Voice",
    "chunk_numbers",
    "joined",
    "voice",
]


class ChunkId(NamedTuple):
    """The identity of a chunk."""

    run: int
    lumisection: int
    source: str
    incarnation: str
    number: int


class Voice(NamedTuple):
    """Who spoke of which LS; `letter` is what was said."""

    run: int
    lumisection: int
    source: str
    incarnation: str
    letter: EventBatch | LumisectionEnd | RunStart | RunEnd
    offset: int

    @property
    def life(self) -> tuple[str, str]:
        return self.source, self.incarnation


def voice(entry: Entry) -> Voice | None:
    """The source that a record is from, None if from none."""
    message = entry.message
    match message:
        case EventBatch(chunk=chunk):
            where = chunk.run, chunk.lumisection, chunk.source, chunk.incarnation
        case RunStart(first_lumisection=place) | LumisectionEnd(lumisection=place):
            where = message.run, place, message.source, message.incarnation
        case RunEnd(last_lumisection=place):
            where = message.run, max(place, 1), message.source, message.incarnation
        case _:
            return None
    return Voice(*where, message, entry.offset)


@dataclass(slots=True)
class LoggedChunk:
    """A chunk in a partition: contents of the first good one, and where it stands.

    `honest` are those of its `offsets` that an honest source wrote.
    """

    events: tuple[int, ...]
    chunk: Chunk
    offsets: list[int]
    honest: list[int]

    def toy(self) -> ToyChunk:
        return ToyChunk(self.chunk.source, self.chunk.number, self.events)


@dataclass(slots=True)
class Reference:
    """A partition folded once from where an epoch began, in one piece, by one filler.

    `states` holds the encoded state before each offset asked for, `views` the sets of open
    segments at each (segment, position) asked for, `closed` the closing sets.
    """

    states: dict[int, bytes] = field(default_factory=dict)
    views: dict[tuple[SegmentId, int], list[HistogramSet]] = field(default_factory=dict)
    closed: dict[SegmentId, list[HistogramSet]] = field(default_factory=dict)
    starts: dict[SegmentId, int] = field(default_factory=dict)


class Truth:
    """All that the laws compare with."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.published = list(joined(world.histograms))
        self.chunks = [_logged_chunks(log) for log in world.logs]
        self.references = [self._fold_epochs(p) for p in range(world.plan.partitions)]
        self.holes = [
            [c.hole for c in world.checkpoints if c.partition == partition and c.hole is not None]
            for partition in range(world.plan.partitions)
        ]

    def closed(self) -> Iterator[HistogramSet]:
        """All closed sets ever published."""
        return (piece for piece in self.published if piece.closed)

    def named(self, piece: HistogramSet) -> Iterator[ChunkId]:
        """Every chunk that a set's account names as filled."""
        for source in piece.account.sources:
            for number in chunk_numbers(source.chunks):
                yield ChunkId(
                    piece.run, piece.lumisection, source.source, source.incarnation, number
                )

    def expired(self, partition: int, offset: int) -> bool:
        """Whether a record lies in a hole of its partition."""
        return any(first <= offset < following for first, following in self.holes[partition])

    def voices(
        self, partition: int, before: int = 1 << 62, *, known: bool = False
    ) -> Iterator[tuple[Voice, set[str]]]:
        """All that sources said on a partition before an offset, with why it was refused.

        Of what lies in holes only honest words are meant, and none if only the `known` are.
        """
        for entry in self.world.logs[partition]:
            heard = voice(entry)
            if heard is None or entry.offset >= before:
                continue
            if self.expired(partition, entry.offset) and (known or not entry.honest):
                continue
            yield heard, self.world.dead[partition].get(entry.offset, set())

    def _fold_epochs(self, partition: int) -> dict[int, Reference]:
        """What a partition comes to in each of its epochs, oldest first."""
        begun: dict[int, Checkpoint | None] = {0: None}
        for checkpoint in self.world.checkpoints:
            if checkpoint.partition == partition and checkpoint.begins:
                begun[checkpoint.epoch] = checkpoint
        return {epoch: self._fold(partition, epoch, begun[epoch]) for epoch in sorted(begun)}

    def _fold(self, partition: int, epoch: int, begun: Checkpoint | None) -> Reference:
        world = self.world
        reference = Reference()
        written = [c for c in world.checkpoints if (c.partition, c.epoch) == (partition, epoch)]
        wanted = {checkpoint.offset for checkpoint in written}
        views: dict[int, set[SegmentId]] = {}
        for piece in self.published:
            mine = (piece.partition, piece.epoch) == (partition, epoch)
            if mine and not piece.closed:
                segment = SegmentId(piece.run, piece.lumisection, piece.segment)
                views.setdefault(piece.through, set()).add(segment)
        fold = world.rules.new_fold(world.plan, partition, begun)
        for entry in world.logs[partition]:
            if entry.offset < fold.position:
                continue
            _remember(reference, wanted, entry.offset, fold.control.state)
            fold.apply(entry)
            for segment in views.get(fold.position, ()):
                if segment in fold.segments:
                    found = histogram_sets(fold, fold.segments[segment], set_hash=SET, writer="")
                    reference.views[segment, fold.position] = found
        _remember(reference, wanted, 1 << 62, fold.control.state)
        for identity, kept in fold.segments.items():
            reference.starts[identity] = kept.start
            if kept.closed:
                reference.closed[identity] = histogram_sets(fold, kept, set_hash=SET, writer="")
        return reference


def _remember(reference: Reference, wanted: set[int], offset: int, state: ControlState) -> None:
    """The state before `offset` is the one at all wanted places since the last record."""
    due = [position for position in wanted if position <= offset]
    if due:
        encoded = state.encode()
        reference.states.update(dict.fromkeys(due, encoded))
        wanted.difference_update(due)


def joined(pieces: Iterable[HistogramSet]) -> Iterator[HistogramSet]:
    """Whole sets, each where its last part stands; parts of unfinished ones are left out."""
    parts: dict[tuple[HistogramKey, object, str], dict[int, HistogramSet]] = {}
    for piece in pieces:
        held = parts.setdefault((piece.key, piece.order, piece.writer), {})
        held[piece.part] = piece
        if len(held) == piece.parts:
            cells = b"".join(held[index].cells for index in range(piece.parts))
            yield msgspec.structs.replace(held[0], cells=cells, part=0, parts=1)


def chunk_numbers(mask: bytes) -> list[int]:
    """Chunk numbers in an account's bit mask."""
    bits = int.from_bytes(mask, "little")
    return [number for number in range(bits.bit_length()) if bits >> number & 1]


def _logged_chunks(log: Iterable[Entry]) -> Mapping[ChunkId, LoggedChunk]:
    """Chunks whose body is what their headers say, by identity."""
    found: dict[ChunkId, LoggedChunk] = {}
    for entry in log:
        message = entry.message
        if not isinstance(message, EventBatch):
            continue
        chunk = message.chunk
        if body_checksum(message.body) != chunk.checksum:
            continue
        try:
            events = tuple(int(event) for event in toy_columns(chunk, message.body))
        except MessageError:
            continue
        identity = ChunkId(
            chunk.run, chunk.lumisection, chunk.source, chunk.incarnation, chunk.number
        )
        known = found.setdefault(identity, LoggedChunk(events, chunk, [], []))
        known.offsets.append(entry.offset)
        if entry.honest:
            known.honest.append(entry.offset)
    return found
