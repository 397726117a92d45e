"""Which partitions a filler owns, and from where it folds them: checkpoints in, checkpoints out."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import structlog

from dqmstream.booking_set import BookingSet
from dqmstream.clock import Clock
from dqmstream.errors import LogError, LogIdentityError
from dqmstream.fold.closer import Closer
from dqmstream.fold.holes import after_hole
from dqmstream.fold.state import ControlState
from dqmstream.messages.checkpoints import FillerCheckpoint, FillerTenure
from dqmstream.messages.topics import CHECKPOINTS, EVENTS
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import GroupReader, Log, Outgoing, Record, TopicPartition
from dqmstream.transport.patience import insist
from services.filler.checkpoints import checkpoint_record, newest_checkpoint
from services.filler.owned import Owned
from services.filler.parts import FoldParts
from services.filler.tenure import SUSPICIOUS, attempts, known_tenure, tenure_record
from services.filler.trial import Trial

__all__ = ["Ownership"]

_RELEASE_SECONDS: Final = 2.0
_KEPT_SECONDS: Final = 60.0
"""How long the folds of partitions that were given up wait to come back."""


class Ownership:
    """Partitions by number, as the group gives and takes them.

    Parameters
    ----------
    log, booking_set, parts
        What a fold is made of.
    closer
        Makes the closer of a partition.
    member
        Name of this filler.
    on_failure
        Called after each try that the log refused.
    starts
        Where each partition is begun that has no checkpoint; default: where the log begins.
    """

    def __init__(
        self,
        log: Log,
        booking_set: BookingSet,
        parts: FoldParts,
        *,
        closer: Callable[[], Closer],
        member: str,
        clock: Clock,
        on_failure: Callable[[], None],
        starts: Sequence[int] = (),
    ) -> None:
        self._log = log
        self._set = booking_set
        self._parts = parts
        self._closer = closer
        self._member = member
        self._clock = clock
        self._on_failure = on_failure
        self._starts = starts
        self._owned: dict[int, Owned] = {}
        self._memory: dict[int, Owned] = {}
        self._given_up = 0.0
        self._logger = structlog.get_logger().bind(member=member)

    def get(self, partition: int) -> Owned | None:
        """The partition, if it is owned."""
        return self._owned.get(partition)

    def items(self) -> Iterator[tuple[int, Owned]]:
        """All that are owned now."""
        return iter(list(self._owned.items()))

    # --------------------------------------------------------------- take over

    async def assigned(self, reader: GroupReader, places: frozenset[TopicPartition]) -> None:
        """Take partitions over: from memory if nobody has written a newer epoch, else from C."""
        await insist(
            lambda: self._take_over(reader, places),
            "partitions cannot be taken over yet",
            on_failure=self._on_failure,
        )
        # What others have now is theirs: it would be behind by the time it came back.
        self._memory.clear()

    async def _take_over(self, reader: GroupReader, places: frozenset[TopicPartition]) -> None:
        table = await latest_by_key(self._log, CHECKPOINTS)
        tenures = []
        for _, partition in sorted(places):
            newest = self._newest(table, partition)
            kept = self._memory.get(partition)
            owned = await self._begin(partition, newest, kept)
            self._owned[partition] = owned
            tenures.append(await self._look_back(table, partition, owned))
            reader.seek(EVENTS, partition, owned.fold.position)
            self._logger.info(
                "partition taken over",
                partition=partition,
                position=owned.fold.position,
                epoch=owned.epoch,
                attempts=owned.attempts,
            )
        await self._log.send(tenures)

    async def begin_again(self, reader: GroupReader, partition: int) -> None:
        """Fold an owned partition from its checkpoint: input expired, or a newer epoch began."""
        table = await latest_by_key(self._log, CHECKPOINTS)
        newest = self._newest(table, partition)
        before = self._owned[partition]
        self._owned[partition] = await self._begin(partition, newest, None)
        await before.end_trial()
        reader.seek(EVENTS, partition, self._owned[partition].fold.position)

    async def _begin(
        self, partition: int, newest: FillerCheckpoint | None, kept: Owned | None
    ) -> Owned:
        """The partition from memory, else from its newest checkpoint, past what has expired."""
        began = (0, 0) if newest is None else (newest.epoch, newest.offset)
        start, end = await self._log.bounds(EVENTS, partition)
        current = kept is not None and kept.epoch == began[0]
        if kept is not None and current and kept.fold.position >= max(began[1], start):
            return kept
        if began[1] > end:
            msg = (
                f"{EVENTS}/{partition} ends at {end}, its checkpoint stands at {began[1]}: "
                "this log is shorter than the one it was made on"
            )
            raise LogIdentityError(msg)
        if began[1] < start:
            newest = await self._skip_hole(partition, newest, start)
        return self._new(partition, newest)

    def _newest(self, table: Mapping[bytes, Record], partition: int) -> FillerCheckpoint | None:
        """The checkpoint that counts; without any, where the set begins."""
        found = newest_checkpoint(table, self._set.hash, partition, self._log.identity)
        if found is not None or partition >= len(self._starts):
            return found
        return FillerCheckpoint(
            group=self._set.hash,
            partition=partition,
            log=self._log.identity,
            epoch=0,
            offset=self._starts[partition],
            state=ControlState().encode(),
        )

    def _new(self, partition: int, start: FillerCheckpoint | None) -> Owned:
        return Owned(self._parts.begin(partition, start), start, self._closer())

    async def _skip_hole(
        self, partition: int, newest: FillerCheckpoint | None, start: int
    ) -> FillerCheckpoint:
        """Input expired beyond C: say so in a new epoch, written before anybody acts on it.

        A new group on an old log does so too, for what expired before it came: that nobody has
        written a checkpoint does not mean that nobody has published.
        """
        first = 0 if newest is None else newest.offset
        why = f"records {first}-{start - 1} of {EVENTS}/{partition} expired unread"
        self._logger.error("hole in the input", partition=partition, why=why)
        checkpoint = FillerCheckpoint(
            group=self._set.hash,
            partition=partition,
            log=self._log.identity,
            epoch=1 if newest is None else newest.epoch + 1,
            offset=start,
            state=after_hole(None if newest is None else newest.state, first, start),
            skip=() if newest is None else newest.skip,
            why=why,
        )
        await self._log.send([checkpoint_record(checkpoint)])
        return checkpoint

    async def _look_back(
        self, table: Mapping[bytes, Record], partition: int, owned: Owned
    ) -> Outgoing:
        """Count owners that died without progress; suspect a record when too many did."""
        previous = known_tenure(table, self._set.hash, partition)
        owned.attempts = attempts(previous, *owned.began)
        _, end = await self._log.bounds(EVENTS, partition)
        if owned.attempts >= SUSPICIOUS and owned.trial is None and owned.fold.position < end:
            owned.trial = self._trial(partition, owned, end)
        return tenure_record(self._tenure(partition, owned, released=False))

    def _tenure(self, partition: int, owned: Owned, *, released: bool) -> FillerTenure:
        epoch, offset = owned.began
        return FillerTenure(
            group=self._set.hash,
            partition=partition,
            owner=self._member,
            epoch=epoch,
            offset=offset,
            attempts=owned.attempts,
            released=released,
        )

    # ---------------------------------------------------------- deadly records

    def _trial(self, partition: int, owned: Owned, until: int) -> Trial:
        return Trial(self._log, self._parts, partition, owned.start, until=until)

    async def skip(self, reader: GroupReader, partition: int, offset: int) -> None:
        """Step over a record that kills: a new epoch from the same checkpoint on."""
        before = self._owned[partition]
        start = before.start
        checkpoint = FillerCheckpoint(
            group=self._set.hash,
            partition=partition,
            log=self._log.identity,
            epoch=before.epoch + 1,
            offset=before.began[1],
            state=ControlState().encode() if start is None else start.state,
            skip=tuple(sorted({*(() if start is None else start.skip), offset})),
            why=f"record {offset} of {EVENTS}/{partition} killed three processes that folded it",
        )
        self._logger.error("deadly record skipped", partition=partition, offset=offset)
        await self._log.send([checkpoint_record(checkpoint)])
        owned = self._new(partition, checkpoint)
        if before.trial is not None:
            owned.trial = self._trial(partition, owned, before.trial.until)
        await before.end_trial()
        self._owned[partition] = owned
        reader.seek(EVENTS, partition, owned.fold.position)

    # ----------------------------------------------------------------- give up

    async def revoked(self, reader: GroupReader, places: frozenset[TopicPartition]) -> None:
        """Give partitions up; their folds stay in memory in case they come back at once."""
        given_up = {p: self._owned[p] for _, p in places if p in self._owned}
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                await self.release(reader, given_up)
        except (LogError, TimeoutError) as error:
            self._logger.warning("partitions given up without a checkpoint", error=str(error))
        for partition, owned in given_up.items():
            del self._owned[partition]
            await owned.end_trial()
        self._memory = given_up
        self._given_up = self._clock.monotonic()

    async def release(self, reader: GroupReader, owned: Mapping[int, Owned]) -> None:
        """Note for the next owners where these partitions stand, and that nobody died."""
        for partition, one in owned.items():
            await self.checkpoint(reader, partition, one)
        notes = [tenure_record(self._tenure(p, one, released=True)) for p, one in owned.items()]
        if notes:
            await self._log.send(notes)

    def tidy(self) -> None:
        """Let go of folds that were given up and have not come back."""
        if self._memory and self._clock.monotonic() - self._given_up > _KEPT_SECONDS:
            self._memory.clear()

    def rewind(self, reader: GroupReader) -> None:
        """Read on where the folds stand: what was read and not folded is read again."""
        for partition, owned in self.items():
            if (EVENTS, partition) in reader.assignment:
                reader.seek(EVENTS, partition, owned.fold.position)

    async def close(self) -> None:
        """End what runs beside this process."""
        for owned in self._owned.values():
            await owned.end_trial()

    # ------------------------------------------------------------- checkpoints

    async def checkpoint(self, reader: GroupReader, partition: int, owned: Owned) -> None:
        """Note where this partition starts again, if that moved; its sets are acknowledged."""
        offset, state = owned.fold.checkpoint()
        if owned.checkpointed == offset or (owned.checkpointed is None and offset == 0):
            return
        checkpoint = FillerCheckpoint(
            group=self._set.hash,
            partition=partition,
            log=self._log.identity,
            epoch=owned.epoch,
            offset=offset,
            state=state,
            skip=tuple(sorted(owned.fold.skip)),
        )
        await self._log.send([checkpoint_record(checkpoint)])
        owned.checkpointed = offset
        if owned.trial is not None and offset > owned.began[1]:
            # Progress: whatever killed the owners before was not in what lies behind.
            await owned.end_trial()
        try:
            await reader.commit({(EVENTS, partition): offset})
        except LogError as error:
            # For tools that show the lag; nobody begins there.
            self._logger.debug("commit refused", partition=partition, error=str(error))
