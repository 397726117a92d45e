"""What elements are compared with: the catalogue of `dqm.references`, asked test by test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self, TypeVar

from dqmstream.messages.references import Reference
from dqmstream.quality.compiled import CHOSEN_BY
from dqmstream.quality.inputs import Chosen, Wanted
from dqmstream.references.comparing import standing_compared
from dqmstream.transport.log import Log
from services.references.known import KnownCatalogue

__all__ = ["KnownReferences"]

T = TypeVar("T")
_Standing = tuple[tuple[Reference, str], ...]
_REMEMBERED: Final = 256
"""Windows, and chains, of which what was chosen is remembered."""


class KnownReferences:
    """References as judging asks for them. A new version is used from the next LS on that is
    judged after it has come.

    Thousands of elements ask in each LS, and the answer is mostly that of the LS before: it is
    looked for once for each chain with the same reasons in it.

    Parameters
    ----------
    log
        Where versions are published.
    """

    def __init__(self, log: Log) -> None:
        self._known = KnownCatalogue(log, "comparator")
        self._read = -1
        self._windows: dict[object, tuple[_Standing, dict[str, Chosen]]] = {}
        self._choices: dict[object, dict[str, Chosen]] = {}

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Self]:
        """All that is in the log now is known; `news` has what comes after."""
        async with self._known.reading():
            yield self

    async def news(self) -> bool:
        """Take in what has come; whether there was anything. It does not wait."""
        return await self._known.news()

    def __call__(self, wanted: Wanted) -> Chosen:
        """What to compare one element with, or why there is nothing."""
        standing, choices = self._window(wanted)
        found = choices.get(wanted.path)
        if found is None:
            found = choices[wanted.path] = standing_compared(standing, wanted, self._known.data)
        return found

    def _window(self, wanted: Wanted) -> tuple[_Standing, dict[str, Chosen]]:
        """The chain of a window, and what was chosen of it."""
        if self._read != self._known.news_count:
            self._read = self._known.news_count
            self._windows.clear()
            self._choices.clear()
        told = wanted.conditions
        asked = (wanted.workspace, wanted.kind, wanted.name, wanted.most)
        window = (
            *asked,
            wanted.run,
            wanted.lumisection,
            wanted.moment,
            None if told is None else tuple(getattr(told, name) for name in CHOSEN_BY),
        )
        found = self._windows.get(window)
        if found is None:
            standing = self._known.catalogue.standing(wanted)
            reasons = tuple((reference.id, why) for reference, why in standing)
            choices = _remembered(self._choices, (*asked, reasons), {})
            found = _remembered(self._windows, window, (standing, choices))
        return found


def _remembered(table: dict[object, T], key: object, value: T) -> T:
    """What the table has under a key: the value, if it has nothing; the oldest goes."""
    found = table.setdefault(key, value)
    if len(table) > _REMEMBERED:
        del table[next(iter(table))]
    return found
