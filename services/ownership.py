"""Which partitions a filler owns, and from where it folds them: checkpoints in, checkpoints out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import structlog

from dqmstream.booking_set import BookingSet
from dqmstream.errors import LogIdentityError
from dqmstream.fold.closer import Closer
from dqmstream.fold.partition import Filler, PartitionFold
from dqmstream.fold.state import ControlState
from dqmstream.messages.checkpoints import FillerCheckpoint
from dqmstream.messages.events import Chunk
from dqmstream.messages.topics import CHECKPOINTS, EVENTS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import GroupReader, Log, Record, TopicPartition
from services.outgoing import outgoing

__all__ = ["Owned", "Ownership"]


class Owned:
    """A partition this member owns: its fold, its closer, and what was published of it."""

    def __init__(self, fold: PartitionFold[Any], epoch: int, closer: Closer) -> None:
        self.fold = fold
        self.epoch = epoch
        self.closer = closer
        self.published: dict[object, int] = {}
        self.checkpointed: int | None = None


class Ownership:
    """Partitions by number, as the group gives and takes them.

    Parameters
    ----------
    log, booking_set, fillers, decode
        What a fold is made of.
    closer
        Makes the closer of a partition.
    member
        Name in log lines.
    """

    def __init__(
        self,
        log: Log,
        booking_set: BookingSet,
        fillers: Sequence[Filler[Any]],
        decode: Callable[[Chunk, bytes, int], Any],
        *,
        closer: Callable[[], Closer],
        member: str,
    ) -> None:
        self._log = log
        self._set = booking_set
        self._fillers = fillers
        self._decode = decode
        self._closer = closer
        self._owned: dict[int, Owned] = {}
        self._memory: dict[int, Owned] = {}
        self._logger = structlog.get_logger().bind(service="filler", member=member)

    def get(self, partition: int) -> Owned | None:
        """The partition, if it is owned."""
        return self._owned.get(partition)

    def items(self) -> Iterator[tuple[int, Owned]]:
        """All that are owned now."""
        return iter(list(self._owned.items()))

    async def assigned(self, reader: GroupReader, places: frozenset[TopicPartition]) -> None:
        """Take partitions over: from memory if nobody has written a newer epoch, else from C."""
        table = await latest_by_key(self._log, CHECKPOINTS)
        for topic, partition in sorted(places):
            owned = self._restore(partition, self._newest(table, partition))
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

    def _newest(self, table: Mapping[bytes, Record], partition: int) -> FillerCheckpoint | None:
        """The checkpoint of the highest epoch.

        Each epoch has a key of its own: a filler that is only behind may write after its successor
        and must not undo a newer epoch. Within one it can only point further back, which is safe.
        """
        prefix = self._checkpoint_key(partition, None)
        found = [
            CODEC.decode(record.headers, record.value)
            for key, record in table.items()
            if key.startswith(prefix)
        ]
        checkpoints = [one for one in found if isinstance(one, FillerCheckpoint)]
        return max(checkpoints, key=lambda one: (one.epoch, one.offset), default=None)

    def _restore(self, partition: int, checkpoint: FillerCheckpoint | None) -> Owned:
        kept = self._memory.pop(partition, None)
        if checkpoint is None:
            return kept or self._new(partition, 0, 0, None)
        if checkpoint.log != self._log.identity:
            msg = (
                f"checkpoint of {EVENTS}/{partition} stands on log {checkpoint.log}, "
                f"this is log {self._log.identity}"
            )
            raise LogIdentityError(msg)
        if kept and kept.epoch == checkpoint.epoch and kept.fold.position >= checkpoint.offset:
            return kept
        state = ControlState.decode(checkpoint.state)
        return self._new(partition, checkpoint.epoch, checkpoint.offset, state)

    def _new(self, partition: int, epoch: int, position: int, state: ControlState | None) -> Owned:
        fold = PartitionFold(
            partition,
            self._set.fold,
            self._fillers,
            self._decode,
            position=position,
            state=state,
        )
        return Owned(fold, epoch, self._closer())

    async def _skip_hole(self, owned: Owned, topic: str, partition: int, start: int) -> Owned:
        """Input expired beyond C: say so in a new epoch, written before anybody acts on it."""
        why = f"records {owned.fold.position}..{start - 1} of {topic}/{partition} expired unread"
        if owned.fold.position == 0 and not owned.fold.control.state.runs:
            # A new group on an old log begins where the log begins: nothing of its own is lost.
            return self._new(partition, owned.epoch, start, None)
        self._logger.error("hole in the input", partition=partition, why=why)
        offset, state = start, owned.fold.control.state.encode()
        await self._write_checkpoint(partition, owned.epoch + 1, offset, state, why)
        return self._new(partition, owned.epoch + 1, start, ControlState.decode(state))

    async def checkpoint(self, partition: int, owned: Owned) -> None:
        """Note where this partition starts again, if that moved; its sets are acknowledged."""
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
        key = self._checkpoint_key(partition, epoch)
        await self._log.send([outgoing(CHECKPOINTS, 0, checkpoint, key)])

    def _checkpoint_key(self, partition: int, epoch: int | None) -> bytes:
        """Key of one epoch, or what the keys of all epochs begin with."""
        return f"filler/{self._set.hash}/{partition}/{'' if epoch is None else epoch}".encode()
