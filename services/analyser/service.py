"""The analyser: all partitions of `dqm.events` into analysed LSs on `dqm.histograms`.

What is analysed is decided by `dqmstream.analyses.analyser`; here bytes are moved. All of an LS is
acknowledged before it counts as done, and a checkpoint only says what is done: whoever begins there
makes the same bits again, or goes on. Two of one set side by side do all twice, which is harmless.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog

from dqmstream.analyses.analysed import Analysed
from dqmstream.analyses.analyser import Analyser, Analyses
from dqmstream.analyses.memory import pack_state, unpack_state
from dqmstream.booking.columns import Columns
from dqmstream.booking_set import BookingSet
from dqmstream.clock import Clock
from dqmstream.errors import LogError, LogIdentityError, OffsetExpiredError
from dqmstream.fold.holes import after_hole
from dqmstream.fold.sets import MAX_BLOCK, split
from dqmstream.identity import LumisectionId, stable_hash
from dqmstream.messages.checkpoints import AnalyserCheckpoint
from dqmstream.messages.events import Chunk
from dqmstream.messages.topics import CHECKPOINTS, CONDITIONS, EVENTS, HISTOGRAMS
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import Log, Outgoing, Reader, Record
from dqmstream.transport.outgoing import outgoing
from services.analyser.checkpoints import checkpoint_record, newest_checkpoint
from services.analyser.progress import AnalyserProgress
from services.analyser.refill import begins_newer_epoch

__all__ = ["AnalyserSettings", "run_analyser"]

_READ_RECORDS: Final = 256
_READ_BYTES: Final = 4 << 20
_PATIENCE: Final = 1.0
_RELEASE_SECONDS: Final = 2.0
_MOST_WAITING: Final = 32
"""Closed LSs of a partition that may wait for another one before it is read no further."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalyserSettings:
    """Settings of an analyser; none of it changes what is analysed.

    Parameters
    ----------
    checkpoint_interval
        Seconds between two checkpoints while nothing is analysed.
    conditions
        Whether to publish what analyses say of the conditions of an LS.
    """

    checkpoint_interval: float = 5.0
    conditions: bool = True


async def run_analyser(
    log: Log,
    booking_set: BookingSet,
    analyses: Analyses,
    decode: Callable[[Chunk, bytes, int], Columns],
    *,
    member: str,
    settings: AnalyserSettings,
    clock: Clock,
    progress: AnalyserProgress,
    ready: Callable[[], None],
) -> None:
    """Analyse LSs as they close, until cancelled.

    Parameters
    ----------
    log
        One that waits while it is away (`PatientLog`).
    analyses
        Of the set's workspaces with an analysis, in the order of their names.
    decode
        Columns of a chunk, as the fillers of the set decode it.
    member
        Name of this analyser; it stands in what it publishes.
    progress
        Counts to keep up to date.
    ready
        Called once it reads.

    Raises
    ------
    LogError
        If the log refuses for good: it is another one or shorter, or takes a message never.
    """
    while True:
        service = _Service(
            log,
            booking_set,
            analyses,
            decode,
            member=member,
            settings=settings,
            clock=clock,
            progress=progress,
        )
        try:
            await service.run(ready)
        except OffsetExpiredError as error:
            structlog.get_logger().error("events expired unread", error=str(error))


class _Service:
    """Moves records through an analyser that begins at the newest checkpoint."""

    def __init__(
        self,
        log: Log,
        booking_set: BookingSet,
        analyses: Analyses,
        decode: Callable[[Chunk, bytes, int], Columns],
        *,
        member: str,
        settings: AnalyserSettings,
        clock: Clock,
        progress: AnalyserProgress,
    ) -> None:
        self._log = log
        self._set = booking_set
        self._analyses = analyses
        self._decode = decode
        self.progress = progress
        self._member = member
        self._settings = settings
        self._clock = clock
        self._partitions = log.partitions(HISTOGRAMS)
        # Besides its cells a message holds the account.
        self._block = min(MAX_BLOCK, log.max_message_bytes(HISTOGRAMS) // 2)
        self._written: tuple[int, ...] = ()
        self._next_checkpoint = clock.monotonic() + settings.checkpoint_interval
        self._logger = structlog.get_logger().bind(member=member)

    async def run(self, ready: Callable[[], None]) -> None:
        """Read, fold, analyse, publish, checkpoint; until cancelled, or others begin an epoch."""
        _, newest = await self._log.bounds(CHECKPOINTS, 0)
        start = await self._start()
        analyser = await asyncio.to_thread(
            Analyser, self._set.hash, self._set.fold, self._analyses, self._decode, start=start
        )
        self._written = () if start is None else start.offsets
        positions = {(EVENTS, p): at for p, at in analyser.positions().items()}
        self.progress.positions.update(positions)
        async with AsyncExitStack() as stack:
            reader = await stack.enter_async_context(self._log.reader(positions))
            watch = await stack.enter_async_context(self._log.reader({(CHECKPOINTS, 0): newest}))
            ready()
            self._logger.info("analysing", position=list(positions.values()))
            try:
                while not await begins_newer_epoch(watch, self._set.hash, analyser.epoch):
                    await self._round(analyser, reader)
            except asyncio.CancelledError:
                await self._release(analyser)
                raise
        self._logger.warning("a newer epoch has begun", epoch=analyser.epoch)

    # ------------------------------------------------------------------- start

    async def _start(self) -> AnalyserCheckpoint | None:
        """The newest checkpoint, past what has expired."""
        table = await latest_by_key(self._log, CHECKPOINTS)
        newest = newest_checkpoint(table, self._set.hash, self._log.identity)
        offsets = (0,) * self._set.fold.partitions if newest is None else newest.offsets
        bounds = [await self._log.bounds(EVENTS, p) for p in range(self._set.fold.partitions)]
        for partition, (at, (_, end)) in enumerate(zip(offsets, bounds, strict=True)):
            if at > end:
                msg = (
                    f"{EVENTS}/{partition} ends at {end}, an analyser's checkpoint stands at {at}: "
                    "this log is shorter than the one it was made on"
                )
                raise LogIdentityError(msg)
        if all(at >= start for at, (start, _) in zip(offsets, bounds, strict=True)):
            return newest
        return await self._skip_holes(newest, offsets, [start for start, _ in bounds])

    async def _skip_holes(
        self, newest: AnalyserCheckpoint | None, offsets: Sequence[int], starts: Sequence[int]
    ) -> AnalyserCheckpoint:
        """Input expired beyond C: say so in a new epoch, written before anybody acts on it."""
        holes = [
            (p, at, start)
            for p, (at, start) in enumerate(zip(offsets, starts, strict=True))
            if at < start
        ]
        why = ", ".join(
            f"records {first}-{start - 1} of {EVENTS}/{p} expired unread"
            for p, first, start in holes
        )
        self._logger.error("hole in the input", why=why)
        if newest is None:
            fresh = Analyser(self._set.hash, self._set.fold, self._analyses, self._decode)
            newest = fresh.checkpoint(self._set.hash, self._log.identity)
            epoch = 1
        else:
            epoch = newest.epoch + 1
        controls, runs = unpack_state(newest.state)
        for partition, first, start in holes:
            controls[partition] = after_hole(controls[partition], first, start)
        checkpoint = msgspec.structs.replace(
            newest,
            epoch=epoch,
            offsets=tuple(max(pair) for pair in zip(offsets, starts, strict=True)),
            state=pack_state(controls, runs),
            why=why,
        )
        await self._log.send([checkpoint_record(checkpoint)])
        return checkpoint

    # -------------------------------------------------------------------- loop

    async def _round(self, analyser: Analyser, reader: Reader) -> None:
        records = await reader.read(
            max_records=_READ_RECORDS, max_bytes=_READ_BYTES, timeout=_PATIENCE
        )
        if records:
            await asyncio.to_thread(self._fold, analyser, records)
        before = self.progress.analysed
        while (due := analyser.due()) is not None:
            await self._analyse(analyser, due)
        ahead = analyser.ahead(_MOST_WAITING)
        for partition in range(self._set.fold.partitions):
            (reader.pause if partition in ahead else reader.resume)(EVENTS, partition)
        now = self._clock.monotonic()
        if now >= self._next_checkpoint or self.progress.analysed > before:
            self._next_checkpoint = now + self._settings.checkpoint_interval
            await self._checkpoint(analyser)
            await self._look(analyser)

    def _fold(self, analyser: Analyser, records: Sequence[Record]) -> None:
        for record in records:
            applied = analyser.apply(record, record.partition)
            self.progress.records += 1
            if applied.refused is not None:
                # The fillers of the set say so on the dead topic.
                self.progress.refused[applied.refused.reason] += 1

    async def _analyse(self, analyser: Analyser, lumisection: LumisectionId) -> None:
        began = self._clock.monotonic()
        analysed = await asyncio.to_thread(analyser.analyse, lumisection)
        seconds = self._clock.monotonic() - began
        run, number = lumisection
        for workspace, reason in analysed.failed.items():
            self._logger.error(
                "analysis failed", run=run, lumisection=number, workspace=workspace, reason=reason
            )
        for workspace, fraction in analysed.fractions.items():
            self._logger.warning(
                "analysed in part",
                run=run,
                lumisection=number,
                workspace=workspace,
                reason=f"{fraction:g} of the events",
            )
        messages = await asyncio.to_thread(self._messages, analysed)
        conditions = analysed.conditions if self._settings.conditions else ()
        told = [outgoing(CONDITIONS, 0, one, str(run).encode()) for one in conditions]
        # What is known of an LS first: then it is judged once.
        if told:
            await self._log.send(told)
        await self._log.send(messages)
        analyser.done(analysed)
        self.progress.conditions += len(told)
        self.progress.note(
            analysed, seconds=seconds, messages=len(messages), now=self._clock.wall()
        )

    def _messages(self, analysed: Analysed) -> list[Outgoing]:
        messages = []
        for one in analysed.sets:
            whole = msgspec.structs.replace(one, writer=self._member, published=self._clock.wall())
            partition = stable_hash(whole.workspace) % self._partitions
            key = whole.workspace.encode()
            messages += [
                outgoing(HISTOGRAMS, partition, part, key) for part in split(whole, self._block)
            ]
        return messages

    async def _checkpoint(self, analyser: Analyser) -> None:
        """Note where to begin again, if that moved."""
        analyser.tidy()
        starts = tuple(fold.start for fold in analyser.folds)
        if starts == self._written or not any(starts):
            return
        checkpoint = await asyncio.to_thread(
            analyser.checkpoint, self._set.hash, self._log.identity
        )
        await self._log.send([checkpoint_record(checkpoint)])
        self._written = starts

    async def _look(self, analyser: Analyser) -> None:
        """What is held, and how far the log has got."""
        self.progress.held = sum(len(fold.segments) for fold in analyser.folds)
        for partition, position in analyser.positions().items():
            _, end = await self._log.bounds(EVENTS, partition)
            self.progress.lag[EVENTS, partition] = max(0, end - position)
            self.progress.positions[EVENTS, partition] = position

    async def _release(self, analyser: Analyser) -> None:
        """Leave a checkpoint, if the log takes it in time."""
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                await self._checkpoint(analyser)
        except (LogError, TimeoutError) as error:
            self._logger.warning("left without a checkpoint", error=str(error))
