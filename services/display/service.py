"""Picks events from what is newest on `dqm.events`, and sends what is drawn to `dqm.displays`.

It needs no exactness, so it takes no part in any: it is in no group, commits nothing, and reads
only when its rate has room for an event; what came meanwhile is left unread. Whatever it cannot
use it counts and leaves: fillers name it.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from dqmstream.booking.chunk import decode_chunk
from dqmstream.clock import Clock
from dqmstream.displays.sampler import Sampler
from dqmstream.errors import MessageError, OffsetExpiredError
from dqmstream.messages.chunk_headers import check_body, chunk_of
from dqmstream.messages.display import EventDisplay
from dqmstream.messages.events import Chunk, EventBatch, RunStart
from dqmstream.messages.topics import CONDITIONS, DISPLAYS, EVENTS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log, Reader, Record, TopicPartition
from dqmstream.transport.outgoing import outgoing

__all__ = ["DisplayProgress", "run_display"]

_FAR_BEHIND: Final = 64
_BACK: Final = 16
"""Offsets before the end of a partition from which it goes on, if it was left far behind."""
_READ_RECORDS: Final = 64
_IDLE_SECONDS: Final = 1.0
_MOST_READS: Final = 20


@dataclass(slots=True)
class DisplayProgress:
    """What a display service has done.

    Parameters
    ----------
    records
        Of `dqm.events`, read.
    looks
        Chunks opened.
    left
        Records left unread, because newer ones had come.
    shown
        Events sent, by rule.
    sent_bytes
        Of these.
    refused
        Records that could not be used, by reason.
    run, lumisection
        Of the event shown last.
    positions
        Where it reads on.
    """

    records: int = 0
    looks: int = 0
    left: int = 0
    shown: dict[str, int] = field(default_factory=dict)
    sent_bytes: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    run: int | None = None
    lumisection: int | None = None
    positions: dict[TopicPartition, int] = field(default_factory=dict)


async def run_display(
    log: Log,
    sampler: Sampler,
    *,
    clock: Clock,
    ready: Callable[[], None],
    progress: DisplayProgress | None = None,
) -> None:
    """Show events until cancelled.

    Parameters
    ----------
    sampler
        Picks them; it belongs to this service.
    ready
        Called once it is known what runs there are.
    progress
        Counts to keep up to date.

    Raises
    ------
    LogError
        If the log refuses for good.
    """
    service = _DisplayService(log, sampler, clock, progress or DisplayProgress())
    events = {(EVENTS, n): (await log.bounds(EVENTS, n)).end for n in range(log.partitions(EVENTS))}
    said = {
        (CONDITIONS, n): (await log.bounds(CONDITIONS, n)).end
        for n in range(log.partitions(CONDITIONS))
    }
    # What comes between is read twice rather than never.
    async for record in read_to_end(log, CONDITIONS):
        service.hear(record)
    async with log.reader(said) as starts, log.reader(events) as reader:
        ready()
        while True:
            await service.turn(starts, reader)


class _DisplayService:
    """Moves records through a sampler."""

    def __init__(self, log: Log, sampler: Sampler, clock: Clock, progress: DisplayProgress) -> None:
        self._log = log
        self._sampler = sampler
        self._clock = clock
        self._progress = progress
        self._more = False
        self._logger = structlog.get_logger().bind(service="display")

    def hear(self, record: Record) -> None:
        """Take a record of `dqm.conditions`: of them a display needs what starts runs."""
        try:
            if record.value is not None and CODEC.type_of(record.headers) is RunStart:
                message = CODEC.decode(record.headers, record.value)
                if isinstance(message, RunStart):
                    self._sampler.begin(message)
        except MessageError as error:
            self._refuse(record, error.reason, str(error))

    async def turn(self, starts: Reader, reader: Reader) -> None:
        """Wait until an event may be shown, look at what is newest, and show one."""
        wait = self._sampler.due - self._clock.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        self._sampler.look(self._clock.monotonic())
        await self._hear_all(starts)
        await self._read(reader)
        try:
            now, wall = self._clock.monotonic(), self._clock.wall()
            display = await asyncio.to_thread(self._sampler.next, now, wall)
        except Exception as error:  # whatever an event holds, it must not end anything
            self._crashed(error)
            display = None
        self._more = display is not None
        if display is not None:
            await self._send(display)

    async def _hear_all(self, starts: Reader) -> None:
        for _ in range(_MOST_READS):
            try:
                records = await starts.read(timeout=0)
            except OffsetExpiredError as expired:
                starts.seek(expired.topic, expired.partition, expired.start)
                continue
            if not records:
                return
            for record in records:
                self.hear(record)

    async def _read(self, reader: Reader) -> None:
        """Open the newest chunk there is; where events are left to show, do not wait for one."""
        await self._keep_up(reader)
        try:
            timeout = 0.0 if self._more else _IDLE_SECONDS
            records = await reader.read(max_records=_READ_RECORDS, timeout=timeout)
        except OffsetExpiredError as expired:
            reader.seek(expired.topic, expired.partition, expired.start)
            return
        self._progress.records += len(records)
        for partition in range(self._log.partitions(EVENTS)):
            place = (EVENTS, partition)
            self._progress.positions[place] = reader.position(*place)
        await self._take_newest(records)

    async def _keep_up(self, reader: Reader) -> None:
        for partition in range(self._log.partitions(EVENTS)):
            position = reader.position(EVENTS, partition)
            end = (await self._log.bounds(EVENTS, partition)).end
            if end - position > _FAR_BEHIND:
                self._progress.left += end - _BACK - position
                reader.seek(EVENTS, partition, end - _BACK)

    async def _take_newest(self, records: Sequence[Record]) -> None:
        for record in records:
            self._begin_run(record)
        for record in sorted(records, key=_age, reverse=True):
            try:
                if record.value is None or CODEC.type_of(record.headers) is not EventBatch:
                    continue
                chunk = chunk_of(record.headers)
                if not self._sampler.wants(chunk):
                    continue
                self._progress.looks += 1
                if await asyncio.to_thread(self._take, chunk, record):
                    return
            except MessageError as error:
                self._refuse(record, error.reason, str(error))
            except Exception as error:  # as above
                self._crashed(error)

    def _begin_run(self, record: Record) -> None:
        """What starts a run is on its way on `dqm.conditions`, but here it is before the events."""
        if dict(record.headers).get("type") == RunStart.__name__.encode():
            self.hear(record)

    def _take(self, chunk: Chunk, record: Record) -> bool:
        columns = decode_chunk(chunk, check_body(chunk, record.value), record.timestamp)
        now = self._clock.monotonic()
        return self._sampler.take(chunk, columns, heard=record.timestamp, now=now)

    async def _send(self, display: EventDisplay) -> None:
        message = outgoing(DISPLAYS, 0, display, str(display.run).encode())
        await self._log.send([message])
        progress = self._progress
        progress.shown[display.rule] = progress.shown.get(display.rule, 0) + 1
        progress.sent_bytes += message.size()
        progress.run, progress.lumisection = display.run, display.lumisection

    def _refuse(self, record: Record, reason: str, error: str) -> None:
        self._progress.refused[reason] = self._progress.refused.get(reason, 0) + 1
        self._logger.info(
            "record left",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=reason,
            error=error,
        )

    def _crashed(self, error: Exception) -> None:
        self._progress.refused["crashed"] = self._progress.refused.get("crashed", 0) + 1
        self._logger.error("event not shown", error=f"{type(error).__name__}: {error}")


def _age(record: Record) -> tuple[int, int]:
    return record.timestamp, record.offset
