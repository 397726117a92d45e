"""The rules of the fold: what one record does to the control state, and what follows from it.

Pure and deterministic: no clock, no group generation, no other topic. `Control.apply` decides
about chunks from their headers; whether a chunk's body is usable is the caller's finding, which
it reports by `accept` or `refuse`.
"""

from bisect import insort

from dqmstream.fold.admission import DUPLICATE, GOOD, Admission, Verdict
from dqmstream.fold.effects import Closed, Effect, Marked, Opened, RunEnded, SegmentId
from dqmstream.fold.holes import meet_holes
from dqmstream.fold.run_state import RunState, SourceState, expected_chunks
from dqmstream.fold.state import ControlState, FoldSettings
from dqmstream.messages.events import (
    Chunk,
    LumisectionClose,
    LumisectionEnd,
    LumisectionOpen,
    RunClose,
    RunEnd,
    RunStart,
)

__all__ = ["Control", "ControlMessage"]

ControlMessage = RunStart | LumisectionEnd | RunEnd | LumisectionOpen | LumisectionClose | RunClose


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

    Attributes
    ----------
    stamp
        Log time of the record at hand, nanoseconds since 1970; only holes ask for it.
    """

    def __init__(
        self, partition: int, settings: FoldSettings, state: ControlState | None = None
    ) -> None:
        self.partition = partition
        self.settings = settings
        self.stamp = 0
        self.state = state if state is not None else ControlState()
        self._admission = Admission(partition, settings)

    # ------------------------------------------------------------------ chunks

    def judge(self, chunk: Chunk) -> Verdict:
        """Whether a chunk may be filled, from its headers alone."""
        self.state.thaw(chunk.run)
        return self._admission.chunk(self.state, chunk)

    def accept(self, chunk: Chunk) -> tuple[SegmentId, list[Effect]]:
        """A good, new chunk: it belongs to the open segment, or opens the next."""
        self.state.thaw(chunk.run)
        effects: list[Effect] = []
        self._meet(chunk.run, chunk.lumisection, effects)
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
        self.state.thaw(chunk.run)
        effects: list[Effect] = []
        self._meet(chunk.run, chunk.lumisection, effects)
        run = self.state.runs[chunk.run]
        if chunk.lumisection in run.lumisections and not run.is_open(chunk.lumisection):
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
        self.state.thaw(message.run)
        effects: list[Effect] = []
        match message:
            case RunStart():
                verdict = self._run_start(message, effects)
            case LumisectionEnd():
                verdict = self._lumisection_end(message, effects)
            case RunEnd():
                verdict = self._run_end(message, effects)
            case LumisectionOpen():
                verdict = self._lumisection_open(message, effects)
            case LumisectionClose():
                verdict = self._lumisection_close(message, effects)
            case RunClose():
                verdict = self._run_close(message, effects)
        if not verdict.reason:
            self._settle(message.run, effects)
        return verdict, effects

    def _run_start(self, message: RunStart, effects: list[Effect]) -> Verdict:
        verdict = self._admission.speaker(self.state, message, message.first_lumisection)
        if verdict.reason:
            return verdict
        self._meet(message.run, message.first_lumisection, effects, begins=True)
        run = self._run(message.run)
        first = message.first_lumisection
        for name in message.expected:
            if name not in run.absent and all(state.source != name for state in run.sources):
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
        self._meet(message.run, message.lumisection, effects)
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

    def _run_end(self, message: RunEnd, effects: list[Effect]) -> Verdict:
        first = max(message.last_lumisection, 1)
        verdict = self._admission.speaker(self.state, message, first)
        if verdict.reason:
            return verdict
        self._meet(message.run, first, effects)
        index = self._hear(
            message.run, first, message.source, message.incarnation, message.rereadable
        )
        source = self.state.runs[message.run].sources[index]
        source.ended, source.last = True, message.last_lumisection
        return GOOD

    def _lumisection_open(self, message: LumisectionOpen, effects: list[Effect]) -> Verdict:
        verdict = self._admission.opening(self.state, message)
        if verdict.reason:
            return verdict
        self._meet(message.run, message.highest, effects)
        self._reach(message.run, message.lowest, effects)
        self._reach(message.run, message.highest, effects)
        return GOOD

    def _lumisection_close(self, message: LumisectionClose, effects: list[Effect]) -> Verdict:
        run = self.state.runs.get(message.run)
        if run is not None:
            self._meet(message.run, 0, effects)
        if run is None or (message.lumisection, message.segment) not in run.open_segments():
            where = f"run {message.run} LS {message.lumisection} segment {message.segment}"
            return Verdict(DUPLICATE, f"{where} is not open: a stale or second decision")
        self._close(message.run, message.lumisection, message.why, effects)
        return GOOD

    def _run_close(self, message: RunClose, effects: list[Effect]) -> Verdict:
        run = self.state.runs.get(message.run)
        if run is None or run.closed:
            return Verdict(DUPLICATE, f"run {message.run} is not going on")
        self._meet(message.run, 0, effects)
        run.closed = True
        for lumisection, _ in run.open_segments():
            self._close(message.run, lumisection, "run_close", effects)
        for source in run.sources:
            source.awaited = False
        run.absent |= run.expected
        run.expected.clear()
        if not run.ended:
            self._end(message.run, effects)
        return GOOD

    # ------------------------------------------------------------------- steps

    def _run(self, number: int) -> RunState:
        return self.state.runs.setdefault(number, RunState())

    def _meet(
        self, number: int, lumisection: int, effects: list[Effect], *, begins: bool = False
    ) -> None:
        """Before a record of a run acts: close what a hole in the input leaves uncertain."""
        self._run(number)
        if not self.state.meets_hole(number):
            return
        segments = meet_holes(
            self.state, number, lumisection, self.settings, stamp=self.stamp, begins=begins
        )
        for before, segment in segments:
            if before is not None:
                effects.append(Closed(before, "hole", ()))
            # An empty segment says by its account that chunks of this LS may be lost.
            self._opened(segment, effects)
            effects.append(Closed(segment, "hole", ()))

    def _hear(
        self, run_number: int, lumisection: int, source: str, incarnation: str, rereadable: bool
    ) -> int:
        """Index of a source that has just spoken; it is awaited from now on."""
        run = self._run(run_number)
        index = run.source(source, incarnation)
        if index is None:
            first = min(lumisection, run.expected.pop(source, lumisection))
            since = min(first, run.absent.pop(source, first))
            for other in run.sources:
                # A live source has one life at a time: the newest takes over from the others.
                if other.source == source:
                    other.awaited = False
            state = SourceState(source, incarnation, rereadable, first, since)
            run.sources.append(state)
            return len(run.sources) - 1
        state = run.sources[index]
        state.since = min(state.since, lumisection)
        replaced = any(other.source == source for other in run.sources[index + 1 :])
        if not state.awaited and not state.ended and not replaced:
            state.awaited, state.first = True, lumisection
        return index

    def _speak(self, run: int, lumisection: int, source: int, effects: list[Effect]) -> SegmentId:
        """The segment a record of this source falls into; opened if none is open."""
        self._reach(run, lumisection, effects)
        state = self.state.runs[run].lumisections[lumisection]
        if not self.state.runs[run].is_open(lumisection):
            state.segment += 1
            insort(self.state.runs[run].open, lumisection)
            self._opened(SegmentId(run, lumisection, state.segment), effects)
        if source not in state.spoke:
            state.spoke.append(source)
        self._wake(run)
        return SegmentId(run, lumisection, state.segment)

    def _reach(self, run_number: int, lumisection: int, effects: list[Effect]) -> None:
        """Open segment 0 of an LS and of each unknown one between it and the known ones."""
        for number in self._run(run_number).reach(lumisection):
            self._opened(SegmentId(run_number, number, 0), effects)
            self._wake(run_number)

    def _opened(self, segment: SegmentId, effects: list[Effect]) -> None:
        expired = self.state.expired(segment.run, segment.lumisection)
        effects.append(Opened(segment, expired))

    def _wake(self, number: int) -> None:
        run = self.state.runs[number]
        if run.ended:
            run.ended = run.closed = False
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
        missing = run.miss(lumisection) if state.segment == 0 else set()
        run.open.remove(lumisection)
        state.spoke = []
        for index in list(state.seen):
            # A source that has all its chunks here needs their numbers and checksums no more.
            if index in state.markers:
                source, count = run.sources[index].source, state.markers[index]
                partitions = self.settings.partitions
                state.shrink(index, expected_chunks(source, count, self.partition, partitions))
        segment = SegmentId(run_number, lumisection, state.segment)
        effects.append(Closed(segment, why, tuple(sorted(missing))))

    def _end(self, number: int, effects: list[Effect]) -> None:
        self.state.runs[number].ended = True
        self.state.ended.append(number)
        effects.append(RunEnded(number))
        self.state.freeze()
        while len(self.state.ended) > self.settings.ended_runs or (
            len(self.state.ended) > 1 and self.state.frozen_markers > self.settings.ended_markers
        ):
            self.state.forget(self.state.ended.pop(0))
