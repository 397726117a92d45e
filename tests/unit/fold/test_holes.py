"""After input has expired unread, an LS that may have lost chunks says so, and no other does."""

from typing import Any

import pytest

from dqmstream.errors import MessageError
from dqmstream.fold.holes import after_hole
from dqmstream.fold.merge import Merger
from dqmstream.fold.partition import PartitionFold
from dqmstream.fold.run_state import LumisectionState, RunState, SourceState
from dqmstream.fold.state import ControlState, FoldSettings
from dqmstream.fold.testing.owner import Entry
from dqmstream.fold.testing.toy import LAYOUTS, toy_columns, toy_fillers
from dqmstream.messages.events import LumisectionClose, RunClose, RunStart
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.wire import CODEC

Line = Any
SETTINGS = FoldSettings(partitions=1, max_open=3, max_jump=200)
HOUR = 3_600_000_000_000


def resumed(line: Line, new_line: Any, *, following: int = 1000) -> Line:
    """The line behind a hole: another filler goes on from the state before it."""
    state = ControlState.decode(after_hole(line.state.encode(), line.fold.position, following))
    fold = PartitionFold(0, SETTINGS, toy_fillers(), toy_columns, position=following, state=state)
    return new_line(fold, max_open=3, max_jump=200)


def sets(line: Line, lumisection: int, segment: int = 0) -> list[HistogramSet]:
    return line.sets(lumisection, segment)  # type: ignore[no-any-return]


@pytest.fixture
def behind(new_line: Any) -> Line:
    """LSs 1 to 5 are closed, 6 is open, and then records 14-999 expired."""
    line = new_line(max_open=3, max_jump=200)
    line.start()
    for lumisection in range(1, 6):
        line.chunk(lumisection)
        line.marker(lumisection, chunks=1)
    line.chunk(6)
    return resumed(line, new_line)


def test_what_was_open_and_the_last_lumisections_are_uncertain(behind: Line) -> None:
    behind.chunk(7)
    lost = ((12, 1000),)
    uncertain = {(s.id.lumisection, s.id.segment) for s in behind.fold.closed()}
    assert uncertain == {(4, 1), (5, 1), (6, 1)}, "what lies further back was over long before"
    for lumisection, segment in uncertain:
        for piece in sets(behind, lumisection, segment):
            assert piece.account.expired == lost
            assert piece.account.closed_by == "hole"
            assert not piece.whole
            assert not piece.account.sources
    assert [piece.account.expired for piece in sets(behind, 7)] == [lost, lost]


def test_data_that_follow_go_beside_what_was_open(behind: Line) -> None:
    """The segment that was open is closed and published by whoever owned it before."""
    behind.chunk(6, number=1)
    behind.marker(6, chunks=2)
    assert (1, 6, 0) not in behind.fold.segments
    (source,) = sets(behind, 6, 2)[0].account.sources
    assert source.chunks == b"\x02"
    assert not sets(behind, 6, 2)[0].whole


def test_beyond_what_sources_may_be_apart_everything_is_whole_again(behind: Line) -> None:
    for lumisection in range(7, 13):
        behind.chunk(lumisection)
        behind.marker(lumisection, chunks=1)
    # Reached by the first record after the hole: 7. Sources are less than half of M = 3 apart.
    assert [sets(behind, lumisection)[0].whole for lumisection in range(7, 13)] == [
        False,
        False,
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    "decision", [LumisectionClose(run=1, lumisection=6, segment=0), RunClose(run=1)]
)
def test_a_run_that_is_silent_after_the_hole_is_closed_as_uncertain(
    behind: Line, decision: Any
) -> None:
    behind.put(decision)
    assert {(s.id.lumisection, s.id.segment) for s in behind.fold.closed()} == {
        (4, 1),
        (5, 1),
        (6, 1),
    }
    assert not list(behind.state.open_segments())


def test_a_refused_record_does_not_meet_the_hole(behind: Line) -> None:
    before = behind.state.encode()
    assert behind.chunk(7, partitions=3).refused is not None
    assert behind.state.encode() == before


def said(line: Line, message: Any, stamp: int) -> None:
    wired = CODEC.encode(message)
    line.fold.apply(Entry(line.fold.position, wired.headers, wired.value, None, True, stamp))


@pytest.mark.parametrize(
    ("hours", "begins", "lost"),
    [(0.5, True, True), (1.5, True, False), (1.5, False, True)],
    ids=["soon after", "long after", "already going on"],
)
def test_a_run_that_begins_long_after_the_hole_has_lost_nothing(
    behind: Line, hours: float, begins: bool, lost: bool
) -> None:
    later = 10 * HOUR + round(hours * HOUR)
    said(behind, behind.batch(6, number=1), 10 * HOUR)
    if begins:
        said(behind, RunStart(**behind.speaker("b", run=2, first_lumisection=1)), later)
    said(behind, behind.batch(1, run=2), later)
    account = behind.fold.segments[(2, 1, 0)].ledger.account()  # type: ignore[index]
    assert bool(account.expired) == lost


def test_two_holes_are_both_named(behind: Line, new_line: Any) -> None:
    behind.chunk(7)
    twice = resumed(behind, new_line, following=2000)
    twice.chunk(8)
    assert sets(twice, 8)[0].account.expired == ((12, 1000), (1001, 2000))


def test_readers_name_the_hole_also_beside_whole_contents(behind: Line, line: Line) -> None:
    """A whole set of an older epoch is better and stays; what it may lack is said."""
    line.start()
    line.marker(7)
    merger = Merger({layout.hash: layout for layout in LAYOUTS}.get)
    behind.chunk(7)
    behind.marker(7, chunks=1)
    for order in (1, -1):
        pieces = [line.sets(7)[0], behind.sets(7, epoch=1)[0]]
        for piece in pieces[::order]:
            key = merger.apply(piece) or key  # noqa: F821 the first one is always news
        merged = merger.merged(key)
        assert merged.closed
        assert not merged.whole
        assert not merged.complete
        assert "partition 0: records 12-999 expired unread" in merged.account.lacking
        assert merged.account.chunks == 0, "the older one is shown"
        merger.forget(key)


def test_a_refill_heals(behind: Line, line: Line) -> None:
    """Whole contents of a later epoch leave nothing to say."""
    merger = Merger({layout.hash: layout for layout in LAYOUTS}.get)
    behind.chunk(7)
    behind.marker(7, chunks=1)
    merger.apply(behind.sets(7, epoch=1)[0])
    line.start()
    line.chunk(7)
    line.marker(7, chunks=1)
    key = merger.apply(line.sets(7, epoch=2)[0])
    assert key is not None
    assert merger.merged(key).complete


def test_a_state_of_another_encoding_is_refused_with_a_sentence(line: Line) -> None:
    line.chunk(1)
    packed = line.state.encode()
    for broken in (b"", b"\x01" + packed[1:], packed[:9], packed[:1], b"\x95\x80\x80\x90\x90\x00"):
        with pytest.raises(MessageError) as raised:
            ControlState.decode(broken)
        assert raised.value.reason == "bad_state"


def test_a_long_run_of_many_sources_stays_far_below_a_megabyte() -> None:
    """50 sources, 2000 LSs, chunk counts that nobody could guess: 0.15 MB for each such run."""
    state = ControlState()
    for run in range(1, 5):
        sources = [SourceState(f"source-{n}", f"{n:016x}", True, 1, 1) for n in range(50)]
        lumisections = {
            number: LumisectionState(
                markers={n: 20 + hash((run, number, n)) % 40 for n in range(50)},
                whole=list(range(50)),
            )
            for number in range(1, 2001)
        }
        state.runs[run] = RunState(sources, lumisections=lumisections, lowest=1, ended=run < 4)
        if run < 4:
            state.ended.append(run)
    state.freeze()
    encoded = state.encode()
    assert len(encoded) < 700_000
    assert ControlState.decode(encoded).encode() == encoded


def test_a_run_put_away_meets_a_hole_with_a_state_to_begin_at(new_line: Any) -> None:
    """What the hole leaves unsure of an ended run is open until sent: a filler may begin there."""
    line = new_line(max_open=3, max_jump=200)
    line.start()
    line.marker(1)
    line.end(last=1)
    for segment in list(line.fold.closed()):
        line.fold.acknowledge(segment.id)
    behind = resumed(line, new_line)
    behind.put(RunClose(run=1))
    assert list(behind.fold.closed()), "the hole leaves something to be sent"
    _, state = behind.fold.checkpoint()
    assert ControlState.decode(state).holes
