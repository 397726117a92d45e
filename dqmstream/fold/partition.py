"""The fold of one partition with its contents: records in, closed segments and checkpoints out.

Pure: the same records from the same checkpoint give the same bits. What a body means and how a
workspace is filled are passed in.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from dqmstream.errors import MessageError
from dqmstream.fold.admission import DUPLICATE
from dqmstream.fold.control import Control, ControlMessage
from dqmstream.fold.effects import Closed, Effect, Marked, Opened, SegmentId
from dqmstream.fold.segment import Segment
from dqmstream.fold.state import ControlState, FoldSettings
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.chunk_headers import Headers, check_body, chunk_of
from dqmstream.messages.events import Chunk, EventBatch, LumisectionEnd, LumisectionOpen
from dqmstream.messages.histograms import Refusal
from dqmstream.messages.wire import CODEC

__all__ = ["Applied", "Filler", "FoldFactory", "PartitionFold", "Refused", "Segment"]

C = TypeVar("C")
C_contra = TypeVar("C_contra", contravariant=True)


class LogRecord(Protocol):
    """What the fold reads of a record of the log."""

    @property
    def offset(self) -> int: ...
    @property
    def headers(self) -> Headers: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def timestamp(self) -> int:
        """Wall clock of the log when it took the record, nanoseconds since 1970."""
        ...


class Filler(Protocol[C_contra]):
    """Fills one workspace; an element that cannot be filled becomes invalid, the others go on."""

    @property
    def layout(self) -> Layout: ...
    def fill(self, contents: Contents, columns: C_contra, *, source: str, number: int) -> None: ...


class Refused(NamedTuple):
    """A record that was not folded; it belongs on the dead topic."""

    reason: str
    detail: str


class Applied(NamedTuple):
    """What one record did; `segment` is where a chunk was filled."""

    effects: Sequence[Effect]
    refused: Refused | None = None
    duplicate: bool = False
    segment: SegmentId | None = None


class PartitionFold(Generic[C]):
    """One partition: its control state, its segments, where it stands.

    Parameters
    ----------
    partition, settings
        Which partition, and what the rules depend on.
    fillers
        One for each workspace of the set.
    decode
        Columns of a chunk, from its headers, its body and the time at which the log took it (that
        time is part of the log, so reading again gives the same bits); MessageError refuses it.
    position
        Offset of the next record.
    state
        Control state before `position`, from a checkpoint. Segments open in it were published by
        an earlier owner: they are followed and never published again.
    skip
        Offsets of records that killed their filler: stepped over, and refused by that name.
    """

    def __init__(
        self,
        partition: int,
        settings: FoldSettings,
        fillers: Sequence[Filler[C]],
        decode: Callable[[Chunk, bytes, int], C],
        *,
        position: int = 0,
        state: ControlState | None = None,
        skip: frozenset[int] = frozenset(),
    ) -> None:
        self.partition = partition
        self.fillers = tuple(fillers)
        self.position = position
        self.control = Control(partition, settings, state)
        self.segments: dict[SegmentId, Segment] = {}
        self.skip = skip
        self.refused: dict[str, int] = {}
        self.duplicates = 0
        self._decode = decode
        self._published = {SegmentId(*segment) for segment in self.control.state.open_segments()}

    # ----------------------------------------------------------------- records

    def apply(self, record: LogRecord) -> Applied:
        """Fold one record; offsets may have gaps but never go back."""
        if record.offset < self.position:
            msg = f"partition {self.partition}: offset {record.offset} after {self.position}"
            raise ValueError(msg)
        self.position = record.offset
        self.control.stamp = record.timestamp
        applied = self._apply(record)
        self.position = record.offset + 1
        for effect in applied.effects:
            if isinstance(effect, Closed):
                self._close(effect)
        if applied.refused is not None:
            reason = applied.refused.reason
            self.refused[reason] = self.refused.get(reason, 0) + 1
        self.duplicates += applied.duplicate
        return applied

    def _apply(self, record: LogRecord) -> Applied:
        try:
            if CODEC.type_of(record.headers) is EventBatch:
                return self._apply_chunk(record)
            message = CODEC.decode(record.headers, record.value)
        except MessageError as error:
            return Applied((), Refused(error.reason, error.detail))
        if not isinstance(message, ControlMessage):
            name = type(message).__name__
            return Applied((), Refused("unexpected_type", f"{name} does not belong on this topic"))
        if record.offset in self.skip:
            return Applied((), _deadly(f"{type(message).__name__} of run {message.run}"))
        # As chunks do: a run put away would not show that it meets a hole.
        self.control.state.thaw(message.run)
        before = b""
        if isinstance(message, LumisectionEnd):
            before = self._before(message.run, message.lumisection)
        elif isinstance(message, LumisectionOpen) or self.control.state.meets_hole(message.run):
            before = self.control.state.encode()
        verdict, effects = self.control.apply(message)
        self._open(effects, before)
        for effect in effects:
            if isinstance(effect, Marked) and effect.segment in self.segments:
                segment = self.segments[effect.segment]
                segment.ledger.note_marker(effect.marker)
                segment.changes += 1
        if verdict.reason == DUPLICATE:
            return Applied(effects, duplicate=True)
        if verdict.reason:
            return Applied(effects, Refused(verdict.reason, verdict.detail))
        return Applied(effects)

    def _apply_chunk(self, record: LogRecord) -> Applied:
        chunk = chunk_of(record.headers)
        verdict = self.control.judge(chunk)
        if verdict.reason == DUPLICATE:
            self._note_duplicate(chunk)
            return Applied((), duplicate=True)
        if verdict.reason:
            self._note_refusal(self._open_segment(chunk), chunk, verdict.reason)
            return Applied((), Refused(verdict.reason, verdict.detail))
        before = self._before(chunk.run, chunk.lumisection)
        try:
            if record.offset in self.skip:
                where = f"run {chunk.run} LS {chunk.lumisection} source {chunk.source!r}"
                raise MessageError(*_deadly(f"chunk {chunk.number} of {where}"))
            body = check_body(chunk, record.value)
            columns = self._decode(chunk, body, record.timestamp)
        except MessageError as error:
            place, effects = self.control.refuse(chunk)
            self._open(effects, before)
            segment = self.segments.get(place) if place else None
            if segment is not None:
                segment.ledger.note_spoke(chunk)
            self._note_refusal(segment, chunk, error.reason)
            return Applied(effects, Refused(error.reason, error.detail))
        place, effects = self.control.accept(chunk)
        self._open(effects, before)
        segment = self.segments.get(place)
        if segment is not None:
            segment.ledger.note_chunk(chunk)
            segment.changes += 1
            segment.heard = max(segment.heard, record.timestamp)
            self._fill(segment, chunk, columns)
        return Applied(effects, segment=place)

    def _fill(self, segment: Segment, chunk: Chunk, columns: C) -> None:
        for index, filler in enumerate(self.fillers):
            contents = segment.contents[index]
            if contents is None:
                contents = segment.contents[index] = Contents.empty(filler.layout)
            if len(contents.invalid) == len(filler.layout.elements):
                continue
            try:
                filler.fill(contents, columns, source=chunk.source, number=chunk.number)
            except Exception as error:
                segment.contents[index] = _all_invalid(filler.layout, error)

    # ---------------------------------------------------------------- segments

    def _before(self, run: int, lumisection: int) -> bytes:
        """State before a record of an LS, if the record may open a segment; else nothing."""
        known = self.control.state.runs.get(run)
        holed = self.control.state.meets_hole(run)
        if known is not None and known.is_open(lumisection) and not holed:
            return b""
        return self.control.state.encode()

    def _open(self, effects: Sequence[Effect], before: bytes) -> None:
        for effect in effects:
            if isinstance(effect, Opened):
                self.segments[effect.segment] = Segment(
                    effect.segment,
                    self.position,
                    before,
                    len(self.fillers),
                    since=self.control.stamp,
                    expired=effect.expired,
                )

    def _close(self, effect: Closed) -> None:
        self._published.discard(effect.segment)
        segment = self.segments.get(effect.segment)
        if segment is not None:
            segment.ledger.close(effect.why, effect.missing)
            segment.through = self.position

    def _open_segment(self, chunk: Chunk) -> Segment | None:
        run = self.control.state.runs.get(chunk.run)
        if run is None or not run.is_open(chunk.lumisection):
            return None
        segment = run.lumisections[chunk.lumisection].segment
        return self.segments.get(SegmentId(chunk.run, chunk.lumisection, segment))

    def _note_duplicate(self, chunk: Chunk) -> None:
        segment = self._open_segment(chunk)
        if segment is not None:
            segment.ledger.note_duplicate()
            segment.changes += 1

    def _note_refusal(self, segment: Segment | None, chunk: Chunk, reason: str) -> None:
        if segment is None:
            return
        segment.changes += 1
        segment.ledger.note_refusal(
            Refusal(
                reason=reason,
                offset=self.position,
                source=chunk.source,
                incarnation=chunk.incarnation,
                number=chunk.number,
                events=chunk.seen,
            )
        )

    # -------------------------------------------------------------- checkpoint

    def closed(self) -> Iterator[Segment]:
        """Closed segments not yet acknowledged, in the order they were opened."""
        return (segment for segment in list(self.segments.values()) if segment.closed)

    def open(self) -> Iterator[Segment]:
        """Open segments that this owner publishes."""
        return (segment for segment in list(self.segments.values()) if not segment.closed)

    def acknowledge(self, segment: SegmentId) -> None:
        """All closing sets of a segment are in the log: it may be forgotten."""
        if not self.segments[segment].closed:
            msg = f"segment {segment} is open: only a closed one can be acknowledged"
            raise ValueError(msg)
        del self.segments[segment]

    def checkpoint(self) -> tuple[int, bytes]:
        """(C, state before it): start of the oldest unacknowledged segment, else the position."""
        oldest = min(self.segments.values(), key=lambda segment: segment.start, default=None)
        if oldest is None:
            return self.position, self.control.state.encode()
        return oldest.start, oldest.before


class FoldFactory(Protocol[C]):
    """How a fold is made: `PartitionFold`, or what stands in its place; see there."""

    def __call__(
        self,
        partition: int,
        settings: FoldSettings,
        fillers: Sequence[Filler[C]],
        decode: Callable[[Chunk, bytes, int], C],
        *,
        position: int = 0,
        state: ControlState | None = None,
        skip: frozenset[int] = frozenset(),
    ) -> PartitionFold[C]: ...


def _deadly(what: str) -> Refused:
    return Refused("killed_filler", f"{what} killed the process that folded it three times")


def _all_invalid(layout: Layout, error: Exception) -> Contents:
    contents = Contents.empty(layout)
    reason = f"workspace {layout.workspace} threw {type(error).__name__}: {error}"[:300]
    contents.invalid = {element.index: reason for element in layout.elements}
    return contents
