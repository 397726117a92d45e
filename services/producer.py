"""The producer: one source in one run onto `dqm.events`, paced, numbered, resumable."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from dqmstream.clock import Clock
from dqmstream.errors import LogError, SourceError
from dqmstream.identity import event_partition
from dqmstream.messages.checkpoints import SourceCheckpoint
from dqmstream.messages.events import Chunk, EventBatch, LumisectionEnd, RunEnd, RunStart
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import CHECKPOINTS, CONDITIONS, EVENTS
from dqmstream.messages.wire import CODEC, body_checksum
from dqmstream.sources.source import EventSource, SourceChunk
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import Log, Outgoing
from services.outgoing import outgoing

__all__ = ["Produced", "produce"]

_AHEAD: Final = 8
"""Chunks read ahead of the log."""
MAX_BODY: Final = 7 << 20
"""Bytes of one chunk: below what the topic takes as one message."""
_SEND_BYTES: Final = 4 << 20
_RETRY_FIRST: Final = 0.1
_RETRY_MOST: Final = 5.0


@dataclass(slots=True)
class Produced:
    """What a producer has sent and had acknowledged, up to and with `lumisection`."""

    run: int
    lumisection: int = 0
    chunks: int = 0
    seen: int = 0
    selected: int = 0
    dropped: int = 0
    notes: dict[str, int] = field(default_factory=dict)
    retries: int = 0


@dataclass(frozen=True, slots=True)
class _Step:
    """A chunk of an LS, or (without chunk) the end of that LS."""

    lumisection: int
    at: float
    chunk: SourceChunk | None = None
    notes: Mapping[str, int] = field(default_factory=dict)


async def produce(
    log: Log,
    source: EventSource,
    *,
    clock: Clock,
    speed: float | None = None,
    expected: tuple[str, ...] = (),
    on_lumisection: Callable[[Produced], Awaitable[None]] | None = None,
) -> Produced:
    """Send a whole run of `source`, from the last LS the log is known to hold of it.

    Parameters
    ----------
    speed
        1 plays in real time by event time, k plays k times as fast, None as fast as the log takes.
    expected
        Names of all sources of this run.
    on_lumisection
        Awaited after each LS whose every record is acknowledged.
    """
    sender = _Sender(log, source, clock)
    after = await sender.resume_after()
    pace = _Pace(clock, speed)
    await sender.start(expected)
    steps: asyncio.Queue[_Step | None] = asyncio.Queue(_AHEAD)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_read(source, after, steps), name=f"read {source.name}")
        await _send_all(sender, steps, pace, on_lumisection)
    await sender.end()
    return sender.produced


async def _read(source: EventSource, after: int, steps: asyncio.Queue[_Step | None]) -> None:
    """Read the source in a worker thread, at most `_AHEAD` chunks ahead."""
    lumisections = source.lumisections(after)
    while (one := await asyncio.to_thread(next, lumisections, None)) is not None:
        chunks = one.chunks()
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            await steps.put(_Step(one.lumisection, chunk.at, chunk))
        await steps.put(_Step(one.lumisection, one.seconds, notes=one.notes()))
    await steps.put(None)


async def _send_all(
    sender: "_Sender",
    steps: asyncio.Queue[_Step | None],
    pace: "_Pace",
    on_lumisection: Callable[[Produced], Awaitable[None]] | None,
) -> None:
    waiting: list[_Step] = []
    waiting_bytes = 0
    while (step := await steps.get()) is not None:
        await pace.wait(step.at)
        if step.chunk is not None:
            waiting.append(step)
            waiting_bytes += len(step.chunk.body)
            if not (pace.real or steps.empty() or waiting_bytes >= _SEND_BYTES):
                continue
        await sender.send_chunks(waiting)
        waiting, waiting_bytes = [], 0
        if step.chunk is None:
            pace.next_lumisection(step.at)
            await sender.end_lumisection(step)
            if on_lumisection is not None:
                await on_lumisection(sender.produced)


class _Pace:
    """Waits until an event time within the LS comes, at the chosen speed."""

    def __init__(self, clock: Clock, speed: float | None) -> None:
        self._clock = clock
        self._speed = speed
        self._start = clock.monotonic()

    @property
    def real(self) -> bool:
        return self._speed is not None

    async def wait(self, seconds: float) -> None:
        """Until `seconds` of event time after the start of the current LS."""
        if self._speed is not None:
            due = self._start + seconds / self._speed
            await asyncio.sleep(max(0.0, due - self._clock.monotonic()))

    def next_lumisection(self, seconds: float) -> None:
        """The current LS was `seconds` long and is over."""
        if self._speed is not None:
            self._start += seconds / self._speed


class _Sender:
    """Numbers chunks, sends them to their partitions, and knows what the log acknowledged."""

    def __init__(self, log: Log, source: EventSource, clock: Clock) -> None:
        self._log = log
        self._source = source
        self._clock = clock
        self._partitions = log.partitions(EVENTS)
        self._key = f"source/{source.name}/{source.run}".encode()
        self._number = 0
        self._seen = self._selected = self._dropped = 0
        self._logger = structlog.get_logger().bind(source=source.name, run=source.run)
        self.produced = Produced(source.run)

    async def resume_after(self) -> int:
        """Last LS of this incarnation that the log holds whole; 0 if none."""
        source = self._source
        newest = (await latest_by_key(self._log, CHECKPOINTS)).get(self._key)
        if newest is None or not source.rereadable:
            return 0
        checkpoint = CODEC.decode(newest.headers, newest.value)
        if not isinstance(checkpoint, SourceCheckpoint):
            return 0
        if checkpoint.incarnation != source.incarnation:
            return 0
        self._logger.info("producer resumes", after_lumisection=checkpoint.lumisection)
        return checkpoint.lumisection

    async def start(self, expected: tuple[str, ...]) -> None:
        """Announce the source on every partition."""
        source = self._source
        await self._announce(
            RunStart(
                run=source.run,
                source=source.name,
                incarnation=source.incarnation,
                rereadable=source.rereadable,
                partitions=self._partitions,
                first_lumisection=source.first_lumisection,
                run_type=source.run_type,
                expected=expected,
                labels=dict(source.labels),
                started=self._clock.wall(),
            )
        )

    async def send_chunks(self, steps: list[_Step]) -> None:
        """Send chunks of one LS in the order that numbers them."""
        ready = [
            self._outgoing(step.lumisection, step.chunk) for step in steps if step.chunk is not None
        ]
        if ready:
            await self._send(ready)

    async def end_lumisection(self, step: _Step) -> None:
        """Every chunk is acknowledged: say how many there were, on every partition."""
        source = self._source
        await self._everywhere(
            LumisectionEnd(
                run=source.run,
                source=source.name,
                incarnation=source.incarnation,
                rereadable=source.rereadable,
                partitions=self._partitions,
                lumisection=step.lumisection,
                chunks=self._number,
                seen=self._seen,
                selected=self._selected,
                dropped=self._dropped,
                notes=dict(step.notes),
            )
        )
        self._note_progress(step)
        await self._checkpoint(ended=False)

    async def end(self) -> None:
        """The run is over for this source."""
        source = self._source
        await self._announce(
            RunEnd(
                run=source.run,
                source=source.name,
                incarnation=source.incarnation,
                rereadable=source.rereadable,
                partitions=self._partitions,
                last_lumisection=self.produced.lumisection,
            )
        )
        await self._checkpoint(ended=True)

    def _note_progress(self, step: _Step) -> None:
        produced = self.produced
        produced.lumisection = step.lumisection
        produced.chunks += self._number
        produced.seen += self._seen
        produced.selected += self._selected
        produced.dropped += self._dropped
        for name, count in step.notes.items():
            produced.notes[name] = produced.notes.get(name, 0) + count
        self._number = self._seen = self._selected = self._dropped = 0

    def _outgoing(self, lumisection: int, chunk: SourceChunk) -> Outgoing:
        source, number = self._source, self._number
        if len(chunk.body) > MAX_BODY:
            detail = (
                f"run {source.run} LS {lumisection} {source.name!r} chunk {number}: "
                f"{len(chunk.body)} bytes, at most {MAX_BODY}; cut chunks at fewer events"
            )
            raise SourceError("chunk_too_large", detail)
        header = Chunk(
            run=source.run,
            lumisection=lumisection,
            source=source.name,
            incarnation=source.incarnation,
            rereadable=source.rereadable,
            number=number,
            partitions=self._partitions,
            seen=chunk.seen,
            selected=chunk.selected,
            dropped=chunk.dropped,
            checksum=body_checksum(chunk.body),
        )
        self._number += 1
        self._seen += chunk.seen
        self._selected += chunk.selected
        self._dropped += chunk.dropped
        partition = event_partition(source.name, number, self._partitions)
        return outgoing(EVENTS, partition, EventBatch(chunk=header, body=chunk.body))

    async def _everywhere(self, message: Message) -> None:
        await self._send([outgoing(EVENTS, p, message) for p in range(self._partitions)])

    async def _announce(self, message: Message) -> None:
        """On every partition, and on the topic of those who read no events."""
        await self._everywhere(message)
        await self._send([outgoing(CONDITIONS, 0, message, str(self._source.run).encode())])

    async def _checkpoint(self, *, ended: bool) -> None:
        source = self._source
        checkpoint = SourceCheckpoint(
            source=source.name,
            run=source.run,
            incarnation=source.incarnation,
            lumisection=self.produced.lumisection,
            ended=ended,
        )
        await self._send([outgoing(CHECKPOINTS, 0, checkpoint, self._key)])

    async def _send(self, messages: list[Outgoing]) -> None:
        """Send until acknowledged: after an unknown outcome the same ids go again."""
        delay = _RETRY_FIRST
        while True:
            try:
                await self._log.send(messages)
            except LogError as error:
                self.produced.retries += 1
                self._logger.warning("log refused, sending again", error=str(error), delay=delay)
                await asyncio.sleep(delay)
                delay = min(2 * delay, _RETRY_MOST)
            else:
                return
