"""What readers say of a world, compared with what happened: laws 6, 9 and 10."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random

from dqmstream.errors import WindowError
from dqmstream.fold.merge import Merged, Merger, SetKey
from dqmstream.fold.testing.sources import notes_of
from dqmstream.fold.testing.toy import LAYOUTS, ToyChunk, batch_fill
from dqmstream.fold.testing.truth import Truth, chunk_numbers, joined
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.events import EventBatch, LumisectionEnd, RunClose, RunEnd, RunStart
from dqmstream.messages.histograms import HistogramKey, HistogramSet

__all__ = ["false_claims", "false_markers", "reader_errors", "wrong_totals"]

_BY_HASH: Mapping[str, Layout] = {layout.hash: layout for layout in LAYOUTS}
_READERS = 6
_BODY_REASONS = {"bad_columns", "checksum", "event_count", "killed_filler"}

Pieces = Sequence[HistogramSet]


def _reader(truth: Truth, pieces: Pieces) -> Merger:
    merger = truth.world.rules.merger(_BY_HASH.get)
    for piece in pieces:
        merger.apply(piece)
    return merger


def _slices(truth: Truth) -> Iterator[Pieces]:
    """What readers saw that joined anywhere and stopped anywhere; the last saw everything."""
    rng = Random(truth.world.plan.seed)  # noqa: S311 a schedule, no secret
    pieces = truth.world.histograms
    for _ in range(_READERS):
        start = rng.randint(0, len(pieces))
        yield pieces[start if rng.random() < 0.5 else 0 : rng.randint(start, len(pieces))]
    yield pieces


def _newest(pieces: Pieces) -> dict[SetKey, list[HistogramSet]]:
    """By the book: of each key the closed, whole, of the highest epoch, the furthest."""
    best: dict[HistogramKey, HistogramSet] = {}
    for piece in joined(pieces):
        rank = (piece.closed, piece.whole, piece.epoch, piece.through)
        held = best.get(piece.key)
        if held is None or rank > (held.closed, held.whole, held.epoch, held.through):
            best[piece.key] = piece
    found: dict[SetKey, list[HistogramSet]] = {}
    for piece in best.values():
        key = SetKey(piece.set, piece.run, piece.lumisection, piece.workspace)
        found.setdefault(key, []).append(piece)
    return found


def reader_errors(truth: Truth) -> Iterator[str]:
    """Merged views that are not the sum of the newest pieces, or call themselves closed early."""
    for pieces in _slices(truth):
        merger, newest = _reader(truth, pieces), _newest(pieces)
        if set(merger.keys()) != set(newest):
            yield f"a reader knows {len(set(merger.keys()))} keys of {len(newest)}"
        for key in set(newest) & set(merger.keys()):
            parts = newest[key]
            try:
                merged = merger.merged(key)
            except WindowError as error:
                # A partition that lost the first word of a source cannot refuse a second life.
                if all(piece.whole for piece in parts):
                    yield f"{key} cannot be shown: {error}"
                continue
            layout = _BY_HASH[parts[0].booking]
            on_time = [piece for piece in parts if piece.segment == 0]
            late = [piece for piece in parts if piece.segment > 0]
            if not _is_sum(layout, merged.contents, on_time):
                yield f"{key}: on time is not the sum of the newest pieces"
            if bool(late) != (merged.late is not None) or (
                merged.late is not None and not _is_sum(layout, merged.late, late)
            ):
                yield f"{key}: late is not the sum of the newest pieces"
            closed = {piece.partition for piece in on_time if piece.closed}
            if merged.closed != (len(closed) == truth.world.plan.partitions):
                yield f"{key}: closed is {merged.closed}, closed partitions are {sorted(closed)}"


def _is_sum(layout: Layout, contents: Contents, pieces: Pieces) -> bool:
    total = Contents.empty(layout)
    for piece in sorted(pieces, key=lambda piece: (piece.segment, piece.partition)):
        part = Contents.decode(layout, piece.cells, piece.scalars, piece.invalid)
        total.add(part, same_lumisection=True)
    return contents.equals(total)


# ------------------------------------------------------------------ complete


def false_claims(truth: Truth) -> Iterator[str]:
    """LSs called complete although something of them is missing."""
    for pieces in _slices(truth):
        merger, newest, told = _reader(truth, pieces), _newest(pieces), _told_of_holes(pieces)
        for key in sorted(merger.keys()):
            # All workspaces share their accounts: one is enough.
            if key.workspace == "Toy" and _is_complete(merger, key):
                for fault in _faults(truth, key, newest[key], told):
                    yield f"{key} is called complete, but {fault}"


def _is_complete(merger: Merger, key: SetKey) -> bool:
    try:
        return merger.merged(key).complete
    except WindowError:
        return False


def _told_of_holes(pieces: Pieces) -> dict[tuple[SetKey, int], list[HistogramSet]]:
    """All that a reader was told of LSs that may have lost input."""
    told: dict[tuple[SetKey, int], list[HistogramSet]] = {}
    for piece in joined(pieces):
        if not piece.whole:
            key = SetKey(piece.set, piece.run, piece.lumisection, piece.workspace)
            told.setdefault((key, piece.partition), []).append(piece)
    return told


def _faults(
    truth: Truth,
    key: SetKey,
    pieces: Pieces,
    told: Mapping[tuple[SetKey, int], Pieces],
) -> Iterator[str]:
    masks: dict[tuple[str, str], set[int]] = {}
    markers: dict[tuple[str, str], set[int]] = {}
    for piece in pieces:
        for source in piece.account.sources:
            name = (source.source, source.incarnation)
            masks.setdefault(name, set()).update(chunk_numbers(source.chunks))
            if source.marker is not None:
                markers.setdefault(name, set()).add(source.marker)
    for partition in range(truth.world.plan.partitions):
        mine = [piece for piece in pieces if piece.partition == partition]
        on_time = [piece for piece in mine if piece.segment == 0 and piece.closed]
        if not on_time:
            yield f"partition {partition} is not closed"
            continue
        # A newer epoch that has lost input tells how far the log was read, whatever is shown.
        horizon = max(piece.through for piece in [*mine, *told.get((key, partition), ())])
        for name, number in _spoken(truth, key, partition, horizon, on_time[0].through):
            if markers.get(name, set()) != {len(masks.get(name, ()))}:
                yield f"{name} announced {markers.get(name)}, found {masks.get(name)}"
            if number is not None and number not in masks.get(name, ()):
                yield f"chunk {number} of {name} is in no piece"
        heard = {source for source, _ in markers}
        absent = _on_duty(truth, key, partition, on_time[0].through) - heard
        if absent:
            yield f"{sorted(absent)} never spoke"


def _spoken(
    truth: Truth, key: SetKey, partition: int, horizon: int, closed: int
) -> Iterator[tuple[tuple[str, str], int | None]]:
    """(source, incarnation) and chunk number of all that was let in for an LS before `horizon`.

    A broken body speaks for an LS only until it is `closed` on time.
    """
    for heard, refused in truth.voices(partition, horizon):
        if (heard.run, heard.lumisection) != (key.run, key.lumisection) or refused - _BODY_REASONS:
            continue
        if refused and heard.offset >= closed:
            continue
        if isinstance(heard.letter, EventBatch):
            # A broken body stands beside the good one of the same chunk, or alone.
            yield heard.life, heard.letter.chunk.number
        elif isinstance(heard.letter, LumisectionEnd):
            yield heard.life, None


def _on_duty(truth: Truth, key: SetKey, partition: int, horizon: int) -> set[str]:
    """Names of the sources that owed this LS something, as a partition knew before `horizon`."""
    first: dict[str, int] = {}
    lives: dict[str, list[str]] = {}
    last: dict[tuple[str, str], int] = {}
    for heard, refused in truth.voices(partition, horizon, known=True):
        if heard.run != key.run or refused:
            continue
        letter = heard.letter
        if isinstance(letter, RunStart):
            for name in letter.expected:
                first.setdefault(name, letter.first_lumisection)
        elif isinstance(letter, RunEnd):
            last[heard.life] = letter.last_lumisection
        first[heard.source] = min(first.get(heard.source, 1 << 30), heard.lumisection)
        known = lives.setdefault(heard.source, [])
        if heard.incarnation not in known:
            known.append(heard.incarnation)
    newest = {name: (name, incarnations[-1]) for name, incarnations in lives.items()}
    return {
        name
        for name, since in first.items()
        if since <= key.lumisection <= last.get(newest.get(name, ("", "")), key.lumisection)
    }


def false_markers(truth: Truth) -> Iterator[str]:
    """LSs said to be closed by markers while somebody was awaited who had said nothing."""
    for partition, epochs in enumerate(truth.references):
        excused = _excused(truth, partition)
        given_up = _first_given_up(truth, partition)
        closings = (one for reference in epochs.values() for one in reference.closed.items())
        for segment, (piece, *_) in closings:
            names = {name for run, name in excused if run == segment.run}
            missing = set(piece.account.missing) - names
            early = piece.through < given_up.get(segment.run, piece.through + 1)
            # Whoever began in a hole is awaited only from the first word that was read.
            if missing and early and piece.whole and piece.account.closed_by == "markers":
                yield f"partition {partition}: {segment} closed by markers without {missing}"


def _first_given_up(truth: Truth, partition: int) -> dict[int, int]:
    """Offset in each run from which on somebody may have been missed before."""
    dead = truth.world.dead[partition]
    offsets = [
        (entry.message.run, entry.offset)
        for entry in truth.world.logs[partition]
        if isinstance(entry.message, RunClose) and entry.offset not in dead
    ]
    offsets += [
        (segment.run, piece.through)
        for reference in truth.references[partition].values()
        for segment, (piece, *_) in reference.closed.items()
        if segment.segment == 0 and piece.account.closed_by != "markers"
    ]
    first: dict[int, int] = {}
    for run, offset in offsets:
        first[run] = min(first.get(run, offset), offset)
    return first


def _excused(truth: Truth, partition: int) -> set[tuple[int, str]]:
    """Sources of a run that ended, or came back as another incarnation: nobody waits for those."""
    lives: dict[tuple[int, str], set[str]] = {}
    ended = set()
    for heard, refused in truth.voices(partition):
        if not refused:
            lives.setdefault((heard.run, heard.source), set()).add(heard.incarnation)
            if isinstance(heard.letter, RunEnd):
                ended.add((heard.run, heard.source))
    return ended | {name for name, incarnations in lives.items() if len(incarnations) > 1}


# -------------------------------------------------------------------- totals


def wrong_totals(truth: Truth) -> Iterator[str]:
    """Complete LSs whose on time and late together are not what the detector saw."""
    world = truth.world
    merger = _reader(truth, world.histograms)
    for key in sorted(merger.keys()):
        if _is_complete(merger, key):
            yield from _compare(truth, key, merger.merged(key), merger.pieces(key))


def _compare(truth: Truth, key: SetKey, merged: Merged, pieces: Pieces) -> Iterator[str]:
    layout = _BY_HASH[pieces[0].booking]
    # One life sent on each partition: each counts once.
    lives = sorted({(s.source, s.incarnation) for p in pieces for s in p.account.sources})
    if any(source == "ghost" for source, _ in lives):
        return
    eyes = {source if source.startswith("file") else f"{source}/{i}": source for source, i in lives}
    physics = truth.world.physics
    seen = [
        ToyChunk(source, 0, physics.events(key.run, key.lumisection, eye))
        for eye, source in eyes.items()
    ]
    total = merged.contents.copy()
    if merged.late is not None:
        total.add(merged.late, same_lumisection=True)
    expected = batch_fill(layout, seen)
    if not total.invalid and not expected.invalid:
        if (total.cells != expected.cells).any():
            yield f"{key}: cells differ from the {sum(len(c.events) for c in seen)} events seen"
        sources = list(eyes.values())
        for index, value in expected.scalars.items():
            if value.source and sources.count(value.source) > 1:
                continue  # several lives of one live source: which is last is not physics
            found = total.scalars.get(index)
            if found is None or found.value != value.value:
                yield f"{key}: scalar {index} is {found}, the events say {value}"
    selected = merged.account.selected + merged.late_account.selected
    if selected != sum(len(chunk.events) for chunk in seen):
        yield f"{key}: {selected} events counted of {sum(len(c.events) for c in seen)}"
    notes = merged.account.notes.get("truncated", 0) + merged.late_account.notes.get("truncated", 0)
    expected_notes = notes_of(key.run, key.lumisection)["truncated"] * len(lives)
    if notes != expected_notes:
        yield f"{key}: {notes} notes counted of {expected_notes}"
