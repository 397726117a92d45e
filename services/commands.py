"""What the commands do that run all services in one process: settings, runs and a system."""

import asyncio
import os
import secrets
import tempfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import typer

from dqmstream.clock import SystemClock
from dqmstream.conditions.synthetic import synthetic_conditions
from dqmstream.conditions.table import ConditionsTable
from dqmstream.messages.booking import Booking
from dqmstream.sources.synthetic.truth import write_truth
from services.announced import columns_to_send
from services.conditions import conditions_of_runs, with_conditions
from services.input_files import FileOptions, runs_of_files
from services.memory import return_freed_memory
from services.play import Play
from services.processes.alone import refuse_candidate
from services.processes.begun import refuse_begun_otherwise
from services.processes.conditions import conditions_publisher
from services.processes.produce import Producing
from services.runs import Runs, chosen_scenario, synthetic_run
from services.settings import Settings
from services.shutdown import run_until_stopped
from services.startup import chosen_bookings, chosen_tests, settings_in_force
from services.system import running_system

__all__ = ["demo", "replay", "serve_all"]


def demo(
    *,
    files: Sequence[Path],
    options: FileOptions,
    speed: float | None,
    synthetic: Mapping[str, float],
    scenario: str | None,
    given: Collection[str],
    faults: Sequence[str] | None,
    conditions: Sequence[Path],
    flags: Mapping[str, object],
    config: Path | None,
    exit_with_run: bool,
    json: bool,
) -> int:
    """Play a synthetic run, or files, in a fresh folder unless one is named."""
    with ExitStack() as stack:
        chosen = dict(flags)
        if chosen.get("data") is None and "DQMSTREAM_DATA" not in os.environ:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dqmstream-demo-"))
            chosen["data"] = Path(folder)
            chosen["kafka_prefix"] = _fresh_prefix(settings_in_force(chosen, config))
        settings = settings_in_force(chosen, config)
        table = None
        if files:
            runs = runs_of_files(files, options)
        else:
            played = chosen_scenario(scenario, synthetic, faults, given)
            runs = synthetic_run(played, speed=speed)
            bookings = chosen_bookings(settings, columns=runs.columns)
            settings.data.mkdir(parents=True, exist_ok=True)
            path = settings.data / "truth.json"
            write_truth(played, path, bookings, chosen_tests(settings, bookings))
            table = synthetic_conditions(played.config)
        if conditions:
            table = conditions_of_runs(conditions, runs)
        return _play(
            settings,
            *_fitting(settings, runs, options),
            table,
            speed=speed,
            exit_with_run=exit_with_run,
            json=json,
        )


def replay(
    *,
    files: Sequence[Path],
    options: FileOptions,
    speed: float | None,
    conditions: Sequence[Path],
    flags: Mapping[str, object],
    config: Path | None,
    exit_with_run: bool,
    json: bool,
) -> int:
    """Play streamer files, tables of events or a recording into the log."""
    settings = settings_in_force(flags, config)
    runs = runs_of_files(files, options)
    return _play(
        settings,
        *_fitting(settings, runs, options),
        conditions_of_runs(conditions, runs) if conditions else None,
        speed=speed,
        exit_with_run=exit_with_run,
        json=json,
    )


def serve_all(*, flags: Mapping[str, object], config: Path | None) -> int:
    """Run all services until stopped."""
    settings = settings_in_force(flags, config)
    return _play(settings, chosen_bookings(settings), Runs())


def _fresh_prefix(settings: Settings) -> str | None:
    """What a fresh folder is to the embedded log: names that nobody has used on this broker."""
    if not settings.kafka or settings.kafka_prefix:
        return None
    prefix = f"demo-{secrets.token_hex(4)}."
    typer.echo(f"topics on Kafka begin with {prefix}, and stay there", err=True)
    return prefix


def _fitting(
    settings: Settings, runs: Runs, options: FileOptions
) -> tuple[tuple[Booking, ...], Runs]:
    """Workspaces that fit what is played, and the runs with the columns that anybody reads."""
    bookings = chosen_bookings(settings, columns=runs.columns)
    if options.all_columns:
        return bookings, runs.reading(runs.columns)
    return bookings, runs.reading(columns_to_send(settings, bookings, runs.columns))


def _play(
    settings: Settings,
    bookings: Sequence[Booking],
    runs: Runs,
    conditions: ConditionsTable | None = None,
    *,
    speed: float | None = None,
    exit_with_run: bool = False,
    json: bool = False,
) -> int:
    if runs.sources:
        refuse_candidate(settings, "demo", "and replay neither: it reads the events of production")
    if conditions is not None:
        runs = with_conditions(runs, conditions)
    elif runs.conditions:
        conditions = ConditionsTable(runs.conditions)
    play = Play(runs, stop=exit_with_run, json=json)
    tests = chosen_tests(settings, bookings)
    told = asyncio.Event()
    if conditions is None or speed is not None:
        told.set()

    async def begin() -> None:
        # As fast as it goes, events would outrun what is said of them, and be judged twice.
        await play.begun.wait()
        await told.wait()

    producing = Producing(
        settings,
        runs.sources,
        speed=speed,
        expected=runs.expected,
        troubles=runs.troubles,
        begin=begin,
        on_run=play.run_sent,
        before_run=refuse_begun_otherwise,
    )
    return_freed_memory()

    async def main() -> None:
        clock = SystemClock()
        producers = producing.services()
        if conditions is not None:
            publisher = conditions_publisher(
                conditions,
                speed=speed,
                seconds=runs.seconds,
                begin=play.begun.wait,
                done=told.set,
            )
            producers.append(publisher)
        # What files say wins: what events say would replace it LS by LS.
        derive = conditions is None
        if not derive and any(
            one.analysis and one.analysis.name == "conditions" for one in bookings
        ):
            typer.echo("conditions are those of the files: none are taken from events", err=True)
        async with running_system(
            settings, bookings, tests, clock, producers, derive_conditions=derive
        ) as system:
            await play.on(system, clock)

    return run_until_stopped(main)
