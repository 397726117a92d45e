"""Playing runs on a running system: what `demo` and `replay` print and when they end."""

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import typer

from dqmstream.clock import Clock
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.quality import QualityReports
from dqmstream.messages.topics import HISTOGRAMS, QUALITY
from dqmstream.messages.wire import CODEC
from dqmstream.sources.source import EventSource
from dqmstream.transport.log import TopicPartition
from services.producer import Produced, produce
from services.progress import LumisectionLine, RunProgress
from services.system import System

__all__ = ["Play", "PlayedRun"]

_LUMISECTION_SECONDS: Final = 23.31
_POLL: Final = 0.05


class PlayedRun(msgspec.Struct, kw_only=True):
    """What one run came to."""

    run: int
    sources: list[str]
    lumisections: list[LumisectionLine] = []
    chunks: int = 0
    seen: int = 0
    selected: int = 0
    dropped: int = 0
    notes: dict[str, int] = {}
    outcomes: dict[str, int] = {}
    seconds: float = 0.0
    """Wall-clock seconds from the start of the sources until all LSs were judged and stored."""
    files: list[Any] = []


class Play:
    """Runs, one after another, each with its sources side by side.

    Parameters
    ----------
    runs
        Sources of each run.
    speed
        As `produce` takes it.
    seconds
        Length of an LS in seconds of data taking.
    stop
        End with the last run and print a summary; otherwise go on serving.
    json
        Print the summary, and nothing else, as one JSON document.
    """

    def __init__(
        self,
        runs: Sequence[Sequence[EventSource]],
        *,
        speed: float | None = None,
        seconds: float = _LUMISECTION_SECONDS,
        stop: bool,
        json: bool = False,
    ) -> None:
        self._runs = runs
        self._speed = speed
        self._seconds = seconds
        self._stop = stop
        self._json = json
        self._lines: dict[tuple[int, int], LumisectionLine] = {}
        self._told = asyncio.Condition()

    async def on(self, system: System, clock: Clock) -> None:
        """Play everything on a system; returns only if it is to stop with the last run."""
        self._say(f"page: {system.url}")
        self._say("Ctrl-C ends it")
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(self._follow(system), name="progress")
            played = [await self._play_run(system, clock, sources) for sources in self._runs]
            if self._stop:
                following.cancel()
                self._summarise(played)
            elif self._runs:
                self._say("all is played; the page stays until Ctrl-C")

    async def _play_run(
        self, system: System, clock: Clock, sources: Sequence[EventSource]
    ) -> PlayedRun:
        names = tuple(source.name for source in sources)
        began = clock.monotonic()
        async with asyncio.TaskGroup() as tasks:
            producing = [
                tasks.create_task(
                    produce(
                        system.process.log, source, clock=clock, speed=self._speed, expected=names
                    ),
                    name=f"produce {source.name}",
                )
                for source in sources
            ]
        produced = [task.result() for task in producing]
        run = sources[0].run
        if not any(one.chunks for one in produced):
            self._say(f"run {run}: the log already holds all of it, nothing was sent")
        first = min(source.first_lumisection for source in sources)
        last = max(one.lumisection for one in produced)
        if self._stop:
            await self._all_done(system, run, range(first, last + 1))
        return self._played(run, sources, produced, clock.monotonic() - began)

    async def _all_done(self, system: System, run: int, lumisections: range) -> None:
        """Every LS is judged and in the store."""
        async with self._told:
            await self._told.wait_for(
                lambda: all((run, number) in self._lines for number in lumisections)
            )
        while True:
            stored = await asyncio.to_thread(_stored, system, run)
            if stored >= set(lumisections):
                return
            await asyncio.sleep(_POLL)

    async def _follow(self, system: System) -> None:
        """Tell each LS when it is closed and judged."""
        progress = RunProgress(
            system.booking_set.hash, system.booking_set.workspaces, self._seconds
        )
        positions: dict[TopicPartition, int] = {}
        for topic in (HISTOGRAMS, QUALITY):
            for partition in range(system.process.log.partitions(topic)):
                positions[topic, partition] = (
                    await system.process.log.bounds(topic, partition)
                ).start
        async with system.process.log.reader(positions) as reader:
            while True:
                for record in await reader.read(timeout=60):
                    message = CODEC.decode(record.headers, record.value)
                    if not isinstance(message, HistogramSet | QualityReports):
                        continue
                    line = progress.take(message)
                    if line is not None:
                        await self._tell(line)

    async def _tell(self, line: LumisectionLine) -> None:
        if any(source.run == line.run for sources in self._runs for source in sources):
            self._say(line.text())
        async with self._told:
            self._lines[line.run, line.lumisection] = line
            self._told.notify_all()

    def _played(
        self,
        run: int,
        sources: Sequence[EventSource],
        produced: Sequence[Produced],
        seconds: float,
    ) -> PlayedRun:
        lines = [line for (number, _), line in sorted(self._lines.items()) if number == run]
        outcomes: Counter[str] = Counter()
        notes: Counter[str] = Counter()
        for line in lines:
            outcomes.update(line.outcomes)
            notes.update(line.notes)
        return PlayedRun(
            run=run,
            sources=[source.name for source in sources],
            lumisections=lines,
            chunks=sum(one.chunks for one in produced),
            seen=sum(line.seen for line in lines),
            selected=sum(line.selected for line in lines),
            dropped=sum(line.dropped for line in lines),
            notes=dict(notes),
            outcomes=dict(outcomes),
            seconds=seconds,
            files=[report for source in sources for report in getattr(source, "reports", ())],
        )

    def _summarise(self, played: Sequence[PlayedRun]) -> None:
        if self._json:
            document = msgspec.json.encode({"runs": played})
            typer.echo(msgspec.json.format(document).decode())
            return
        for run in played:
            outcomes = ", ".join(f"{count} {name}" for name, count in sorted(run.outcomes.items()))
            self._say(
                f"run {run.run}: {len(run.lumisections)} LSs, {run.selected} of {run.seen} events "
                f"filled, {run.dropped} dropped; {outcomes or 'no reports'}"
            )

    def _say(self, text: str) -> None:
        typer.echo(text, file=sys.stderr if self._json else sys.stdout)


def _stored(system: System, run: int) -> set[int]:
    found: set[int] = set()
    after = None
    while True:
        page = system.store.lumisections(run, set=system.booking_set.hash, after=after)
        found.update(one.lumisection for one in page.items)
        if page.after is None:
            return found
        after = page.after
