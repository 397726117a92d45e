"""The recorder: what is closed, judged, booked and known of a run from the log into the store.

A batch of records and the positions after it are one transaction, so a killed recorder goes on
exactly where the store stands. Closing sets are stored one by one as they come, so the position
never waits for an LS to be closed by all partitions; sets of open LSs are passed over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final, TypeVar

import structlog

from dqmstream.clock import Clock
from dqmstream.errors import LogIdentityError, LogUnavailableError, StoreError
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import BOOKINGS
from dqmstream.store.recording import Recorded
from dqmstream.store.retention import Retention
from dqmstream.store.writer import Refused, StoreWriter
from dqmstream.transport.log import Log, Outgoing, Record, TopicPartition
from dqmstream.transport.patience import PACE, Pace, insist
from services.dead_letters import dead_letter, decoded
from services.recorder.batches import Batch, BatchSettings, Collector, recorded_places
from services.recorder.holes import HoleWatch
from services.recorder.progress import RecorderProgress
from services.recorder.store_thread import StoreThread, opened

__all__ = ["Pruning", "RecorderSettings", "run_recorder"]

T = TypeVar("T")

_BATCHES_AHEAD: Final = 1
_LOOK_INTERVAL: Final = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruning:
    """What to remove, and how many seconds after the start and after each time."""

    policy: Retention
    interval: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RecorderSettings:
    """Pace of the recorder; none of it but `pruning` changes what is stored.

    Parameters
    ----------
    batch
        Size of a batch.
    idle
        Seconds without a batch after which runs that are over are compacted.
    pace
        Of further tries when store or log are away.
    pruning
        What is removed of old runs, and how often; None: nothing.
    """

    batch: BatchSettings = field(default_factory=BatchSettings)
    idle: float = 5.0
    pace: Pace = PACE
    pruning: Pruning | None = None


async def run_recorder(
    log: Log,
    store_url: str,
    *,
    clock: Clock,
    ready: Callable[[], None],
    settings: RecorderSettings | None = None,
    progress: RecorderProgress | None = None,
) -> None:
    """Record the log in the store, until cancelled.

    Parameters
    ----------
    store_url
        `sqlite:///file` or `postgresql+driver://...`; made, or brought up, if need be.
    ready
        Called when the store is open and its positions are found in the log.
    progress
        Counts to keep up to date.

    Raises
    ------
    LogIdentityError
        If the store holds the history of another log, or of a longer one.
    StoreError
        If the store is of a newer release, or cannot be opened.
    """
    settings, progress = settings or RecorderSettings(), progress or RecorderProgress()
    async with opened(store_url, log.identity) as thread:
        recorder = _Recorder(log, thread, settings, progress, clock)
        positions = await recorder.find_positions()
        bookings = {at: offset for at, offset in positions.items() if at[0] == BOOKINGS}
        others = {at: offset for at, offset in positions.items() if at[0] != BOOKINGS}
        batches: asyncio.Queue[Batch] = asyncio.Queue(_BATCHES_AHEAD)
        async with (
            log.reader(others) as reader,
            log.reader(bookings) as booking_reader,
            asyncio.TaskGroup() as tasks,
        ):
            collector = Collector(log, reader, booking_reader, clock, settings.batch)
            tasks.create_task(collector.collect(batches), name="recorder reads")
            tasks.create_task(recorder.write_all(batches), name="recorder writes")
            ready()


class _Recorder:
    """Writes batches, buries what cannot be written, and tries again what the disk refused."""

    def __init__(
        self,
        log: Log,
        thread: StoreThread,
        settings: RecorderSettings,
        progress: RecorderProgress,
        clock: Clock,
    ) -> None:
        pruning = settings.pruning
        self._log = log
        self._thread = thread
        self._settings = settings
        self._progress = progress
        self._clock = clock
        self._next_look = clock.monotonic()
        self._next_prune = clock.monotonic() + (pruning.interval if pruning else inf)
        self._logger = structlog.get_logger().bind(service="recorder")
        self._holes = HoleWatch(log, thread, progress)

    async def find_positions(self) -> dict[TopicPartition, int]:
        """Where to read on: where the store stands, else where the log begins."""
        stored = await self._thread(lambda writer: writer.positions())
        positions = {}
        for place in recorded_places(self._log):
            start, end = await self._log.bounds(*place)
            positions[place] = stored.get(place, start)
            if positions[place] > end:
                msg = (
                    f"{place[0]}/{place[1]} ends at {end}, the store stands at "
                    f"{positions[place]}: this log is shorter than the one that was recorded"
                )
                raise LogIdentityError(msg)
        return positions

    async def write_all(self, batches: asyncio.Queue[Batch]) -> None:
        """Write batches until cancelled."""
        while True:
            await self._prune()
            try:
                async with asyncio.timeout(self._settings.idle):
                    batch = await batches.get()
            except TimeoutError:
                await self._compact(frozenset())
                await self._look_at_lag()
                continue
            for hole in batch.holes:
                await self._holes.note(hole)
            began = self._clock.monotonic()
            recorded = await self._write(batch)
            self._progress.writing.note(self._clock.monotonic() - began)
            self._note(batch, recorded)
            if self._clock.monotonic() >= self._next_look:
                await self._look_at_lag()
            if recorded.closed:
                await self._compact(recorded.series)
            await self._holes.name_missing(batch.positions)

    async def _write(self, batch: Batch) -> Recorded:
        """Write a batch, without what is refused; for ever, if need be."""
        taken, dead = await asyncio.to_thread(decoded, batch.records)
        while True:
            # Before the position moves past them: after a crash they are buried twice, not never.
            await self._bury(dead)
            written = await self._try_write(taken, batch)
            if isinstance(written, Recorded):
                return written
            refused = {one.place: one for one in written}
            dead = [dead_letter(taken[n][0], one.reason, one.detail) for n, one in refused.items()]
            taken = [one for place, one in enumerate(taken) if place not in refused]

    async def _bury(self, dead: Sequence[Outgoing]) -> None:
        if dead:
            await self._insist(lambda: self._log.send(dead), "records cannot be buried")
            self._progress.refused += len(dead)
            self._logger.warning("records refused", count=len(dead), topic=dead[0].topic)

    async def _try_write(
        self, taken: Sequence[tuple[Record, Message]], batch: Batch
    ) -> Recorded | tuple[Refused, ...]:
        messages = [message for _, message in taken]
        offsets = [record.offset for record, _ in taken]

        def write(writer: StoreWriter) -> Recorded | tuple[Refused, ...]:
            return writer.write(messages, batch.positions, batch.holes, offsets=offsets)

        return await self._insist(lambda: self._thread(write), "a batch cannot be stored")

    async def _insist(self, attempt: Callable[[], Awaitable[T]], problem: str) -> T:
        """Try until neither store nor log refuse; meanwhile nothing is read, and nothing lost."""
        return await insist(
            attempt,
            problem,
            errors=(StoreError, LogUnavailableError),
            pace=self._settings.pace,
            on_failure=self._count_failure,
        )

    def _count_failure(self) -> None:
        self._progress.failures += 1

    async def _compact(self, busy: frozenset[int]) -> None:
        """Reading is as exact without it, so a failure can wait for the next time."""
        try:
            self._progress.chunks += await self._thread(lambda writer: writer.compact(busy))
        except StoreError as error:
            self._progress.failures += 1
            self._logger.error("chunks cannot be written", error=str(error))

    async def _prune(self) -> None:
        """Remove what the policy says when it is time; a failure can wait for the next time."""
        pruning = self._settings.pruning
        if pruning is None or self._clock.monotonic() < self._next_prune:
            return
        self._next_prune = self._clock.monotonic() + pruning.interval
        now = self._clock.wall()
        try:
            pruned, spared = await self._thread(lambda writer: writer.prune(pruning.policy, now))
        except StoreError as error:
            self._progress.failures += 1
            self._logger.error("old runs cannot be pruned", error=str(error))
            return
        for one in pruned:
            self._logger.warning(
                "a run was pruned",
                run=one.run,
                reason=f"{one.kept} kept",
                why=one.why,
                count=one.lumisections,
                bytes=one.bytes,
            )
        for left in spared:
            self._logger.warning("a run cannot be summed", run=left.run, why=left.why)

    def _note(self, batch: Batch, recorded: Recorded) -> None:
        progress = self._progress
        progress.positions = dict(batch.positions)
        progress.records += len(batch.records)
        progress.closed += len(recorded.closed)
        for key in recorded.closed:
            progress.run, progress.lumisection = key.run, key.lumisection
        for key in recorded.waiting:
            progress.waiting += 1
            self._logger.warning(
                "newer contents wait for those of the other partitions",
                set=key.set,
                run=key.run,
                lumisection=key.lumisection,
                workspace=key.workspace,
            )

    async def _look_at_lag(self) -> None:
        """How far the store is behind the log; each look asks the broker, so not at each batch."""
        self._next_look = self._clock.monotonic() + _LOOK_INTERVAL
        lag = {}
        for place, position in self._progress.positions.items():
            lag[place] = max(0, (await self._log.bounds(*place)).end - position)
        self._progress.lag = lag
