"""The fold of one partition that gathers columns for analyses instead of filling histograms."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from dqmstream.analyses.gathering import Gathered
from dqmstream.booking.columns import Columns
from dqmstream.fold.effects import Closed, RunEnded, SegmentId
from dqmstream.fold.partition import Applied, LogRecord, PartitionFold
from dqmstream.fold.segment import Segment
from dqmstream.fold.state import ControlState, FoldSettings
from dqmstream.messages.events import Chunk

__all__ = ["CollectingFold", "Standing"]


class Standing(NamedTuple):
    """What a partition knew of a run when an LS of it closed there.

    `lowest` is the lowest LS it knew, `floor` the highest it knew when the run had ended last
    before (0: it never had): a run that wakes again begins anew for those who look back.
    """

    lowest: int
    floor: int


class CollectingFold(PartitionFold[Columns]):
    """One partition: the same control as a filler's, with gathered columns for contents.

    Only what comes on time is gathered. What is closed stays until it is let go, for the LSs that
    follow may look back at it.

    Parameters
    ----------
    partition, settings, decode, position, state
        As `PartitionFold` takes them.
    gathers
        Makes what gathers the columns of an LS, one for each analysis.
    """

    def __init__(
        self,
        partition: int,
        settings: FoldSettings,
        decode: Callable[[Chunk, bytes, int], Columns],
        gathers: Callable[[], Sequence[Gathered]],
        *,
        position: int = 0,
        state: ControlState | None = None,
    ) -> None:
        super().__init__(partition, settings, (), decode, position=position, state=state)
        self.gathered: dict[SegmentId, Sequence[Gathered]] = {}
        self.standings: dict[SegmentId, Standing] = {}
        self._gathers = gathers
        known = self.control.state
        self._floors = {run: self._span(run)[1] for run in known.ended}

    def apply(self, record: LogRecord) -> Applied:
        """Fold one record, as `PartitionFold` does."""
        applied = super().apply(record)
        for effect in applied.effects:
            if isinstance(effect, RunEnded):
                self._floors[effect.run] = self._span(effect.run)[1]
                self._forget_runs()
        # Nobody looks at what came late; but its account was kept as the rules are for all.
        for segment in list(self.closed()):
            if segment.id.segment:
                self.acknowledge(segment.id)
        return applied

    def let_go(self, segment: SegmentId) -> None:
        """Forget a closed segment."""
        self.acknowledge(segment)
        self.gathered.pop(segment, None)
        self.standings.pop(segment, None)

    def on_time(self, run: int, lumisection: int) -> Segment | None:
        """Segment 0 of an LS, if it is held."""
        return self.segments.get(SegmentId(run, lumisection, 0))

    def gathered_of(self, segment: SegmentId) -> Sequence[Gathered]:
        """What came of a segment, one for each analysis."""
        return self.gathered.get(segment) or self._gathers()

    def has_ended(self, run: int) -> bool:
        """Whether nobody is waited for in a run any more, as far as is known."""
        state = self.control.state
        known = state.runs.get(run)
        return known.ended if known is not None else True

    def next_of(self, run: int) -> int:
        """The LS after all that are known of a run."""
        return self._span(run)[1] + 1

    def is_gone(self, run: int, lumisection: int) -> bool:
        """Whether segment 0 of an LS is not held and never will be: it was let go, also before
        this fold began, or the run was forgotten without it."""
        if SegmentId(run, lumisection, 0) in self.segments:
            return False
        lowest, highest = self._span(run)
        known = lowest <= lumisection <= highest
        return known or self.control.state.has_forgotten(run)

    @property
    def start(self) -> int:
        """Offset of the first record that is needed once more after a crash."""
        oldest = self._oldest()
        return self.position if oldest is None else oldest.start

    def checkpoint(self) -> tuple[int, bytes]:
        """(C, state before it): `start`, of the oldest segment 0 that is held."""
        oldest = self._oldest()
        if oldest is None:
            return self.position, self.control.state.encode()
        return oldest.start, oldest.before

    def _oldest(self) -> Segment | None:
        held = [segment for segment in self.segments.values() if not segment.id.segment]
        return min(held, key=lambda segment: segment.start, default=None)

    def _fill(self, segment: Segment, chunk: Chunk, columns: Columns) -> None:
        if segment.id.segment:
            return
        gathered = self.gathered.get(segment.id)
        if gathered is None:
            gathered = self.gathered[segment.id] = self._gathers()
        for one in gathered:
            one.add(chunk, columns)

    def _close(self, effect: Closed) -> None:
        super()._close(effect)
        place = effect.segment
        if place in self.segments and not place.segment:
            lowest, _ = self._span(place.run)
            self.standings[place] = Standing(lowest, self._floors.get(place.run, 0))

    def _span(self, run: int) -> tuple[int, int]:
        """Lowest and highest known LS; (0, 0) if none is."""
        state = self.control.state
        if run in state.frozen:
            return state.frozen[run].span or (0, 0)
        known = state.runs.get(run)
        return (known.span() if known is not None else None) or (0, 0)

    def _forget_runs(self) -> None:
        state = self.control.state
        self._floors = {
            run: floor for run, floor in self._floors.items() if not state.has_forgotten(run)
        }
