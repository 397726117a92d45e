"""All that was ever written to a log, as it comes: what schedules wait for and the check reads."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from dqmstream.errors import LogError
from dqmstream.messages.checkpoints import FillerCheckpoint, FillerTenure
from dqmstream.messages.chunk_headers import chunk_of
from dqmstream.messages.events import EventBatch, LumisectionEnd
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.operations import Dead
from dqmstream.messages.quality import QualityReports
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import (
    CHECKPOINTS,
    CONDITIONS,
    EVENTS,
    HISTOGRAMS,
    QUALITY,
    dead_topic,
)
from dqmstream.messages.wire import CODEC
from dqmstream.transport.log import Bounds, Log, Record, TopicPartition

__all__ = ["Entry", "Watch"]

_WATCHED: Final = (
    EVENTS,
    HISTOGRAMS,
    CHECKPOINTS,
    QUALITY,
    *(dead_topic(topic) for topic in (EVENTS, HISTOGRAMS, QUALITY, CHECKPOINTS, CONDITIONS)),
)


class Entry(NamedTuple):
    """A record of `dqm.histograms` and what it says."""

    partition: int
    offset: int
    piece: HistogramSet


class Watch:
    """Reads a log from its beginning and keeps what it finds.

    Attributes
    ----------
    events
        Records of `dqm.events` by partition.
    sets, reports, checkpoints, dead
        Messages in the order of their partitions.
    owners
        Which filler has a partition, by its own word.
    heard
        How many records there were.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._grown = asyncio.Condition()
        self._chunks: dict[tuple[str, int], set[int]] = defaultdict(set)
        self._ended: dict[str, int] = {}
        self.events: dict[int, list[Record]] = {n: [] for n in range(log.partitions(EVENTS))}
        self.sets: list[Entry] = []
        self.reports: list[QualityReports] = []
        self.checkpoints: list[FillerCheckpoint] = []
        self.dead: list[Dead] = []
        self.owners: dict[int, str] = {}
        self.heard = 0
        self._positions: dict[TopicPartition, int] = {}

    async def run(self) -> None:
        """Read until cancelled."""
        for topic in _WATCHED:
            for partition in range(self._log.partitions(topic)):
                start = (await self._insist(topic, partition)).start
                self._positions[topic, partition] = start
        while True:
            try:
                await self._read()
            except LogError:
                await asyncio.sleep(0.2)  # an outage that the schedule asked for

    async def _insist(self, topic: str, partition: int) -> Bounds:
        while True:
            try:
                return await self._log.bounds(topic, partition)
            except LogError:
                await asyncio.sleep(0.2)

    async def _read(self) -> None:
        async with self._log.reader(self._positions) as reader:
            while True:
                for record in await reader.read(timeout=1.0):
                    self._note(record)
                for place in self._positions:
                    self._positions[place] = reader.position(*place)
                async with self._grown:
                    self._grown.notify_all()

    def _note(self, record: Record) -> None:
        self.heard += 1
        if record.topic == EVENTS:
            self.events[record.partition].append(record)
            self._note_event(record)
        elif record.value is not None:
            self._note_message(record, CODEC.decode(record.headers, record.value))

    def _note_event(self, record: Record) -> None:
        if CODEC.type_of(record.headers) is EventBatch:
            chunk = chunk_of(record.headers)
            self._chunks[chunk.source, chunk.lumisection].add(chunk.number)
            return
        message = CODEC.decode(record.headers, record.value)
        if isinstance(message, LumisectionEnd):
            ended = max(message.lumisection, self._ended.get(message.source, 0))
            self._ended[message.source] = ended

    def _note_message(self, record: Record, message: Message) -> None:
        match message:
            case HistogramSet():
                self.sets.append(Entry(record.partition, record.offset, message))
            case QualityReports():
                self.reports.append(message)
            case FillerCheckpoint():
                self.checkpoints.append(message)
            case FillerTenure(released=False):
                self.owners[message.partition] = message.owner
            case Dead():
                self.dead.append(message)

    # ------------------------------------------------------------------- facts

    def progress(self, source: str, chunks: Mapping[int, int]) -> float:
        """How far a source is in the log, in LSs: 2.5 is half of LS 3.

        Parameters
        ----------
        chunks
            How many chunks each of its LSs has.
        """
        reached = float(self._ended.get(source, 0))
        for (name, lumisection), numbers in self._chunks.items():
            if name == source:
                share = len(numbers) / (chunks.get(lumisection, 0) + 1)
                reached = max(reached, lumisection - 1 + min(share, 0.99))
        return reached

    async def caught_up(self) -> bool:
        """Whether all that is in the log now has been read."""
        for place, position in list(self._positions.items()):
            if position < (await self._log.bounds(*place)).end:
                return False
        return bool(self._positions)

    def is_closed(self, lumisection: int, partitions: Iterable[int]) -> bool:
        """Whether the closing sets of segment 0 of an LS are out, of all workspaces."""
        found = {
            one.piece.partition
            for one in self.sets
            if one.piece.closed and one.piece.lumisection == lumisection
        }
        return found >= set(partitions)

    def stands(self, partition: int) -> int:
        """The highest checkpoint of a partition; 0 if there is none."""
        return max((c.offset for c in self.checkpoints if c.partition == partition), default=0)

    async def until(self, fact: Callable[[], bool], seconds: float) -> bool:
        """Wait for a fact of the log; whether it came within `seconds`."""
        try:
            async with asyncio.timeout(seconds), self._grown:
                await self._grown.wait_for(fact)
        except TimeoutError:
            return fact()
        return True
