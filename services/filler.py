"""The filler: partitions of `dqm.events` into whole contents per LS on `dqm.histograms`.

The fold decides everything (`dqmstream.fold`); here bytes are moved, in an order that keeps the
protocol: closing sets are acknowledged before a checkpoint rests on them, and a time-out is
appended to the log before anybody acts on it.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog

from dqmstream.booking_set import BookingSet
from dqmstream.clock import Clock
from dqmstream.fold.closer import Closer
from dqmstream.fold.partition import Filler, Segment
from dqmstream.fold.sets import histogram_sets, split
from dqmstream.identity import stable_hash
from dqmstream.messages.booking import Activation
from dqmstream.messages.events import Chunk
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import BOOKINGS, EVENTS, HISTOGRAMS
from dqmstream.transport.log import GroupReader, Log, Outgoing, Record
from services.dead_letters import dead_letter
from services.filler_progress import FillerProgress, Tally
from services.outgoing import outgoing
from services.ownership import Owned, Ownership

__all__ = ["FillerProgress", "FillerSettings", "announce", "run_filler"]

_READ_RECORDS: Final = 256
_READ_BYTES: Final = 4 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class FillerSettings:
    """Pace of a filler; none of it changes what is filled.

    Parameters
    ----------
    publish_interval
        Seconds between two publications of an open LS.
    checkpoint_interval
        Seconds between two checkpoints while the position moves and nothing closes.
    lumisection_timeout, run_timeout
        Seconds of silence after which an open LS is closed, a run ended.
    """

    publish_interval: float = 1.0
    checkpoint_interval: float = 5.0
    lumisection_timeout: float = 60.0
    run_timeout: float = 300.0


async def announce(log: Log, booking_set: BookingSet, *, clock: Clock, who: str) -> None:
    """Put a set's bookings on `dqm.bookings`, and that readers show it from run 1 on."""
    keyed: list[tuple[bytes, Message]] = [
        (f"booking/{layout.hash}".encode(), layout.booking) for layout in booking_set.layouts
    ]
    activation = Activation(
        set=booking_set.hash,
        workspaces=booking_set.workspaces,
        from_run=1,
        who=who,
        when=clock.wall(),
    )
    keyed.append((f"activation/{booking_set.hash}".encode(), activation))
    await log.send([outgoing(BOOKINGS, 0, message, key) for key, message in keyed])


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
) -> None:
    """Fill the partitions that the group gives this member, until cancelled."""
    service = _FillerService(
        log,
        booking_set,
        fillers,
        decode,
        member=member,
        settings=settings,
        clock=clock,
        progress=progress,
    )
    async with log.group(
        f"filler-{booking_set.hash}",
        [EVENTS],
        member=member,
        on_assigned=service.owned.assigned,
        on_revoked=service.owned.revoked,
    ) as reader:
        ready()
        await service.loop(reader)


class _FillerService:
    """Moves records through the folds of one group member."""

    def __init__(
        self,
        log: Log,
        booking_set: BookingSet,
        fillers: Sequence[Filler[Any]],
        decode: Callable[[Chunk, bytes, int], Any],
        *,
        member: str,
        settings: FillerSettings,
        clock: Clock,
        progress: FillerProgress,
    ) -> None:
        self._log = log
        self._set = booking_set
        self._member = member
        self._settings = settings
        self._clock = clock
        self._progress = progress
        self.owned = Ownership(
            log,
            booking_set,
            fillers,
            decode,
            closer=lambda: Closer(settings.lumisection_timeout, settings.run_timeout),
            member=member,
        )
        self._histogram_partitions = log.partitions(HISTOGRAMS)
        self._next_publish = clock.monotonic()
        self._next_checkpoint = clock.monotonic() + settings.checkpoint_interval
        self._logger = structlog.get_logger().bind(service="filler", member=member)

    # -------------------------------------------------------------------- loop

    async def loop(self, reader: GroupReader) -> None:
        """Read, fold, publish, checkpoint, decide; for ever."""
        while True:
            wait = max(0.0, self._next_publish - self._clock.monotonic())
            records = await reader.read(
                max_records=_READ_RECORDS, max_bytes=_READ_BYTES, timeout=wait
            )
            await self._fold(records)
            if self._clock.monotonic() >= self._next_publish:
                self._next_publish = self._clock.monotonic() + self._settings.publish_interval
                await self._publish_open()
                await self._decide()
            if self._clock.monotonic() >= self._next_checkpoint:
                self._next_checkpoint += self._settings.checkpoint_interval
                for partition, owned in self.owned.items():
                    await self.owned.checkpoint(partition, owned)

    async def _fold(self, records: Sequence[Record]) -> None:
        by_partition: dict[int, list[Record]] = {}
        for record in records:
            by_partition.setdefault(record.partition, []).append(record)
        # Kernels release the GIL: partitions of one read are folded side by side.
        async with asyncio.TaskGroup() as tasks:
            for partition, batch in by_partition.items():
                owned = self.owned.get(partition)
                if owned is not None:
                    tasks.create_task(self._fold_partition(partition, owned, batch))

    async def _fold_partition(self, partition: int, owned: Owned, batch: Sequence[Record]) -> None:
        dead, tally = await asyncio.to_thread(self._apply, owned, batch)
        self._progress.add(tally)
        if dead:
            await self._log.send(dead)
        await self._publish_closed(partition, owned)

    def _apply(self, owned: Owned, batch: Sequence[Record]) -> tuple[list[Outgoing], Tally]:
        """Fold records in a worker thread; the dead ones come back."""
        fold, tally, now = owned.fold, Tally(), self._clock.monotonic()
        dead = []
        for record in batch:
            applied = fold.apply(record)
            tally.take(fold, record, applied)
            if applied.refused is not None:
                dead.append(dead_letter(record, applied.refused.reason, applied.refused.detail))
            header = dict(record.headers)
            if header.get("type") == b"EventBatch" and applied.refused is None:
                owned.closer.note(int(header["run"]), int(header["lumisection"]), now)
            for effect in applied.effects:
                segment = getattr(effect, "segment", None)
                if segment is not None:
                    owned.closer.note(segment.run, segment.lumisection, now)
        return dead, tally

    # ----------------------------------------------------------------- publish

    async def _publish_closed(self, partition: int, owned: Owned) -> None:
        closed = list(owned.fold.closed())
        if not closed:
            return
        began = self._clock.monotonic()
        for segment in closed:
            await self._publish(owned, segment)
            owned.fold.acknowledge(segment.id)
            owned.published.pop(segment.id, None)
            seconds = self._clock.monotonic() - began
            self._progress.note_closed(segment, seconds=seconds, now=self._clock.wall())
        await self.owned.checkpoint(partition, owned)

    async def _publish_open(self) -> None:
        for owned in [owned for _, owned in self.owned.items()]:
            for segment in list(owned.fold.open()):
                if owned.published.get(segment.id) == segment.changes:
                    continue
                changes = segment.changes
                await self._publish(owned, segment)
                owned.published[segment.id] = changes

    async def _publish(self, owned: Owned, segment: Segment) -> None:
        messages = await asyncio.to_thread(self._sets, owned, segment)
        await self._log.send(messages)
        self._progress.published += len(messages)
        self._progress.published_bytes += sum(message.size() for message in messages)

    def _sets(self, owned: Owned, segment: Segment) -> list[Outgoing]:
        sets = histogram_sets(
            owned.fold,
            segment,
            set_hash=self._set.hash,
            writer=self._member,
            epoch=owned.epoch,
            published=self._clock.wall(),
        )
        messages = []
        for whole in sets:
            key = whole.workspace.encode()
            partition = stable_hash(whole.workspace) % self._histogram_partitions
            messages += [outgoing(HISTOGRAMS, partition, part, key) for part in split(whole)]
        return messages

    # --------------------------------------------------------------- time-outs

    async def _decide(self) -> None:
        """Append the decisions that are due: elsewhere first, then here."""
        now = self._clock.monotonic()
        self._progress.note_folds(owned.fold for _, owned in self.owned.items())
        for partition, owned in self.owned.items():
            _, end = await self._log.bounds(EVENTS, partition)
            self._progress.lag[EVENTS, partition] = max(0, end - owned.fold.position)
            if owned.fold.position < end:
                continue
            decision = owned.closer.decide(owned.fold.control.state, now)
            others = [p for p in range(self._set.fold.partitions) if p != partition]
            elsewhere = [outgoing(EVENTS, p, m) for m in decision.elsewhere for p in others]
            if elsewhere:
                await self._log.send(elsewhere)
            if decision.here:
                self._logger.info("time-out decided", partition=partition, count=len(decision.here))
                await self._log.send([outgoing(EVENTS, partition, m) for m in decision.here])
