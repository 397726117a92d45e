"""The numbered invariants of the exactness protocol, over a world that came to rest.

Each law yields a sentence for every violation it finds; no sentence, no violation.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import msgspec

from dqmstream.fold.effects import SegmentId
from dqmstream.fold.run_state import RunState
from dqmstream.fold.state import ControlState
from dqmstream.fold.testing.claims import false_claims, false_markers, reader_errors, wrong_totals
from dqmstream.fold.testing.toy import LAYOUTS, batch_fill
from dqmstream.fold.testing.truth import ChunkId, Truth
from dqmstream.fold.testing.world import World
from dqmstream.histograms.contents import Contents
from dqmstream.messages.histograms import HistogramSet

__all__ = ["LAWS", "broken_laws"]

_LAYOUTS = {layout.workspace: layout for layout in LAYOUTS}
_WORKSPACES = frozenset(_LAYOUTS)


def bare(piece: HistogramSet) -> HistogramSet:
    """A set without what may differ between two writers."""
    return msgspec.structs.replace(piece, writer="", published=0, epoch=0)


def _segment(piece: HistogramSet) -> SegmentId:
    return SegmentId(piece.run, piece.lumisection, piece.segment)


def _where(piece: HistogramSet) -> str:
    return (
        f"{piece.workspace} run {piece.run} LS {piece.lumisection} segment {piece.segment} "
        f"partition {piece.partition} through {piece.through} by {piece.writer}"
    )


def batch_equals_account(truth: Truth) -> Iterator[str]:
    """1: a set equals a batch fill of exactly the chunks its account names."""
    distinct = {msgspec.msgpack.encode(bare(piece)): piece for piece in truth.published}
    for piece in distinct.values():
        logged = truth.chunks[piece.partition]
        names = list(truth.named(piece))
        unknown = [name for name in names if name not in logged]
        if unknown:
            yield f"{_where(piece)} names {unknown[:3]}, which are not in the log"
            continue
        layout = _LAYOUTS[piece.workspace]
        # In the reverse order: it must not matter.
        expected = batch_fill(layout, [logged[name].toy() for name in reversed(names)])
        found = Contents.decode(layout, piece.cells, piece.scalars, piece.invalid)
        if not found.equals(expected):
            yield f"{_where(piece)} is not the batch fill of {names}"
        for source in piece.account.sources:
            chunks = [
                logged[name].chunk
                for name in names
                if (name.source, name.incarnation) == (source.source, source.incarnation)
            ]
            for count in ("seen", "selected", "dropped"):
                if getattr(source, count) != sum(getattr(chunk, count) for chunk in chunks):
                    yield f"{_where(piece)}: {source.source} says {getattr(source, count)} {count}"


def each_chunk_once(truth: Truth) -> Iterator[str]:
    """2: each distinct chunk in the log is in exactly one segment, or refused by name."""
    plan = truth.world.plan
    allowed = {"forgotten_run"}
    if "second_incarnation" in plan.faults:
        allowed.add("second_incarnation")
    if "hostile" in plan.faults:
        allowed.add("beyond_marker")
        if "expires" in plan.faults:
            # The first word after a hole is believed, whoever it is from.
            allowed.add("lumisection_jump")
    if "deadly" in plan.faults:
        allowed.add("killed_filler")
    homes: list[dict[tuple[int, ChunkId], set[SegmentId]]] = [{} for _ in range(plan.partitions)]
    for piece in truth.closed():
        for name in truth.named(piece):
            home = homes[piece.partition].setdefault((piece.epoch, name), set())
            home.add(_segment(piece))
    for partition, logged in enumerate(truth.chunks):
        dead = truth.world.dead[partition]
        for name, chunk in logged.items():
            epochs = [homes[partition].get((e, name), set()) for e in truth.references[partition]]
            if any(len(segments) > 1 for segments in epochs):
                yield f"partition {partition}: {name} is in {epochs}"
            if any(epochs):
                continue
            reasons = {reason for offset in chunk.honest for reason in dead.get(offset, ())}
            unread = [offset for offset in chunk.offsets if not truth.expired(partition, offset)]
            if any(offset not in dead for offset in unread):
                yield f"partition {partition}: {name} at {chunk.offsets} has vanished"
            elif not reasons <= allowed:
                yield f"partition {partition}: {name} was refused: {sorted(reasons)}"


def closed_once(truth: Truth) -> Iterator[str]:
    """3: two closed sets of one key and epoch are identical."""
    first: dict[object, HistogramSet] = {}
    for piece in truth.closed():
        other = first.setdefault((piece.key, piece.epoch), piece)
        if bare(other) != bare(piece):
            yield f"{_where(piece)} differs from the one by {other.writer}"


def checkpoint_is_prefix(truth: Truth) -> Iterator[str]:
    """4: the state of a checkpoint is the fold of the log before C."""
    for checkpoint in truth.world.checkpoints:
        reference = truth.references[checkpoint.partition][checkpoint.epoch]
        expected = reference.states[checkpoint.offset]
        if checkpoint.state != expected:
            yield f"checkpoint at {checkpoint.offset} of partition {checkpoint.partition}"


def checkpoint_waits(truth: Truth) -> Iterator[str]:
    """5: C never passes a segment whose closing sets are not all in the log."""
    world = truth.world
    out: dict[tuple[int, int, SegmentId], dict[str, int]] = {}
    parts: dict[object, int] = {}
    for count, piece in enumerate(world.histograms, 1):
        key = (piece.key, piece.order, piece.writer)
        parts[key] = parts.get(key, 0) + 1
        if piece.closed and parts[key] == piece.parts:
            known = out.setdefault((piece.partition, piece.epoch, _segment(piece)), {})
            known.setdefault(piece.workspace, count)
    for checkpoint in world.checkpoints:
        reference = truth.references[checkpoint.partition][checkpoint.epoch]
        for segment, start in reference.starts.items():
            known = out.get((checkpoint.partition, checkpoint.epoch, segment), {})
            published = {name for name, count in known.items() if count <= checkpoint.published}
            if start < checkpoint.offset and published != _WORKSPACES:
                yield (
                    f"checkpoint at {checkpoint.offset} of partition {checkpoint.partition} "
                    f"passed {segment}, of which {sorted(published)} were out"
                )


def view_is_prefix(truth: Truth) -> Iterator[str]:
    """6: a view is the fold of the prefix up to `through`, from any joining point."""
    for piece in truth.published:
        reference = truth.references[piece.partition][piece.epoch]
        if piece.closed:
            sets = reference.closed.get(_segment(piece), [])
        else:
            sets = reference.views.get((_segment(piece), piece.through), [])
        if bare(piece) not in [bare(expected) for expected in sets]:
            yield f"{_where(piece)} is not the fold of what came before"
    yield from reader_errors(truth)


def closes_everywhere(truth: Truth) -> Iterator[str]:
    """7: every LS known to one partition closes on all, but where the word of it expired."""
    partitions = truth.world.plan.partitions
    closed: dict[tuple[int, int], set[tuple[int, str]]] = {}
    for piece in truth.closed():
        place = (piece.run, piece.lumisection)
        if piece.segment == 0:
            closed.setdefault(place, set()).add((piece.partition, piece.workspace))
    states = [owner.fold.control.state for owner in truth.world.owners]
    spans = [(run, state.span()) for each in states for run, state in each.runs.items()]
    spans += [(run, frozen.span) for each in states for run, frozen in each.frozen.items()]
    known = set(closed) | {
        (run, lumisection)
        for run, span in spans
        if span is not None
        for lumisection in range(span[0], span[1] + 1)
    }
    forgotten = {run for state in states for run in state.forgotten}
    expected = {(p, workspace) for p in range(partitions) for workspace in _WORKSPACES}
    holed = {partition for partition, holes in enumerate(truth.holes) if holes}
    for run, lumisection in sorted(known):
        missing = expected - closed.get((run, lumisection), set())
        unexcused = sorted(
            (partition, workspace)
            for partition, workspace in missing
            if partition not in holed or _knows(states[partition], run, lumisection)
        )
        if run not in forgotten and unexcused:
            yield f"run {run} LS {lumisection} is not closed on {unexcused}"


def _knows(state: ControlState, run: int, lumisection: int) -> bool:
    known = state.runs.get(run) or state.frozen.get(run)
    span = known.span() if isinstance(known, RunState) else known.span if known else None
    return span is not None and span[0] <= lumisection <= span[1]


def comes_to_rest(truth: Truth) -> Iterator[str]:
    """8: with sources silent everything closes and lag reaches 0."""
    for owner in truth.world.owners:
        where = f"partition {owner.partition}"
        if owner.lag:
            yield f"{where}: {owner.lag} records not read"
        if list(owner.fold.control.state.open_segments()) or owner.fold.segments:
            yield f"{where}: {list(owner.fold.segments)} not closed"
        unclosed = [number for number, _ in owner.fold.control.state.unclosed()]
        if unclosed or owner.fold.control.state.running:
            yield f"{where}: runs {unclosed} go on"
        if owner.fold.checkpoint()[0] != owner.fold.position:
            yield f"{where}: C stands at {owner.fold.checkpoint()[0]} of {owner.fold.position}"


def complete_is_true(truth: Truth) -> Iterator[str]:
    """9: *complete*, and *closed by markers*, are said only if true."""
    yield from false_claims(truth)
    yield from false_markers(truth)


def totals_are_physics(truth: Truth) -> Iterator[str]:
    """10: totals of complete LSs depend on the events alone."""
    yield from wrong_totals(truth)


def replay_is_equal(truth: Truth) -> Iterator[str]:
    """11: a replay gives equal bytes."""
    for partition, epochs in enumerate(truth.references):
        for epoch, reference in epochs.items():
            replayed = {
                (piece.key, msgspec.msgpack.encode(bare(piece)))
                for sets in reference.closed.values()
                for piece in sets
            }
            published = {
                (piece.key, msgspec.msgpack.encode(bare(piece)))
                for piece in truth.closed()
                if (piece.partition, piece.epoch) == (partition, epoch)
            }
            # An epoch that ended early has not published all that it would have.
            unlike = replayed ^ published if epoch == max(epochs) else published - replayed
            for key, _ in sorted(unlike):
                yield f"partition {partition} epoch {epoch}: {key} is not the same in a replay"


Law = Callable[[Truth], Iterator[str]]

LAWS: Final[Mapping[int, Law]] = {
    1: batch_equals_account,
    2: each_chunk_once,
    3: closed_once,
    4: checkpoint_is_prefix,
    5: checkpoint_waits,
    6: view_is_prefix,
    7: closes_everywhere,
    8: comes_to_rest,
    9: complete_is_true,
    10: totals_are_physics,
    11: replay_is_equal,
}


def broken_laws(world: World, numbers: Iterable[int] = tuple(LAWS)) -> dict[int, str]:
    """Number of each law that does not hold, with the first sentence on why.

    Parameters
    ----------
    world
        One that was played.
    numbers
        The laws to look at.
    """
    truth = Truth(world)
    sentences = {number: next(LAWS[number](truth), None) for number in numbers}
    return {number: why for number, why in sentences.items() if why is not None}
