"""What one record does: who is awaited, when segments open and close, who is named missing."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from dqmstream.fold.effects import Opened, RunEnded
from dqmstream.fold.partition import Applied
from dqmstream.messages.events import LumisectionClose, LumisectionOpen, RunClose

Line = Any
Closings = Callable[[Applied], Sequence[tuple[int, int, str]]]


def opened(applied: Applied) -> list[tuple[int, int]]:
    return [
        (effect.segment.lumisection, effect.segment.segment)
        for effect in applied.effects
        if isinstance(effect, Opened)
    ]


def test_a_record_opens_all_unknown_lumisections_up_to_its_own(line: Line) -> None:
    assert opened(line.chunk(3)) == [(3, 0)]
    assert opened(line.chunk(6)) == [(4, 0), (5, 0), (6, 0)]
    assert opened(line.chunk(1)) == [(1, 0), (2, 0)]
    assert line.run.span() == (1, 6)


def test_a_run_start_opens_nothing(line: Line) -> None:
    assert opened(line.start(first=4)) == []
    assert line.run.span() is None


def test_segment_0_closes_when_every_awaited_source_has_its_marker(
    line: Line, closed: Closings
) -> None:
    line.start("a")
    line.start("b")
    line.chunk(1, 0)
    assert closed(line.marker(1, 1)) == []
    assert closed(line.marker(1, 0, "b")) == [(1, 0, "markers")]


def test_a_marker_of_no_chunks_closes_an_empty_lumisection(line: Line, closed: Closings) -> None:
    line.start()
    assert closed(line.marker(1, 0)) == [(1, 0, "markers")]


def test_an_expected_source_is_awaited_before_it_speaks(line: Line, closed: Closings) -> None:
    line.start("a", expected=("a", "b"))
    assert closed(line.marker(1)) == []
    assert closed(line.marker(1, 0, "b")) == [(1, 0, "markers")]


def test_a_source_is_awaited_from_its_first_lumisection_on(line: Line, closed: Closings) -> None:
    line.start("a")
    line.start("b", first=3)
    assert closed(line.marker(2)) == [(2, 0, "markers")]
    assert closed(line.marker(3)) == []


def test_a_source_that_ended_is_not_awaited(line: Line, closed: Closings) -> None:
    line.start("a")
    line.start("b")
    line.marker(1)
    assert closed(line.end("b", last=0)) == [(1, 0, "markers")]


def test_a_new_life_of_a_live_source_takes_over_from_the_old(line: Line, closed: Closings) -> None:
    line.start("a", incarnation="one")
    line.chunk(1, 0, incarnation="one")
    line.start("a", first=1, incarnation="two")
    assert closed(line.marker(1, 0, incarnation="two")) == [(1, 0, "markers")]


def test_the_old_life_is_not_awaited_again_when_it_speaks(line: Line, closed: Closings) -> None:
    line.start("a", incarnation="one")
    line.start("a", incarnation="two")
    line.chunk(1, 0, incarnation="one")
    assert closed(line.marker(1, 0, incarnation="two")) == [(1, 0, "markers")]


def test_who_is_missed_is_named_and_not_awaited_until_it_speaks_again(
    line: Line, closed: Closings
) -> None:
    line.start("a", expected=("c",))
    line.start("b")
    line.marker(1)
    line.put(LumisectionClose(run=1, lumisection=1, segment=0))
    assert line.missing(1) == ("b", "c")
    assert closed(line.marker(2)) == [(2, 0, "markers")]
    line.chunk(3, 0, "b")
    assert closed(line.marker(3)) == []
    assert closed(line.marker(3, 1, "b")) == [(3, 0, "markers")]


def test_an_absent_source_is_named_in_every_lumisection_it_owes(line: Line) -> None:
    """Nobody waits for it any more, but nothing is complete without it."""
    line.start("a", expected=("c",))
    line.start("b")
    line.marker(1)
    line.put(LumisectionClose(run=1, lumisection=1, segment=0))
    line.marker(2)
    assert line.missing(2) == ("b", "c")
    line.end("b", last=2)
    line.marker(3)
    assert line.missing(3) == ("c",)


def test_an_absent_source_is_not_expected_anew_by_a_second_run_start(
    line: Line, closed: Closings
) -> None:
    line.start("a", expected=("c",))
    line.put(LumisectionOpen(run=1, lowest=1, highest=1))
    line.put(LumisectionClose(run=1, lumisection=1, segment=0))
    line.start("a", expected=("c",))
    assert closed(line.marker(2)) == [(2, 0, "markers")]


def test_a_life_that_was_replaced_before_its_marker_leaves_its_name_missing(line: Line) -> None:
    line.start("a", incarnation="one")
    line.start("b")
    line.marker(1, 0, "b")
    line.start("a", first=2, incarnation="two")
    assert line.segment(1).closed
    assert line.missing(1) == ("a",)


def test_late_chunks_fill_the_next_segment_until_their_marker(line: Line, closed: Closings) -> None:
    line.start("a")
    line.start("b")
    line.marker(1)
    line.put(LumisectionClose(run=1, lumisection=1, segment=0))
    assert opened(line.chunk(1, 0, "b")) == [(1, 1)]
    assert opened(line.chunk(1, 1, "b")) == []
    assert closed(line.marker(1, 2, "b")) == [(1, 1, "markers")]
    assert opened(line.chunk(1, 7)) == []  # beyond the marker of a: refused
    assert opened(line.chunk(1, 1, "b")) == []  # seen before


def test_a_chunk_before_its_late_marker_is_a_segment_of_its_own(
    line: Line, closed: Closings
) -> None:
    line.start()
    line.marker(1, 2)
    applied = line.chunk(1, 1)
    assert opened(applied) == [(1, 1)]
    assert closed(applied) == [(1, 1, "markers")]
    assert opened(line.chunk(1, 0)) == [(1, 2)]


def test_more_than_m_open_segments_close_the_oldest(
    new_line: Callable[..., Line], closed: Closings
) -> None:
    line = new_line(max_open=2)
    line.chunk(1)
    line.chunk(2)
    assert closed(line.chunk(5)) == [
        (1, 0, "too_many_open"),
        (2, 0, "too_many_open"),
        (3, 0, "too_many_open"),
    ]
    assert line.run.open == [4, 5]


def test_a_close_decision_names_one_segment(line: Line, closed: Closings) -> None:
    line.chunk(1)
    decision = LumisectionClose(run=1, lumisection=1, segment=0)
    assert closed(line.put(decision)) == [(1, 0, "timeout")]
    line.chunk(1, 1)
    again = line.put(decision)
    assert again.duplicate
    assert closed(again) == []
    assert closed(line.put(LumisectionClose(run=1, lumisection=1, segment=1))) == [
        (1, 1, "timeout")
    ]


@pytest.mark.parametrize(
    "decision",
    [
        LumisectionClose(run=1, lumisection=1, segment=0),
        LumisectionClose(run=7, lumisection=1, segment=0),
        RunClose(run=7),
    ],
)
def test_a_decision_about_what_is_not_here_is_void(line: Line, decision: Any) -> None:
    line.start()
    before = line.state.encode()
    assert line.put(decision).duplicate
    assert line.state.encode() == before


def test_an_open_decision_makes_lumisections_known_even_of_an_unknown_run(line: Line) -> None:
    applied = line.put(LumisectionOpen(run=1, lowest=3, highest=5))
    assert opened(applied) == [(3, 0), (4, 0), (5, 0)]
    assert opened(line.put(LumisectionOpen(run=1, lowest=3, highest=5))) == []


def test_a_run_ends_when_all_its_sources_have(line: Line) -> None:
    line.start("a")
    line.start("b")
    line.marker(1)
    assert line.end("a").effects == []
    applied = line.end("b")
    assert [effect for effect in applied.effects if isinstance(effect, RunEnded)] == [RunEnded(1)]
    assert line.state.ended == [1]


def test_a_run_waits_for_expected_sources_before_it_ends(line: Line) -> None:
    line.start("a", expected=("b",))
    line.end("a")
    assert line.state.ended == []


def test_a_run_close_ends_a_run_whoever_is_open(line: Line, closed: Closings) -> None:
    line.start("a", expected=("b",))
    line.chunk(1)
    applied = line.put(RunClose(run=1))
    assert closed(applied) == [(1, 0, "run_close")]
    assert line.missing(1) == ("a", "b")
    assert line.state.ended == [1]
    assert line.put(RunClose(run=1)).duplicate


def test_a_run_close_confirms_a_run_that_its_sources_ended(line: Line) -> None:
    line.start()
    line.marker(1)
    line.end()
    assert list(line.state.unclosed()) == [(1, (1, 1))]
    assert not line.put(RunClose(run=1)).duplicate
    assert list(line.state.unclosed()) == []


def test_late_data_wake_an_ended_run_that_must_be_closed_again(line: Line) -> None:
    line.start()
    line.put(RunClose(run=1))
    line.chunk(1)
    assert line.state.ended == []
    assert line.run.open == [1]
    line.put(RunClose(run=1))
    assert line.state.ended == [1]
