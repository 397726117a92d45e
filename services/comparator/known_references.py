"""What elements are compared with: the catalogue of `dqm.references`, asked test by test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from dqmstream.quality.inputs import Chosen, Wanted
from dqmstream.references.choosing import ChoosingReferences
from dqmstream.transport.log import Log
from services.references.known import KnownCatalogue

__all__ = ["KnownReferences"]


class KnownReferences:
    """References as judging asks for them. A new version is used from the next LS on that is
    judged after it has come.

    Parameters
    ----------
    log
        Where versions are published.
    """

    def __init__(self, log: Log) -> None:
        self._known = KnownCatalogue(log, "comparator")
        self._choosing = ChoosingReferences(self._known.catalogue, self._known.data)
        self._read = -1

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
        if self._read != self._known.news_count:
            self._read = self._known.news_count
            self._choosing.forget()
        return self._choosing(wanted)
