"""A source that is fed by a program, event batch by event batch."""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from threading import Condition
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
    """An `EventSource` at one end, `push` and `end` at the other; the two are in other threads.

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
        self._loop = asyncio.get_running_loop()
        self._changed = Condition()
        self._waiting: deque[_Chunk | _End] = deque()
        self._ended = False

    # ------------------------------------------------------------- from the program

    async def push(self, lumisection: int, chunk: SourceChunk) -> None:
        """Hand a chunk over; waits while those before it have not been taken."""
        await self._put(_Chunk(lumisection, chunk))

    async def end(self, lumisection: int, notes: Mapping[str, int]) -> None:
        """This LS, and any before it, has no more chunks."""
        await self._put(_End(lumisection, notes))

    def close(self) -> None:
        """Nothing more comes."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    async def _put(self, item: _Chunk | _End) -> None:
        if not self._offer(item):
            await asyncio.to_thread(self._wait_and_offer, item)

    def _offer(self, item: _Chunk | _End) -> bool:
        with self._changed:
            if len(self._waiting) >= _MOST_WAITING and not self._ended:
                return False
            self._waiting.append(item)
            self._changed.notify_all()
            return True

    def _wait_and_offer(self, item: _Chunk | _End) -> None:
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < _MOST_WAITING or self._ended)
            self._waiting.append(item)
            self._changed.notify_all()

    # ------------------------------------------------------------ to the producer

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        """LSs as they are begun; those that were passed over are empty."""
        self.after = after
        self._loop.call_soon_threadsafe(self.began.set)
        number = after
        while (first := self._peek()) is not None:
            while number < first.lumisection:
                number += 1
                yield _Lumisection(self, number)
            if first is self._peek_now():  # it belongs to an LS that is over
                self._take()

    def _peek(self) -> _Chunk | _End | None:
        """What comes next, None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended)
            return self._waiting[0] if self._waiting else None

    def _peek_now(self) -> _Chunk | _End | None:
        with self._changed:
            return self._waiting[0] if self._waiting else None

    def _take(self) -> _Chunk | _End:
        with self._changed:
            item = self._waiting.popleft()
            self._changed.notify_all()
            return item

    def next_of(self, lumisection: int) -> SourceChunk | Mapping[str, int]:
        """The next chunk of an LS, or its notes if there is none more."""
        first = self._peek()
        if first is None or first.lumisection > lumisection:
            return {}
        self._take()
        return first.chunk if isinstance(first, _Chunk) else first.notes


class _Lumisection:
    def __init__(self, source: PushedSource, lumisection: int) -> None:
        self._source = source
        self._notes: Mapping[str, int] = {}
        self.lumisection = lumisection
        self.seconds = source.seconds

    def chunks(self) -> Iterator[SourceChunk]:
        while isinstance(found := self._source.next_of(self.lumisection), SourceChunk):
            yield found
        self._notes = found

    def notes(self) -> Mapping[str, int]:
        return self._notes
