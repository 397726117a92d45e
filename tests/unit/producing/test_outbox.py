"""The outbox keeps every promise of the protocol about numbers and fates, whatever happens."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dqmstream.producing.cutting import Piece
from dqmstream.producing.outbox import DROPPED, NumberedChunk, Outbox

MOST_BYTES = 4000
MOST_SECONDS = 10.0
EMPTY = Piece(b"", 0, 0, 0, 0)


def piece(size: int = 10, seen: int = 3, selected: int = 2, dropped: int = 0) -> Piece:
    return Piece(b"x" * size, 0, seen, selected, dropped)


pieces = st.builds(
    lambda size, selected, others, dropped: piece(
        size, selected + others + dropped, selected, dropped
    ),
    st.sampled_from([0, 1, 700, 3000, 9000]),
    st.integers(0, 5),
    st.integers(0, 2),
    st.integers(0, 2),
)


class Outboxes(RuleBasedStateMachine):
    """A live source before an outbox whose log acknowledges in any order, late or never."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox(MOST_BYTES, MOST_SECONDS)
        self.now = 0.0
        self.lumisection = 1
        self.offered: dict[int, list[Piece]] = {}
        self.dropped: dict[int, int] = {}
        self.ended: set[int] = set()
        self.last_taken = (0, 0)
        self.in_flight: list[list[NumberedChunk]] = []
        self.acknowledged: dict[tuple[int, int], Piece] = {}
        self.closed: list[int] = []

    @rule(offered=pieces)
    def offer(self, offered: Piece) -> None:
        had_room = self.outbox.has_room(len(offered.body), self.now)
        assert self.outbox.offer(self.lumisection, offered, self.now) is had_room
        self.offered.setdefault(self.lumisection, []).append(offered)
        if not had_room:
            self.dropped[self.lumisection] = self.dropped.get(self.lumisection, 0) + 1

    @rule(skip=st.integers(1, 3))
    def end(self, skip: int) -> None:
        self.outbox.end(self.lumisection, {"flaws": 1}, EMPTY, self.now)
        self.offered.setdefault(self.lumisection, [])
        self.ended.add(self.lumisection)
        self.lumisection += skip

    @rule(seconds=st.floats(0, 8))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(
        ahead=st.integers(0, 3),
        batch_bytes=st.sampled_from([0, 1500, 10_000]),
        in_flight_bytes=st.sampled_from([0, 2000, 10**6]),
    )
    def take(self, ahead: int, batch_bytes: int, in_flight_bytes: int) -> None:
        until = (self.outbox.oldest or 0) + ahead
        before = self.outbox.in_flight_bytes
        batch = self.outbox.take(until, batch_bytes, in_flight_bytes)
        ids = [(chunk.lumisection, chunk.number) for chunk in batch]
        assert all(lumisection <= until for lumisection, _ in ids)
        assert sum(chunk.size for chunk in batch) <= batch_bytes or len(batch) <= 1
        alone = len(batch) <= 1 and (not before or not batch)
        assert self.outbox.in_flight_bytes <= in_flight_bytes or alone
        # In the order of the numbers, and none twice.
        assert sorted({self.last_taken, *ids}) == [self.last_taken, *ids]
        if batch:
            self.last_taken = ids[-1]
            self.in_flight.append(batch)

    @precondition(lambda self: self.in_flight)
    @rule(pick=st.integers(0, 100))
    def acknowledge(self, pick: int) -> None:
        batch = self.in_flight.pop(pick % len(self.in_flight))
        self.outbox.acknowledge(batch)
        for chunk in batch:
            self.acknowledged[chunk.lumisection, chunk.number] = chunk.piece

    @rule(ahead=st.integers(0, 5))
    def close(self, ahead: int) -> None:
        until = (self.outbox.oldest or 0) + ahead
        for one in self.outbox.settled(until):
            number = one.lumisection
            assert number <= until
            assert number in self.ended
            offered, dropped = self.offered[number], self.dropped.get(number, 0)
            sent = {n: p for (ls, n), p in self.acknowledged.items() if ls == number}
            # Every number given is acknowledged, or was dropped and is counted.
            assert one.chunks == len(sent) + dropped
            assert set(sent) <= set(range(one.chunks))
            assert one.notes == {"flaws": 1} | ({DROPPED: dropped} if dropped else {})
            # What the log has adds up to what the source saw, and to what the marker says.
            assert one.seen == sum(p.seen for p in offered) == sum(p.seen for p in sent.values())
            assert one.selected == sum(p.selected for p in sent.values())
            assert one.dropped == sum(p.dropped for p in sent.values())
            assert one.selected + one.dropped == sum(p.selected + p.dropped for p in offered)
            assert all(number > earlier for earlier in self.closed)
            self.outbox.close(number)
            self.closed.append(number)

    @precondition(lambda self: self.ended)
    @rule()
    def an_ended_lumisection_takes_no_more(self) -> None:
        with pytest.raises(ValueError, match="over"):
            self.outbox.offer(max(self.ended), piece(), self.now)

    @invariant()
    def bytes_are_bounded(self) -> None:
        # Besides the limit only the empty chunks that tell of dropped events, one an LS.
        telling = 512 * len(self.dropped)
        largest = max((len(p.body) + 512 for ps in self.offered.values() for p in ps), default=0)
        assert self.outbox.bytes <= max(MOST_BYTES, largest) + telling
        assert self.outbox.in_flight_bytes <= self.outbox.bytes <= self.outbox.high_bytes

    def teardown(self) -> None:
        """Once the log takes everything, every LS that was begun closes, and nothing is left."""
        self.end(1)
        while self.in_flight or self.outbox.has_waiting:
            self.take(ahead=10**6, batch_bytes=10_000, in_flight_bytes=10**6)
            self.acknowledge(0)
        self.close(ahead=10**6)
        assert set(self.closed) == self.ended
        assert self.outbox.lumisections == self.outbox.bytes == self.outbox.in_flight_bytes == 0


class TestOutboxes(Outboxes.TestCase):
    pass


def test_a_chunk_that_was_sent_is_never_dropped() -> None:
    """Nobody knows whether the log has it: only chunks that come later may be."""
    outbox = Outbox(1100)
    assert outbox.offer(1, piece(500), 0)
    sent = outbox.take(1, 10_000, 10**6)
    assert not outbox.offer(1, piece(500), 0)
    outbox.acknowledge(sent)
    outbox.end(1, {}, EMPTY, 0)
    assert [chunk.number for chunk in outbox.take(1, 10_000, 10**6)] == [2]


def test_events_of_dropped_chunks_are_told_of_by_the_next_chunk() -> None:
    outbox = Outbox(1100)
    outbox.offer(1, piece(500), 0)
    for _ in range(2):
        assert not outbox.offer(1, piece(500, seen=10, selected=7), 0)
    outbox.acknowledge(outbox.take(1, 10_000, 10**6))
    outbox.offer(1, piece(0, seen=1, selected=1), 0)
    (chunk,) = outbox.take(1, 10_000, 10**6)
    assert (chunk.number, chunk.piece.seen, chunk.piece.selected, chunk.piece.dropped) == (
        3,
        21,
        1,
        14,
    )


def test_a_buffer_takes_nothing_more_when_its_oldest_chunk_has_waited_too_long() -> None:
    outbox = Outbox(10**9, 5.0)
    assert outbox.offer(1, piece(), 0.0)
    assert outbox.offer(1, piece(), 5.0)
    assert not outbox.offer(1, piece(), 5.1)
    outbox.acknowledge(outbox.take(1, 512 + 10, 10**6))
    assert outbox.offer(1, piece(), 9.0)


def test_a_chunk_larger_than_the_buffer_is_taken_by_an_empty_one() -> None:
    outbox = Outbox(100)
    assert outbox.offer(1, piece(1000), 0)
    assert not outbox.offer(1, piece(0), 0)


def test_no_lumisection_is_given_before_an_earlier_one() -> None:
    outbox = Outbox(10**6)
    for number in (1, 2):
        outbox.offer(number, piece(), 0)
        outbox.end(number, {}, EMPTY, 0)
    first, second = outbox.take(1, 10**6, 10**6), outbox.take(2, 10**6, 10**6)
    outbox.acknowledge(second)
    assert outbox.settled(2) == []
    outbox.acknowledge(first)
    assert [one.lumisection for one in outbox.settled(2)] == [1, 2]
    assert [one.lumisection for one in outbox.settled(1)] == [1]
