"""Holes: records that expired before they were recorded, and which lumisections (LSs) they took."""

from collections.abc import Mapping

import structlog

from dqmstream.identity import compact_ranges
from dqmstream.messages.topics import HISTOGRAMS
from dqmstream.store.answers import Hole
from dqmstream.transport.log import Log, TopicPartition
from services.recorder.batches import recorded_places
from services.recorder.progress import RecorderProgress
from services.recorder.store_thread import StoreThread

__all__ = ["HoleWatch"]


class HoleWatch:
    """Says what expired, and later what was lost by it."""

    def __init__(self, log: Log, thread: StoreThread, progress: RecorderProgress) -> None:
        self._log = log
        self._thread = thread
        self._progress = progress
        self._logger = structlog.get_logger().bind(service="recorder")
        self._ends: dict[TopicPartition, int] = {}
        self._since_run = 0

    async def note(self, hole: Hole) -> None:
        """Say what expired; which LSs it was is known when the rest of the log has been read."""
        self._progress.expired += hole.next_offset - hole.first
        self._logger.warning(
            "records expired before they were recorded",
            topic=hole.topic,
            partition=hole.partition,
            first=hole.first,
            next_offset=hole.next_offset,
        )
        if hole.topic == HISTOGRAMS:
            self._since_run = await self._thread(lambda writer: writer.newest_run())
            for place in recorded_places(self._log):
                if place[0] == HISTOGRAMS:
                    self._ends[place] = (await self._log.bounds(*place)).end

    async def name_missing(self, positions: Mapping[TopicPartition, int]) -> None:
        """Name the LSs that a hole took, once everything that was in the log then is stored."""
        if not self._ends or any(positions[place] < end for place, end in self._ends.items()):
            return
        self._ends = {}
        missing = await self._thread(lambda writer: writer.missing(self._since_run))
        for (booking_set, run), lumisections in missing.items():
            self._logger.warning(
                "lumisections are missing: refill them",
                set=booking_set,
                run=run,
                lumisections=compact_ranges(lumisections),
            )
