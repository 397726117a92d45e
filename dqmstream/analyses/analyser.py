"""The pure core of the analyser: records of all partitions in, whole sets of analysed LSs out.

An LS of a run is analysed when it has closed on every partition and all LSs before it that any
partition knew of by then are analysed, or lost: a partition that forgot the run before it closed
them never will. What it is given follows from the partitions alone, never from how far one was read
when another had been: so whoever reads them again makes the same bits.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from dqmstream.analyses.analysed import Analysed, analysed_pieces, closed_by
from dqmstream.analyses.analysis import LumisectionAnalysis, Sample
from dqmstream.analyses.collecting import CollectingFold
from dqmstream.analyses.gathering import MOST_BYTES, Gathered, columns_read, sample_of
from dqmstream.analyses.memory import RunMemory, pack_state, unpack_state
from dqmstream.analyses.order import Order
from dqmstream.booking.columns import Columns
from dqmstream.fold.effects import SegmentId
from dqmstream.fold.partition import Applied, LogRecord
from dqmstream.fold.segment import Segment
from dqmstream.fold.state import ControlState, FoldSettings
from dqmstream.histograms.layout import Layout
from dqmstream.identity import LumisectionId
from dqmstream.messages.checkpoints import AnalyserCheckpoint
from dqmstream.messages.events import Chunk
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.operations import Conditions

__all__ = ["Analyser", "Analyses"]

Analyses = Sequence[tuple[Layout, LumisectionAnalysis]]


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
        self._most_bytes = most_bytes
        self._columns = [columns_read(layout.booking) for layout, _ in analyses]
        self._samples: dict[LumisectionId, Sequence[_Given]] = {}
        controls: Sequence[bytes | None] = [None] * settings.partitions
        self._runs: dict[int, RunMemory] = {}
        self._lost: set[LumisectionId] = set()
        self._told: set[LumisectionId] = set()
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
        lookback = max(analysis.lookback for _, analysis in analyses)
        self._order = Order(self.folds, self._runs, lookback)

    # ----------------------------------------------------------------- records

    def apply(self, record: LogRecord, partition: int) -> Applied:
        """Fold one record of a partition."""
        return self.folds[partition].apply(record)

    def positions(self) -> Mapping[int, int]:
        """Offset of the next record, by partition."""
        return {fold.partition: fold.position for fold in self.folds}

    def ahead(self, most: int) -> frozenset[int]:
        """Partitions that hold more than so many closed LSs which wait for others.

        Never one that anything waits for, so that no partition waits for itself: all that is held
        is analysed, or lost, by reading on in the others as soon as they have records.
        """
        waiting = self._order.waiting()
        if len(waiting) <= most:
            return frozenset()
        held = {
            fold.partition: sum(
                not place.segment and LumisectionId(place.run, place.lumisection) in waiting
                for place in fold.standings
            )
            for fold in self.folds
        }
        ahead = frozenset(partition for partition, count in held.items() if count > most)
        awaited = self.awaited() if ahead else frozenset()
        # Without, all that waits is due, and needs nobody.
        return ahead - awaited if awaited else frozenset()

    def awaited(self) -> frozenset[int]:
        """Partitions on which something is still to close before an LS that is held is analysed."""
        return self._order.awaited()

    def take_lost(self) -> Sequence[LumisectionId]:
        """LSs that were let go without being analysed, as they never will be, since this was last
        asked: a partition forgot their run, or had expired, before they closed on it."""
        lost, self._lost = sorted(self._lost), set()
        return lost

    # ---------------------------------------------------------------- analysis

    def due(self) -> LumisectionId | None:
        """An LS that can be analysed now, if there is one; of a run the first."""
        return self._order.due()

    def analyse(self, lumisection: LumisectionId) -> Analysed:
        """What comes of an LS that is due. Nothing is changed by it but what is at hand."""
        run, number = lumisection
        window = self._order.window(run, number)
        if window is None:
            msg = f"run {run} LS {number}: not due, an LS before it is still to be read"
            raise ValueError(msg)
        before = self._states_before(run, number)
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
            closed, problem = closed_by(
                analysis, layout, before[index], samples, given[-1][index].problem
            )
            if problem:
                failed[layout.workspace] = problem
            if closed.conditions is not None:
                known = msgspec.structs.replace(closed.conditions, run=run, lumisection=number)
                conditions.append(known)
            states.append(closed.state)
            sets += analysed_pieces(
                lumisection,
                closed.contents,
                self._segments(run, number),
                set_hash=self._set,
                epoch=self.epoch,
                whole=whole,
            )
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

    def _gathers(self) -> Sequence[Gathered]:
        return [Gathered(columns, self._most_bytes) for columns in self._columns]

    def _segments(self, run: int, lumisection: int) -> Sequence[Segment]:
        found = [fold.on_time(run, lumisection) for fold in self.folds]
        return [segment for segment in found if segment is not None]

    def _states_before(self, run: int, lumisection: int) -> Sequence[bytes]:
        known = self._runs.get(run)
        if known is not None and lumisection > self._order.standing(run, lumisection).lowest:
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

    def tidy(self) -> None:
        """Forget what no LS will look at any more."""
        not_needed = self._order.not_needed()
        lost = {place for place in not_needed if self._order.is_lost(*place)}
        # What is still open on a partition is held, and met here again.
        self._lost |= lost - self._told
        self._told = lost
        for place in not_needed:
            self._samples.pop(place, None)
            for fold in self.folds:
                segment = fold.on_time(*place)
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
