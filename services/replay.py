"""What the command does that plays recorded events again: changed, in a loop, on command."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from msgspec import structs

from dqmstream.clock import Clock, SystemClock
from dqmstream.conditions.publish import publish_conditions
from dqmstream.errors import ConfigurationError, MessageError
from dqmstream.messages.booking import Booking
from dqmstream.messages.checkpoints import SourceCheckpoint
from dqmstream.messages.operations import Conditions
from dqmstream.messages.topics import CHECKPOINTS
from dqmstream.messages.wire import CODEC
from dqmstream.producing.pace import Pace
from dqmstream.sources.source import EventSource
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import Log
from playback.replaying import ChangedRun, Changes, LoopedRuns, Steering, parse_changes
from playback.replaying.control import answering
from services.announced import columns_in_use, columns_to_send
from services.conditions import conditions_of_runs, with_conditions
from services.input_files import FileOptions, runs_of_files
from services.memory import return_freed_memory
from services.play import Play
from services.processes.alone import alone, need_broker, refuse_candidate
from services.processes.begun import refuse_begun_otherwise
from services.processes.process import Process, Ready, Service
from services.processes.produce import Producing, Sent
from services.runs import Runs
from services.settings import Settings
from services.shutdown import run_until_stopped
from services.startup import chosen_bookings, chosen_tests, settings_in_force
from services.steering import SOCKET
from services.system import running_system

__all__ = ["Replayed", "replay"]

_Rows = Mapping[int, Sequence[Conditions]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Replayed:
    """How something is played.

    Parameters
    ----------
    speed
        1 is real time, None as fast as it goes.
    run
        Number of the first run; None: as it is in the recording.
    count
        How many runs are played, one after another; None: for ever. 0: each run once.
    is_daemon
        Take commands, and go on where an earlier daemon of this log stopped.
    send_only
        Other processes do the rest.
    socket
        Where commands are taken.
    """

    speed: float | None = 1.0
    run: int | None = None
    count: int | None = 0
    is_daemon: bool = False
    send_only: bool = False
    socket: Path | None = None


def replay(
    *,
    files: Sequence[Path],
    options: FileOptions,
    changes: Mapping[str, Sequence[str]],
    how: Mapping[str, Any],
    conditions: Sequence[Path],
    flags: Mapping[str, object],
    config: Path | None,
    exit_with_run: bool,
    json: bool,
) -> int:
    """Play a recording or files; `how` is what `Replayed` takes, `changes` what `parse_changes`."""
    played, changed = Replayed(**how), parse_changes(**changes)
    settings = settings_in_force(flags, config)
    refuse_candidate(settings, "playback replay", "a candidate reads the events of production")
    if played.send_only:
        need_broker(settings, "playback replay --send-only")
    if changed.needs_pace and played.speed is None:
        msg = "a source is to come late, which takes a pace: expected a --speed above 0"
        raise ConfigurationError(msg)
    runs = runs_of_files(files, options)
    rows: dict[int, list[Conditions]] = {}
    for row in runs.conditions:
        rows.setdefault(row.run, []).append(row)
    if conditions:
        table = conditions_of_runs(conditions, runs)
        runs = with_conditions(runs, table)
        rows = {number: list(table.of_run(number).values()) for number in table.runs}
    bookings: tuple[Booking, ...] = ()
    if not played.send_only:
        bookings = chosen_bookings(settings, columns=runs.columns)
    if options.all_columns:
        wanted = runs.columns
    elif played.send_only:
        wanted = columns_in_use(settings, runs.columns)
    else:
        wanted = columns_to_send(settings, bookings, runs.columns)
    playing = _Playing(settings, played, changed, runs.reading(wanted), rows)
    return_freed_memory()
    if played.send_only:
        return playing.send()
    return playing.play(bookings, exit_with_run=exit_with_run, json=json)


class _Playing:
    """One replay: its runs, its steering, and what they need of a process."""

    def __init__(
        self,
        settings: Settings,
        played: Replayed,
        changes: Changes,
        runs: Runs,
        rows: _Rows,
    ) -> None:
        self._settings = settings
        self._played = played
        self._rows = rows
        self._speed = played.speed
        self._seconds = runs.seconds
        self._steering = Steering()
        self._progress: list[Any] = []
        once = len(runs.sources)
        count = once if played.count == 0 else played.count
        own = [of_run[0].run for of_run in runs.sources]
        first = played.run
        if first is None and count != once:
            first = own[0]
        self._runs = LoopedRuns(
            runs.sources, changes, first=first, count=count, steering=self._steering
        )
        self._is_endless = count is None
        changes.check(source.name for of_run in runs.sources for source in of_run)
        self._troubles = self._runs.disturbed()

    def play(self, bookings: Sequence[Booking], *, exit_with_run: bool, json: bool) -> int:
        """With all services in this process."""
        settings = self._settings
        tests = chosen_tests(settings, bookings)
        finite = () if self._is_endless else tuple(self._runs)
        play = Play(
            Runs(sources=finite, seconds=self._seconds),
            stop=exit_with_run,
            json=json,
            latest=None if self._speed is None else lambda: self._steering.latest,
        )
        producing = (
            self._producing(on_run=self._told)
            if self._is_endless
            else self._producing(on_run=play.run_sent, begin=play.begun.wait)
        )

        async def main() -> None:
            clock = SystemClock()
            # What a recording knows wins: what events say would replace it LS by LS.
            services = self._services(producing)
            async with running_system(
                settings, bookings, tests, clock, services, derive_conditions=not self._rows
            ) as system:
                await play.on(system, clock)

        return run_until_stopped(main)

    def send(self) -> int:
        """Into the log, for other processes."""
        services = self._services(self._producing(on_run=self._told))
        return run_until_stopped(lambda: alone(self._settings, services))

    def _producing(self, *, on_run: Any, begin: Any = None) -> Producing:
        return Producing(
            self._settings,
            self._runs,
            speed=self._speed,
            troubles=self._troubles,
            begin=begin,
            on_run=on_run,
            names=self._runs.names,
            prepare=self._go_on if self._played.is_daemon else None,
            before_run=self._before_run,
            pace=self._pace,
        )

    def _services(self, producing: Producing) -> list[Service]:
        services = producing.services()
        self._progress = [one.progress for one in services]
        if self._played.is_daemon:
            services.append(Service(name="playback", start=self._answer))
        return services

    async def _answer(self, process: Process, ready: Ready) -> None:
        path = self._played.socket or process.settings.data / SOCKET
        async with answering(path, self._steering, self._status):
            ready()
            typer.echo(f"commands: dqmstream playback next-run|next-lumisection --socket {path}")
            await asyncio.Event().wait()

    def _status(self) -> dict[str, object]:
        done = [getattr(one, "lumisection", None) or 0 for one in self._progress]
        return {
            "run": self._steering.run,
            "lumisection": min(done, default=0),
            "speed": self._speed,
            "late": self._steering.late,
            "latest": self._steering.latest,
            "commands": self._steering.commands,
        }

    def _pace(self, source: EventSource, clock: Clock) -> Pace:
        pace = Pace(clock, self._speed)
        self._steering.begin(source.run, source.name, pace)
        return pace

    async def _go_on(self, process: Process) -> None:
        """After the runs that an earlier daemon has played into this log."""
        played = await _played(process.log, self._runs.names)
        first = self._runs.first or self._runs.made(0)[0].run
        ended = [run for run, is_ended in played.items() if is_ended and run >= first]
        self._runs.first = max([first, *(run + 1 for run in ended)])

    async def _before_run(self, process: Process, sources: Sequence[EventSource]) -> None:
        """All that is known of a run before its first event: judged once, with what is known."""
        await refuse_begun_otherwise(process, sources)
        (one, *_) = sources
        assert isinstance(one, ChangedRun)  # noqa: S101 `LoopedRuns` makes no others
        rows = [structs.replace(row, run=one.run) for row in self._rows.get(one.source.run, ())]
        if rows:
            await publish_conditions(process.log, rows, clock=process.clock)

    async def _told(self, sent: Sequence[Sent]) -> None:
        for one in sent:
            typer.echo(f"{one.text()}; at most {self._steering.latest:.3f} s late")


async def _played(log: Log, names: Sequence[str]) -> dict[int, bool]:
    """Runs that sources of these names have sent, and whether all of them have ended it."""
    found: dict[int, bool] = {}
    for record in (await latest_by_key(log, CHECKPOINTS)).values():
        with suppress(MessageError):
            message = CODEC.decode(record.headers, record.value)
            if isinstance(message, SourceCheckpoint) and message.source in names:
                found[message.run] = found.get(message.run, True) and message.ended
    return found
