"""The rules of the fold: what one record does to the control state, and what follows from it.

Pure and deterministic: no clock, no group generation, no other topic. `Control.apply` decides
about chunks from their headers; whether a chunk's body is usable is the caller's finding, which
it reports by `accept` or `refuse`.
"""

from collections.abc import Iterator
from typing import NamedTuple

from dqmstream.fold.admission import DUPLICATE, GOOD, Admission, Verdict
from dqmstream.fold.state import (
    ControlState,
    FoldSettings,
    LumisectionState,
    RunState,
    SourceState,
    expected_chunks,
)
from dqmstream.messages.events import (
    Chunk,
    LumisectionClose,
    LumisectionEnd,
    LumisectionOpen,
    RunClose,
    RunEnd,
    RunStart,
)

__all__ = [
    "Closed",
    "Control",
    "ControlMessage",
    "Effect",
    "Marked",
    "Opened",
    "RunEnded",
    "SegmentId",
]

ControlMessage = RunStart | LumisectionEnd | RunEnd | LumisectionOpen | LumisectionClose | RunClose


class SegmentId(NamedTuple):
    """A segment on this partition."""

    run: int
    lumisection: int
    segment: int


class Opened(NamedTuple):
    """A segment began with this record."""

    segment: SegmentId


class Marked(NamedTuple):
    """A source's LumisectionEnd counts for this segment."""

    segment: SegmentId
    marker: LumisectionEnd


class Closed(NamedTuple):
    """A segment is closed: `why` and which awaited sources had not spoken."""

    segment: SegmentId
    why: str
    missing: tuple[str, ...]


class RunEnded(NamedTuple):
    """A run is over on this partition."""

    run: int


Effect = Opened | Marked | Closed | RunEnded


class Control:
    """The rules over one partition's state.

    Parameters
    ----------
    partition
        Which partition this is.
    settings
        What the rules depend on.
    state
        The state to go on from; owned and changed in place.
    """

    def __init__(
        self, partition: int, settings: FoldSettings, state: ControlState | None = None
    ) -> None:
        self.partition = partition
        self.settings = settings
        self.state = state if state is not None else ControlState()
        self._admission = Admission(partition, settings)

    # ------------------------------------------------------------------ chunks

    def judge(self, chunk: Chunk) -> Verdict:
        """Whether a chunk may be filled, from its headers alone; nothing changes."""
        return self._admission.chunk(self.state, chunk)

    def accept(self, chunk: Chunk) -> tuple[SegmentId, list[Effect]]:
        """A good, new chunk: it belongs to the open segment, or opens the next."""
        effects: list[Effect] = []
        source = self._hear(
            chunk.run, chunk.lumisection, chunk.source, chunk.incarnation, chunk.rereadable
        )
        segment = self._speak(chunk.run, chunk.lumisection, source, effects)
        lumisection = self.state.runs[chunk.run].lumisections[chunk.lumisection]
        lumisection.note_seen(source, chunk.number, chunk.checksum)
        self._settle(chunk.run, effects)
        return segment, effects

    def refuse(self, chunk: Chunk) -> tuple[SegmentId | None, list[Effect]]:
        """A chunk with sound headers and an unusable body: it speaks for its LS, unfilled."""
        effects: list[Effect] = []
        run = self.state.runs.get(chunk.run)
        known = run.lumisections.get(chunk.lumisection) if run else None
        if known is not None and not known.open:
            return None, effects
        source = self._hear(
            chunk.run, chunk.lumisection, chunk.source, chunk.incarnation, chunk.rereadable
        )
        segment = self._speak(chunk.run, chunk.lumisection, source, effects)
        self._settle(chunk.run, effects)
        return segment, effects

    # --------------------------------------------------------- control records

    def apply(self, message: ControlMessage) -> tuple[Verdict, list[Effect]]:
        """Fold a control record."""
        effects: list[Effect] = []
        match message:
            case RunStart():
                verdict = self._run_start(message)
            case LumisectionEnd():
                verdict = self._lumisection_end(message, effects)
            case RunEnd():
                verdict = self._run_end(message)
            case LumisectionOpen():
                verdict = self._lumisection_open(message, effects)
            case LumisectionClose():
                verdict = self._lumisection_close(message, effects)
            case RunClose():
                verdict = self._run_close(message, effects)
        if not verdict.reason:
            self._settle(message.run, effects)
        return verdict, effects

    def _run_start(self, message: RunStart) -> Verdict:
        verdict = self._admission.speaker(self.state, message, message.first_lumisection)
        if verdict.reason:
            return verdict
        run = self._run(message.run)
        first = message.first_lumisection
        for name in message.expected:
            if all(state.source != name for state in run.sources):
                run.expected.setdefault(name, first)
        self._hear(message.run, first, message.source, message.incarnation, message.rereadable)
        return GOOD

    def _lumisection_end(self, message: LumisectionEnd, effects: list[Effect]) -> Verdict:
        verdict = self._admission.speaker(self.state, message, message.lumisection)
        if verdict.reason:
            return verdict
        where = f"run {message.run} LS {message.lumisection} {message.source!r}"
        if not 0 <= message.chunks <= self.settings.max_chunks:
            return Verdict("chunk_number", f"{where}: {message.chunks} chunks announced")
        run = self._run(message.run)
        source = run.source(message.source, message.incarnation)
        known = run.lumisections.get(message.lumisection)
        if known is not None and source is not None and source in known.markers:
            if known.markers[source] == message.chunks:
                return Verdict(DUPLICATE, where)
            detail = (
                f"{where}: {known.markers[source]} chunks announced before, {message.chunks} now"
            )
            return Verdict("second_marker", detail)
        source = self._hear(
            message.run,
            message.lumisection,
            message.source,
            message.incarnation,
            message.rereadable,
        )
        segment = self._speak(message.run, message.lumisection, source, effects)
        run.lumisections[message.lumisection].markers[source] = message.chunks
        effects.append(Marked(segment, message))
        return GOOD

    def _run_end(self, message: RunEnd) -> Verdict:
        verdict = self._admission.speaker(self.state, message, max(message.last_lumisection, 1))
        if verdict.reason:
            return verdict
        first = max(message.last_lumisection, 1)
        source = self._hear(
            message.run, first, message.source, message.incarnation, message.rereadable
        )
        self.state.runs[message.run].sources[source].ended = True
        return GOOD

    def _lumisection_open(self, message: LumisectionOpen, effects: list[Effect]) -> Verdict:
        if not 1 <= message.lowest <= message.highest:
            detail = f"run {message.run}: opens LS {message.lowest}-{message.highest}"
            return Verdict("lumisection", detail)
        for end in (message.lowest, message.highest):
            verdict = self._admission.place(self.state, message.run, end, "", "", rereadable=False)
            if verdict.reason:
                return verdict
        if message.highest - message.lowest > self.settings.max_jump:
            detail = f"run {message.run}: opens LS {message.lowest}-{message.highest} at once"
            return Verdict("lumisection_jump", detail)
        self._reach(message.run, message.lowest, effects)
        self._reach(message.run, message.highest, effects)
        return GOOD

    def _lumisection_close(self, message: LumisectionClose, effects: list[Effect]) -> Verdict:
        run = self.state.runs.get(message.run)
        known = run.lumisections.get(message.lumisection) if run else None
        if known is None or not known.open or known.segment != message.segment:
            where = f"run {message.run} LS {message.lumisection} segment {message.segment}"
            return Verdict(DUPLICATE, f"{where} is not open: a stale or second decision")
        self._close(message.run, message.lumisection, message.why, effects)
        return GOOD

    def _run_close(self, message: RunClose, effects: list[Effect]) -> Verdict:
        run = self.state.runs.get(message.run)
        if run is None or run.ended:
            return Verdict(DUPLICATE, f"run {message.run} is not going on")
        for lumisection, _ in run.open_segments():
            self._close(message.run, lumisection, "run_close", effects)
        for source in run.sources:
            source.awaited = False
        run.expected.clear()
        self._end(message.run, effects)
        return GOOD

    # ------------------------------------------------------------------- steps

    def _run(self, number: int) -> RunState:
        return self.state.runs.setdefault(number, RunState())

    def _hear(
        self, run_number: int, lumisection: int, source: str, incarnation: str, rereadable: bool
    ) -> int:
        """Index of a source that has just spoken; it is awaited from now on."""
        run = self._run(run_number)
        index = run.source(source, incarnation)
        if index is None:
            first = min(lumisection, run.expected.pop(source, lumisection))
            for other in run.sources:
                # A live source has one life at a time: the newest takes over from the others.
                if other.source == source:
                    other.awaited = False
            state = SourceState(source, incarnation, rereadable, first)
            run.sources.append(state)
            return len(run.sources) - 1
        state = run.sources[index]
        replaced = any(other.source == source for other in run.sources[index + 1 :])
        if not state.awaited and not state.ended and not replaced:
            state.awaited, state.first = True, lumisection
        return index

    def _speak(self, run: int, lumisection: int, source: int, effects: list[Effect]) -> SegmentId:
        """The segment a record of this source falls into; opened if none is open."""
        self._reach(run, lumisection, effects)
        state = self.state.runs[run].lumisections[lumisection]
        if not state.open:
            state.segment += 1
            state.open = True
            state.spoke = []
            effects.append(Opened(SegmentId(run, lumisection, state.segment)))
        if source not in state.spoke:
            state.spoke.append(source)
        self._wake(run)
        return SegmentId(run, lumisection, state.segment)

    def _reach(self, run_number: int, lumisection: int, effects: list[Effect]) -> None:
        """Open segment 0 of an LS and of each unknown one between it and the known ones."""
        run = self._run(run_number)
        if lumisection in run.lumisections:
            return
        span = run.span()
        low, high = (lumisection, lumisection) if span is None else span
        for number in range(min(low, lumisection), max(high, lumisection) + 1):
            if number not in run.lumisections:
                run.lumisections[number] = LumisectionState()
                effects.append(Opened(SegmentId(run_number, number, 0)))
        self._wake(run_number)

    def _wake(self, number: int) -> None:
        run = self.state.runs[number]
        if run.ended:
            run.ended = False
            self.state.ended.remove(number)

    def _settle(self, number: int, effects: list[Effect]) -> None:
        """Close all that now can close; end the run if nothing is left to wait for."""
        run = self.state.runs.get(number)
        if run is None:
            return
        for lumisection, _ in run.open_segments():
            if self.may_close(run, lumisection):
                self._close(number, lumisection, "markers", effects)
        for lumisection, _ in run.open_segments()[: -self.settings.max_open]:
            self._close(number, lumisection, "too_many_open", effects)
        if run.ended or run.expected or not run.sources or run.open_segments():
            return
        waiting = any(source.awaited and not source.ended for source in run.sources)
        if not waiting and any(source.ended for source in run.sources):
            self._end(number, effects)

    def may_close(self, run: RunState, lumisection: int) -> bool:
        """Whether everybody this open segment waits for has spoken their LumisectionEnd."""
        state = run.lumisections[lumisection]
        if state.segment > 0:
            return bool(state.spoke) and all(source in state.markers for source in state.spoke)
        if run.unheard(lumisection):
            return False
        awaited = run.awaited(lumisection)
        if not awaited:
            # Nobody is awaited: only if all said that they are done, never for want of sources.
            return bool(run.sources) and all(s.ended for s in run.sources if s.awaited)
        return all(source in state.markers for source in awaited)

    def _close(self, run_number: int, lumisection: int, why: str, effects: list[Effect]) -> None:
        run = self.state.runs[run_number]
        state = run.lumisections[lumisection]
        missing = list(self._miss(run, lumisection)) if state.segment == 0 else []
        state.open = False
        state.spoke = []
        self._shrink(run, state)
        segment = SegmentId(run_number, lumisection, state.segment)
        effects.append(Closed(segment, why, tuple(sorted(missing))))

    def _miss(self, run: RunState, lumisection: int) -> Iterator[str]:
        """Awaited sources without a marker: named, and not awaited until they speak again."""
        for index in run.awaited(lumisection):
            if index not in run.lumisections[lumisection].markers:
                run.sources[index].awaited = False
                yield run.sources[index].source
        for name in run.unheard(lumisection):
            del run.expected[name]
            yield name

    def _shrink(self, run: RunState, state: LumisectionState) -> None:
        """An LS that has all its chunks needs their checksums no more."""
        for index in list(state.checksums):
            count = state.markers.get(index)
            if count is None:
                continue
            wanted = expected_chunks(
                run.sources[index].source, count, self.partition, self.settings.partitions
            )
            if int.from_bytes(state.seen.get(index, b""), "little") == wanted:
                del state.checksums[index]

    def _end(self, number: int, effects: list[Effect]) -> None:
        self.state.runs[number].ended = True
        self.state.ended.append(number)
        effects.append(RunEnded(number))
        while len(self.state.ended) > self.settings.ended_runs:
            old = self.state.ended.pop(0)
            del self.state.runs[old]
            self.state.forgotten.append(old)
