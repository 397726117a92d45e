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
from dqmstream.booking.columns import Columns
from dqmstream.booking_set import BookingSet
from dqmstream.clock import Clock
from dqmstream.errors import LogError, OffsetExpiredError
from dqmstream.fold.sets import MAX_BLOCK, split
from dqmstream.identity import LumisectionId, stable_hash
from dqmstream.messages.checkpoints import AnalyserCheckpoint
from dqmstream.messages.events import Chunk
from dqmstream.messages.topics import CHECKPOINTS, CONDITIONS, EVENTS, HISTOGRAMS
from dqmstream.transport.log import Log, Outgoing, Reader, Record
from dqmstream.transport.outgoing import outgoing
from services.analyser.checkpoints import checkpoint_record
from services.analyser.progress import AnalyserProgress
from services.analyser.refill import begins_newer_epoch
from services.analyser.starting import starting_point

__all__ = ["AnalyserSettings", "run_analyser"]

_READ_RECORDS: Final = 256
_READ_BYTES: Final = 4 << 20
_PATIENCE: Final = 1.0
_RELEASE_SECONDS: Final = 2.0
_MOST_WAITING: Final = 32
"""Closed LSs of a partition that may wait for another one before it is read no further."""
_LOST: Final = "a partition forgot its run, or lost its records, before it closed there"


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
        start = await starting_point(self._log, self._set, self._beginning, self.progress)
        analyser = await asyncio.to_thread(self._beginning, start)
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

    def _beginning(self, start: AnalyserCheckpoint | None = None) -> Analyser:
        """An analyser that has read nothing since a checkpoint, or nothing at all."""
        return Analyser(self._set.hash, self._set.fold, self._analyses, self._decode, start=start)

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
        self._tell_lost(analyser)
        starts = tuple(fold.start for fold in analyser.folds)
        if starts == self._written or not any(starts):
            return
        checkpoint = await asyncio.to_thread(
            analyser.checkpoint, self._set.hash, self._log.identity
        )
        await self._log.send([checkpoint_record(checkpoint)])
        self._written = starts

    def _tell_lost(self, analyser: Analyser) -> None:
        """LSs that no analysis will see: their plots are missing, and nobody else says so."""
        for run, number in analyser.take_lost():
            self.progress.lost += 1
            self._logger.error("never analysed", run=run, lumisection=number, reason=_LOST)

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
