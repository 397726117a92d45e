"""The watcher: sends what appears in folders, run by run, and each late file by itself."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import structlog

from dqmstream.conditions.table import ConditionsTable
from dqmstream.errors import SourceError, leaves
from dqmstream.producing import ProducerProgress, produce
from dqmstream.sources.cms.watching.settings import WatchSettings
from dqmstream.sources.cms.watching.source import WatchedSource
from dqmstream.sources.cms.watching.watch import FolderWatch
from dqmstream.sources.conditioned import conditioned
from dqmstream.sources.source import EventSource
from services.processes.decoding import prepare_decoding
from services.processes.process import Process, Ready, Service
from services.processes.produce import Sent, producer_settings
from services.settings import Settings

__all__ = ["WatchProgress", "Watching"]

_MOST_LATE: Final = 4
"""Late files that are sent at the same time."""
_REFRESH: Final = 0.1
"""Seconds between two looks at what the sources have counted."""
_HIGHEST: Final = ("buffer_high_bytes", "unavailable")


@dataclass(slots=True)
class WatchProgress(ProducerProgress):
    """What a watcher has sent, and what became of the files it saw.

    Parameters
    ----------
    waits_for
        Files and runs, in words.
    awaited
        LSs that are waited for, one of a stream.
    looks
        How often all folders were looked at.
    seen_files
        Files seen, each once.
    behind
        Files and LSs seen or decided that the log does not hold yet; 0 when all is done.
    given_up
        LSs of which no file came in time, or none that could be read.
    late_files
        Files that came after their LS was decided, each sent as a source of its own.
    skipped_files, repeated_files, files_beyond, other_files
        Files not read: older than where watching began, there twice in two folders, numbered far
        above all others, and such as have no name of a streamer file of their run.
    failed_sources
        Sources that could not be read or were begun with other settings.
    """

    waits_for: tuple[str, ...] = ()
    awaited: int = 0
    looks: int = 0
    seen_files: int = 0
    behind: int = 0
    given_up: int = 0
    late_files: int = 0
    skipped_files: int = 0
    repeated_files: int = 0
    files_beyond: int = 0
    other_files: int = 0
    failed_sources: int = 0

    @property
    def left_files(self) -> dict[str, int]:
        """Files not read, by why."""
        return {
            "skipped": self.skipped_files,
            "repeated": self.repeated_files,
            "beyond": self.files_beyond,
        }


class Watching:
    """A watcher as a service of a process.

    Parameters
    ----------
    roots
        Folders that hold `runNNNNNN` folders.
    watch
        What to watch, and how.
    conditions
        Joined to the events of every run, as far as they tell of it; None joins nothing.
    until_end
        Whether to finish once the run of `watch` has ended and is sent.
    begin
        Awaited before anything is sent.
    on_run_begin
        Called with each run that begins.
    on_run
        Awaited with what was sent of a run that has ended, late files of before included.
    """

    def __init__(
        self,
        settings: Settings,
        roots: Sequence[Path],
        watch: WatchSettings,
        *,
        conditions: ConditionsTable | None = None,
        until_end: bool = False,
        begin: Callable[[], Awaitable[object]] | None = None,
        on_run_begin: Callable[[int], None] | None = None,
        on_run: Callable[[Sequence[Sent]], Awaitable[None]] | None = None,
    ) -> None:
        self._roots = tuple(roots)
        self._watch = watch
        self._conditions = conditions
        self._until_end = until_end
        self._begin = begin
        self._on_run_begin = on_run_begin
        self._on_run = on_run
        self._settings = settings
        self._pace = producer_settings(settings)
        self._late = asyncio.Semaphore(_MOST_LATE)
        self._parts: dict[EventSource, ProducerProgress] = {}
        self._past = ProducerProgress()
        self._sent: dict[int, list[Sent]] = {}
        self._sending: dict[int, int] = {}
        self._told: set[int] = set()
        self.progress = WatchProgress()

    def service(self) -> Service:
        """The one service there is."""
        return Service(name="watcher", start=self._start, progress=self.progress, kind="watcher")

    async def _start(self, process: Process, ready: Ready) -> None:
        ready()
        if self._begin is not None:
            await self._begin()
        async with asyncio.TaskGroup() as tasks:

            def begin(source: EventSource, expected: tuple[str, ...]) -> None:
                self._sending[source.run] = self._sending.get(source.run, 0) + 1
                if self._on_run_begin is not None:
                    self._on_run_begin(source.run)
                sending = self._send(process, folders, source, expected)
                tasks.create_task(sending, name=f"{source.name} of run {source.run}")

            folders = FolderWatch(self._roots, self._watch, process.clock, begin)
            watching = tasks.create_task(folders.run(), name="watch folders")
            while not await self._tell(folders):
                self._refresh(folders)
                await asyncio.sleep(_REFRESH)
            self._refresh(folders)
            watching.cancel()

    async def _send(
        self,
        process: Process,
        folders: FolderWatch,
        source: EventSource,
        expected: tuple[str, ...],
    ) -> None:
        part = self._parts[source] = ProducerProgress()
        try:
            if isinstance(source, WatchedSource):
                await self._produce(process, source, expected, part)
            else:
                self.progress.late_files += 1
                async with self._late:
                    await self._produce(process, source, expected, part)
        except* SourceError as failed:  # out of the tasks that send it
            if source.run == self._watch.run:
                raise
            # One run that cannot be sent must not keep the others from it.
            self.progress.failed_sources += 1
            error = "; ".join(map(str, leaves(failed)))
            structlog.get_logger().error("source failed", source=source.name, error=error)
            folders.left(source)
        else:
            folders.sent(source)
        del self._parts[source]
        _add(self._past, part)
        self._sending[source.run] -= 1
        if not source.first_lumisection:
            return
        self._sent.setdefault(source.run, []).append(Sent.of(source, part))

    async def _produce(
        self,
        process: Process,
        source: EventSource,
        expected: tuple[str, ...],
        part: ProducerProgress,
    ) -> None:
        await prepare_decoding(self._settings, [source])
        told = self._conditions
        await produce(
            process.bare_log,
            source if told is None else conditioned(source, told),
            clock=process.clock,
            settings=self._pace,
            expected=expected,
            progress=part,
            again=False,
        )

    async def _tell(self, folders: FolderWatch) -> bool:
        """Say of runs that they have been sent; whether that was the last to be watched."""
        for run, sent in list(self._sent.items()):
            if run in self._told or self._sending[run] or not folders.is_done(run):
                continue
            self._told.add(run)
            if self._on_run is not None:
                await self._on_run(sorted(sent, key=lambda one: one.source.name))
            if self._until_end and run == self._watch.run:
                return True
        for run in self._told:
            self._sent.pop(run, None)
        return False

    def _refresh(self, folders: FolderWatch) -> None:
        """Add up what the sources count."""
        total = ProducerProgress()
        for part in (self._past, *self._parts.values()):
            _add(total, part)
        for field in fields(ProducerProgress):
            setattr(self.progress, field.name, getattr(total, field.name))
        late = sum(not isinstance(source, WatchedSource) for source in self._parts)
        self.progress.behind = folders.behind() + late
        self.progress.looks = folders.looks
        self.progress.waits_for = folders.waits_for()
        self.progress.awaited = folders.awaited
        for name, count in folders.counts().items():
            setattr(self.progress, name, count)


def _add(total: ProducerProgress, part: ProducerProgress) -> None:
    """Counts are added; of places the newest counts."""
    if part.run is not None and part.run >= (total.run or 0):
        total.run, total.lumisection = part.run, part.lumisection
    for name, count in part.notes.items():
        total.notes[name] = total.notes.get(name, 0) + count
    for field in fields(ProducerProgress):
        name = field.name
        if name in {"run", "lumisection", "notes"}:
            continue
        values = getattr(total, name), getattr(part, name)
        setattr(total, name, max(values) if name in _HIGHEST else sum(values))
