"""What the commands do that run all services in one process: settings, runs and a system."""

import os
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import typer

from dqmstream.clock import SystemClock
from dqmstream.conditions.synthetic import synthetic_conditions
from dqmstream.conditions.table import ConditionsTable
from dqmstream.messages.booking import Booking
from dqmstream.sources.synthetic.truth import write_truth
from services.conditions import conditions_of_runs, with_conditions
from services.memory import return_freed_memory
from services.play import Play
from services.processes.conditions import conditions_publisher
from services.processes.produce import Producing
from services.runs import STREAM_WORKSPACE, Runs, runs_of_files, synthetic_config, synthetic_run
from services.settings import Settings
from services.shutdown import run_until_stopped
from services.startup import chosen_bookings, chosen_tests, settings_in_force
from services.system import running_system

__all__ = ["demo", "replay", "serve_all"]


def demo(
    *,
    files: Sequence[Path],
    speed: float | None,
    synthetic: Mapping[str, float],
    faults: Sequence[str] | None,
    conditions: Sequence[Path],
    flags: Mapping[str, object],
    config: Path | None,
    exit_with_run: bool,
    json: bool,
) -> int:
    """Play a synthetic run, or streamer files, in a fresh folder unless one is named."""
    with ExitStack() as stack:
        given = dict(flags)
        if given.get("data") is None and "DQMSTREAM_DATA" not in os.environ:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dqmstream-demo-"))
            given["data"] = Path(folder)
            given["kafka_prefix"] = _fresh_prefix(settings_in_force(given, config))
        settings = settings_in_force(given, config)
        table = None
        if files:
            runs = runs_of_files(files)
        else:
            detector = synthetic_config(synthetic, faults)
            settings.data.mkdir(parents=True, exist_ok=True)
            write_truth(detector, settings.data / "truth.json")
            runs = synthetic_run(detector)
            table = synthetic_conditions(detector)
        if conditions:
            table = conditions_of_runs(conditions, runs)
        return _play(
            settings,
            _fitting(settings, runs),
            runs,
            table,
            speed=speed,
            exit_with_run=exit_with_run,
            json=json,
        )


def replay(
    *,
    files: Sequence[Path],
    speed: float | None,
    run: int,
    lumisections: int | None,
    paths: tuple[str, ...],
    prescale: int,
    chunk_events: int | None,
    conditions: Sequence[Path],
    flags: Mapping[str, object],
    config: Path | None,
    exit_with_run: bool,
    json: bool,
) -> int:
    """Play streamer files, or a recording, into the log."""
    settings = settings_in_force(flags, config)
    runs = runs_of_files(
        files,
        run=run,
        lumisections=lumisections,
        paths=paths,
        prescale=prescale,
        chunk_events=chunk_events,
    )
    return _play(
        settings,
        _fitting(settings, runs),
        runs,
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


def _fitting(settings: Settings, runs: Runs) -> tuple[Booking, ...]:
    if runs.from_files:
        return chosen_bookings(settings, only=STREAM_WORKSPACE)
    return chosen_bookings(settings, without=STREAM_WORKSPACE)


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
    if conditions is not None:
        runs = with_conditions(runs, conditions)
    play = Play(runs, stop=exit_with_run, json=json)
    tests = chosen_tests(settings, bookings)
    producing = Producing(
        settings, runs.sources, speed=speed, begin=play.begun.wait, on_run=play.run_sent
    )
    return_freed_memory()

    async def main() -> None:
        clock = SystemClock()
        producers = producing.services()
        if conditions is not None:
            begin = play.begun.wait
            publisher = conditions_publisher(
                conditions, speed=speed, seconds=runs.seconds, begin=begin
            )
            producers.append(publisher)
        async with running_system(settings, bookings, tests, clock, producers) as system:
            await play.on(system, clock)

    return run_until_stopped(main)
