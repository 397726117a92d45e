"""The filler: partitions of `dqm.events` into whole contents per LS on `dqm.histograms`.

The fold decides everything (`dqmstream.fold`); here bytes are moved, in an order that keeps the
protocol: closing sets are acknowledged before a checkpoint rests on them, and a time-out is
appended to the log before anybody acts on it.

A log that is away for a while ends nothing: the filler reads no more, stays in its group, and sends
again until it is acknowledged or the partition is another's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import structlog

from dqmstream.booking_set import BookingSet
from dqmstream.clock import Clock
from dqmstream.errors import LogError, LogUnavailableError, OffsetExpiredError
from dqmstream.fold.closer import Closer
from dqmstream.fold.partition import Filler, FoldFactory, PartitionFold
from dqmstream.messages.events import Chunk
from dqmstream.messages.topics import CHECKPOINTS, EVENTS
from dqmstream.transport.log import GroupReader, Log, Record
from dqmstream.transport.patience import insist
from services.filler.folding import apply_batch, finished
from services.filler.owned import Owned
from services.filler.ownership import Ownership
from services.filler.parts import FoldParts
from services.filler.progress import FillerProgress
from services.filler.publishing import Publisher
from services.filler.refill import EpochWatch
from services.filler.settings import FillerSettings
from services.filler.time_outs import TimeOuts

__all__ = ["run_filler"]

_READ_RECORDS: Final = 256
_READ_BYTES: Final = 4 << 20
_RELEASE_SECONDS: Final = 2.0
_FIRST_WAIT: Final = 0.1
_LONGEST_WAIT: Final = 5.0


async def run_filler(
    log: Log,
    booking_set: BookingSet,
    fillers: Sequence[Filler[Any]],
    decode: Callable[[Chunk, bytes, int], Any],
    *,
    member: str,
    settings: FillerSettings,
    clock: Clock,
    progress: FillerProgress,
    ready: Callable[[], None],
    fold: FoldFactory[Any] = PartitionFold,
    starts: Sequence[int] = (),
    meet: Callable[[Sequence[Record]], Awaitable[None]] | None = None,
) -> None:
    """Fill the partitions that the group gives this member, until cancelled.

    When cancelled, what is closed goes out, checkpoints are written and the group is left, within
    two seconds; what is not acknowledged by then is the next owner's.

    Parameters
    ----------
    fillers, decode
        One filler for each workspace of the set, and columns of a chunk.
    member
        Name of this filler, unique in the group; it stands in what it publishes.
    progress
        Counts to keep up to date.
    ready
        Called once the group is joined.
    fold
        Makes the fold of a partition.
    starts
        Where each partition is begun that has no checkpoint; default: where the log begins.
    meet
        Awaited with records before they are folded.

    Raises
    ------
    LogError
        If the log refuses for good: it is another one or shorter, or takes a message never.
    """
    parts = FoldParts(settings=booking_set.fold, fillers=fillers, decode=decode, fold=fold)
    service = _FillerService(
        log,
        booking_set,
        parts,
        member=member,
        settings=settings,
        clock=clock,
        progress=progress,
        starts=starts,
        meet=meet,
    )
    bounds = await insist(lambda: log.bounds(CHECKPOINTS, 0), "checkpoints cannot be followed yet")
    async with (
        log.reader({(CHECKPOINTS, 0): bounds.end}) as checkpoints,
        log.group(
            f"filler-{booking_set.hash}",
            [EVENTS],
            member=member,
            on_assigned=service.owned.assigned,
            on_revoked=service.owned.revoked,
        ) as reader,
    ):
        ready()
        await service.run(reader, EpochWatch(checkpoints, booking_set.hash))


class _FillerService:
    """Moves records through the folds of one group member."""

    def __init__(
        self,
        log: Log,
        booking_set: BookingSet,
        parts: FoldParts,
        *,
        member: str,
        settings: FillerSettings,
        clock: Clock,
        progress: FillerProgress,
        starts: Sequence[int],
        meet: Callable[[Sequence[Record]], Awaitable[None]] | None,
    ) -> None:
        self._meet = meet
        self._settings = settings
        self._clock = clock
        self._progress = progress
        self._publisher = Publisher(log, booking_set.hash, member, clock, progress)
        self.owned = Ownership(
            log,
            booking_set,
            parts,
            closer=lambda: Closer(settings.lumisection_timeout, settings.run_timeout),
            member=member,
            clock=clock,
            on_failure=self._count_failure,
            starts=starts,
        )
        self._time_outs = TimeOuts(
            log, booking_set, settings, member=member, clock=clock, progress=progress
        )
        self._next_publish = clock.monotonic()
        self._next_checkpoint = clock.monotonic() + settings.checkpoint_interval
        self._failures = 0
        self._logger = structlog.get_logger().bind(member=member)

    # -------------------------------------------------------------------- loop

    async def run(self, reader: GroupReader, epochs: EpochWatch) -> None:
        """Read, fold, publish, checkpoint, decide; until cancelled."""
        try:
            while True:
                failures = self._failures
                try:
                    await self._round_past_holes(reader, epochs)
                except LogUnavailableError as error:
                    self._note_failure(error)
                if self._failures == failures:
                    self._failures = 0
                else:
                    self.owned.rewind(reader)
        except asyncio.CancelledError:
            await self._release(reader)
            raise
        finally:
            await self.owned.close()

    async def _round_past_holes(self, reader: GroupReader, epochs: EpochWatch) -> None:
        try:
            await self._round(reader, epochs)
        except OffsetExpiredError as error:
            if error.topic != EVENTS:
                raise
            await self.owned.begin_again(reader, error.partition)

    async def _round(self, reader: GroupReader, epochs: EpochWatch) -> None:
        """One read, and what follows from it; after a failure first what could not be sent."""
        if self._failures:
            await self._stand_still(reader)
        else:
            wait = max(0.0, self._next_publish - self._clock.monotonic())
            records = await reader.read(
                max_records=_READ_RECORDS, max_bytes=_READ_BYTES, timeout=wait
            )
            await self._fold(reader, records)
        if self._clock.monotonic() >= self._next_publish:
            self._next_publish = self._clock.monotonic() + self._settings.publish_interval
            await self._follow(reader, await epochs.newer())
            await self._publisher.send_open([owned for _, owned in self.owned.items()])
            self._progress.note_folds(owned.fold for _, owned in self.owned.items())
            await self._time_outs.decide(self.owned.items())
            self.owned.tidy()
        if self._clock.monotonic() >= self._next_checkpoint:
            self._next_checkpoint = self._clock.monotonic() + self._settings.checkpoint_interval
            for partition, owned in self.owned.items():
                await self.owned.checkpoint(reader, partition, owned)

    async def _stand_still(self, reader: GroupReader) -> None:
        """Wait, reading nothing, then send what could not be sent."""
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(self._failures, 10))
        for place in reader.assignment:
            reader.pause(*place)
        try:
            # A member that does not ask for records holds up the others, or is put out.
            records = await reader.read(timeout=wait)
            await self._fold(reader, records)
            for partition, owned in self.owned.items():
                await self._deliver(reader, partition, owned)
        finally:
            for place in reader.assignment:
                reader.resume(*place)

    async def _follow(self, reader: GroupReader, newer: dict[int, Any]) -> None:
        """Start over where somebody else began a newer epoch: an operator's refill."""
        for partition, checkpoint in newer.items():
            owned = self.owned.get(partition)
            if owned is not None and checkpoint.epoch > owned.epoch:
                self._logger.warning(
                    "newer epoch", partition=partition, epoch=checkpoint.epoch, why=checkpoint.why
                )
                await self.owned.begin_again(reader, partition)

    def _note_failure(self, error: LogError) -> None:
        self._failures += 1
        self._count_failure()
        self._logger.warning("the log is away", error=str(error), failures=self._failures)

    def _count_failure(self) -> None:
        self._progress.failures += 1

    async def _release(self, reader: GroupReader) -> None:
        """Leave everything in order for the next owners, if the log takes it in time."""
        owned = dict(self.owned.items())
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                for one in owned.values():
                    await self._publisher.send_dead(one)
                    await self._publisher.send_closed(one)
                await self.owned.release(reader, owned)
        except (LogError, TimeoutError) as error:
            self._logger.warning("left without a checkpoint", error=str(error))

    # -------------------------------------------------------------------- fold

    async def _fold(self, reader: GroupReader, records: Sequence[Record]) -> None:
        by_partition: dict[int, list[Record]] = {}
        for record in records:
            by_partition.setdefault(record.partition, []).append(record)
        # Kernels release the GIL: partitions of one read are folded side by side.
        async with asyncio.TaskGroup() as tasks:
            for partition, batch in by_partition.items():
                owned = self.owned.get(partition)
                if owned is not None:
                    tasks.create_task(self._fold_partition(reader, partition, owned, batch))

    async def _fold_partition(
        self, reader: GroupReader, partition: int, owned: Owned, batch: Sequence[Record]
    ) -> None:
        try:
            if self._meet is not None:
                await self._meet(batch)
            if await self._is_deadly(reader, partition, owned, batch):
                return
        except (LogUnavailableError, OffsetExpiredError) as error:
            self._note_failure(error)
            return
        dead, tally = await finished(apply_batch, owned, batch, self._clock.monotonic())
        owned.dead += dead
        self._progress.add(tally)
        try:
            await self._deliver(reader, partition, owned)
        except LogUnavailableError as error:
            self._note_failure(error)

    async def _is_deadly(
        self, reader: GroupReader, partition: int, owned: Owned, batch: Sequence[Record]
    ) -> bool:
        """Whether a batch would kill this process: then it is read again without the record."""
        if owned.trial is None:
            return False
        killer = await owned.trial.killer(batch[-1].offset)
        if killer is not None:
            self._progress.skipped += 1
            await self.owned.skip(reader, partition, killer)
            return True
        if batch[-1].offset + 1 >= owned.trial.until:
            await owned.end_trial()
        return False

    async def _deliver(self, reader: GroupReader, partition: int, owned: Owned) -> None:
        """Letters and closing sets first: then a checkpoint may pass them."""
        await self._publisher.send_dead(owned)
        if await self._publisher.send_closed(owned):
            await self.owned.checkpoint(reader, partition, owned)
