"""Reading a source: its LSs and their chunks, cut to size, wherever they come from.

A source that reads and computes does so in a worker thread; one whose input is awaited, or handed
over by a program, is waited for on the loop, where waiting takes no thread from anybody.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Final, Protocol, runtime_checkable

from dqmstream.clock import Clock
from dqmstream.producing.cutting import Cut, Cutter
from dqmstream.sources.source import AwaitedSource, EventSource, SourceChunk, SourceLumisection

__all__ = ["FedLumisection", "FedSource", "Reading"]

_READ_BYTES: Final = 1 << 20
_READ_SECONDS: Final = 0.01
"""When chunks that were read are handed on though there are more."""


@runtime_checkable
class FedLumisection(SourceLumisection, Protocol):
    """An LS whose chunks are handed over while it is read."""

    async def next_chunk(self) -> SourceChunk | None:
        """The next chunk, None at the end of the LS."""
        ...


@runtime_checkable
class FedSource(EventSource, Protocol):
    """A source whose LSs are handed over while it is read."""

    async def next_lumisection_after(self, after: int) -> FedLumisection | None:
        """The next LS, of those later than `after`; None at the end of the run."""
        ...


class Reading:
    """What comes out of a source, in order."""

    def __init__(self, source: EventSource, cutter: Cutter, clock: Clock) -> None:
        self._source = source
        self._cutter = cutter
        self._clock = clock

    async def lumisections(self, after: int) -> AsyncIterator[SourceLumisection]:
        """LSs later than `after`."""
        source = self._source
        if isinstance(source, AwaitedSource):
            while (one := await source.next_lumisection()) is not None:
                yield one
        elif isinstance(source, FedSource):
            while (fed := await source.next_lumisection_after(after)) is not None:
                yield fed
        else:
            lumisections = source.lumisections(after)
            while (one := await asyncio.to_thread(next, lumisections, None)) is not None:
                yield one

    async def cuts(self, one: SourceLumisection) -> AsyncIterator[list[Cut]]:
        """The chunks of an LS, some at a time."""
        if isinstance(one, FedLumisection):
            while (chunk := await one.next_chunk()) is not None:
                yield [await asyncio.to_thread(self._cutter.cut, chunk)]
            return
        chunks = one.chunks()
        while cuts := await asyncio.to_thread(self._next, chunks):
            yield cuts

    def _next(self, chunks: Iterator[SourceChunk]) -> list[Cut]:
        """The next chunks, none at the end of the LS. Runs in the thread.

        Going there costs as much as a small chunk: a re-readable source is asked for several.
        """
        cuts: list[Cut] = []
        now = self._clock.monotonic
        end, size = now() + _READ_SECONDS, 0
        for chunk in chunks:
            cuts.append(self._cutter.cut(chunk))
            size += len(chunk.body)
            if not self._source.rereadable or size >= _READ_BYTES or now() >= end:
                break
        return cuts
