"""Reading how a system stands off its log, without writing anything."""

import asyncio
from collections.abc import Mapping
from typing import Final

from dqmstream.clock import Clock
from dqmstream.errors import LogError, MessageError, OffsetExpiredError
from dqmstream.messages.booking import Activation, Booking
from dqmstream.messages.operations import Dead, Heartbeat
from dqmstream.messages.topics import BOOKINGS, HEARTBEATS, TOPICS, dead_topic
from dqmstream.messages.wire import CODEC
from dqmstream.transport.log import Bounds, Log, Record, TopicPartition
from services.gateway.pulse import Pulse
from services.status.report import analysed_in_force, status_report
from services.status.statuses import StatusReport

__all__ = ["StatusReader"]

_STALE_AFTER: Final = 15.0
_HEARTBEATS_READ: Final = 2_000
"""Back from the end: all processes beat every two seconds."""
_DEAD: Final = dead_topic("")
_FRESH: Final = 1.0
_PATIENCE: Final = 2.0
"""Seconds to wait for records that are there, or were before compaction took them."""


class StatusReader:
    """Makes reports, one after the other; what has not moved in between is not read again.

    Parameters
    ----------
    log
        Only read.
    clock
        For ages.
    """

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._pulse = Pulse(_STALE_AFTER)
        self._heard = 0
        self._announced = 0
        self._analysed: dict[str, bool] = {}
        self._activations: list[Activation] = []
        self._newest: dict[TopicPartition, int] = {}
        self._dead: dict[TopicPartition, Dead] = {}
        self._seen_ends: dict[TopicPartition, int] = {}
        self._turn = asyncio.Lock()
        self._last: StatusReport | None = None
        self._made = 0.0

    async def report(self) -> StatusReport:
        """How the system stands now, or stood less than a second ago.

        Raises
        ------
        LogError
            If the log cannot be read.
        """
        async with self._turn:
            if self._last is None or self._clock.monotonic() - self._made >= _FRESH:
                self._last = await self._make()
                self._made = self._clock.monotonic()
            return self._last

    async def _make(self) -> StatusReport:
        places, absent = self._places()
        bounds = await self._bounds(places)
        await self._look_at_newest(bounds)
        await self._hear(bounds)
        await self._look_at_sets(bounds)
        now = self._clock.wall()
        return status_report(
            now=now,
            log=self._log.identity,
            bounds=bounds,
            newest=self._newest,
            beats=self._pulse.beats(now),
            absent=absent,
            analysed=analysed_in_force(self._activations, self._analysed),
            dead=self._dead,
        )

    def _places(self) -> tuple[list[TopicPartition], list[str]]:
        """All partitions there are, and topics that are not."""
        places, absent = [], []
        for topic in TOPICS:
            try:
                places += [(topic, number) for number in range(self._log.partitions(topic))]
            except LogError:
                absent.append(topic)
        return places, absent

    async def _bounds(self, places: list[TopicPartition]) -> dict[TopicPartition, Bounds]:
        # One after the other: a task group would hide an unreachable log in a group of errors.
        return {place: await self._log.bounds(*place) for place in places}

    async def _look_at_newest(self, bounds: Mapping[TopicPartition, Bounds]) -> None:
        """When the last record of each partition was appended that has grown since last time."""
        wanted = {
            place: each.end - 1
            for place, each in bounds.items()
            if each.start < each.end != self._seen_ends.get(place)
        }
        for record in await self._read(wanted, {place: bounds[place].end for place in wanted}):
            place = (record.topic, record.partition)
            self._newest[place] = max(record.timestamp, self._newest.get(place, 0))
            if record.topic.endswith(_DEAD):
                self._look_at_dead(record)
        self._seen_ends = {place: each.end for place, each in bounds.items()}

    def _look_at_dead(self, record: Record) -> None:
        """What the newest letter of a partition says."""
        try:
            message = CODEC.decode(record.headers, record.value)
        except MessageError:
            return
        if isinstance(message, Dead):
            self._dead[record.topic, record.partition] = message

    async def _hear(self, bounds: Mapping[TopicPartition, Bounds]) -> None:
        """Heartbeats since last time."""
        place = (HEARTBEATS, 0)
        if place not in bounds:
            return
        start, end = bounds[place]
        begin = max(start, self._heard, end - _HEARTBEATS_READ)
        if begin >= end:
            return
        for record in await self._read({place: begin}, {place: end}):
            self._heard = record.offset + 1
            try:
                message = CODEC.decode(record.headers, record.value)
            except MessageError:
                continue  # the gateway counts these
            if isinstance(message, Heartbeat):
                self._pulse.take(message)

    async def _look_at_sets(self, bounds: Mapping[TopicPartition, Bounds]) -> None:
        """Which workspaces have an analysis, and which sets are shown: what is new of it."""
        place = (BOOKINGS, 0)
        if place not in bounds:
            return
        start, end = bounds[place]
        begin = max(start, self._announced)
        if begin >= end:
            return
        for record in await self._read({place: begin}, {place: end}):
            self._announced = record.offset + 1
            try:
                message = CODEC.decode(record.headers, record.value)
            except MessageError:
                continue
            if isinstance(message, Booking):
                self._analysed[message.workspace] = bool(message.analysis)
            elif isinstance(message, Activation):
                self._activations.append(message)

    async def _read(
        self, positions: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
    ) -> list[Record]:
        """Records of several partitions up to their ends, as far as they come in time."""
        found: list[Record] = []
        if not positions:
            return found
        deadline = self._clock.monotonic() + _PATIENCE
        async with self._log.reader(positions) as reader:
            while any(reader.position(*place) < end for place, end in ends.items()):
                left = deadline - self._clock.monotonic()
                if left <= 0:
                    break
                try:
                    found += await reader.read(timeout=left)
                except OffsetExpiredError as expired:
                    reader.seek(expired.topic, expired.partition, expired.start)
        return found
