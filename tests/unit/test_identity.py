"""How things are named and numbered."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dqmstream.identity import ranges_of, ranges_with


@given(st.lists(st.integers(1, 30)))
def test_ranges_hold_their_numbers_and_nothing_is_left_to_join(numbers: list[int]) -> None:
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        ranges = ranges_with(ranges, number)
    assert [n for first, last in ranges for n in range(first, last + 1)] == sorted(set(numbers))
    gaps = [after - last for (_, last), (after, _) in pairwise(ranges)]
    assert all(gap > 1 for gap in gaps)


@given(st.sets(st.integers(0, 60)))
def test_ranges_hold_every_number_once_and_do_not_touch(numbers: set[int]) -> None:
    ranges = ranges_of(numbers)
    assert [n for first, last in ranges for n in range(first, last + 1)] == sorted(numbers)
    assert all(after[0] > before[1] + 1 for before, after in pairwise(ranges))
