"""Fillers of posted workspaces: a filler group for each generation, started and ended as they
come and go, in a process that goes on."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from dqmstream.booking.chunk import decode_chunk
from dqmstream.booking_set import BookingSet
from dqmstream.configuration.workspaces_by_run import Generation, WorkspacesByRun
from dqmstream.fold.of_runs import FoldOfRuns, run_of
from dqmstream.fold.state import FoldSettings
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.topics import CHECKPOINTS
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import Record
from services.filler.announcing import announce, publish_activation
from services.filler.checkpoints import newest_checkpoint
from services.filler.service import run_filler
from services.filler.settings import FillerSettings
from services.processes.posted_progress import GroupProgress, PostedProgress, TimedFiller
from services.processes.process import Process, Ready, Service
from services.settings import Settings
from services.workspaces.generation_set import activation_of, generation_set, is_over
from services.workspaces.known import KnownWorkspaces

__all__ = ["PostedFilling"]

_LOOK: Final = 1.0
_OVER_INTERVAL: Final = 10.0
"""Seconds between two looks whether an earlier generation is over: the table of checkpoints is
read for it."""
_AGAIN: Final = 5.0
_MOST_EARLIER: Final = 8
"""Earlier generations that are filled to their end, at most: each reads all events."""


@dataclass(frozen=True, slots=True)
class _RunsOf:
    """Whether a run is of a generation. It can be pickled, for canaries: as far as was known."""

    by_run: WorkspacesByRun
    number: int

    def __call__(self, run: int) -> bool:
        found = self.by_run.of(run)
        return found is not None and found.number == self.number


class PostedFilling:
    """The service of a process that fills what was posted."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._progress = PostedProgress()

    def service(self) -> Service:
        """To be run beside the fillers of the process."""
        return Service(name="posted", start=self._start, progress=self._progress, kind="posted")

    async def _start(self, process: Process, ready: Ready) -> None:
        known = KnownWorkspaces(process.bare_log, process.name, process.clock)
        async with known.reading(), asyncio.TaskGroup() as tasks:
            tasks.create_task(known.follow(), name="posted workspaces")
            groups = _Groups(process, known, self._settings, self._progress, tasks)
            ready()
            while True:
                await groups.look()
                await known.changed(_LOOK)


class _Groups:
    """The groups of a process, by the number of their generation."""

    def __init__(
        self,
        process: Process,
        known: KnownWorkspaces,
        settings: Settings,
        progress: PostedProgress,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._process = process
        self._known = known
        self._settings = settings
        self._progress = progress
        self._tasks = tasks
        self._fold = FoldSettings(partitions=settings.partitions, max_open=settings.max_open)
        self._sets: dict[int, BookingSet | None] = {}
        self._running: dict[int, asyncio.Task[None]] = {}
        self._counts: dict[int, GroupProgress] = {}
        self._over: set[int] = set()
        self._next_over = 0.0
        self._logger = structlog.get_logger()

    async def look(self) -> None:
        """Start what is missing, end what is over."""
        by_run = self._known.by_run
        generations = by_run.unfinished(1 + _MOST_EARLIER)
        for number in self._sets.keys() - {one.number for one in generations}:
            del self._sets[number]
        for generation in generations:
            await self._read(generation)
        await self._find_over(generations)
        due = {
            generation.number: generation
            for generation in generations
            if self._sets.get(generation.number) and generation.number not in self._over
        }
        for number in self._running.keys() - due.keys():
            self._running.pop(number).cancel()
            self._progress.end(self._counts.pop(number, GroupProgress()))
            self._logger.info("posted workspaces are over", generation=number)
        for number, generation in due.items():
            if number not in self._running:
                self._running[number] = self._tasks.create_task(
                    self._run(generation), name=f"posted workspaces {number}"
                )
        newest = by_run.generations[-1] if by_run.generations else None
        self._progress.gather(newest, self._counts)

    async def _read(self, generation: Generation) -> None:
        """The set of a generation, once; None if there is none, or it cannot be read here."""
        if generation.number in self._sets:
            return
        found = None
        if generation.texts:
            try:
                found = await asyncio.to_thread(generation_set, generation, self._fold)
            except Exception as error:
                # It was read where it was posted: this is another release. Others may fill it.
                self._progress.refused += 1
                self._logger.error(
                    "posted workspaces refused", generation=generation.number, error=str(error)
                )
        self._sets[generation.number] = found

    async def _find_over(self, generations: Sequence[Generation]) -> None:
        now = self._process.clock.monotonic()
        every = self._known.by_run.generations
        earlier = [
            (one, every[one.number])  # numbers are from 1 on: the one that followed
            for one in generations
            if self._sets.get(one.number)
            and one.number < len(every)
            and one.number not in self._over
        ]
        if not earlier or now < self._next_over:
            return
        self._next_over = now + _OVER_INTERVAL
        table = await latest_by_key(self._process.log, CHECKPOINTS)
        for one, after in earlier:
            chosen = self._sets[one.number]
            if chosen is None:
                continue
            checkpoints = {
                partition: newest_checkpoint(
                    table, chosen.hash, partition, self._process.log.identity
                )
                for partition in range(chosen.fold.partitions)
            }
            if is_over(self._known.by_run.runs(one), after.starts, checkpoints):
                self._over.add(one.number)

    async def _run(self, generation: Generation) -> None:
        """The group of a generation, until cancelled; what goes wrong there stays there."""
        while True:
            try:
                await self._fill(generation)
            except Exception as error:
                # Whatever it is, the fillers of the release in this process go on.
                self._progress.restarts += 1
                self._logger.error(
                    "posted workspaces start anew",
                    generation=generation.number,
                    error=f"{type(error).__name__}: {error}",
                )
                await asyncio.sleep(_AGAIN)

    async def _fill(self, generation: Generation) -> None:
        chosen = self._sets[generation.number]
        if chosen is None:
            raise AssertionError  # only generations with a set are run
        process = self._process
        counts = self._counts.get(generation.number) or GroupProgress()
        counts.begin_anew()
        fillers = await asyncio.to_thread(_fillers, chosen.layouts, counts)
        await announce(process.log, chosen, clock=process.clock, who=process.name, from_run=0)
        await publish_activation(process.log, activation_of(generation, chosen))
        settings = FillerSettings(publish_interval=self._settings.publish_interval, decides=False)
        self._counts[generation.number] = counts
        holds = _RunsOf(self._known.by_run, generation.number)
        await run_filler(
            process.bare_log,
            chosen,
            fillers,
            decode_chunk,
            member=f"{process.name}-posted-{generation.number}",
            settings=settings,
            clock=process.clock,
            progress=counts,
            ready=lambda: None,
            fold=partial(FoldOfRuns, holds=holds),
            starts=generation.starts,
            meet=self._meet,
        )

    async def _meet(self, records: Sequence[Record]) -> None:
        """Before records are folded it is settled of which generation their runs are."""
        runs = {run_of(record) for record in records} - {None}
        await self._known.decide([run for run in runs if run is not None])


def _fillers(layouts: Sequence[Layout], counts: GroupProgress) -> list[TimedFiller]:
    return [TimedFiller(WorkspaceFiller(one), counts) for one in layouts]
