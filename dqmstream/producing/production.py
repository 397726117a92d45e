"""One source in one run while it is sent: read, number, send, mark LSs, note how far it is.

All of it goes on at the same time.
"""

import asyncio
from collections import Counter
from typing import Final

import structlog

from dqmstream.clock import Clock
from dqmstream.producing.cutting import Cutter, Piece
from dqmstream.producing.notes import Notes
from dqmstream.producing.outbox import NumberedChunk, Outbox
from dqmstream.producing.outlet import Outlet
from dqmstream.producing.pace import Pace
from dqmstream.producing.peers import Peers
from dqmstream.producing.progress import ProducerProgress
from dqmstream.producing.reading import Reading
from dqmstream.producing.settings import ProducerSettings
from dqmstream.producing.starving import STARVED, starves
from dqmstream.sources.source import AwaitedSource, EventSource, SourceLumisection

__all__ = ["Production"]

_MOST_LUMISECTIONS: Final = 64
"""LSs a re-readable source is read ahead: some have no chunks, and take no room."""


class Production:
    """Moves chunks from the source through the outbox to the log."""

    def __init__(
        self,
        outlet: Outlet,
        source: EventSource,
        clock: Clock,
        settings: ProducerSettings,
        progress: ProducerProgress,
    ) -> None:
        self._outlet = outlet
        self._source = source
        self._clock = clock
        self._settings = settings
        self._progress = progress
        self._cutter = Cutter(outlet.body_limit)
        self._reading = Reading(source, self._cutter, clock)
        self._peers = Peers(source.run, (), settings.patience, clock.monotonic())
        self._outbox = (
            Outbox(settings.read_ahead_bytes)
            if source.rereadable
            else Outbox(settings.buffer_bytes, settings.buffer_seconds)
        )
        self._done = source.first_lumisection - 1
        self._batches = 0
        self._all_read = False
        self._dropping = False
        self._changed = asyncio.Event()
        self._notes = Notes(outlet, source)
        self._logger = structlog.get_logger().bind(source=source.name, run=source.run)
        progress.run, progress.lumisection = source.run, None

    async def run(self, pace: Pace, expected: tuple[str, ...], *, again: bool = True) -> None:
        """Everything, from RunStart to RunEnd; nothing if that was done, and not `again`."""
        name = self._source.name
        async with asyncio.TaskGroup() as tasks:
            if not self._source.rereadable:
                # Its events come whether the log is there or not.
                tasks.create_task(self._read(pace), name=f"read {name}")
            if not await self._start(expected, again=again):
                return
            if self._source.rereadable:
                tasks.create_task(self._read(pace), name=f"read {name}")
            following = tasks.create_task(self._follow(), name=f"others than {name}")
            tasks.create_task(self._send_all(tasks), name=f"send {name}")
            await self._end_lumisections()
            following.cancel()
        await self._outlet.finish(self._done)
        await self._notes.note(self._done, ended=True)

    # ------------------------------------------------------------------- start

    async def _start(self, expected: tuple[str, ...], *, again: bool) -> bool:
        """Find out where this source and the others stand, and announce it; False if not again."""
        source, standings = self._source, await self._outlet.standings()
        own = standings.get(source.name)
        resumed = own is not None and own.incarnation == self._outlet.incarnation
        replaces = ""
        if isinstance(source, AwaitedSource):
            await self._notes.resume(source, own)
            self._done = source.first_lumisection - 1
        if own is not None and own.ended and resumed and not again:
            self._progress.lumisection = own.lumisection or None
            return False
        if own is not None and source.rereadable and resumed:
            self._done = max(self._done, own.lumisection)
            self._logger.info("producer resumes", after_lumisection=self._done)
        elif own is not None and not source.rereadable and not own.ended:
            replaces = own.incarnation
        self._progress.lumisection = self._done or None
        if source.rereadable:
            now = self._clock.monotonic()
            others = [name for name in expected if name != source.name]
            self._peers = Peers(source.run, others, self._settings.patience, now)
            for checkpoint in standings.values():
                self._peers.note(checkpoint, now)
        await self._outlet.start(expected=expected, replaces=replaces, wall=self._clock.wall())
        if not resumed:
            # Where it begins: the others must not wait for LSs that it will never send.
            await self._notes.note(self._done)
        return True

    async def _follow(self) -> None:
        """Note where the others stand, as long as they matter."""
        if self._peers:
            async for checkpoints in self._outlet.news():
                for checkpoint in checkpoints:
                    self._peers.note(checkpoint, self._clock.monotonic())
                self._changed.set()

    # -------------------------------------------------------------------- read

    async def _read(self, pace: Pace) -> None:
        """Read the source into the outbox."""
        async for one in self._reading.lumisections(self._done):
            await self._notes.note_decisions(self._done)
            await self._read_one(one, pace)
        self._all_read = True
        self._changed.set()

    async def _read_one(self, one: SourceLumisection, pace: Pace) -> None:
        refused, seen, selected = Counter[str](), 0, 0
        async for cuts in self._reading.cuts(one):
            for cut in cuts:
                await pace.wait(cut.at)
                refused.update(cut.refused)
                self._progress.cut += len(cut.pieces) > 1
                for piece in cut.pieces:
                    seen, selected = seen + piece.seen, selected + piece.selected
                    await self._take_in(one.lumisection, piece)
        await pace.wait(one.seconds)
        pace.next_lumisection(one.seconds)
        notes = Counter(one.notes()) + refused
        if "selected" in self._source.marks and starves(seen, selected):
            notes[STARVED] += 1
        await self._notes.note_decisions(self._done)
        least = 0
        if isinstance(self._source, AwaitedSource):
            least = self._source.least_chunks(one.lumisection)
        self._outbox.end(
            one.lumisection,
            notes,
            self._cutter.empty,
            self._clock.monotonic(),
            least_chunks=least,
        )
        self._change()

    async def _take_in(self, lumisection: int, piece: Piece) -> None:
        """Into the outbox as soon as there is room; a live source does not wait for that."""
        outbox, now = self._outbox, self._clock.monotonic
        while self._source.rereadable and not (
            outbox.lumisections <= _MOST_LUMISECTIONS and outbox.has_room(len(piece.body), now())
        ):
            await self._next_change()
        taken = outbox.offer(lumisection, piece, now())
        self._progress.dropped += piece.dropped
        if not taken:
            self._progress.dropped += piece.selected
            self._progress.dropped_chunks += 1
        if taken is self._dropping:
            self._dropping = not taken
            self._logger.warning(
                "buffer has room again" if taken else "buffer is full, chunks are dropped",
                lumisection=lumisection,
                dropped_chunks=self._progress.dropped_chunks,
                dropped_events=self._progress.dropped,
            )
        self._change()

    # -------------------------------------------------------------------- send

    async def _send_all(self, tasks: asyncio.TaskGroup) -> None:
        """Send what waits, several batches at a time, until there is nothing more."""
        while not self._all_read or self._outbox.has_waiting:
            batch = self._next_batch()
            if batch:
                self._batches += 1
                tasks.create_task(self._send(batch), name=f"send {self._source.name}")
            else:
                await self._next_change()

    def _next_batch(self) -> list[NumberedChunk]:
        settings = self._settings
        if self._batches == settings.in_flight_batches:
            return []
        return self._outbox.take(self._until(), settings.batch_bytes, settings.in_flight_bytes)

    async def _send(self, batch: list[NumberedChunk]) -> None:
        await self._outlet.chunks(batch)
        self._batches -= 1
        self._outbox.acknowledge(batch)
        progress = self._progress
        progress.chunks += len(batch)
        for chunk in batch:
            progress.bytes += len(chunk.piece.body)
            progress.seen += chunk.piece.seen
            progress.selected += chunk.piece.selected
        self._change()

    async def _end_lumisections(self) -> None:
        """Say of each LS how many chunks it has, once the fate of every one is known."""
        outbox, progress = self._outbox, self._progress
        while not self._all_read or outbox.lumisections:
            ended = outbox.settled(self._until())
            if not ended:
                await self._next_change()
                continue
            await self._outlet.end(ended)
            for one in ended:
                outbox.close(one.lumisection)
                self._done = progress.lumisection = one.lumisection
                for name, count in one.notes.items():
                    progress.notes[name] = progress.notes.get(name, 0) + count
            self._change()
            if isinstance(self._source, AwaitedSource):
                self._source.acknowledged(self._done)
            await self._notes.note(self._done)

    def _until(self) -> int:
        """The highest LS that may be in the log now."""
        apart, oldest = self._settings.apart, self._outbox.oldest
        until = (self._done + 1 if oldest is None else oldest) + apart
        slowest = self._peers.slowest(self._clock.monotonic())
        return until if slowest is None else min(until, slowest + 1 + apart)

    # ----------------------------------------------------------------- changes

    def _change(self) -> None:
        """Tell those who wait to look again."""
        outbox, progress = self._outbox, self._progress
        progress.buffer_bytes = outbox.bytes
        progress.buffer_high_bytes = max(progress.buffer_high_bytes, outbox.high_bytes)
        progress.in_flight_bytes = outbox.in_flight_bytes
        self._changed.set()

    async def _next_change(self) -> None:
        """Until something changes; nothing may be awaited since the caller looked."""
        self._changed.clear()
        await self._changed.wait()
