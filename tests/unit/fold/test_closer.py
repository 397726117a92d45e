"""Time-outs: decided after silence, announced to the others first, and acted on when read back."""

from typing import Any

import pytest

from dqmstream.fold.closer import Closer
from dqmstream.messages.events import LumisectionClose, LumisectionOpen, RunClose

Line = Any


@pytest.fixture
def closer() -> Closer:
    return Closer(lumisection_timeout=3.0, run_timeout=10.0)


def test_nothing_is_decided_before_its_time(line: Line, closer: Closer) -> None:
    line.chunk(1)
    closer.note(1, 1, 0.0)
    assert closer.decide(line.state, 2.9) == ([], [])


def test_a_silent_lumisection_is_closed_after_the_others_were_told(
    line: Line, closer: Closer
) -> None:
    line.chunk(1)
    line.chunk(3)
    closer.note(1, 1, 0.0)
    closer.note(1, 3, 2.0)
    decision = closer.decide(line.state, 0.0)
    assert decision == ([], [])
    decision = closer.decide(line.state, 3.0)
    assert decision.elsewhere == [LumisectionOpen(run=1, lowest=1, highest=3)]
    assert decision.here == [
        LumisectionClose(run=1, lumisection=1, segment=0),
        LumisectionClose(run=1, lumisection=2, segment=0),
    ]


def test_a_late_segment_is_closed_by_its_number(line: Line, closer: Closer) -> None:
    line.start("a")
    line.start("b")
    line.chunk(1)
    line.put(LumisectionClose(run=1, lumisection=1, segment=0))
    line.chunk(1, 1)
    closer.note(1, 1, 0.0)
    assert closer.decide(line.state, 3.0).here == [
        LumisectionClose(run=1, lumisection=1, segment=1)
    ]


def test_a_decision_is_taken_again_only_after_as_long_a_silence(line: Line, closer: Closer) -> None:
    line.chunk(1)
    closer.note(1, 1, 0.0)
    assert closer.decide(line.state, 3.0).here
    assert not closer.decide(line.state, 5.9).here
    assert closer.decide(line.state, 6.0).here


def test_a_new_closer_waits_from_when_it_first_looked(line: Line, closer: Closer) -> None:
    line.chunk(1)
    assert not closer.decide(line.state, 100.0).here
    assert closer.decide(line.state, 103.0).here


def test_a_silent_run_is_announced_and_closed(line: Line, closer: Closer) -> None:
    line.start()
    line.marker(1)
    closer.note(1, 1, 0.0)
    assert closer.decide(line.state, 9.9) == ([], [])
    decision = closer.decide(line.state, 10.0)
    assert decision.elsewhere == [LumisectionOpen(run=1, lowest=1, highest=1)]
    assert decision.here == [RunClose(run=1)]
    line.put(decision.here[0])
    assert closer.decide(line.state, 100.0) == ([], [])


def test_a_run_that_its_sources_ended_is_announced_too(line: Line, closer: Closer) -> None:
    """They may have died before they said so everywhere."""
    line.start()
    line.marker(1)
    line.end()
    closer.note(1, None, 0.0)
    decision = closer.decide(line.state, 10.0)
    assert decision.elsewhere == [LumisectionOpen(run=1, lowest=1, highest=1)]
    assert decision.here == [RunClose(run=1)]


def test_a_run_with_an_open_lumisection_is_not_closed(line: Line, closer: Closer) -> None:
    line.chunk(1)
    closer.note(1, None, 0.0)
    closer.note(1, 1, 9.0)
    assert closer.decide(line.state, 11.0) == ([], [])


def test_what_is_over_is_not_watched(line: Line, closer: Closer) -> None:
    line.chunk(1)
    closer.note(1, 1, 0.0)
    line.put(RunClose(run=1))
    closer.decide(line.state, 1.0)
    assert not closer._heard
    assert not closer._runs
