"""Which LSs are analysed, in which order, and what they look back at.

All of it follows from the logs of the partitions. That something is still to be read, or to be read
again after a crash, may delay an answer and never changes it.
"""

from collections.abc import Mapping, Sequence

from dqmstream.analyses.collecting import CollectingFold, Standing
from dqmstream.analyses.memory import RunMemory
from dqmstream.fold.effects import SegmentId
from dqmstream.identity import LumisectionId

__all__ = ["Order"]


class Order:
    """The rules over the partitions of one set.

    Parameters
    ----------
    folds, runs
        Partitions and what is remembered of runs; read as they change, never changed here.
    lookback
        How many LSs before it an LS may look back at.
    """

    def __init__(
        self, folds: Sequence[CollectingFold], runs: Mapping[int, RunMemory], lookback: int
    ) -> None:
        self._folds = folds
        self._runs = runs
        self._lookback = lookback

    # ---------------------------------------------------------- what is known

    def is_done(self, run: int, lumisection: int) -> bool:
        """Whether an LS was analysed and published."""
        known = self._runs.get(run)
        return known is not None and known.is_done(lumisection)

    def is_lost(self, run: int, lumisection: int) -> bool:
        """Whether an LS is never analysed: a partition forgot the run and had not closed it.

        Without this a chunk sent to one partition alone, of a run that ended long ago on the
        others, would hold events and checkpoint for ever.
        """
        return not self.is_done(run, lumisection) and self._is_gone(run, lumisection)

    def standing(self, run: int, lumisection: int) -> Standing:
        """What was known of the run when the LS closed, on all partitions together."""
        place = SegmentId(run, lumisection, 0)
        each = [fold.standings[place] for fold in self._folds]
        return Standing(min(one.lowest for one in each), max(one.floor for one in each))

    # ---------------------------------------------------------- what can be done

    def due(self) -> LumisectionId | None:
        """An LS that can be analysed now, if there is one; of a run the first."""
        places = {
            segment.id
            for segment in self._folds[0].segments.values()
            if segment.closed and not segment.id.segment
        }
        for run, lumisection, _ in sorted(places):
            if not self.is_done(run, lumisection) and self._is_due(run, lumisection):
                return LumisectionId(run, lumisection)
        return None

    def window(self, run: int, lumisection: int) -> Sequence[int] | None:
        """LSs that are looked at: without gaps, the closed one last.

        None while one of them is still to be read again, from a checkpoint before it.
        """
        lowest, floor = self.standing(run, lumisection)
        furthest = max(lowest, floor + 1, lumisection - self._lookback)
        first = lumisection
        for number in range(lumisection - 1, furthest - 1, -1):
            if self._is_gone(run, number):
                break
            if not self._is_closed(run, number):
                return None
            first = number
        return range(first, lumisection + 1)

    def not_needed(self) -> Sequence[LumisectionId]:
        """LSs that are held, and that nothing will look at any more."""
        held: dict[int, set[int]] = {}
        for fold in self._folds:
            for place in fold.segments:
                held.setdefault(place.run, set()).add(place.lumisection)
        found: list[LumisectionId] = []
        for run, numbers in held.items():
            ahead = self._ahead(run, numbers)
            found += [
                LumisectionId(run, number)
                for number in numbers
                if not any(0 <= later - number <= self._lookback for later in ahead)
            ]
        return found

    def awaited(self) -> frozenset[int]:
        """Partitions on which something is still to close before an LS that is held is analysed:
        the LS itself, one before it that is not analysed, or one that it looks back at.

        Empty if nothing waits but what is due: who reads these, and whatever others, gets on.
        """
        return frozenset(
            fold.partition
            for run, number in self.waiting()
            for needed in self._needed(run, number)
            if not self._is_gone(run, needed)
            for fold in self._folds
            if (segment := fold.on_time(run, needed)) is None or not segment.closed
        )

    def waiting(self) -> frozenset[LumisectionId]:
        """LSs that are held, closed on a partition at least, and still to be analysed."""
        closed = {
            LumisectionId(place.run, place.lumisection)
            for fold in self._folds
            for place in fold.standings
        }
        return frozenset(
            place for place in closed if not self.is_done(*place) and not self.is_lost(*place)
        )

    # ------------------------------------------------------------------- steps

    def _needed(self, run: int, lumisection: int) -> set[int]:
        """The LS, those before it that are to be analysed first, and those it may look back at, as
        far as the partitions know where it has closed."""
        place = SegmentId(run, lumisection, 0)
        known = [fold.standings[place] for fold in self._folds if place in fold.standings]
        lowest, floor = min(one.lowest for one in known), max(one.floor for one in known)
        furthest = max(lowest, floor + 1, lumisection - self._lookback)
        undone = self._runs.get(run, RunMemory()).undone(lowest, lumisection)
        return {*undone, *range(furthest, lumisection + 1)}

    def _is_due(self, run: int, lumisection: int) -> bool:
        if not self._is_closed(run, lumisection):
            return False
        lowest = self.standing(run, lumisection).lowest
        undone = self._runs.get(run, RunMemory()).undone(lowest, lumisection - 1)
        if not all(self.is_lost(run, number) for number in undone):
            return False
        return self.window(run, lumisection) is not None

    def _is_closed(self, run: int, lumisection: int) -> bool:
        """Whether an LS is held on all partitions, closed."""
        found = [fold.on_time(run, lumisection) for fold in self._folds]
        return all(segment is not None and segment.closed for segment in found)

    def _is_gone(self, run: int, lumisection: int) -> bool:
        return any(fold.is_gone(run, lumisection) for fold in self._folds)

    def _ahead(self, run: int, held: set[int]) -> set[int]:
        """LSs that are still to be analysed: those that are held, and the next to come.

        The next of each partition, for one may be far ahead of another in the LSs it knows.
        """
        ahead = {n for n in held if not self.is_done(run, n) and not self.is_lost(run, n)}
        if not any(fold.control.state.has_forgotten(run) for fold in self._folds):
            ahead |= {fold.next_of(run) for fold in self._folds if not fold.has_ended(run)}
        return ahead
