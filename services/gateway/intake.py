"""From the log to the live view: reads, folds on the desk's thread, knows how far it is."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from dqmstream.clock import Clock
from dqmstream.errors import MessageError, OffsetExpiredError
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.topics import (
    ALARM_STATE,
    ALARMS,
    BOOKINGS,
    CONDITIONS,
    DISPLAYS,
    HEARTBEATS,
    HISTOGRAMS,
    QUALITY,
)
from dqmstream.messages.wire import CODEC
from dqmstream.transport.log import Log, Reader
from dqmstream.transport.record import Record, TopicPartition
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.metrics import GatewayMetrics
from services.gateway.progress import GatewayProgress

__all__ = ["TOPICS_READ", "Intake", "starting_positions"]

TOPICS_READ: Final = (
    BOOKINGS,
    CONDITIONS,
    HISTOGRAMS,
    QUALITY,
    HEARTBEATS,
    DISPLAYS,
    ALARMS,
    ALARM_STATE,
)

_OVERLAP: Final = 2_000
"""Records read again before where the store stands: they hold the LSs that are still open."""

_READ_SECONDS: Final = 1.0
_READ_RECORDS: Final = 200
_LOOK_INTERVAL: Final = 1.0


async def starting_positions(
    log: Log, stored: Mapping[TopicPartition, int]
) -> dict[TopicPartition, int]:
    """Where to begin: bookings and conditions whole, the rest from where the store stands.

    Without a store (`stored` empty) everything the log keeps is read.
    """
    positions: dict[TopicPartition, int] = {}
    for topic in TOPICS_READ:
        for partition in range(log.partitions(topic)):
            start, end = await log.bounds(topic, partition)
            known = stored.get((topic, partition))
            if topic in {HEARTBEATS, DISPLAYS, ALARMS}:
                start = max(start, end - _OVERLAP)
            elif topic in {HISTOGRAMS, QUALITY} and known is not None:
                start = max(start, min(known, end) - _OVERLAP)
            positions[topic, partition] = start
    return positions


class Intake:
    """Feeds a live view from the log.

    Parameters
    ----------
    log
        Where to read.
    view, desk
        What to feed, and the thread it belongs to.
    clock, metrics, progress
        Time, for the delay of what is read; what is counted.
    """

    def __init__(
        self,
        log: Log,
        view: LiveView,
        desk: Desk,
        *,
        clock: Clock,
        metrics: GatewayMetrics,
        progress: GatewayProgress | None = None,
    ) -> None:
        self._log = log
        self._view = view
        self._desk = desk
        self._clock = clock
        self._metrics = metrics
        self._progress = progress or GatewayProgress()
        self._ends: dict[TopicPartition, int] = {}
        self._positions: dict[TopicPartition, int] = {}
        self._next_look = clock.monotonic()
        self._logger = structlog.get_logger().bind(service="gateway")
        self.caught_up = asyncio.Event()
        """Set once everything is read that was in the log when the reading began."""

    def lag(self) -> dict[str, int]:
        """Offsets between what is read and where the log ended when last looked at, by topic."""
        lag = dict.fromkeys(TOPICS_READ, 0)
        for place, end in self._ends.items():
            lag[place[0]] += max(0, end - self._positions.get(place, 0))
        return lag

    async def run(self, stored: Mapping[TopicPartition, int]) -> None:
        """Read for ever; `stored` is where the store stands."""
        self._positions = await starting_positions(self._log, stored)
        await self._look_at_ends()
        self._note_whether_caught_up()
        async with self._log.reader(self._positions) as reader:
            while True:
                await self.step(reader)

    async def step(self, reader: Reader) -> None:
        """Read once, and fold what came."""
        try:
            records = await reader.read(max_records=_READ_RECORDS, timeout=_READ_SECONDS)
        except OffsetExpiredError as error:
            self._logger.error("records expired unread", error=str(error))
            self._view.reject("expired_unread")
            reader.seek(error.topic, error.partition, error.start)
            return
        if records:
            await self._desk.ask(self._fold, records)
        for place in self._positions:
            self._positions[place] = reader.position(*place)
        self._progress.positions = dict(self._positions)
        self._note_whether_caught_up()
        # Before, the ends are those of the start: what comes meanwhile delays no readiness.
        if self.caught_up.is_set() and self._clock.monotonic() >= self._next_look:
            self._next_look = self._clock.monotonic() + _LOOK_INTERVAL
            await self._look_at_ends()

    def _note_whether_caught_up(self) -> None:
        # An empty read proves nothing, on a broker the records may be on their way. Over a gap at
        # the end the positions move by themselves.
        if not any(self.lag().values()):
            self.caught_up.set()

    async def _look_at_ends(self) -> None:
        for place in self._positions:
            self._ends[place] = (await self._log.bounds(*place)).end

    def _fold(self, records: Sequence[Record]) -> None:
        """Fold records, on the desk's thread; one that is no message is counted and left."""
        now = self._clock.wall()
        self._progress.rejected = sum(self._view.rejected.values())
        for record in records:
            self._metrics.records.labels(record.topic).inc()
            self._progress.records += 1
            if record.value is None:
                continue
            try:
                message = CODEC.decode(record.headers, record.value)
            except MessageError as error:
                self._view.reject(error.reason)
                self._logger.warning(
                    "record refused",
                    topic=record.topic,
                    partition=record.partition,
                    offset=record.offset,
                    error=str(error),
                )
                continue
            self._view.apply(message, record.timestamp, record.offset)
            if isinstance(message, HistogramSet):
                self._progress.run, self._progress.lumisection = message.run, message.lumisection
            if record.topic == HISTOGRAMS and self.caught_up.is_set():
                self._metrics.delay_seconds.observe(max(0.0, (now - record.timestamp) / 1e9))
