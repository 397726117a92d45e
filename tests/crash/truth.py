"""What really was sent, and what the log under test says of it.

What was sent is made again from the seed: nothing is taken from the log but what it claims. A
partition is folded again in one piece, as an undisturbed filler would.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Final, NamedTuple

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
from dqmstream.messages.chunk_headers import chunk_of
from dqmstream.messages.events import EventBatch
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.wire import CODEC
from tests.crash.schedule import Schedule
from tests.crash.watch import Watch
from tests.random_run import RandomRun, batch_fill, random_batch

__all__ = ["ChunkId", "Reference", "Truth", "segment_of"]

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
                views[piece.through].add(segment_of(piece))
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


def segment_of(piece: HistogramSet) -> SegmentId:
    """Which segment a set is of."""
    return SegmentId(piece.run, piece.lumisection, piece.segment)
