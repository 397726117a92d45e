"""The laws a log must keep whatever crashed, each yielding a sentence for each violation.

What was sent is made again from the seed: nothing is taken from the log under test but what it
claims. A partition is folded again in one piece, as an undisturbed filler would.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from dqmstream.booking.chunk import decode_chunk
from dqmstream.booking_set import BookingSet, LayoutShelf
from dqmstream.fold.effects import SegmentId
from dqmstream.fold.merge import Merged, Merger
from dqmstream.fold.partition import PartitionFold
from dqmstream.fold.sets import PartJoiner, histogram_sets
from dqmstream.histograms.contents import Contents
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.events import EventBatch
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.wire import CODEC, chunk_of
from tests.crash.schedule import Schedule
from tests.crash.watch import Watch
from tests.random_run import (
    BOOKING,
    RUN,
    RandomRun,
    assert_equal_to_boost,
    batch_fill,
    random_batch,
)

__all__ = ["LAWS", "ChunkId", "Truth", "broken_laws"]


_NO_EVENTS: Final = random_batch(np.random.default_rng(0), 0)


class ChunkId(NamedTuple):
    """The identity of a chunk within the run."""

    lumisection: int
    source: str
    incarnation: str
    number: int


class Truth:
    """What really was sent, and what the log says of it.

    Parameters
    ----------
    schedule, booking_set
        What was played.
    runs
        Every life of every source.
    watch
        All of the log.
    """

    def __init__(
        self,
        schedule: Schedule,
        booking_set: BookingSet,
        runs: Iterable[RandomRun],
        watch: Watch,
    ) -> None:
        self.schedule = schedule
        self.runs = tuple(runs)
        self._rereadable = {run.name: run for run in self.runs if run.rereadable}
        self._live = {(run.name, run.incarnation): run for run in self.runs if not run.rereadable}
        self.watch = watch
        self.set = booking_set
        self.layouts = {layout.workspace: layout for layout in booking_set.layouts}
        self.shelf = LayoutShelf()
        for booking in booking_set.bookings:
            self.shelf.add(booking)
        self.batches = cache(self._batches)
        self.filled = cache(self._filled)

    def run(self, source: str, incarnation: str) -> RandomRun:
        """Who sent this; what a re-readable source is called on the wire depends on the log too."""
        return self._rereadable.get(source) or self._live[source, incarnation]

    def lived(self, run: RandomRun) -> bool:
        """Whether this life of a source sent all it had: it was not killed, or came again."""
        return run.rereadable or run == [one for one in self.runs if one.name == run.name][-1]

    def _batches(self, source: str, incarnation: str, lumisection: int) -> list[pa.RecordBatch]:
        return self.run(source, incarnation).batches(lumisection)

    def batch(self, chunk: ChunkId) -> pa.RecordBatch:
        """The events of a chunk as its source made them; of one that only tells of dropped ones
        there are none."""
        batches = self.batches(chunk.source, chunk.incarnation, chunk.lumisection)
        return batches[chunk.number] if chunk.number < len(batches) else _NO_EVENTS

    def _filled(self, workspace: str, chunks: frozenset[ChunkId]) -> Contents:
        layout = self.layouts[workspace]
        # In another order than they came: it must not matter.
        return batch_fill(layout, [self.batch(chunk) for chunk in sorted(chunks, reverse=True)])

    @cached_property
    def published(self) -> list[HistogramSet]:
        """Whole sets, each where its last part stands."""
        joiner = PartJoiner()
        joined = (joiner.join(entry.piece) for entry in self.watch.sets)
        return [piece for piece in joined if piece is not None]

    @property
    def closed(self) -> Iterator[HistogramSet]:
        """All closed sets that were ever published."""
        return (piece for piece in self.published if piece.closed)

    @cached_property
    def merged(self) -> list[Merged]:
        """What readers make of the log, by (LS, workspace)."""
        merger = Merger(self.shelf)
        for entry in self.watch.sets:
            merger.apply(entry.piece)
        keys = sorted(merger.keys(), key=lambda key: (key.lumisection, key.workspace))
        return [merger.merged(key) for key in keys]

    @cached_property
    def logged(self) -> Mapping[int, Mapping[ChunkId, list[int]]]:
        """Offsets of each distinct chunk, by partition."""
        found: dict[int, dict[ChunkId, list[int]]] = {}
        for partition, records in self.watch.events.items():
            found[partition] = defaultdict(list)
            for record in records:
                if CODEC.type_of(record.headers) is EventBatch:
                    found[partition][_chunk_id(record.headers)].append(record.offset)
        return found

    @cached_property
    def references(self) -> Mapping[int, "Reference"]:
        """What an undisturbed filler makes of each partition."""
        return {partition: self._fold(partition) for partition in self.watch.events}

    def _fold(self, partition: int) -> "Reference":
        reference = Reference()
        views: dict[int, set[SegmentId]] = defaultdict(set)
        for piece in self.published:
            if piece.partition == partition and not piece.closed:
                views[piece.through].add(_segment(piece))
        wanted = {c.offset for c in self.watch.checkpoints if c.partition == partition}
        fillers = [WorkspaceFiller(layout) for layout in self.set.layouts]
        fold = PartitionFold(partition, self.set.fold, fillers, decode_chunk)
        for record in self.watch.events[partition]:
            if record.offset in wanted:
                reference.states[record.offset] = fold.control.state.encode()
            fold.apply(record)
            for identity in views.get(fold.position, set()) & set(fold.segments):
                sets = _sets(fold, self.set.hash, identity)
                reference.sets[identity, fold.position] = sets
        reference.states[fold.position] = fold.control.state.encode()
        for identity, segment in fold.segments.items():
            if segment.through is not None:
                reference.sets[identity, segment.through] = _sets(fold, self.set.hash, identity)
        return reference


@dataclass(slots=True)
class Reference:
    """A partition folded in one piece: `sets` of closed segments, and of open ones wherever a
    filler published, by (segment, through); `states` before the offsets of checkpoints."""

    sets: dict[tuple[SegmentId, int], Sequence[HistogramSet]] = field(default_factory=dict)
    states: dict[int, bytes] = field(default_factory=dict)


def _sets(
    fold: PartitionFold[object], set_hash: str, identity: SegmentId
) -> Sequence[HistogramSet]:
    return histogram_sets(fold, fold.segments[identity], set_hash=set_hash, writer="")


def _chunk_id(headers: tuple[tuple[str, bytes], ...]) -> ChunkId:
    chunk = chunk_of(headers)
    return ChunkId(chunk.lumisection, chunk.source, chunk.incarnation, chunk.number)


def _segment(piece: HistogramSet) -> SegmentId:
    return SegmentId(piece.run, piece.lumisection, piece.segment)


def _bare(piece: HistogramSet) -> HistogramSet:
    """A set without what may differ between two writers."""
    return msgspec.structs.replace(piece, writer="", published=0, epoch=0)


def _where(piece: HistogramSet) -> str:
    return (
        f"{piece.workspace} LS {piece.lumisection} segment {piece.segment} partition "
        f"{piece.partition} through {piece.through} by {piece.writer}"
    )


def _named(piece: HistogramSet) -> frozenset[ChunkId]:
    """Every chunk that a set's account names as filled."""
    return frozenset(
        ChunkId(piece.lumisection, source.source, source.incarnation, number)
        for source in piece.account.sources
        for number in _numbers(source.chunks)
    )


def _numbers(mask: bytes) -> list[int]:
    bits = int.from_bytes(mask, "little")
    return [number for number in range(bits.bit_length()) if bits >> number & 1]


def _found(truth: Truth, piece: HistogramSet) -> Contents:
    layout = truth.layouts[piece.workspace]
    return Contents.decode(layout, piece.cells, piece.scalars, piece.invalid)


def _unscored(contents: Contents) -> Contents:
    """Without who brought a scalar: the batch fill knows no names."""
    scalars = {
        n: msgspec.structs.replace(s, source="", number=-1) for n, s in contents.scalars.items()
    }
    return Contents(contents.layout, contents.cells, scalars, contents.invalid)


# ---------------------------------------------------------------------- laws


def set_is_batch_fill(truth: Truth) -> Iterator[str]:
    """Each set, open or closed, is the batch fill of exactly the chunks its account names."""
    for piece in truth.published:
        chunks = _named(piece)
        unknown = chunks - set(truth.logged[piece.partition])
        if unknown:
            yield f"{_where(piece)} names {sorted(unknown)[:3]}, which its partition does not hold"
            continue
        expected = truth.filled(piece.workspace, chunks)
        if not _unscored(_found(truth, piece)).equals(_unscored(expected)):
            yield f"{_where(piece)} is not the batch fill of the {len(chunks)} chunks it names"
        for source in piece.account.sources:
            mine = [c for c in chunks if (c[1], c[2]) == (source.source, source.incarnation)]
            events = sum(truth.batch(chunk).num_rows for chunk in mine)
            if source.selected != events or source.seen != events + source.dropped:
                yield f"{_where(piece)}: {events} events, the account says {source}"


def each_chunk_once(truth: Truth) -> Iterator[str]:
    """Each chunk in the log is in exactly one closed segment; none here is broken or refused."""
    homes: dict[tuple[str, int, ChunkId], set[SegmentId]] = defaultdict(set)
    for piece in truth.closed:
        for chunk in _named(piece):
            homes[piece.workspace, piece.partition, chunk].add(_segment(piece))
    for partition, chunks in truth.logged.items():
        for chunk, offsets in chunks.items():
            for workspace in truth.layouts:
                segments = sorted(homes.get((workspace, partition, chunk), ()))
                if len(segments) != 1:
                    yield f"{workspace}: {chunk} at {partition}/{offsets} is in segments {segments}"


def closed_once(truth: Truth) -> Iterator[str]:
    """Two closed sets of one key and epoch are identical."""
    first: dict[object, HistogramSet] = {}
    for piece in truth.closed:
        other = first.setdefault((piece.key, piece.epoch), piece)
        if _bare(other) != _bare(piece):
            yield f"{_where(piece)} differs from the one by {other.writer}"


def view_is_prefix(truth: Truth) -> Iterator[str]:
    """Each set is what an undisturbed filler has at `through`, and its closed sets are all out."""
    for piece in truth.published:
        sets = truth.references[piece.partition].sets
        expected = sets.get((_segment(piece), piece.through), ())
        if _bare(piece) not in [_bare(one) for one in expected]:
            yield f"{_where(piece)} is not the fold of what came before"
    out = {(_segment(piece), piece.partition, piece.workspace) for piece in truth.closed}
    for partition, reference in truth.references.items():
        for (segment, _), sets in reference.sets.items():
            for one in sets:
                if one.closed and (segment, partition, one.workspace) not in out:
                    yield f"{_where(one)} was never published"


def checkpoint_is_prefix(truth: Truth) -> Iterator[str]:
    """The state of a checkpoint is the fold of the log before it."""
    for checkpoint in truth.watch.checkpoints:
        states = truth.references[checkpoint.partition].states
        if states.get(checkpoint.offset) != checkpoint.state:
            yield f"checkpoint of partition {checkpoint.partition} at {checkpoint.offset}"


def closes_everywhere(truth: Truth) -> Iterator[str]:
    """Every LS known to one partition is closed on all, for all workspaces."""
    for one in truth.merged:
        if not one.closed:
            yield f"{one.key.workspace} LS {one.key.lumisection} is not closed"
    known = {(one.key.lumisection, one.key.workspace) for one in truth.merged}
    spoken = {c.lumisection for chunks in truth.logged.values() for c in chunks}
    for lumisection in spoken:
        for workspace in truth.layouts:
            if (lumisection, workspace) not in known:
                yield f"{workspace} LS {lumisection} was never published"


def merged_is_batch_fill(truth: Truth) -> Iterator[str]:
    """What readers show of an LS is one batch fill, on time and late each by themselves."""
    chunks: dict[tuple[str, int, bool], set[ChunkId]] = defaultdict(set)
    for piece in truth.closed:
        chunks[piece.workspace, piece.lumisection, piece.segment > 0] |= _named(piece)
    for one in truth.merged:
        workspace, lumisection = one.key.workspace, one.key.lumisection
        where = f"{workspace} LS {lumisection}"
        on_time = frozenset(chunks[workspace, lumisection, False])
        late = frozenset(chunks[workspace, lumisection, True])
        if not _unscored(one.contents).equals(_unscored(truth.filled(workspace, on_time))):
            yield f"{where} merged is not the batch fill of its {len(on_time)} chunks on time"
        if (one.late is None) != (one.late_segments == 0):
            yield f"{where} has {one.late_segments} late segments and contents {one.late}"
        if one.late is not None and not _unscored(one.late).equals(
            _unscored(truth.filled(workspace, late))
        ):
            yield f"{where} late is not the batch fill of its {len(late)} chunks"
        if workspace == BOOKING.workspace:
            batches = [truth.batch(chunk) for chunk in sorted(on_time)]
            try:
                assert_equal_to_boost(truth.layouts[workspace], one.contents, batches)
            except AssertionError as error:
                yield f"{where} is not what boost-histogram fills: {error}"


def complete_is_true(truth: Truth) -> Iterator[str]:
    """Each LS accounts for every event of all sources, and is complete only if it holds them all;
    another one names what is missing."""
    for one in truth.merged:
        where = f"{one.key.workspace} LS {one.key.lumisection}"
        owed = _owed(truth, one.key.lumisection)
        sent = sum(owed.values())
        held = one.account.selected + one.late_account.selected
        dropped = one.account.dropped + one.late_account.dropped
        if held + dropped != sent:
            yield f"{where} has {held} events, {dropped} dropped, of {sent}: {owed}"
        if one.complete and dropped:
            yield f"{where} says complete, with {dropped} events dropped"
        if not one.complete and not one.account.lacking:
            yield f"{where} is not complete and names nothing that is missing"
        whole = all(truth.lived(run) for run in truth.runs)
        if whole and not one.complete and not dropped:
            yield f"{where} is not complete, though all was sent: {one.account.lacking}"
        if whole and truth.schedule.patient and one.late is not None:
            yield f"{where} has late data, though nothing ever was closed early"


def _owed(truth: Truth, lumisection: int) -> dict[str, int]:
    """Events of an LS by life of a source: all of a re-readable one, and of the last life of a live
    one; of a life that was killed only what the log has, for nobody knows of the rest."""
    events: dict[str, int] = defaultdict(int)
    for run in truth.runs:
        if truth.lived(run) and lumisection >= run.first_lumisection:
            sent = sum(batch.num_rows for batch in run.batches(lumisection))
            events[f"{run.name} {run.incarnation}"] = sent
    for chunks in truth.logged.values():
        for chunk in chunks:
            run = truth.run(chunk.source, chunk.incarnation)
            if chunk.lumisection == lumisection and not truth.lived(run):
                events[f"{run.name} {run.incarnation}"] += truth.batch(chunk).num_rows
    return events


def nothing_dead(truth: Truth) -> Iterator[str]:
    """Nobody found a record that could not be used."""
    for dead in truth.watch.dead:
        where = f"{dead.topic}/{dead.partition} offset {dead.offset}"
        yield f"{where} is on the dead topic: {dead.reason}: {dead.detail}"


def every_lumisection(truth: Truth) -> Iterator[str]:
    """Every LS of the run is there, in its order, and no other."""
    expected = list(range(1, truth.schedule.lumisections + 1))
    found = sorted({one.key.lumisection for one in truth.merged if one.key.run == RUN})
    if found != expected:
        yield f"LSs {found} are in the log, expected {expected}"


Law = Callable[[Truth], Iterator[str]]

LAWS: Final[tuple[Law, ...]] = (
    set_is_batch_fill,
    each_chunk_once,
    closed_once,
    view_is_prefix,
    checkpoint_is_prefix,
    closes_everywhere,
    merged_is_batch_fill,
    complete_is_true,
    every_lumisection,
    nothing_dead,
)


def broken_laws(truth: Truth, most: int = 3) -> list[str]:
    """Sentences on what does not hold, at most so many of each law."""
    sentences = []
    for law in LAWS:
        found = [sentence for _, sentence in zip(range(most), law(truth), strict=False)]
        sentences += [f"{law.__name__}: {sentence}" for sentence in found]
    return sentences
