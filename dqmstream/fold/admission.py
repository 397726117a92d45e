"""Whom the fold lets in: a record is refused by name before it changes anything."""

from typing import Final, NamedTuple

from dqmstream.fold.run_state import RunState
from dqmstream.fold.state import ControlState, FoldSettings
from dqmstream.identity import event_partition
from dqmstream.messages.events import (
    Chunk,
    LumisectionEnd,
    LumisectionOpen,
    RunEnd,
    RunStart,
)

__all__ = ["DUPLICATE", "GOOD", "Admission", "Verdict"]


class Verdict(NamedTuple):
    """What becomes of a record: empty `reason` is good; otherwise it is refused by that name."""

    reason: str
    detail: str = ""


GOOD: Final = Verdict("")
DUPLICATE: Final = "duplicate"

_LAST_RUN: Final = 0xFFFFFFFF
_MOST_EVENTS: Final = 1 << 40
"""In one chunk: so many that no sum over chunks leaves int64."""


class Admission:
    """Judges records of one partition against its state; changes nothing."""

    def __init__(self, partition: int, settings: FoldSettings) -> None:
        self.partition = partition
        self.settings = settings

    def chunk(self, state: ControlState, chunk: Chunk) -> Verdict:
        """Whether a chunk may be filled, from its headers alone; nothing changes."""
        where = _Place(chunk.run, chunk.lumisection, chunk.source, chunk.number)
        settings = self.settings
        if chunk.partitions != settings.partitions:
            detail = (
                f"{where}: sent for {chunk.partitions} partitions, here are {settings.partitions}"
            )
            return Verdict("wrong_partitions", detail)
        if not 0 <= chunk.number < settings.max_chunks:
            return Verdict("chunk_number", f"{where}: expected 0..{settings.max_chunks - 1}")
        home = event_partition(chunk.source, chunk.number, settings.partitions)
        if home != self.partition:
            return Verdict("wrong_partition", f"{where}: belongs to {home}, not {self.partition}")
        counts = (chunk.seen, chunk.selected, chunk.dropped)
        if min(counts) < 0 or max(counts) > _MOST_EVENTS or chunk.selected > chunk.seen:
            detail = (
                f"{where}: {chunk.seen} seen, {chunk.selected} selected, {chunk.dropped} dropped"
            )
            return Verdict("event_counts", detail)
        verdict = self.place(
            state,
            chunk.run,
            chunk.lumisection,
            chunk.source,
            chunk.incarnation,
            rereadable=chunk.rereadable,
        )
        if verdict.reason:
            return verdict
        return self._repeat(state, chunk, where)

    def speaker(
        self, state: ControlState, message: RunStart | LumisectionEnd | RunEnd, at: int
    ) -> Verdict:
        if message.partitions != self.settings.partitions:
            detail = (
                f"run {message.run} {message.source!r}: sent for {message.partitions} partitions, "
                f"here are {self.settings.partitions}"
            )
            return Verdict("wrong_partitions", detail)
        verdict = self.place(
            state,
            message.run,
            at,
            message.source,
            message.incarnation,
            rereadable=message.rereadable,
            begins=isinstance(message, RunStart),
        )
        run = state.runs.get(message.run, RunState())
        if verdict.reason or not isinstance(message, RunStart):
            return verdict
        names = run.expected.keys() | run.absent.keys() | set(message.expected)
        if len(names) > self.settings.max_sources:
            detail = f"run {message.run} {message.source!r}: {len(names)} sources expected"
            return Verdict("too_many_sources", detail)
        return GOOD

    def opening(self, state: ControlState, message: LumisectionOpen) -> Verdict:
        """Whether a decision to open LSs may act.

        It names what another partition knows and let in. Sources send what they announce to all
        partitions, so that is never more than a jump from what is known here, unless this
        partition lost it in a hole.
        """
        verdict = self._run(state, message.run)
        if verdict.reason:
            return verdict
        if not 1 <= message.lowest <= message.highest <= self.settings.max_lumisection:
            detail = (
                f"run {message.run}: opens LS {message.lowest}-{message.highest}, "
                f"expected rising within 1-{self.settings.max_lumisection}"
            )
            return Verdict("lumisection", detail)
        span = _expected_span(state, state.runs.get(message.run, RunState()))
        jump = self.settings.max_jump
        if span is None or state.holes:
            return GOOD
        if message.lowest < span[0] - jump or message.highest > span[1] + jump:
            detail = (
                f"run {message.run}: opens LS {message.lowest}-{message.highest}, "
                f"more than {jump} from the known {span}"
            )
            return Verdict("lumisection_jump", detail)
        return GOOD

    def _repeat(self, state: ControlState, chunk: Chunk, where: "_Place") -> Verdict:
        run = state.runs.get(chunk.run)
        lumisection = run.lumisections.get(chunk.lumisection) if run else None
        source = run.source(chunk.source, chunk.incarnation) if run else None
        if lumisection is None or source is None:
            return GOOD
        count = lumisection.markers.get(source)
        if not lumisection.has_seen(source, chunk.number):
            if count is not None and chunk.number >= count:
                detail = f"{where}: its LumisectionEnd announced {count} chunks"
                return Verdict("beyond_marker", detail)
            return GOOD
        checksum = lumisection.checksums.get(source, {}).get(chunk.number, chunk.checksum)
        if checksum != chunk.checksum:
            detail = f"{where}: came before with checksum {checksum}, now {chunk.checksum}"
            return Verdict("same_id_other_body", detail)
        return Verdict(DUPLICATE, str(where))

    def place(
        self,
        state: ControlState,
        run_number: int,
        lumisection: int,
        source: str,
        incarnation: str,
        *,
        rereadable: bool,
        begins: bool = False,
    ) -> Verdict:
        """Whether somebody may speak of an LS; a RunStart may name any first one."""
        where = _Place(run_number, lumisection, source)
        verdict = self._run(state, run_number)
        if verdict.reason:
            return verdict
        run = state.runs.get(run_number, RunState())
        last = self.settings.max_lumisection
        if not 1 <= lumisection <= last:
            return Verdict("lumisection", f"{where}: lumisections are numbered 1-{last}")
        span = _expected_span(state, run)
        jump = self.settings.max_jump
        near = span is None or span[0] - jump <= lumisection <= span[1] + jump
        if not near and not (begins and not run.lumisections):
            detail = f"{where}: more than {jump} from the known {span}"
            return Verdict("lumisection_jump", detail)
        return self._incarnation(run, source, incarnation, rereadable, where)

    def _run(self, state: ControlState, run: int) -> Verdict:
        if run < 1 or run > _LAST_RUN:
            return Verdict("run", f"run {run}: expected 1..{_LAST_RUN}")
        if state.has_forgotten(run):
            return Verdict("forgotten_run", f"run {run} ended long ago, its state is gone")
        if run not in state.runs and state.running >= self.settings.max_runs:
            detail = f"run {run}: {state.running} runs are going on already"
            return Verdict("too_many_runs", detail)
        return GOOD

    def _incarnation(
        self, run: RunState, source: str, incarnation: str, rereadable: bool, where: "_Place"
    ) -> Verdict:
        others = [s for s in run.sources if s.source == source and s.incarnation != incarnation]
        if others and (rereadable or any(s.rereadable for s in others)):
            detail = (
                f"{where}: incarnation {incarnation!r} of a re-readable source, the run began with "
                f"{others[0].incarnation!r}: its input or its settings changed"
            )
            return Verdict("second_incarnation", detail)
        full = len(run.sources) >= self.settings.max_sources
        if full and run.source(source, incarnation) is None:
            return Verdict("too_many_sources", f"{where}: {len(run.sources)} sources already")
        return GOOD


class _Span(NamedTuple):
    low: int
    high: int

    def __str__(self) -> str:
        return f"{self.low}-{self.high}"


def _expected_span(state: ControlState, run: RunState) -> _Span | None:
    """What an LS of a run must not be far from: the known ones; before the first, those that
    sources announced to begin with, else LS 1. None after a hole: all that may be lost."""
    known = run.span()
    if known is not None:
        return _Span(*known)
    if state.holes:
        return None
    firsts = [source.first for source in run.sources] or [1]
    return _Span(min(firsts), max(firsts))


class _Place(NamedTuple):
    """Where a record belongs. Text only when asked for: nearly all records are good."""

    run: int
    lumisection: int
    source: str
    number: int | None = None

    def __str__(self) -> str:
        chunk = "" if self.number is None else f" chunk {self.number}"
        return f"run {self.run} LS {self.lumisection} {self.source!r}{chunk}"
