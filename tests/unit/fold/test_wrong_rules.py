"""Each rule of the protocol is needed: a wrong one in its place breaks a law.

The wrong rules live here and are passed in; the product has no switch for them. Schedules are
seeded, so that a rule is caught at the same one every time.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest

from dqmstream.fold.admission import DUPLICATE, GOOD, Admission, Verdict
from dqmstream.fold.closer import Closer, Decision
from dqmstream.fold.control import Control
from dqmstream.fold.effects import Closed, Effect, SegmentId
from dqmstream.fold.merge import Merged, Merger, SetKey
from dqmstream.fold.merged_account import MergedAccount
from dqmstream.fold.partition import Applied, PartitionFold
from dqmstream.fold.run_state import LumisectionState, RunState
from dqmstream.fold.segment import Segment
from dqmstream.fold.sets import PartJoiner
from dqmstream.fold.state import ControlState
from dqmstream.fold.testing.laws import LAWS, broken_laws
from dqmstream.fold.testing.owner import Owner, Rules
from dqmstream.fold.testing.plan import Plan
from dqmstream.fold.testing.world import World
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.events import Chunk, RunClose
from dqmstream.messages.histograms import Account, HistogramSet

SCHEDULES = 200
"""A wrong rule must break a law within so many schedules."""


def fold_with(control: type[Control]) -> Callable[..., PartitionFold[Any]]:
    """A fold that obeys another control."""

    class Fold(PartitionFold[Any]):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            good = self.control
            self.control = control(good.partition, good.settings, good.state)

    return Fold


# ------------------------------------------------------------ seen chunks


class HighWaterMark(Control):
    """A chunk below the highest seen is taken for a duplicate."""

    def judge(self, chunk: Chunk) -> Verdict:
        verdict = super().judge(chunk)
        run = self.state.runs.get(chunk.run)
        source = run.source(chunk.source, chunk.incarnation) if run else None
        if verdict == GOOD and run and source is not None:
            known = run.lumisections.get(chunk.lumisection, LumisectionState())
            if any(known.has_seen(source, number) for number in range(chunk.number, 64)):
                return Verdict(DUPLICATE)
        return verdict


class FillsDuplicates(Control):
    """A chunk that comes again is filled again."""

    def judge(self, chunk: Chunk) -> Verdict:
        verdict = super().judge(chunk)
        return GOOD if verdict.reason == DUPLICATE else verdict


class RefusedCountsAsSeen(Control):
    """A broken body uses up its chunk number: the good one that follows is dropped."""

    def refuse(self, chunk: Chunk) -> tuple[SegmentId | None, list[Effect]]:
        place, effects = super().refuse(chunk)
        run = self.state.runs[chunk.run]
        source = run.source(chunk.source, chunk.incarnation)
        if place is not None and source is not None:
            run.lumisections[chunk.lumisection].note_seen(source, chunk.number, chunk.checksum)
        return place, effects


class ForgetsSeenAtRestart(PartitionFold[Any]):
    """The checkpoint leaves out which chunks were seen."""

    def checkpoint(self) -> tuple[int, bytes]:
        offset, encoded = super().checkpoint()
        state = ControlState.decode(encoded)
        for number in list(state.frozen):
            state.thaw(number)
        for run in state.runs.values():
            for lumisection in run.lumisections.values():
                lumisection.seen.clear()
                lumisection.whole.clear()
        return offset, state.encode()


class AnyIncarnation(Admission):
    """A second incarnation of a re-readable source is let in."""

    def _incarnation(self, *_: Any) -> Verdict:
        return GOOD


class AcceptsSecondIncarnation(Control):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._admission = AnyIncarnation(self.partition, self.settings)


class SumsIncarnations(Merger):
    """A reader sums two incarnations of a re-readable source, as if they were live ones."""

    def pieces(self, key: SetKey) -> list[HistogramSet]:
        return [
            msgspec.structs.replace(piece, account=_live(piece.account))
            for piece in super().pieces(key)
        ]


def _live(account: Account) -> Account:
    sources = [msgspec.structs.replace(s, rereadable=False) for s in account.sources]
    return msgspec.structs.replace(account, sources=tuple(sources))


# ---------------------------------------------------------------- closing


class ClosesWithoutWaiting(Control):
    """The first marker closes an LS."""

    def may_close(self, run: RunState, lumisection: int) -> bool:
        return bool(run.lumisections[lumisection].markers)


class NeverNamesTheMissing(Control):
    """An LS is closed without a word on who had not spoken."""

    def _close(self, run_number: int, lumisection: int, why: str, effects: list[Effect]) -> None:
        super()._close(run_number, lumisection, why, effects)
        closed = effects.pop()
        assert isinstance(closed, Closed)
        effects.append(closed._replace(missing=()))


class LateIntoTheClosed(Control):
    """Late data open the closed segment again."""

    def _speak(self, run: int, lumisection: int, source: int, effects: list[Effect]) -> SegmentId:
        known = self.state.runs[run].lumisections.get(lumisection)
        if known is not None and not self.state.runs[run].is_open(lumisection):
            known.segment -= 1
        return super()._speak(run, lumisection, source, effects)


class DropsLateData(Control):
    """What comes after the close is dropped, as if it had been seen."""

    def judge(self, chunk: Chunk) -> Verdict:
        verdict = super().judge(chunk)
        run = self.state.runs.get(chunk.run)
        if run and chunk.lumisection in run.lumisections and not run.is_open(chunk.lumisection):
            return Verdict(DUPLICATE)
        return verdict


class SilentCloser(Closer):
    """Other partitions are not told which LSs there are."""

    def decide(self, state: ControlState, now: float) -> Decision:
        return super().decide(state, now)._replace(elsewhere=())


class CloserForgetsEndedRuns(Closer):
    """A run that its sources ended is not announced either: they may have died half-way."""

    def decide(self, state: ControlState, now: float) -> Decision:
        going_on = msgspec.structs.replace(
            state, runs={n: run for n, run in state.runs.items() if not run.ended}, frozen={}
        )
        return super().decide(going_on, now)


class IgnoresLateSegments(Closer):
    """Only what is on time is closed after silence."""

    def decide(self, state: ControlState, now: float) -> Decision:
        decision = super().decide(state, now)
        here = [m for m in decision.here if isinstance(m, RunClose) or m.segment == 0]
        return decision._replace(here=here)


class ClosesLocally(Owner):
    """A time-out acts at once in memory; nothing is written."""

    def act(self, decision: Decision) -> None:
        for message in decision.here:
            _, effects = self.fold.control.apply(message)
            for effect in effects:
                if isinstance(effect, Closed):
                    self.fold._close(effect)


# ------------------------------------------------------------- checkpoints


class CheckpointAtPosition(PartitionFold[Any]):
    """C is the position, whatever is not acknowledged."""

    def checkpoint(self) -> tuple[int, bytes]:
        return self.position, self.control.state.encode()


class SnapshotAfter(PartitionFold[Any]):
    """The state kept with a segment has its opening record in it."""

    def _open(self, effects: Any, before: bytes) -> None:
        super()._open(effects, self.control.state.encode() if before else b"")


class SnapshotWithoutOpenSegments(PartitionFold[Any]):
    """What was open at C is opened again, and published as if it were whole."""

    def _close(self, effect: Closed) -> None:
        self._adopt(effect.segment)
        super()._close(effect)

    def _open_segment(self, chunk: Chunk) -> Segment | None:
        for identity in list(self._published):
            self._adopt(identity)
        return super()._open_segment(chunk)

    def _adopt(self, identity: SegmentId) -> None:
        if identity in self._published:
            before = self.control.state.encode()
            self.segments[identity] = Segment(identity, self.position, before, len(self.fillers))


class AcknowledgesWhenQueued(Owner):
    """Sets count as published before they are in the log."""

    def queue_closed(self) -> None:
        super().queue_closed()
        for segment in list(self.fold.closed()):
            self.fold.acknowledge(segment.id)

    def hear(self) -> None:
        self._out.clear()


# ------------------------------------------------------ holes, deadly records


def forgets_the_hole(encoded: bytes | None, _first: int, _following: int) -> bytes:
    """What expired is as if it had never been."""
    return ControlState().encode() if encoded is None else encoded


class OnlyWhatWasOpen(Control):
    """Only what a run had reached is uncertain after a hole, nothing that came after."""

    def _meet(self, *args: Any, **kwargs: Any) -> None:
        right = self.settings
        self.settings = msgspec.structs.replace(right, max_open=-99)
        super()._meet(*args, **kwargs)
        self.settings = right


class ForgetsHolesAtRestart(PartitionFold[Any]):
    """The checkpoint leaves out what is uncertain."""

    def checkpoint(self) -> tuple[int, bytes]:
        offset, encoded = super().checkpoint()
        state = ControlState.decode(encoded)
        state.holes.clear()
        for run in state.runs.values():
            run.unsure.clear()
        return offset, state.encode()


class SkipsInSilence(PartitionFold[Any]):
    """A deadly record is stepped over, and nobody is told."""

    def _apply(self, record: Any) -> Applied:
        return Applied(()) if record.offset in self.skip else super()._apply(record)


class ForgetsHolesBesideWholeContents(Merger):
    """A newer epoch that lost input does not count where older contents are shown."""

    def _note_hole(self, *_: Any) -> None:
        pass


# ----------------------------------------------------------------- readers


class AddsPieces(Merger):
    """A newer set is added to what is held instead of replacing it."""

    def apply(self, piece: HistogramSet) -> SetKey | None:
        held = {other.key: other for key in self.keys() for other in self.pieces(key)}
        changed = super().apply(piece)
        before = held.get(piece.key)
        if changed is None or before is None or piece.parts > 1:
            return changed
        layout = self._layout(piece.booking)
        assert layout is not None
        total = Contents.decode(layout, piece.cells)
        total.add(Contents.decode(layout, before.cells))
        place = (piece.segment, piece.partition)
        self._pieces[changed][place] = msgspec.structs.replace(piece, cells=total.encode())
        return changed


class OneWriterAtATime(PartJoiner):
    """Parts of another writer throw away those at hand."""

    def join(self, piece: HistogramSet) -> HistogramSet | None:
        others = self._parts.get(piece.key, {})
        for writer in [writer for writer in others if writer != piece.writer]:
            del others[writer]
        return super().join(piece)


class JoinsOneWriter(Merger):
    def __init__(self, layout: Callable[[str], Layout | None]) -> None:
        super().__init__(layout)
        self._joiner = OneWriterAtATime()


class LastOneWins(Merger):
    """The order of arrival decides, not the version."""

    def apply(self, piece: HistogramSet) -> SetKey | None:
        whole = self._joiner.join(piece)
        if whole is None:
            return None
        key = SetKey(whole.set, whole.run, whole.lumisection, whole.workspace)
        self._pieces.setdefault(key, {})[whole.segment, whole.partition] = whole
        return key


class OrderIgnoresClosed(Merger):
    """A view of a newer epoch replaces a closed set."""

    def apply(self, piece: HistogramSet) -> SetKey | None:
        whole = self._joiner.join(piece)
        if whole is None:
            return None
        key = SetKey(whole.set, whole.run, whole.lumisection, whole.workspace)
        held = self._pieces.setdefault(key, {}).get((whole.segment, whole.partition))
        if held is not None and held.order[1:] >= whole.order[1:]:
            return None
        self._pieces[key][whole.segment, whole.partition] = whole
        return key


class SumsWhatIsThere(Merger):
    """An LS is called closed and complete when the partitions at hand are."""

    def merged(self, key: SetKey) -> Merged:
        merged = super().merged(key)
        pieces = [piece for piece in self.pieces(key) if piece.segment == 0]
        closed = bool(pieces) and all(piece.closed for piece in pieces)
        return _replaced(merged, closed=closed, complete=closed and not merged.account.lacking)


class AddsLateInSilence(Merger):
    """Late segments are summed into what was on time."""

    def merged(self, key: SetKey) -> Merged:
        merged = super().merged(key)
        total = merged.contents.copy()
        if merged.late is not None:
            total.add(merged.late, same_lumisection=True)
        return _replaced(merged, contents=total)


class CountsMarkersPerPartition(Merger):
    """What a marker notes is counted once for each partition it came to."""

    def merged(self, key: SetKey) -> Merged:
        merged = super().merged(key)
        accounts = [piece.account for piece in self.pieces(key) if piece.segment == 0]
        notes = {"truncated": sum(_notes(accounts))}
        account = MergedAccount(
            **{
                name: getattr(merged.account, name)
                for name in MergedAccount.__slots__
                if name != "notes"
            },
            notes=notes,
        )
        return _replaced(merged, account=account)


class CompleteWithoutMarkers(Merger):
    """An LS is complete when all partitions have closed it."""

    def merged(self, key: SetKey) -> Merged:
        merged = super().merged(key)
        return _replaced(merged, complete=merged.closed)


def _notes(accounts: Iterable[Account]) -> list[int]:
    return [s.notes.get("truncated", 0) for account in accounts for s in account.sources]


def _replaced(merged: Merged, **changes: Any) -> Merged:
    fields = {name: getattr(merged, name) for name in Merged.__slots__}
    return Merged(**fields | changes)


# ------------------------------------------------------------------- table

SECOND = fold_with(AcceptsSecondIncarnation)


class Wrong(NamedTuple):
    """A wrong rule, the laws that break together in some schedule, the faults it takes, and those
    that would hide it."""

    rules: Rules
    laws: set[int]
    faults: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset({"deadly", "expires"})


RESTARTS = frozenset({"filler_crashes", "stale_checkpoints"})
EXPIRES = frozenset({"expires"})
LACKING = frozenset({"absentee", "broken_bodies", "deadly", "drops", "hostile", "lost_markers"})
"""Where something is lacking anyway nobody says *complete*."""
COMES_BACK = frozenset({"source_crashes", "second_incarnation"})

WRONG = {
    "high-water mark instead of sets": Wrong(Rules(fold=fold_with(HighWaterMark)), {2}),
    "duplicates filled": Wrong(Rules(fold=fold_with(FillsDuplicates)), {1}),
    "refused body counts as seen": Wrong(Rules(fold=fold_with(RefusedCountsAsSeen)), {2}),
    "seen chunks forgotten at restart": Wrong(Rules(fold=ForgetsSeenAtRestart), {2, 4}, RESTARTS),
    "second incarnation accepted": Wrong(Rules(fold=SECOND), {6}, COMES_BACK),
    "second incarnation summed": Wrong(
        Rules(fold=SECOND, merger=SumsIncarnations), {10}, COMES_BACK | frozenset({"zombies"})
    ),
    "closes without waiting for all": Wrong(Rules(fold=fold_with(ClosesWithoutWaiting)), {9}),
    "never names the missing": Wrong(Rules(fold=fold_with(NeverNamesTheMissing)), {9}),
    "late added into the closed segment": Wrong(Rules(fold=fold_with(LateIntoTheClosed)), {3}),
    "late dropped": Wrong(Rules(fold=fold_with(DropsLateData)), {2}),
    "LSs not opened elsewhere": Wrong(Rules(closer=SilentCloser), {7}),
    "ended runs not announced": Wrong(Rules(closer=CloserForgetsEndedRuns), {7}),
    "late segments not timed out": Wrong(Rules(closer=IgnoresLateSegments), {8}),
    "closes locally on time-out": Wrong(Rules(owner=ClosesLocally), {11}),
    "checkpoint at the position": Wrong(Rules(fold=CheckpointAtPosition), {5, 7}, RESTARTS),
    "snapshot after the record": Wrong(Rules(fold=SnapshotAfter), {2, 4}, RESTARTS),
    "publishes what was open at C": Wrong(Rules(fold=SnapshotWithoutOpenSegments), {3}, RESTARTS),
    "acknowledged when queued": Wrong(Rules(owner=AcknowledgesWhenQueued), {5}),
    "hole forgotten": Wrong(Rules(hole=forgets_the_hole), {9}, EXPIRES, LACKING),
    "only what was open is uncertain": Wrong(
        Rules(fold=fold_with(OnlyWhatWasOpen)), {9}, EXPIRES | RESTARTS, LACKING
    ),
    "hole forgotten at restart": Wrong(Rules(fold=ForgetsHolesAtRestart), {4}, EXPIRES | RESTARTS),
    "hole forgotten beside whole contents": Wrong(
        Rules(merger=ForgetsHolesBesideWholeContents), {9}, EXPIRES | RESTARTS
    ),
    "skips in silence": Wrong(Rules(fold=SkipsInSilence), {2}, frozenset({"deadly"})),
    "adds pieces instead of replacing": Wrong(Rules(merger=AddsPieces), {6}),
    "parts of one writer at a time": Wrong(
        Rules(merger=JoinsOneWriter), {6}, frozenset({"zombies"}), LACKING | EXPIRES
    ),
    "last arrival wins": Wrong(Rules(merger=LastOneWins), {6}),
    "order ignores closed": Wrong(Rules(merger=OrderIgnoresClosed), {6}, frozenset({"refills"})),
    "sums what is there and calls it closed": Wrong(Rules(merger=SumsWhatIsThere), {6, 9}),
    "late added in silence": Wrong(Rules(merger=AddsLateInSilence), {6}),
    "marker counted P times": Wrong(Rules(merger=CountsMarkersPerPartition), {10}),
    "complete without markers": Wrong(Rules(merger=CompleteWithoutMarkers), {9}),
}


def first_broken(wrong: Wrong) -> int:
    """First schedule at which the laws break that a wrong rule should break."""
    for seed in range(SCHEDULES):
        drawn = Plan.drawn(seed, Random(seed))
        plan = replace(drawn, faults=(drawn.faults - wrong.without) | wrong.faults)
        found = broken_laws(World(plan, wrong.rules).play(), wrong.laws)
        if wrong.laws == found.keys():
            return seed
    return SCHEDULES


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_this_rule_is_caught(wrong: Wrong) -> None:
    assert first_broken(wrong) < SCHEDULES, f"no schedule broke laws {wrong.laws}"


def test_no_law_is_idle() -> None:
    """Every law is needed: some wrong rule breaks it."""
    assert set().union(*(wrong.laws for wrong in WRONG.values())) == LAWS.keys()
