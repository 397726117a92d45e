"""The laws a log must keep whatever crashed, each yielding a sentence for each violation."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from dqmstream.fold.effects import SegmentId
from dqmstream.histograms.contents import Contents
from dqmstream.messages.histograms import HistogramSet
from tests.crash.truth import ChunkId, Truth, segment_of
from tests.random_run import BOOKING, RUN, assert_equal_to_boost

__all__ = ["LAWS", "broken_laws"]


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
            homes[piece.workspace, piece.partition, chunk].add(segment_of(piece))
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
        expected = sets.get((segment_of(piece), piece.through), ())
        if _bare(piece) not in [_bare(one) for one in expected]:
            yield f"{_where(piece)} is not the fold of what came before"
    out = {(segment_of(piece), piece.partition, piece.workspace) for piece in truth.closed}
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
