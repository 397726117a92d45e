"""The pure core of the analyser: records of all partitions in, whole sets of analysed LSs out.

An LS of a run is analysed when it has closed on every partition and all LSs before it that any
partition knew of by then are analysed. What it is given follows from the partitions alone, never
from how far one was read when another had been: so whoever reads them again makes the same bits.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from dqmstream.analyses.analysis import Closed, LumisectionAnalysis, Sample
from dqmstream.analyses.collecting import CollectingFold, Standing
from dqmstream.analyses.gathering import MOST_BYTES, Gathered, sample_of
from dqmstream.analyses.memory import RunMemory, pack_state, unpack_state
from dqmstream.booking.columns import Columns
from dqmstream.fold.effects import SegmentId
from dqmstream.fold.partition import Applied, LogRecord
from dqmstream.fold.segment import Segment
from dqmstream.fold.state import ControlState, FoldSettings
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.identity import LumisectionId
from dqmstream.messages.checkpoints import AnalyserCheckpoint
from dqmstream.messages.events import Chunk
from dqmstream.messages.histograms import Account, HistogramSet
from dqmstream.messages.operations import Conditions

__all__ = ["Analysed", "Analyser", "Analyses"]

MOST_STATE: Final = 1 << 18
"""Bytes of the state of one analysis and run: it travels in every checkpoint."""

Analyses = Sequence[tuple[Layout, LumisectionAnalysis]]


class Analysed(NamedTuple):
    """What came of an LS: sets of each workspace, what is known of the LS, and the new states.

    `failed` says by workspace why an analysis failed, `fractions` which part of the events those
    were given that were given less than all.
    """

    lumisection: LumisectionId
    sets: Sequence[HistogramSet]
    conditions: Sequence[Conditions]
    states: Sequence[bytes]
    failed: Mapping[str, str]
    fractions: Mapping[str, float]


class _Given(NamedTuple):
    """What an analysis is given of an LS, and why it cannot use it; empty if it can."""

    sample: Sample
    problem: str


class Analyser:
    """All partitions of one set.

    Parameters
    ----------
    set_hash, settings
        Of the set.
    analyses
        Layouts of the workspaces in the order of their names, each with its analysis.
    decode
        Columns of a chunk, as fillers decode it.
    start
        Where it begins; None is the beginning of the log.
    most_bytes
        Columns of one LS and analysis beyond which events are left out.
    """

    def __init__(
        self,
        set_hash: str,
        settings: FoldSettings,
        analyses: Analyses,
        decode: Callable[[Chunk, bytes, int], Columns],
        *,
        start: AnalyserCheckpoint | None = None,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.epoch = 0 if start is None else start.epoch
        self._set = set_hash
        self._analyses = tuple(analyses)
        self._lookback = max(analysis.lookback for _, analysis in analyses)
        self._most_bytes = most_bytes
        self._columns = [_columns(layout) for layout, _ in analyses]
        self._samples: dict[LumisectionId, Sequence[_Given]] = {}
        controls: Sequence[bytes | None] = [None] * settings.partitions
        self._runs: dict[int, RunMemory] = {}
        self._forgotten: dict[int, Mapping[int, int]] = {}
        offsets: Sequence[int] = [0] * settings.partitions
        if start is not None:
            controls, self._runs = unpack_state(start.state)
            offsets = start.offsets
        self.folds = [
            CollectingFold(
                partition,
                settings,
                decode,
                self._gathers,
                position=offset,
                state=None if control is None else ControlState.decode(control),
            )
            for partition, (offset, control) in enumerate(zip(offsets, controls, strict=True))
        ]

    # ----------------------------------------------------------------- records

    def apply(self, record: LogRecord, partition: int) -> Applied:
        """Fold one record of a partition."""
        return self.folds[partition].apply(record)

    def positions(self) -> Mapping[int, int]:
        """Offset of the next record, by partition."""
        return {fold.partition: fold.position for fold in self.folds}

    def ahead(self, most: int) -> frozenset[int]:
        """Partitions that hold more than so many closed LSs which wait for others.

        Never all of them: what is waited for is on another one.
        """
        waiting = {
            fold.partition: sum(
                segment.closed and not self._is_done(segment.id)
                for segment in fold.segments.values()
            )
            for fold in self.folds
        }
        ahead = frozenset(partition for partition, count in waiting.items() if count > most)
        return ahead if len(ahead) < len(self.folds) else frozenset()

    # ---------------------------------------------------------------- analysis

    def due(self) -> LumisectionId | None:
        """An LS that can be analysed now, if there is one; of a run the first."""
        places = {
            segment.id
            for segment in self.folds[0].segments.values()
            if segment.closed and not segment.id.segment and not self._is_done(segment.id)
        }
        for run, lumisection, _ in sorted(places):
            if self._is_due(run, lumisection):
                return LumisectionId(run, lumisection)
        return None

    def analyse(self, lumisection: LumisectionId) -> Analysed:
        """What comes of an LS that is due. Nothing is changed by it but what is at hand."""
        run, number = lumisection
        window = self._window(run, number)
        before = self._states_before(run, number)
        account = [segment.ledger.account() for segment in self._segments(run, number)]
        behind = [s for one in window[:-1] for s in self._segments(run, one)]
        whole = not any(segment.ledger.account().expired for segment in behind)
        given = [self._given(LumisectionId(run, one)) for one in window]
        sets: list[HistogramSet] = []
        conditions: list[Conditions] = []
        states: list[bytes] = []
        failed: dict[str, str] = {}
        for index, (layout, analysis) in enumerate(self._analyses):
            back = given[max(0, len(given) - 1 - analysis.lookback) :]
            samples = [one[index].sample for one in back]
            closed, problem = self._closed(
                layout, analysis, before[index], samples, given[-1][index].problem
            )
            if problem:
                failed[layout.workspace] = problem
            if closed.conditions is not None:
                known = msgspec.structs.replace(closed.conditions, run=run, lumisection=number)
                conditions.append(known)
            states.append(closed.state)
            sets += self._pieces(lumisection, layout, closed.contents, account, whole=whole)
        fractions = {
            layout.workspace: one.sample.fraction
            for (layout, _), one in zip(self._analyses, given[-1], strict=True)
            if one.sample.fraction < 1
        }
        return Analysed(lumisection, sets, conditions, states, failed, fractions)

    def done(self, analysed: Analysed) -> None:
        """All of an LS is in the log: it is not analysed again."""
        run, number = analysed.lumisection
        self._runs.setdefault(run, RunMemory()).note_done(number, analysed.states)
        self.tidy()

    # -------------------------------------------------------------- checkpoint

    def checkpoint(self, group: str, log: str, why: str = "") -> AnalyserCheckpoint:
        """Where to begin again: nothing before it is needed once more."""
        starts = [fold.checkpoint() for fold in self.folds]
        return AnalyserCheckpoint(
            group=group,
            log=log,
            epoch=self.epoch,
            offsets=tuple(offset for offset, _ in starts),
            state=pack_state([state for _, state in starts], self._runs),
            why=why,
        )

    # ------------------------------------------------------------------- steps

    def _pieces(
        self,
        lumisection: LumisectionId,
        layout: Layout,
        contents: Contents,
        accounts: Sequence[Account],
        *,
        whole: bool,
    ) -> Iterator[HistogramSet]:
        """The set of each partition, with the account and the version that a filler's has.

        All contents are in that of partition 0, which is whole only if all it was made from is.
        """
        nothing = Contents.empty(layout)
        segments = self._segments(*lumisection)
        for partition, (segment, account) in enumerate(zip(segments, accounts, strict=True)):
            mine = nothing if partition else contents
            yield HistogramSet(
                set=self._set,
                run=lumisection.run,
                lumisection=lumisection.lumisection,
                segment=0,
                workspace=layout.workspace,
                partition=partition,
                partitions=len(self.folds),
                booking=layout.hash,
                through=segment.through or 0,
                epoch=self.epoch,
                closed=True,
                whole=not account.expired and (whole or partition > 0),
                writer="",
                account=account,
                cells=mine.encode(),
                scalars=mine.scalars,
                invalid=mine.invalid,
                heard=segment.heard,
            )

    def _gathers(self) -> Sequence[Gathered]:
        return [Gathered(columns, self._most_bytes) for columns in self._columns]

    def _is_done(self, place: SegmentId) -> bool:
        known = self._runs.get(place.run)
        return known is not None and known.is_done(place.lumisection)

    def _is_due(self, run: int, lumisection: int) -> bool:
        closed = [fold.on_time(run, lumisection) for fold in self.folds]
        if not all(segment is not None and segment.closed for segment in closed):
            return False
        first = lumisection <= self._standing(run, lumisection).lowest
        return first or self._is_done(SegmentId(run, lumisection - 1, 0))

    def _standing(self, run: int, lumisection: int) -> Standing:
        """What was known of the run when the LS closed, on all partitions together."""
        place = SegmentId(run, lumisection, 0)
        each = [fold.standings[place] for fold in self.folds]
        return Standing(min(one.lowest for one in each), max(one.floor for one in each))

    def _segments(self, run: int, lumisection: int) -> Sequence[Segment]:
        found = [fold.on_time(run, lumisection) for fold in self.folds]
        return [segment for segment in found if segment is not None]

    def _window(self, run: int, lumisection: int) -> Sequence[int]:
        """LSs that are looked at: without gaps, the closed one last."""
        lowest, floor = self._standing(run, lumisection)
        first = lumisection
        for number in range(lumisection - 1, lumisection - self._lookback - 1, -1):
            held = len(self._segments(run, number)) == len(self.folds)
            if number < lowest or number <= floor or not held:
                break
            first = number
        return range(first, lumisection + 1)

    def _states_before(self, run: int, lumisection: int) -> Sequence[bytes]:
        known = self._runs.get(run)
        if known is not None and lumisection > self._standing(run, lumisection).lowest:
            states = known.states.get(lumisection - 1)
            if states is not None:
                return states
        return [analysis.begin(run) for _, analysis in self._analyses]

    def _given(self, lumisection: LumisectionId) -> Sequence[_Given]:
        """Samples of an LS that is closed everywhere, put together once."""
        found = self._samples.get(lumisection)
        if found is None:
            place = SegmentId(*lumisection, 0)
            gathered = [fold.gathered_of(place) for fold in self.folds]
            found = [
                _Given(*sample_of(*lumisection, of_analysis))
                for of_analysis in zip(*gathered, strict=True)
            ]
            self._samples[lumisection] = found
            for fold in self.folds:
                fold.gathered.pop(place, None)
        return found

    def _closed(
        self,
        layout: Layout,
        analysis: LumisectionAnalysis,
        state: bytes,
        window: Sequence[Sample],
        problem: str,
    ) -> tuple[Closed, str]:
        """What an analysis says; if it cannot, invalid elements with the reason, and that."""
        if not problem:
            # An analysis may raise anything; the others go on.
            try:
                closed = analysis.close(state, window)
                _check(layout, closed)
            except Exception as error:
                problem = f"analysis threw {type(error).__name__}: {error}"[:300]
            else:
                return closed, ""
        contents = Contents.empty(layout)
        contents.invalid = {element.index: problem for element in layout.elements}
        return Closed(state, contents), problem

    def tidy(self) -> None:
        """Forget what no LS will look at any more."""
        for run, held in self._held().items():
            needed = self._needed(run, held)
            for lumisection in held - needed:
                self._samples.pop(LumisectionId(run, lumisection), None)
                for fold in self.folds:
                    segment = fold.on_time(run, lumisection)
                    if segment is not None and segment.closed:
                        fold.let_go(segment.id)
        for run in list(self._runs):
            self._forget(run)

    def _forget(self, run: int) -> None:
        """Drop what is known of a run that all partitions have forgotten: once its records can
        come again no more, not even after a crash."""
        if not all(fold.control.state.has_forgotten(run) for fold in self.folds):
            return
        since = self._forgotten.setdefault(run, self.positions())
        if all(fold.start >= since[fold.partition] for fold in self.folds):
            del self._runs[run], self._forgotten[run]

    def _held(self) -> Mapping[int, set[int]]:
        held: dict[int, set[int]] = {}
        for fold in self.folds:
            for place in fold.segments:
                held.setdefault(place.run, set()).add(place.lumisection)
        return held

    def _needed(self, run: int, held: set[int]) -> set[int]:
        """LSs that are not done, and those that they, or the next to come, may look back at."""
        undone = {number for number in held if not self._is_done(SegmentId(run, number, 0))}
        ahead = set(undone)
        if not all(fold.has_ended(run) for fold in self.folds):
            ahead.add(max(held) + 1)
        return {
            number
            for number in held
            if any(0 <= later - number <= self._lookback for later in ahead)
        }


def _columns(layout: Layout) -> Sequence[str]:
    analysis = layout.booking.analysis
    return analysis.columns if analysis else ()


def _check(layout: Layout, closed: Closed) -> None:
    """Refuse, by a ValueError, what cannot be published."""
    if closed.contents.layout.hash != layout.hash:
        msg = f"contents are of workspace {closed.contents.layout.workspace!r}"
        raise ValueError(msg)
    if len(closed.state) > MOST_STATE:
        msg = f"state has {len(closed.state)} bytes, at most {MOST_STATE}"
        raise ValueError(msg)
