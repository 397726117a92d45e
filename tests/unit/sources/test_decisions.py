"""Decisions about LSs: in rising order, never taken back, and few numbers for many LSs."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.messages.checkpoints import SourceCheckpoint
from dqmstream.sources.decisions import Decisions

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.sampled_from(["", "_a", "_b"]), st.integers(0, 50)),
        st.tuples(st.just("give_up"), st.just(""), st.integers(0, 50)),
    ),
    max_size=40,
)


def decide(first: int, steps: list[tuple[str, str, int]]) -> Decisions:
    decisions = Decisions().begin(first)
    for number, (what, ending, events) in enumerate(steps, first):
        if what == "take":
            decisions = decisions.take(number, ending, events)
        else:
            decisions = decisions.give_up(number, events, f"reason {number}")
    return decisions


@given(first=st.integers(1, 1000), steps=STEPS)
def test_each_lumisection_is_as_it_was_decided(
    first: int, steps: list[tuple[str, str, int]]
) -> None:
    decisions = decide(first, steps)
    assert decisions.last == first + len(steps) - 1
    for number, (what, ending, events) in enumerate(steps, first):
        assert decisions.ending(number) == (ending if what == "take" else None)
        assert decisions.is_absent(number) == (what == "give_up")
        assert decisions.events(number) == events
        assert decisions.reason(number) == (f"reason {number}" if what == "give_up" else "")
    assert decisions.ending(decisions.last + 1) is None
    assert not decisions.is_absent(first - 1)


@given(steps=STEPS, acknowledged=st.integers(0, 50))
def test_what_is_acknowledged_needs_its_events_no_more(
    steps: list[tuple[str, str, int]], acknowledged: int
) -> None:
    decisions = decide(1, steps)
    after = decisions.acknowledged(acknowledged)
    assert (after.absent, after.taken) == (decisions.absent, decisions.taken)
    for number in range(1, decisions.last + 1):
        expected = decisions.events(number) if number > acknowledged else 0
        assert after.events(number) == expected
        assert after.reason(number) == (decisions.reason(number) if number > acknowledged else "")


@given(steps=STEPS)
def test_a_checkpoint_keeps_all_of_it(steps: list[tuple[str, str, int]]) -> None:
    decisions = decide(3, steps)
    checkpoint = SourceCheckpoint(
        source="s",
        run=1,
        incarnation="i",
        lumisection=2,
        **msgspec.structs.asdict(decisions),
    )
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(checkpoint), type=SourceCheckpoint)
    assert Decisions.noted(again) == decisions


def test_a_long_run_of_one_kind_takes_one_range() -> None:
    decisions = decide(1, [("take", "_a", 1)] * 2000 + [("give_up", "", 0)] * 500)
    assert decisions.taken == ((1, 2000, "_a"),)
    assert decisions.absent == ((2001, 2500),)


def test_a_taken_lumisection_can_be_lost_once() -> None:
    decisions = decide(1, [("take", "_a", 4), ("give_up", "", 0), ("take", "_a", 4)])
    lost = decisions.lose(3)
    assert lost.absent == ((2, 3),)
    assert lost.lose(3) == lost
    assert lost.ending(3) == "_a"
    with pytest.raises(ValueError, match="LS 2 was not taken"):
        decisions.lose(2)


def test_no_lumisection_is_decided_twice_or_passed_over() -> None:
    decisions = decide(5, [("take", "_a", 4)])
    for number in (5, 7):
        with pytest.raises(ValueError, match="expected LS 6"):
            decisions.take(number, "_a", 1)
    with pytest.raises(ValueError, match="expected LS 0 of a begun source"):
        Decisions().give_up(1, 0)
    with pytest.raises(ValueError, match="begins with LS 1, after LS 5"):
        decisions.begin(1)
