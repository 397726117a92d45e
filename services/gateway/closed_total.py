"""The running sum over a run's closed lumisections: one flat buffer, whatever the run's length."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dqmstream.errors import WindowError
from dqmstream.histograms.contents import Contents, combine_scalars
from dqmstream.histograms.layout import Layout
from dqmstream.messages.histograms import ScalarValue

__all__ = ["ClosedTotal", "NotInMemoryError", "NotYetError", "Words", "words_in_order"]


class NotInMemoryError(LookupError):
    """A window reaches LSs whose contents have left memory; the store has them, if there is one."""


class NotYetError(NotInMemoryError):
    """The store has not got them either, so far: the log is still being read, or recorded."""


class Words(NamedTuple):
    """What travels beside the cells of one LS: scalar values, and elements that failed."""

    scalars: Mapping[int, ScalarValue]
    invalid: Mapping[int, str]


def words_in_order(layout: Layout, parts: Mapping[int, Words]) -> Words:
    """Words of several LSs together, in the order of their numbers: `last` means the last LS."""
    scalars: dict[int, ScalarValue] = {}
    invalid: dict[int, str] = {}
    for number in sorted(parts):
        scalars = combine_scalars(layout, scalars, parts[number].scalars, same_lumisection=False)
        invalid |= parts[number].invalid
    return Words(scalars, invalid)


class ClosedTotal:
    """Sum of the closed LSs of one workspace of one run.

    Cells of an LS can be taken out again exactly, as they are integers; scalars cannot (the
    minimum without one LS is unknown), so those of every LS are kept: they are few.
    """

    def __init__(self, layout: Layout) -> None:
        self._overflow = ""
        self._lost = ""
        self._sum = Contents.empty(layout)
        self._words: dict[int, Words] = {}
        self._together: Words | None = Words({}, {})

    @property
    def is_lost(self) -> bool:
        """Whether the sum was given up."""
        return bool(self._lost)

    @property
    def words(self) -> Mapping[int, Words]:
        """Words by LS; its keys are the LSs in the sum."""
        return self._words

    def add(self, number: int, contents: Contents) -> None:
        """Add a closed LS that is not in the sum yet."""
        self._note(number, contents)
        self._add_cells(contents)

    def add_many(self, numbers: Sequence[int], contents: Contents) -> None:
        """Add the sum of several closed LSs, none of which is in the total yet."""
        # What stands beside the cells is only known of all together: it counts as of the last.
        for number in sorted(numbers)[:-1]:
            self._words[number] = Words({}, {})
        self._together = None
        self.add(max(numbers), contents)

    def replace(self, number: int, before: Contents, after: Contents) -> None:
        """Exchange the contents of an LS that is in the sum."""
        self._note(number, after)
        self._sum.cells -= before.cells
        self._add_cells(after)

    def remove(self, number: int, contents: Contents) -> None:
        """Take an LS out of the sum: it is open again, in a newer epoch."""
        del self._words[number]
        self._together = None
        self._sum.cells -= contents.cells

    def lose(self, why: str) -> None:
        """Give the sum up: an LS in it has changed, and its old contents are gone."""
        self._lost = why

    def contents(self) -> Contents:
        """The sum, as a copy.

        Raises
        ------
        NotInMemoryError
            If the sum was given up.
        WindowError
            If a fixed-point sum in it could overflow.
        """
        if self._lost:
            raise NotInMemoryError(self._lost)
        if self._overflow:
            raise WindowError(self._overflow)
        words = self._words_together()
        return Contents(
            self._sum.layout, self._sum.cells.copy(), dict(words.scalars), dict(words.invalid)
        )

    def _words_together(self) -> Words:
        if self._together is None:
            self._together = words_in_order(self._sum.layout, self._words)
        return self._together

    def _note(self, number: int, contents: Contents) -> None:
        words = Words(contents.scalars, contents.invalid)
        appended = self._together is not None and number > max(self._words, default=0)
        if appended and self._together is not None:
            self._together = Words(
                combine_scalars(
                    contents.layout, self._together.scalars, words.scalars, same_lumisection=False
                ),
                {**self._together.invalid, **words.invalid},
            )
        else:
            self._together = None
        self._words[number] = words

    def _add_cells(self, contents: Contents) -> None:
        try:
            self._sum.add(Contents(contents.layout, contents.cells))
        except WindowError as error:
            self._overflow = str(error)
