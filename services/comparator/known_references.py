"""What elements are compared with: the catalogue of `dqm.references`, asked test by test."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self

from dqmstream.messages.references import Reference
from dqmstream.quality.inputs import Chosen, NoReference, Wanted
from dqmstream.references.catalogue import chosen
from dqmstream.references.comparing import band_for, histogram_for, why_unusable
from dqmstream.transport.log import Log
from services.references.known import KnownCatalogue

__all__ = ["KnownReferences"]

_CHAINS: Final = 64
"""Chains remembered, of workspaces, windows and kinds: the tests of an LS ask one after another."""


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
        self._chains: OrderedDict[object, tuple[tuple[Reference, str], ...]] = OrderedDict()

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
        choice = chosen(self._chain(wanted), wanted, self._why_not)
        found = []
        for reference in choice.references:
            data = self._known.data(reference)
            if data is None:
                continue
            if wanted.kind == "band":
                return band_for(reference, data, wanted.path)
            found.append(histogram_for(reference, data, wanted.path))
        if not found:
            return NoReference(f"no reference for {wanted.path}: {choice.why_none}")
        return tuple(found)

    def _why_not(self, reference: Reference, path: str) -> str:
        return why_unusable(reference, self._known.data(reference), path)

    def _chain(self, wanted: Wanted) -> tuple[tuple[Reference, str], ...]:
        """The chain is one for all elements of a window: only the first test looks through it."""
        told = wanted.conditions
        key = (
            self._known.news_count,
            wanted.workspace,
            wanted.kind,
            wanted.name,
            wanted.run,
            wanted.lumisection,
            wanted.moment,
            None if told is None else (told.run_type, told.beam_mode, told.prescale_name),
        )
        found = self._chains.get(key)
        if found is None:
            found = self._known.catalogue.standing(wanted)
            self._chains[key] = found
            if len(self._chains) > _CHAINS:
                self._chains.popitem(last=False)
        return found
