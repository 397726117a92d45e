"""Producers: runs one after another, the sources of a run side by side."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self, TypeAlias

from dqmstream.clock import Clock
from dqmstream.producing import (
    ProducerProgress,
    ProducerSettings,
    joining_lumisection,
    lumisections_apart,
    produce,
)
from dqmstream.producing.disturbed import Troubles, produce_disturbed
from dqmstream.producing.pace import Pace
from dqmstream.sources.source import EventSource, JoiningSource
from services.processes.decoding import prepare_decoding
from services.processes.process import Process, Ready, Service
from services.settings import Settings

__all__ = ["Producing", "Sent", "producer_settings"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """What of a source this process has sent; the log may have held some of it already.

    `lumisection` is the last LS of which the log has everything.
    """

    source: EventSource
    lumisection: int
    chunks: int
    seen: int
    selected: int
    dropped: int

    @classmethod
    def of(cls, source: EventSource, progress: ProducerProgress) -> Self:
        """What a progress that began with the source has come to."""
        return cls(
            source=source,
            lumisection=progress.lumisection or 0,
            chunks=progress.chunks,
            seen=progress.seen,
            selected=progress.selected,
            dropped=progress.dropped,
        )

    def words(self) -> dict[str, object]:
        """For programs."""
        return {
            "run": self.source.run,
            "source": self.source.name,
            "lumisection": self.lumisection,
            "chunks": self.chunks,
            "seen": self.seen,
            "selected": self.selected,
            "dropped": self.dropped,
        }

    def text(self) -> str:
        """For people."""
        return (
            f"run {self.source.run} {self.source.name}: {self.selected} of {self.seen} events "
            f"in {self.chunks} chunks, {self.dropped} dropped, up to LS {self.lumisection}"
        )


def producer_settings(settings: Settings) -> ProducerSettings:
    """How a process's producers go, by its settings."""
    return ProducerSettings(
        buffer_bytes=settings.producer_buffer_bytes,
        buffer_seconds=settings.producer_buffer_seconds,
        apart=lumisections_apart(settings.max_open),
        patience=settings.lumisection_timeout,
    )


_OnRun: TypeAlias = Callable[[Sequence[Sent]], Awaitable[None]]


class Producing:
    """The producers of one process: one for each name that sources have.

    Parameters
    ----------
    runs
        Sources of each run. The next run begins when all sources of the one before have ended.
    speed
        As `produce` takes it.
    expected
        Names of sources that other processes send in the same runs.
    troubles
        What is wrong with sources, by name.
    begin
        Awaited before anything is sent.
    on_run
        Awaited with what was sent of a run, before the next begins.
    names
        Of all sources, where `runs` is made while it is iterated, and may have no end.
    prepare
        Awaited once in the process, before the first run is asked for.
    before_run
        Awaited with the sources of a run before any of them is sent.
    pace
        Makes who waits for the event times of a source, in place of the usual `Pace`.
    """

    def __init__(
        self,
        settings: Settings,
        runs: Iterable[Sequence[EventSource]],
        *,
        speed: float | None,
        expected: Sequence[str] = (),
        troubles: Mapping[str, Troubles] | None = None,
        begin: Callable[[], Awaitable[object]] | None = None,
        on_run: _OnRun | None = None,
        names: Sequence[str] | None = None,
        prepare: Callable[[Process], Awaitable[None]] | None = None,
        before_run: Callable[[Process, Sequence[EventSource]], Awaitable[None]] | None = None,
        pace: Callable[[EventSource, Clock], Pace] | None = None,
    ) -> None:
        self._runs = runs
        self._speed = speed
        self._expected = tuple(expected)
        self._troubles = troubles or {}
        self._begin = begin
        self._on_run = on_run
        self._settings = settings
        self._sending = producer_settings(settings)
        self._names = list(
            dict.fromkeys(source.name for run in runs for source in run) if names is None else names
        )
        self._prepare = prepare
        self._before_run = before_run
        self._pace = pace
        self._sent: list[Sent] = []
        self._together = asyncio.Barrier(max(1, len(self._names)))

    def services(self) -> list[Service]:
        """A producer for each name."""
        return [self._service(name) for name in self._names]

    def _service(self, source: str) -> Service:
        progress = ProducerProgress()
        name = "producer" if len(self._names) == 1 else f"producer-{source}"
        start = partial(self._start, source, progress)
        return Service(name=name, start=start, progress=progress, kind="producer")

    async def _start(
        self, name: str, progress: ProducerProgress, process: Process, ready: Ready
    ) -> None:
        ready()
        if self._begin is not None:
            await self._begin()
        await self._once(self._prepare and partial(self._prepare, process))
        for sources in self._runs:
            await prepare_decoding(self._settings, [one for one in sources if one.name == name])
            await self._once(self._before_run and partial(self._before_run, process, sources))
            together = tuple(dict.fromkeys([*(one.name for one in sources), *self._expected]))
            for source in sources:
                if source.name == name:
                    self._sent.append(await self._send(source, together, progress, process))
            if await self._together.wait() == 0:
                sent, self._sent = self._sent, []
                if self._on_run is not None:
                    await self._on_run(sorted(sent, key=lambda one: one.source.name))
            await self._together.wait()

    async def _once(self, function: Callable[[], Awaitable[None]] | None) -> None:
        """One of the producers calls it, all go on when it is done."""
        if function is not None:
            if await self._together.wait() == 0:
                await function()
            await self._together.wait()

    async def _send(
        self,
        source: EventSource,
        together: tuple[str, ...],
        progress: ProducerProgress,
        process: Process,
    ) -> Sent:
        chunks, seen = progress.chunks, progress.seen
        selected, dropped = progress.selected, progress.dropped
        if not source.rereadable and isinstance(source, JoiningSource):
            first = await joining_lumisection(process.bare_log, source.name, source.run)
            source = source.joining(first)
        # The bare log: a producer has a buffer, and counts what is beyond it.
        troubles = self._troubles.get(source.name)
        sending = produce if troubles is None else partial(produce_disturbed, troubles=troubles)
        await sending(
            process.bare_log,
            source,
            clock=process.clock,
            settings=self._sending,
            speed=self._speed,
            expected=together,
            progress=progress,
            pace=None if self._pace is None else self._pace(source, process.clock),
        )
        return Sent(
            source=source,
            lumisection=progress.lumisection or 0,
            chunks=progress.chunks - chunks,
            seen=progress.seen - seen,
            selected=progress.selected - selected,
            dropped=progress.dropped - dropped,
        )
