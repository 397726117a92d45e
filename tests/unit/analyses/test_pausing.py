"""Partitions that are ahead are paused to bound memory, and never so that all stands still."""

from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from dqmstream.analyses.analyser import Analyser
from dqmstream.fold.testing.plan import Plan
from dqmstream.identity import LumisectionId
from tests.unit.analyses.rare import AGAIN_OPEN, FORGOTTEN_APART, FORGOTTEN_ELSEWHERE
from tests.unit.analyses.test_analyser import Shore, plans, undisturbed


class Paused:
    """An analyser whose partitions are read as its service reads them.

    `most` closed LSs may wait on a partition.
    """

    def __init__(self, shore: Shore, most: int, rng: Random) -> None:
        self.shore, self.most, self.rng = shore, most, rng
        self.analyser: Analyser = shore.analyser()
        self.paused: frozenset[int] = frozenset()
        self.lost: list[LumisectionId] = []
        self.closed: set[LumisectionId] = set()

    def unread(self) -> set[int]:
        at = self.analyser.positions()
        ends = {p: log[-1].offset + 1 if log else 0 for p, log in enumerate(self.shore.logs)}
        return {partition for partition, end in ends.items() if at[partition] < end}

    def run(self) -> None:
        """Until all is read, or what waits does so for partitions that are read to their ends: then
        only a record that is not in the log yet can help, and one that comes is read."""
        while unread := self.unread():
            open_ones = sorted(unread - self.paused)
            if not open_ones:
                awaited = self.analyser.awaited()
                assert awaited, "nothing waits, and something is paused"
                assert not awaited & unread
                return
            partition = self.rng.choice(open_ones)
            self.shore.read(self.analyser, partition, self.rng.randint(1, 30))
            self.closed |= {
                LumisectionId(place.run, place.lumisection)
                for fold in self.analyser.folds
                for place in fold.standings
            }
            while self.shore.analyse(self.analyser):
                pass
            if self.rng.random() < 0.2:
                self.analyser.tidy()
            self.lost += self.analyser.take_lost()
            self.paused = self.analyser.ahead(self.most)
            assert not self.paused & self.analyser.awaited(), "what is waited for is read"


@settings(max_examples=10)
@given(plans(partitions=st.integers(2, 4)), st.integers(0, 3), st.integers(0, 2**32))
@example(FORGOTTEN_ELSEWHERE, 0, 0)
@example(FORGOTTEN_APART, 0, 0)
@example(AGAIN_OPEN, 0, 0)
def test_what_is_waited_for_is_never_paused_and_pauses_change_nothing(
    plan: Plan, most: int, seed: int
) -> None:
    shore = Shore(plan)
    reading = Paused(shore, most, Random(seed))
    reading.run()
    shore.finish(reading.analyser)
    assert shore.sets() == undisturbed(plan).sets()


@settings(max_examples=10)
@given(plans(partitions=st.integers(1, 3)), st.integers(0, 2**32))
@example(FORGOTTEN_ELSEWHERE, 0)
@example(FORGOTTEN_APART, 0)
def test_whatever_closes_is_analysed_or_lost_by_name_once(plan: Plan, seed: int) -> None:
    shore = Shore(plan)
    reading = Paused(shore, 9, Random(seed))
    reading.run()
    reading.analyser.tidy()
    lost = [*reading.lost, *reading.analyser.take_lost()]
    assert len(lost) == len(set(lost))
    published = {LumisectionId(piece.run, piece.lumisection) for piece in shore.published}
    assert not published & set(lost)
    waiting = reading.analyser._order.waiting()
    assert reading.closed <= published | set(lost) | waiting


def test_a_lumisection_that_one_partition_closed_and_another_forgot_is_lost() -> None:
    shore = Shore(FORGOTTEN_ELSEWHERE)
    reading = Paused(shore, 9, Random(0))
    reading.run()
    reading.analyser.tidy()
    assert [*reading.lost, *reading.analyser.take_lost()]
    assert not reading.analyser.take_lost(), "told once"
