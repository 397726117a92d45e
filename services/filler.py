"""The filler: partitions of `dqm.events` into whole contents per LS on `dqm.histograms`.

The fold decides everything (`dqmstream.fold`); here bytes are moved, in an order that keeps the
protocol: closing sets are acknowledged before a checkpoint rests on them, and a time-out is
appended to the log before anybody acts on it.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from dqmstream.booking_set import BookingSet
from dqmstream.clock import Clock
from dqmstream.errors import LogIdentityError
from dqmstream.fold.closer import Closer
from dqmstream.fold.partition import Filler, PartitionFold, Refused, Segment
from dqmstream.fold.sets import histogram_sets, split
from dqmstream.fold.state import ControlState
from dqmstream.identity import stable_hash
from dqmstream.messages.booking import Activation
from dqmstream.messages.checkpoints import FillerCheckpoint
from dqmstream.messages.events import Chunk
from dqmstream.messages.operations import Dead
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import BOOKINGS, CHECKPOINTS, EVENTS, HISTOGRAMS, dead_topic
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import GroupReader, Log, Outgoing, Record, TopicPartition

__all__ = ["FillerProgress", "FillerSettings", "announce", "run_filler"]

_READ_RECORDS: Final = 256
_READ_BYTES: Final = 16 << 20


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


@dataclass(slots=True)
class FillerProgress:
    """Counts since start, for heartbeats and metrics."""

    records: int = 0
    events: int = 0
    refused: int = 0
    duplicates: int = 0
    published: int = 0
    closed: int = 0
    lag: int = 0
    run: int | None = None
    lumisection: int | None = None


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
    await log.send([_outgoing(BOOKINGS, 0, message, key) for key, message in keyed])


async def run_filler(
    log: Log,
    booking_set: BookingSet,
    fillers: Sequence[Filler[object]],
    decode: Callable[[Chunk, bytes], object],
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
        on_assigned=service.assigned,
        on_revoked=service.revoked,
    ) as reader:
        ready()
        await service.loop(reader)


class _Owned:
    """A partition this member owns: its fold, its closer, and what was published of it."""

    def __init__(self, fold: PartitionFold[object], epoch: int, closer: Closer) -> None:
        self.fold = fold
        self.epoch = epoch
        self.closer = closer
        self.published: dict[object, int] = {}
        self.caught_up = False
        self.checkpointed: int | None = None


class _FillerService:
    """Moves records through the folds of one group member."""

    def __init__(
        self,
        log: Log,
        booking_set: BookingSet,
        fillers: Sequence[Filler[object]],
        decode: Callable[[Chunk, bytes], object],
        *,
        member: str,
        settings: FillerSettings,
        clock: Clock,
        progress: FillerProgress,
    ) -> None:
        self._log = log
        self._set = booking_set
        self._fillers = fillers
        self._decode = decode
        self._member = member
        self._settings = settings
        self._clock = clock
        self._progress = progress
        self._owned: dict[int, _Owned] = {}
        self._memory: dict[int, _Owned] = {}
        self._histogram_partitions = log.partitions(HISTOGRAMS)
        self._next_publish = clock.monotonic()
        self._next_checkpoint = clock.monotonic() + settings.checkpoint_interval
        self._logger = structlog.get_logger().bind(service="filler", member=member)

    # --------------------------------------------------------------- rebalance

    async def assigned(self, reader: GroupReader, places: frozenset[TopicPartition]) -> None:
        """Take partitions over: from memory if nobody has written a newer epoch, else from C."""
        table = await latest_by_key(self._log, CHECKPOINTS)
        for topic, partition in sorted(places):
            record = table.get(self._checkpoint_key(partition))
            owned = self._restore(partition, record)
            start, end = await self._log.bounds(topic, partition)
            if owned.fold.position > end:
                msg = (
                    f"{topic}/{partition} ends at {end}, its checkpoint stands at "
                    f"{owned.fold.position}: this log is shorter than the one it was made on"
                )
                raise LogIdentityError(msg)
            if owned.fold.position < start:
                owned = await self._skip_hole(owned, topic, partition, start)
            self._owned[partition] = owned
            reader.seek(topic, partition, owned.fold.position)
            self._logger.info(
                "partition taken over", partition=partition, position=owned.fold.position, end=end
            )

    async def revoked(self, _: GroupReader, places: frozenset[TopicPartition]) -> None:
        """Give partitions up; their folds stay in memory in case they come back."""
        for _topic, partition in places:
            owned = self._owned.pop(partition, None)
            if owned is not None:
                self._memory[partition] = owned

    def _restore(self, partition: int, record: Record | None) -> _Owned:
        kept = self._memory.pop(partition, None)
        if record is None:
            return kept or self._new_owned(partition, 0, 0, None)
        checkpoint = CODEC.decode(record.headers, record.value)
        if not isinstance(checkpoint, FillerCheckpoint):
            msg = f"checkpoint of {EVENTS}/{partition} is a {type(checkpoint).__name__}"
            raise LogIdentityError(msg)
        if checkpoint.log != self._log.identity:
            msg = (
                f"checkpoint of {EVENTS}/{partition} stands on log {checkpoint.log}, "
                f"this is log {self._log.identity}"
            )
            raise LogIdentityError(msg)
        if kept and kept.epoch == checkpoint.epoch and kept.fold.position >= checkpoint.offset:
            return kept
        state = ControlState.decode(checkpoint.state)
        return self._new_owned(partition, checkpoint.epoch, checkpoint.offset, state)

    def _new_owned(
        self, partition: int, epoch: int, position: int, state: ControlState | None
    ) -> _Owned:
        fold = PartitionFold(
            partition,
            self._set.fold,
            self._fillers,
            self._decode,
            position=position,
            state=state,
        )
        settings = self._settings
        return _Owned(fold, epoch, Closer(settings.lumisection_timeout, settings.run_timeout))

    async def _skip_hole(self, owned: _Owned, topic: str, partition: int, start: int) -> _Owned:
        """Input expired beyond C: say so in a new epoch, written before anybody acts on it."""
        why = f"records {owned.fold.position}..{start - 1} of {topic}/{partition} expired unread"
        if owned.fold.position == 0 and not owned.fold.control.state.runs:
            # A new group on an old log begins where the log begins: nothing of its own is lost.
            return self._new_owned(partition, owned.epoch, start, None)
        self._logger.error("hole in the input", partition=partition, why=why)
        offset, state = start, owned.fold.control.state.encode()
        await self._write_checkpoint(partition, owned.epoch + 1, offset, state, why)
        return self._new_owned(partition, owned.epoch + 1, start, ControlState.decode(state))

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
                for partition, owned in list(self._owned.items()):
                    await self._checkpoint(partition, owned)

    async def _fold(self, records: Sequence[Record]) -> None:
        by_partition: dict[int, list[Record]] = {}
        for record in records:
            by_partition.setdefault(record.partition, []).append(record)
        for partition, batch in by_partition.items():
            owned = self._owned.get(partition)
            if owned is None:
                continue
            dead = await asyncio.to_thread(self._apply, owned, batch)
            if dead:
                await self._log.send(dead)
            await self._publish_closed(partition, owned)

    def _apply(self, owned: _Owned, batch: Sequence[Record]) -> list[Outgoing]:
        """Fold records in a worker thread; the dead ones come back."""
        fold, progress, now = owned.fold, self._progress, self._clock.monotonic()
        dead = []
        for record in batch:
            applied = fold.apply(record)
            progress.records += 1
            progress.duplicates += applied.duplicate
            if applied.refused is not None:
                progress.refused += 1
                dead.append(_dead(record, applied.refused))
            header = dict(record.headers)
            if header.get("type") == b"EventBatch" and applied.refused is None:
                progress.events += int(header["selected"]) if not applied.duplicate else 0
                owned.closer.note(int(header["run"]), int(header["lumisection"]), now)
            for effect in applied.effects:
                segment = getattr(effect, "segment", None)
                if segment is not None:
                    owned.closer.note(segment.run, segment.lumisection, now)
                    progress.run, progress.lumisection = segment.run, segment.lumisection
        return dead

    # ----------------------------------------------------------------- publish

    async def _publish_closed(self, partition: int, owned: _Owned) -> None:
        closed = list(owned.fold.closed())
        if not closed:
            return
        for segment in closed:
            await self._log.send(await asyncio.to_thread(self._sets, owned, segment))
            owned.fold.acknowledge(segment.id)
            owned.published.pop(segment.id, None)
            self._progress.closed += 1
            self._progress.published += 1
        await self._checkpoint(partition, owned)

    async def _publish_open(self) -> None:
        for owned in list(self._owned.values()):
            for segment in list(owned.fold.open()):
                if owned.published.get(segment.id) == segment.changes:
                    continue
                changes = segment.changes
                await self._log.send(await asyncio.to_thread(self._sets, owned, segment))
                owned.published[segment.id] = changes
                self._progress.published += 1

    def _sets(self, owned: _Owned, segment: Segment) -> list[Outgoing]:
        sets = histogram_sets(
            owned.fold,
            segment,
            set_hash=self._set.hash,
            writer=self._member,
            epoch=owned.epoch,
            published=self._clock.wall(),
        )
        outgoing = []
        for whole in sets:
            key = whole.workspace.encode()
            partition = stable_hash(whole.workspace) % self._histogram_partitions
            outgoing += [_outgoing(HISTOGRAMS, partition, part, key) for part in split(whole)]
        return outgoing

    # -------------------------------------------------------------- checkpoint

    async def _checkpoint(self, partition: int, owned: _Owned) -> None:
        offset, state = owned.fold.checkpoint()
        if owned.checkpointed == offset:
            return
        await self._write_checkpoint(partition, owned.epoch, offset, state, "")
        owned.checkpointed = offset

    async def _write_checkpoint(
        self, partition: int, epoch: int, offset: int, state: bytes, why: str
    ) -> None:
        checkpoint = FillerCheckpoint(
            group=self._set.hash,
            partition=partition,
            log=self._log.identity,
            epoch=epoch,
            offset=offset,
            state=state,
            why=why,
        )
        await self._log.send(
            [_outgoing(CHECKPOINTS, 0, checkpoint, self._checkpoint_key(partition))]
        )

    def _checkpoint_key(self, partition: int) -> bytes:
        return f"filler/{self._set.hash}/{partition}".encode()

    # --------------------------------------------------------------- time-outs

    async def _decide(self) -> None:
        """Append the decisions that are due: elsewhere first, then here."""
        now = self._clock.monotonic()
        self._progress.lag = 0
        for partition, owned in list(self._owned.items()):
            _, end = await self._log.bounds(EVENTS, partition)
            self._progress.lag += max(0, end - owned.fold.position)
            if owned.fold.position < end:
                continue
            decision = owned.closer.decide(owned.fold.control.state, now)
            others = [p for p in range(self._set.fold.partitions) if p != partition]
            elsewhere = [_outgoing(EVENTS, p, m) for m in decision.elsewhere for p in others]
            if elsewhere:
                await self._log.send(elsewhere)
            if decision.here:
                self._logger.info("time-out decided", partition=partition, count=len(decision.here))
                await self._log.send([_outgoing(EVENTS, partition, m) for m in decision.here])


def _outgoing(topic: str, partition: int, message: Message, key: bytes | None = None) -> Outgoing:
    headers, value = CODEC.encode(message)
    return Outgoing(topic=topic, partition=partition, key=key, headers=headers, value=value)


def _dead(record: Record, refused: Refused) -> Outgoing:
    dead = Dead(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        reason=refused.reason,
        detail=refused.detail,
        headers=record.headers,
        key=record.key,
        value=record.value,
    )
    key = f"{record.topic}/{record.partition}/{record.offset}".encode()
    return _outgoing(dead_topic(record.topic), 0, dead, key)
