"""Playing runs on a running system: what `demo` and `replay` print and when they end."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import typer

from dqmstream.clock import Clock
from dqmstream.errors import MessageError, OffsetExpiredError
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.quality import QualityReports
from dqmstream.messages.topics import HISTOGRAMS, QUALITY
from dqmstream.messages.wire import CODEC
from dqmstream.transport.log import Record, TopicPartition
from services.processes.produce import Sent
from services.progress import LumisectionLine, RunProgress
from services.runs import Runs
from services.system import System

__all__ = ["Play", "PlayedRun"]

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
    late: float | None = None
    """At most so many seconds later than its event time said was something sent."""
    files: list[Any] = []


class Play:
    """Tells what comes of runs while they are played, and ends with them if it is to.

    Parameters
    ----------
    runs
        What is played.
    stop
        End with the last run and print a summary; otherwise go on serving.
    json
        Print the summary, and nothing else, as one JSON document.
    latest
        Says how late at most something of the run was sent, in seconds.
    """

    def __init__(
        self,
        runs: Runs,
        *,
        stop: bool,
        json: bool = False,
        latest: Callable[[], float] | None = None,
    ) -> None:
        self._numbers = {source.run for sources in runs.sources for source in sources}
        self._seconds = runs.seconds
        self._left = len(runs.sources)
        self._stop = stop
        self._json = json
        self._latest = latest
        self._lines: dict[tuple[int, int], LumisectionLine] = {}
        self._judged: dict[TopicPartition, int] = {}
        """Offsets behind the reports that were read here."""
        self._told = asyncio.Condition()
        self._played: list[PlayedRun] = []
        self._done = asyncio.Event()
        self._on: tuple[System, Clock] | None = None
        self._run_began = 0.0
        self.begun = asyncio.Event()
        """Set once the system is ready and its address told: then producers may begin."""

    async def on(self, system: System, clock: Clock) -> None:
        """Follow what is played on a system; returns only if it is to stop with the last run."""
        self._say(f"page: {system.url}")
        self._say("Ctrl-C ends it")
        if not self._numbers:
            await system.process.finished.wait()  # services never finish: until somebody stops
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(self._follow(system), name="progress")
            self._on = system, clock
            self._run_began = clock.monotonic()
            self.begun.set()
            await self._done.wait()
            if self._stop:
                following.cancel()
                self._summarise()
            else:
                self._say("all is played; the page stays until Ctrl-C")

    async def run_sent(self, sent: Sequence[Sent]) -> None:
        """All of a run is in the log; wait until it is stored too if the end depends on it."""
        assert self._on is not None  # noqa: S101 producers wait for `begun`
        system, clock = self._on
        sources = [one.source for one in sent]
        run = sources[0].run
        if not any(one.chunks for one in sent):
            self._say(f"run {run}: the log already holds all of it, nothing was sent")
        if self._stop:
            first = min(source.first_lumisection for source in sources)
            last = max(one.lumisection for one in sent)
            await self._all_done(system, run, range(first, last + 1))
            self._played.append(self._summary(sent, clock.monotonic() - self._run_began))
        self._run_began = clock.monotonic()
        self._left -= 1
        if not self._left:
            self._done.set()

    async def _all_done(self, system: System, run: int, lumisections: range) -> None:
        """Every LS is judged and in the store."""
        async with self._told:
            await self._told.wait_for(
                lambda: all((run, number) in self._lines for number in lumisections)
            )
        while True:
            stored = await asyncio.to_thread(_stored, system, run)
            recorded = await asyncio.to_thread(system.store.positions)
            has_reports = all(recorded.get(at, 0) >= end for at, end in self._judged.items())
            if stored >= set(lumisections) and has_reports:
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
                try:
                    records = await reader.read(timeout=60)
                except OffsetExpiredError as expired:
                    reader.seek(expired.topic, expired.partition, expired.start)
                    continue
                for record in records:
                    message = _message(record)
                    if message is None or message.run not in self._numbers:
                        continue
                    if isinstance(message, QualityReports):
                        self._judged[record.topic, record.partition] = record.offset + 1
                    line = progress.take(message)
                    if line is not None:
                        await self._tell(line)

    async def _tell(self, line: LumisectionLine) -> None:
        self._say(line.text())
        async with self._told:
            self._lines[line.run, line.lumisection] = line
            self._told.notify_all()

    def _summary(self, sent: Sequence[Sent], seconds: float) -> PlayedRun:
        run = sent[0].source.run
        lines = [line for (number, _), line in sorted(self._lines.items()) if number == run]
        outcomes: Counter[str] = Counter()
        notes: Counter[str] = Counter()
        for line in lines:
            outcomes.update(line.outcomes)
            notes.update(line.notes)
        return PlayedRun(
            run=run,
            sources=[one.source.name for one in sent],
            lumisections=lines,
            chunks=sum(one.chunks for one in sent),
            seen=sum(line.seen for line in lines),
            selected=sum(line.selected for line in lines),
            dropped=sum(line.dropped for line in lines),
            notes=dict(notes),
            outcomes=dict(outcomes),
            seconds=seconds,
            late=None if self._latest is None else self._latest(),
            files=[report for one in sent for report in getattr(one.source, "reports", ())],
        )

    def _summarise(self) -> None:
        if self._json:
            document = msgspec.json.encode({"runs": self._played})
            typer.echo(msgspec.json.format(document).decode())
            return
        for run in self._played:
            outcomes = ", ".join(f"{count} {name}" for name, count in sorted(run.outcomes.items()))
            self._say(
                f"run {run.run}: {len(run.lumisections)} LSs, {run.selected} of {run.seen} events "
                f"filled, {run.dropped} dropped; {outcomes or 'no reports'}"
                + ("" if run.late is None else f"; at most {run.late:.3f} s late")
            )

    def _say(self, text: str) -> None:
        typer.echo(text, file=sys.stderr if self._json else sys.stdout)


def _message(record: Record) -> HistogramSet | QualityReports | None:
    """What a record says, if it can be read: others count and bury what cannot."""
    try:
        message = CODEC.decode(record.headers, record.value)
    except MessageError:
        return None
    return message if isinstance(message, HistogramSet | QualityReports) else None


def _stored(system: System, run: int) -> set[int]:
    """LSs of which the store has the contents of every workspace: analysed ones come last."""
    return set.intersection(
        *(_stored_of(system, run, workspace) for workspace in system.booking_set.workspaces)
    )


def _stored_of(system: System, run: int, workspace: str) -> set[int]:
    found: set[int] = set()
    after = None
    while True:
        page = system.store.lumisections(
            run, set=system.booking_set.hash, workspace=workspace, after=after
        )
        found.update(one.lumisection for one in page.items)
        if page.after is None:
            return found
        after = page.after
