"""Which lumisections of a run somebody asks for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Self

__all__ = ["MAX_LUMISECTION", "Window", "parse_range"]

MAX_LUMISECTION: Final = 1 << 24

_RANGE: Final = re.compile(r"(0|[1-9][0-9]{0,7})(?:-(0|[1-9][0-9]{0,7}))?")
_LAST: Final = re.compile(r"last-([1-9][0-9]{0,5})")


def parse_range(text: str) -> tuple[int, int]:
    """LSs `12-40` or `12`, both ends included. 0 is what was imported of a whole run.

    Raises
    ------
    ValueError
        If the text is of another form, falls, or goes beyond `MAX_LUMISECTION`.
    """
    match = _RANGE.fullmatch(text)
    first = int(match[1]) if match else 0
    last = int(match[2] or match[1]) if match else -1
    if not 0 <= first <= last <= MAX_LUMISECTION:
        msg = f"lumisections are {text[:40]!r}, expected a-b or a with 0 <= a <= b"
        raise ValueError(msg)
    return first, last


@dataclass(frozen=True, slots=True)
class Window:
    """The newest LS (`lumisection`), the `last` ones, the whole `run`, or a `range` of a run.

    `first` and `last` are the ends of a range, `count` is how many `last` ones.
    """

    kind: Literal["lumisection", "last", "run", "range"]
    first: int = 0
    last: int = 0
    count: int = 0

    @property
    def word(self) -> str:
        """The window in a word: `lumisection`, `last-10`, `run`, `12-40`; `parse` reads it."""
        match self.kind:
            case "last":
                return f"last-{self.count}"
            case "range":
                return f"{self.first}-{self.last}"
            case _:
                return self.kind

    @classmethod
    def parse(cls, word: str) -> Self:
        """The window of a word.

        Raises
        ------
        ValueError
            If the word is none.
        """
        match word:
            case "lumisection" | "run":
                return cls(word)
        if found := _LAST.fullmatch(word):
            return cls("last", count=int(found[1]))
        first, last = parse_range(word)
        return cls("range", first, last)

    def select(self, known: Sequence[int]) -> Sequence[int]:
        """Those of the `known` LSs (rising) that lie in the window."""
        match self.kind:
            case "lumisection":
                return known[-1:]
            case "last":
                return known[-self.count :]
            case "run":
                return known
            case "range":
                return [number for number in known if self.first <= number <= self.last]
