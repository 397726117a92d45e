"""`dqmstream import`: histograms of files into the log, where all services take them up."""

import asyncio
import getpass
import socket
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec
import typer

from dqmstream.clock import SystemClock
from dqmstream.sources.histograms.describe import Description, read_description
from dqmstream.store.store import Store
from services.importing.collecting import Collected, collect
from services.importing.publishing import RunReport, publish
from services.memory import return_freed_memory
from services.processes.alone import alone
from services.processes.process import Process, Ready, Service
from services.settings import Settings
from services.shutdown import run_until_stopped
from services.startup import chosen_bookings, chosen_tests, settings_in_force
from services.system import System, running_system

__all__ = ["import_histograms"]

_POLL = 0.1


@dataclass(slots=True)
class _Importing:
    """One import on its way; `reports` are complete when `sent` is set."""

    collected: Collected
    replace: bool
    who: str
    begin: asyncio.Event = field(default_factory=asyncio.Event)
    sent: asyncio.Event = field(default_factory=asyncio.Event)
    reports: list[RunReport] = field(default_factory=list)

    def service(self) -> Service:
        """As a process runs it; it ends when the log has everything."""
        return Service(name="importer", start=self._start)

    async def _start(self, process: Process, ready: Ready) -> None:
        ready()
        await self.begin.wait()
        self.reports = await publish(
            process.log,
            self.collected,
            clock=process.clock,
            who=self.who,
            replace=self.replace,
        )
        self.sent.set()


def import_histograms(
    *,
    files: Sequence[Path],
    workspace: str,
    run: int | None,
    description: Path | None,
    columns: Mapping[str, str],
    marks: Sequence[str],
    replace: bool,
    exit_when_stored: bool,
    json: bool,
    flags: Mapping[str, object],
    config: Path | None,
) -> int:
    """Read all files, then publish what they hold; on Kafka that is all this process does."""
    settings = settings_in_force(flags, config)
    said = read_description(description, run=run, columns=columns, marks=tuple(marks))
    collected = _collected(files, said, workspace)
    who = f"{getpass.getuser()}@{socket.gethostname()}: import"
    return_freed_memory()
    say = partial(typer.echo, file=sys.stderr if json else sys.stdout)

    async def main() -> None:
        importing = _Importing(collected, replace, who)
        if settings.kafka:
            importing.begin.set()
            await alone(settings, [importing.service()])
            _tell(collected, importing.reports, {}, json=json)
            return
        await _in_one_process(settings, importing, say, stop=exit_when_stored, json=json)

    return run_until_stopped(main)


def _collected(files: Sequence[Path], said: Description, workspace: str) -> Collected:
    return collect(files, said, workspace=workspace, writer=f"import-{socket.gethostname()}")


async def _in_one_process(
    settings: Settings,
    importing: _Importing,
    say: Callable[[str], None],
    *,
    stop: bool,
    json: bool,
) -> None:
    """The embedded log is of one process: all services run here, as with `replay`."""
    bookings = chosen_bookings(settings)
    booked = (*bookings, *(run.booking for run in importing.collected.runs))
    tests = chosen_tests(settings, booked)
    services = [importing.service()]
    async with running_system(settings, bookings, tests, SystemClock(), services) as system:
        say(f"page: {system.url}")
        importing.begin.set()
        await importing.sent.wait()
        outcomes = await _judged(system, importing)
        _tell(importing.collected, importing.reports, outcomes, json=json)
        if not stop:
            say("all is imported; the page stays until Ctrl-C")
            await _for_ever(system)


async def _for_ever(system: System) -> None:
    await system.process.finished.wait()  # services never finish: until somebody stops


async def _judged(system: System, importing: _Importing) -> dict[int, dict[str, int]]:
    """Outcomes by run, once every LS is judged and in the store."""
    found: dict[int, dict[str, int]] = {}
    for run in importing.collected.runs:
        wanted = {piece.lumisection for piece in run.pieces}
        ask = partial(_outcomes, system.store, run.run, run.set)
        found[run.run] = await _until(ask, wanted)
    return found


async def _until(
    ask: Callable[[], tuple[set[int], dict[str, int]]], wanted: set[int]
) -> dict[str, int]:
    while True:
        lumisections, outcomes = await asyncio.to_thread(ask)
        if lumisections >= wanted:
            return outcomes
        await asyncio.sleep(_POLL)


def _outcomes(store: Store, run: int, set_hash: str) -> tuple[set[int], dict[str, int]]:
    """LSs of a set that are stored and judged, and how their elements came out."""
    judged: set[int] = set()
    outcomes: Counter[str] = Counter()
    after = None
    while True:
        page = store.outcomes(run, set=set_hash, scope="lumisection", after=after)
        for counts in page.items:
            judged.add(counts.lumisection)
            outcomes.update({outcome.value: count for outcome, count in counts.counts.items()})
        if page.after is None:
            break
        after = page.after
    stored: set[int] = set()
    after = None
    while True:
        listed = store.lumisections(run, set=set_hash, after=after)
        stored.update(one.lumisection for one in listed.items)
        if listed.after is None:
            return judged & stored, dict(outcomes)
        after = listed.after


def _tell(
    collected: Collected,
    reports: Sequence[RunReport],
    outcomes: Mapping[int, Mapping[str, int]],
    *,
    json: bool,
) -> None:
    if json:
        document = {
            "workspace": collected.workspace,
            "files": list(collected.reports),
            "runs": [
                msgspec.to_builtins(one) | {"outcomes": dict(outcomes.get(one.run, {}))}
                for one in reports
            ],
        }
        typer.echo(msgspec.json.format(msgspec.json.encode(document)).decode())
        return
    for file in collected.reports:
        typer.echo(f"{file.file}: {file.taken} histograms, marked {', '.join(file.marks)}")
        for reason, count in file.rejected.items():
            typer.echo(f"  {count} rejected: {reason}")
        for example in file.examples:
            typer.echo(f"    {example}")
    for one in reports:
        parts = [f"{one.lumisections} LSs"] + ["whole run"] * one.whole_run
        parts.append(f"{one.sent} sent, {one.replaced} of them replaced, {one.unchanged} unchanged")
        parts += [f"{count} {name}" for name, count in one.notes.items()]
        parts += [f"{count} {name}" for name, count in outcomes.get(one.run, {}).items()]
        typer.echo(f"run {one.run}: {', '.join(parts)}")
