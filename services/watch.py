"""What `dqmstream watch` does."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import typer

from dqmstream.clock import SystemClock
from dqmstream.conditions.table import ConditionsTable
from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.product_columns import known_columns
from dqmstream.sources.cms.selection import HltSelection
from dqmstream.sources.cms.settings import ReadSettings, fed_ids
from dqmstream.sources.cms.watching.offered import offered_in
from dqmstream.sources.cms.watching.settings import WatchSettings
from services.announced import columns_in_use, columns_to_send
from services.conditions import chosen_conditions
from services.memory import return_freed_memory
from services.play import Play
from services.processes.alone import alone, need_broker
from services.processes.conditions import conditions_publisher
from services.processes.produce import Sent
from services.processes.watch import Watching
from services.runs import Runs
from services.settings import Settings
from services.shutdown import run_until_stopped
from services.startup import chosen_bookings, chosen_tests, in_force
from services.system import running_system
from services.waiting import waiting_longer

__all__ = ["WatchPlay", "watch", "watch_settings"]

_CHUNK_EVENTS: Final = 100
"""Small chunks: at the stream's 20 events/s a plot grows every few seconds."""


def watch_settings(
    *,
    run: int | None,
    streams: tuple[str, ...],
    paths: tuple[str, ...],
    prescale: int,
    chunk_events: int | None,
    missing_timeout: float,
    newest: bool,
    feds: str = "",
) -> WatchSettings:
    """What the command asks for.

    Raises
    ------
    ConfigurationError
        If it contradicts itself.
    """
    read = ReadSettings(
        selection=HltSelection(paths=paths, prescale=prescale),
        chunk_events=chunk_events or _CHUNK_EVENTS,
        lumisection_from="name",
        feds=fed_ids(feds),
    )
    return WatchSettings(
        read=read,
        run=run,
        streams=streams,
        missing_timeout=missing_timeout,
        broken_timeout=min(missing_timeout, WatchSettings().broken_timeout),
        newest=newest,
    )


def watch(
    *,
    folders: Sequence[Path],
    watched: Mapping[str, object],
    conditions: Sequence[Path],
    send_only: bool,
    exit_with_run: bool,
    json: bool,
    flags: Mapping[str, object],
    config: Path | None,
) -> int:
    """Send what appears in folders, with all services beside it, or alone."""
    layers = in_force(flags, config)
    how = watch_settings(**watched)  # type: ignore[arg-type]
    settings, warnings = waiting_longer(layers, how.missing_timeout)
    for warning in warnings:
        typer.echo(warning, err=True)
    missing = [str(folder) for folder in folders if not folder.is_dir()]
    if missing:
        msg = f"no such folder to watch: {', '.join(missing)}"
        raise ConfigurationError(msg)
    if exit_with_run and how.run is None:
        msg = "--exit ends with a run: name it by --run"
        raise ConfigurationError(msg)
    if send_only:
        need_broker(settings, "watch --send-only")
    table = _told(conditions, how.run) if conditions else None
    return_freed_memory()
    do = _send if send_only else _play
    return do(settings, folders, how, table, exit_with_run=exit_with_run, json=json)


def _reading(
    how: WatchSettings, offered: Collection[str], columns: Collection[str]
) -> WatchSettings:
    """To watch for these columns only, of all that files may have, now and later."""
    read = how.read.reading((known_columns() | frozenset(offered)).intersection(columns))
    return msgspec.structs.replace(how, read=read)


def _told(files: Sequence[Path], run: int | None) -> ConditionsTable:
    """What files say of the run to watch, or of all: which will come nobody knows."""
    table = chosen_conditions(files, str(run or ""))
    if run and run not in table.runs:
        typer.echo(f"conditions: the files say nothing of run {run}", err=True)
    return table


class WatchPlay(Play):
    """Tells what comes of runs that nobody knows beforehand.

    Parameters
    ----------
    run
        The run to stop with.
    """

    def __init__(self, run: int | None, *, stop: bool, json: bool) -> None:
        super().__init__(Runs(), stop=stop, json=json)
        # Run 0 is nobody's: it stands for those that are to come.
        self._numbers = {run or 0}
        self._left = 1 if stop else -1

    def run_begins(self, run: int) -> None:
        """Follow this run too."""
        self._numbers.add(run)


def _play(
    settings: Settings,
    folders: Sequence[Path],
    how: WatchSettings,
    conditions: ConditionsTable | None,
    *,
    exit_with_run: bool,
    json: bool,
) -> int:
    offered = offered_in(folders, how, SystemClock().wall())
    bookings = chosen_bookings(settings, columns=offered)
    how = _reading(how, offered, columns_to_send(settings, bookings, offered))
    tests = chosen_tests(settings, bookings)
    play = WatchPlay(how.run, stop=exit_with_run, json=json)
    told = asyncio.Event()
    publishers = []
    if conditions is None:
        told.set()
    else:
        publishers.append(_publisher(conditions, begin=play.begun.wait, done=told.set))

    async def begin() -> None:
        # What lies in the folders already would outrun what is said of it, and be judged twice.
        await play.begun.wait()
        await told.wait()

    watching = Watching(
        settings,
        folders,
        how,
        conditions=conditions,
        until_end=exit_with_run,
        begin=begin,
        on_run_begin=play.run_begins,
        on_run=play.run_sent,
    )
    producers = [watching.service(), *publishers]

    async def main() -> None:
        clock = SystemClock()
        derive = conditions is None  # what files say wins
        async with running_system(
            settings, bookings, tests, clock, producers, derive_conditions=derive
        ) as system:
            await play.on(system, clock)

    return run_until_stopped(main)


def _send(
    settings: Settings,
    folders: Sequence[Path],
    how: WatchSettings,
    conditions: ConditionsTable | None,
    *,
    exit_with_run: bool,
    json: bool,
) -> int:
    offered = offered_in(folders, how, SystemClock().wall())
    how = _reading(how, offered, columns_in_use(settings, offered))
    told: list[dict[str, object]] = []

    async def tell(sent: Sequence[Sent]) -> None:
        for one in sent:
            told.append(one.words())
            if not json:
                typer.echo(one.text())

    watching = Watching(
        settings, folders, how, conditions=conditions, until_end=exit_with_run, on_run=tell
    )
    publishers = [] if conditions is None else [_publisher(conditions)]
    status = run_until_stopped(lambda: alone(settings, [*publishers, watching.service()]))
    if json:
        document = msgspec.json.encode({"sent": told, "counts": _counts(watching)})
        typer.echo(msgspec.json.format(document).decode())
    return status


_publisher = partial(conditions_publisher, speed=None)


def _counts(watching: Watching) -> dict[str, int]:
    progress = watching.progress
    names = ("given_up", "late_files", "skipped_files", "files_beyond", "failed_sources")
    return {name: getattr(progress, name) for name in names}
