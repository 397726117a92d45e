"""Numbers of LSs, kept in order as they come and go."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence

__all__ = ["LumisectionNumbers"]


class LumisectionNumbers:
    """Each at most once, rising. One that comes last, or lies beside others, costs the same however
    many there are; what is missing costs as much as there are gaps."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._numbers: list[int] = []
        self._starts: list[int] = []
        self._ends: list[int] = []
        for number in numbers:
            self.add(number)

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __reversed__(self) -> Iterator[int]:
        return reversed(self._numbers)

    @property
    def first(self) -> int:
        """The lowest; IndexError without any."""
        return self._numbers[0]

    @property
    def last(self) -> int:
        """The highest; IndexError without any."""
        return self._numbers[-1]

    @property
    def gapless(self) -> bool:
        """Whether none is missing between the lowest and the highest."""
        return len(self._starts) <= 1

    def between(self, first: int, stop: int | None = None) -> Sequence[int]:
        """Those from `first` on, and below `stop`."""
        start = bisect_left(self._numbers, first)
        return self._numbers[start : None if stop is None else bisect_left(self._numbers, stop)]

    def count_from(self, first: int) -> int:
        """How many there are from `first` on."""
        return len(self._numbers) - bisect_left(self._numbers, first)

    def missing(self, first: int, last: int) -> tuple[tuple[int, int], ...]:
        """Ranges from `first` to `last` of which none is here, both ends included."""
        ranges, expected = list[tuple[int, int]](), first
        for place in range(bisect_left(self._ends, first), len(self._starts)):
            start, end = self._starts[place], self._ends[place]
            if start > last:
                break
            if start > expected:
                ranges.append((expected, start - 1))
            expected = max(expected, end + 1)
        if expected <= last:
            ranges.append((expected, last))
        return tuple(ranges)

    def add(self, number: int) -> None:
        """Take one in that is not here."""
        insort(self._numbers, number)
        place = bisect_right(self._starts, number)
        joins_before = place > 0 and self._ends[place - 1] == number - 1
        joins_after = place < len(self._starts) and self._starts[place] == number + 1
        if joins_before and joins_after:
            self._ends[place - 1] = self._ends[place]
            del self._starts[place], self._ends[place]
        elif joins_before:
            self._ends[place - 1] = number
        elif joins_after:
            self._starts[place] = number
        else:
            self._starts.insert(place, number)
            self._ends.insert(place, number)

    def remove(self, number: int) -> None:
        """Take one out that is here."""
        del self._numbers[bisect_left(self._numbers, number)]
        place = bisect_right(self._starts, number) - 1
        start, end = self._starts[place], self._ends[place]
        del self._starts[place], self._ends[place]
        for first, last in reversed([(start, number - 1), (number + 1, end)]):
            if first <= last:
                self._starts.insert(place, first)
                self._ends.insert(place, last)
