"""A source that is fed by a program, event batch by event batch."""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from dqmstream.sources.source import SourceChunk, SourceLumisection

__all__ = ["PushedSource"]

_MOST_WAITING: Final = 8
"""Chunks handed over and not taken yet: the outbox behind it is the buffer."""


class _Chunk(NamedTuple):
    lumisection: int
    chunk: SourceChunk


class _End(NamedTuple):
    lumisection: int
    notes: Mapping[str, int]


class PushedSource:
    """A `FedSource` at one end, `push` and `end` at the other, both on one loop.

    Nothing of it waits in a thread: those are few, and everybody's.

    Parameters
    ----------
    name, run, incarnation, rereadable, run_type, first_lumisection, labels, marks
        As of `EventSource`.
    seconds
        Length of an LS.
    """

    def __init__(
        self,
        *,
        name: str,
        run: int,
        incarnation: str,
        rereadable: bool,
        run_type: str,
        first_lumisection: int,
        labels: Mapping[str, tuple[str, ...]],
        marks: tuple[str, ...],
        seconds: float,
    ) -> None:
        self.name = name
        self.run = run
        self.incarnation = incarnation
        self.rereadable = rereadable
        self.run_type = run_type
        self.first_lumisection = first_lumisection
        self.labels = labels
        self.marks = marks
        self.seconds = seconds
        self.began = asyncio.Event()
        """Set once reading begins: then `after` is known."""
        self.after = first_lumisection - 1
        """The last LS of which the log has everything already."""
        self._changed = asyncio.Event()
        self._waiting: deque[_Chunk | _End] = deque()
        self._number = first_lumisection - 1
        self._ended = False

    # ------------------------------------------------------------- from the program

    async def push(self, lumisection: int, chunk: SourceChunk) -> None:
        """Hand a chunk over; waits while those before it have not been taken.

        If it is cancelled meanwhile, nothing was handed over.
        """
        await self._put(_Chunk(lumisection, chunk))

    async def end(self, lumisection: int, notes: Mapping[str, int]) -> None:
        """This LS, and any before it, has no more chunks."""
        await self._put(_End(lumisection, notes))

    def close(self) -> None:
        """Nothing more comes."""
        self._ended = True
        self._change()

    async def _put(self, item: _Chunk | _End) -> None:
        while len(self._waiting) >= _MOST_WAITING and not self._ended:
            await self._next_change()
        self._waiting.append(item)
        self._change()

    # ------------------------------------------------------------ to the producer

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        """Nothing can be read before it is handed over: see `next_lumisection_after`."""
        raise NotImplementedError

    async def next_lumisection_after(self, after: int) -> "_Lumisection | None":
        """LSs as they are begun; those that were passed over are empty."""
        if not self.began.is_set():
            self.after = self._number = after
            self.began.set()
        while (first := await self._peek()) is not None:
            if self._number < first.lumisection:
                self._number += 1
                return _Lumisection(self, self._number)
            self._take()  # it belongs to an LS that is over
        return None

    async def next_of(self, lumisection: int) -> SourceChunk | Mapping[str, int]:
        """The next chunk of an LS, or its notes if there is none more."""
        first = await self._peek()
        if first is None or first.lumisection > lumisection:
            return {}
        self._take()
        return first.chunk if isinstance(first, _Chunk) else first.notes

    async def _peek(self) -> _Chunk | _End | None:
        """What comes next, None at the end."""
        while not self._waiting and not self._ended:
            await self._next_change()
        return self._waiting[0] if self._waiting else None

    def _take(self) -> None:
        self._waiting.popleft()
        self._change()

    def _change(self) -> None:
        """Wake all who wait: each looks for itself."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def _next_change(self) -> None:
        await self._changed.wait()


class _Lumisection:
    def __init__(self, source: PushedSource, lumisection: int) -> None:
        self._source = source
        self._notes: Mapping[str, int] = {}
        self.lumisection = lumisection
        self.seconds = source.seconds

    def chunks(self) -> Iterator[SourceChunk]:
        """As `PushedSource.lumisections`."""
        raise NotImplementedError

    async def next_chunk(self) -> SourceChunk | None:
        """The next chunk, None at the end of the LS."""
        found = await self._source.next_of(self.lumisection)
        if isinstance(found, SourceChunk):
            return found
        self._notes = found
        return None

    def notes(self) -> Mapping[str, int]:
        return self._notes
