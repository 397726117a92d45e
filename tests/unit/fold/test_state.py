"""Control state: its bytes are the same wherever a filler began, and there are few of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import MessageError
from dqmstream.fold.run_state import RunState, expected_chunks
from dqmstream.fold.state import ControlState
from dqmstream.identity import event_partition
from dqmstream.messages.events import RunClose

Line = Any


def test_a_state_survives_its_bytes(line: Line) -> None:
    line.start("a", expected=("b",))
    line.chunk(1, 0)
    line.chunk(3, 1)
    line.marker(1, 1)
    line.start(run=2)
    line.put(RunClose(run=2))
    encoded = line.state.encode()
    assert ControlState.decode(encoded).encode() == encoded


@pytest.mark.parametrize("broken", [b"", b"\xc1", b"\x95\x01", b"\x90trailing"])
def test_broken_bytes_are_refused(broken: bytes) -> None:
    with pytest.raises(MessageError, match="bad_state"):
        ControlState.decode(broken)


@given(st.integers(1, 7), st.integers(0, 40), st.text(max_size=3))
def test_expected_chunks_are_those_that_go_to_a_partition(
    partitions: int, count: int, source: str
) -> None:
    for partition in range(partitions):
        mask = expected_chunks(source, count, partition, partitions)
        numbers = {number for number in range(mask.bit_length()) if mask >> number & 1}
        assert numbers == {
            number
            for number in range(count)
            if event_partition(source, number, partitions) == partition
        }


def test_a_million_announced_chunks_cost_nothing() -> None:
    """A mask made bit by bit would take minutes; this is within the time-out of a test."""
    assert expected_chunks("a", 1 << 20, 0, 1) == (1 << (1 << 20)) - 1


def test_a_lumisection_with_all_its_chunks_keeps_only_their_number(line: Line) -> None:
    for number in (2, 0, 1):
        line.chunk(1, number)
    line.marker(1, 3)
    state = line.run.lumisections[1]
    assert (state.whole, state.seen, state.checksums) == ([0], {}, {})
    assert [state.has_seen(0, number) for number in range(4)] == [True, True, True, False]


def test_a_lumisection_that_lacks_a_chunk_keeps_the_set(line: Line) -> None:
    line.chunk(1, 0)
    line.chunk(1, 2)
    line.marker(1, 3)
    state = line.run.lumisections[1]
    assert [state.has_seen(0, number) for number in range(4)] == [True, False, True, False]
    line.chunk(1, 1)
    assert state.whole == [0]


def test_two_thousand_lumisections_fit_in_forty_kilobytes(line: Line) -> None:
    line.start()
    for lumisection in range(1, 2001):
        line.chunk(lumisection)
        line.marker(lumisection, 1)
    line.end(last=2000)
    assert len(line.state.encode()) < 40_000


def test_an_ended_run_is_put_away_until_a_record_speaks_of_it(line: Line) -> None:
    line.chunk(1, run=2)
    line.put(RunClose(run=2))
    assert (set(line.state.runs), set(line.state.frozen)) == (set(), {2})
    before = line.state.encode()
    assert line.chunk(1, run=2).duplicate
    assert set(line.state.runs) == {2}
    assert line.state.encode() == before, "taking it out changes no byte"


def test_forgotten_runs_take_bounded_room() -> None:
    state = ControlState()
    for run in range(10_000, 0, -1):
        state.runs[run] = RunState(ended=True)
        state.forget(run)
    assert len(state.forgotten) == 4096
    assert state.has_forgotten(1)
    assert state.has_forgotten(10_000)
    assert not state.has_forgotten(10_001)
    assert len(state.encode()) < 20_000


def test_a_running_run_below_the_forgotten_ones_is_not_forgotten() -> None:
    state = ControlState(runs={5: RunState()}, floor=100)
    assert state.has_forgotten(4)
    assert not state.has_forgotten(5)


def test_ended_runs_are_forgotten_before_the_state_grows_too_large(new_line: Any) -> None:
    """By what they hold, not only by how many they are: a log must take the checkpoint."""
    line = new_line(ended_markers=10)
    for run in range(1, 6):
        line.start(run=run)
        for lumisection in range(1, 5):
            line.marker(lumisection, run=run)
        line.end(run=run, last=4)
    assert line.state.ended == [4, 5]
    assert line.state.frozen_markers == 8
    assert line.chunk(1, run=3).refused.reason == "forgotten_run"
