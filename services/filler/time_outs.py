"""Time-outs: what is decided of LSs and runs that nothing comes of any more."""

from collections.abc import Iterable

import structlog

from dqmstream.booking_set import BookingSet
from dqmstream.clock import Clock
from dqmstream.messages.topics import EVENTS
from dqmstream.transport.log import Log
from dqmstream.transport.outgoing import outgoing
from services.filler.owned import Owned
from services.filler.progress import FillerProgress
from services.filler.settings import FillerSettings

__all__ = ["TimeOuts"]


class TimeOuts:
    """Asks the folds that have read all there is what is due, and appends it to the log."""

    def __init__(
        self,
        log: Log,
        booking_set: BookingSet,
        settings: FillerSettings,
        *,
        member: str,
        clock: Clock,
        progress: FillerProgress,
    ) -> None:
        self._log = log
        self._set = booking_set
        self._settings = settings
        self._clock = clock
        self._progress = progress
        self._logger = structlog.get_logger().bind(member=member)

    async def decide(self, partitions: Iterable[tuple[int, Owned]]) -> None:
        """Append the decisions that are due: elsewhere first, then here. Notes the lag."""
        now = self._clock.monotonic()
        for partition, owned in partitions:
            _, end = await self._log.bounds(EVENTS, partition)
            self._progress.lag[EVENTS, partition] = max(0, end - owned.fold.position)
            if owned.fold.position < end:
                continue
            # Asked also by those that leave it to others: it forgets what is closed.
            decision = owned.closer.decide(owned.fold.control.state, now)
            if not self._settings.decides:
                continue
            others = [p for p in range(self._set.fold.partitions) if p != partition]
            elsewhere = [outgoing(EVENTS, p, m) for m in decision.elsewhere for p in others]
            if elsewhere:
                await self._log.send(elsewhere)
            if decision.here:
                self._logger.info("time-out decided", partition=partition, count=len(decision.here))
                await self._log.send([outgoing(EVENTS, partition, m) for m in decision.here])
