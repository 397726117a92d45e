"""How alarms stood, from where the index says to begin: to the step what reading all of it says."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from dqmstream.alarms.stood import stood_at
from dqmstream.alarms.stood_index import StoodIndex
from dqmstream.messages.alarms import AlarmTransition
from tests.notified import step


class Told(NamedTuple):
    """A step at its offset."""

    offset: int
    step: AlarmTransition


def steps_of(gap: int) -> st.SearchStrategy[list[Told]]:
    """Steps of few alarms, their times in any order, some told twice; offsets have gaps."""
    one = st.builds(
        step,
        st.integers(0, 6),
        alarm=st.sampled_from(["a", "b", "c"]),
        when=st.integers(0, 20),
        after=st.sampled_from(["normal", "raised", "acknowledged"]),
        life=st.sampled_from(["normal", "raised"]),
    )
    placed = st.lists(st.tuples(one, st.integers(1, gap)), max_size=40)
    return placed.map(_placed)


def _placed(found: list[tuple[AlarmTransition, int]]) -> list[Told]:
    told, offset = [], 0
    for one, after in found:
        told.append(Told(offset, one))
        offset += after
    return told


def in_parts(index: StoodIndex, told: list[Told], cuts: list[int], end: int) -> None:
    for upto in [*sorted(cut for cut in cuts if cut < end), end]:
        index.take(upto, [one.step for one in told if index.end <= one.offset < upto])


@given(
    steps_of(gap=3),
    st.lists(st.integers(0, 120), max_size=12),
    st.integers(1, 5),
    st.integers(1, 6),
    st.integers(0, 12),
)
def test_reading_from_there_on_says_what_reading_all_says(
    told: list[Told], cuts: list[int], steps: int, most_blocks: int, most_held: int
):
    """However the record came, at any moment, and in bounded memory."""
    end = told[-1].offset + 1 if told else 0
    index = StoodIndex(0, steps=steps, most_blocks=most_blocks, most_held=most_held)
    in_parts(index, told, cuts, end)
    assert (index.start, index.end) == (0, end)
    assert index.blocks <= most_blocks
    assert index.held <= most_held
    for moment in range(-1, 22):
        found, ranges = index.stood_from(moment)
        for first, upto in ranges:
            read = [one.step for one in told if first <= one.offset < upto]
            found = stood_at(read, moment, found)
        assert found == stood_at((one.step for one in told), moment)


@given(st.integers(1, 400), st.integers(1, 7))
def test_of_a_record_in_the_order_of_time_one_block_is_read(count: int, part: int):
    told = [Told(at, step(at + 1, alarm=f"a{at % 3}", when=at)) for at in range(count)]
    index = StoodIndex(0, steps=10, most_blocks=16, most_held=1_000)
    in_parts(index, told, list(range(0, count, part)), count)
    largest = 2 * (10 + part) * max(1, count // 80)
    for moment in range(count):
        _, ranges = index.stood_from(moment)
        assert sum(upto - first for first, upto in ranges) <= largest
        assert len(ranges) <= 1
    assert index.stood_from(count).ranges == ()
