"""What `dqmstream produce`, `fill`, `analyse`, `compare`, `notify`, `record` and `serve` do.

Each imports what its own service needs, and no more: a recorder needs no kernels.
"""

import asyncio
import secrets
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import typer

from services.draining import Drain
from services.memory import return_freed_memory
from services.processes.alone import alone, need_broker, refuse_candidate
from services.settings import Settings
from services.shutdown import run_until_stopped
from services.startup import (
    booking_set,
    chosen_bookings,
    chosen_tests,
    settings_in_force,
    worker_bounds,
)

if TYPE_CHECKING:
    from dqmstream.sources.source import EventSource
    from services.input_files import FileOptions
    from services.processes.process import Process

__all__ = [
    "alert",
    "analyse",
    "compare",
    "conditions",
    "display",
    "fill",
    "notify",
    "produce",
    "record",
    "serve",
]


def _settings(command: str, flags: Mapping[str, object], config: Path | None) -> Settings:
    settings = settings_in_force(flags, config)
    need_broker(settings, command)
    return_freed_memory()
    return settings


def fill(*, shown_from: int | None, flags: Mapping[str, object], config: Path | None) -> int:
    """Fill histograms until stopped."""
    from services.processes.fill import Filling  # noqa: PLC0415
    from services.processes.posted import PostedFilling  # noqa: PLC0415

    settings = _settings("fill", flags, config)
    filling = Filling(settings, chosen_bookings(settings), shown_from=shown_from)
    says = f"filling {', '.join(filling.booking_set.workspaces)}: set {filling.booking_set.hash}"
    return run_until_stopped(
        lambda: alone(
            settings,
            [*filling.services(), PostedFilling(settings).service()],
            says=says,
            begin=filling.begin,
        )
    )


def analyse(*, derive: bool, flags: Mapping[str, object], config: Path | None) -> int:
    """Analyse LSs as they close until stopped."""
    from dqmstream.analyses.registry import workspaces_analysed  # noqa: PLC0415
    from services.filler.announcing import announce  # noqa: PLC0415
    from services.processes.analyse import analysers, idle_analyser  # noqa: PLC0415
    from services.processes.process import Process  # noqa: PLC0415

    settings = _settings("analyse", flags, config)
    chosen = booking_set(settings, chosen_bookings(settings))
    services = analysers(chosen, conditions=derive and not settings.candidate)
    if not services:
        says = f"nothing to analyse: none of {', '.join(chosen.workspaces)} has an analysis"
        return run_until_stopped(lambda: alone(settings, [idle_analyser(chosen)], says=says))

    async def begin(process: Process) -> None:
        # Which set is shown from when is said by its fillers.
        await announce(process.log, chosen, clock=process.clock, who=process.name, from_run=0)

    names = ", ".join(layout.workspace for layout in workspaces_analysed(chosen))
    says = f"analysing {names}: set {chosen.hash}"
    return run_until_stopped(lambda: alone(settings, services, says=says, begin=begin))


def compare(*, flags: Mapping[str, object], config: Path | None) -> int:
    """Judge histograms until stopped."""
    from services.processes.compare import comparator  # noqa: PLC0415

    settings = _settings("compare", flags, config)
    tests = chosen_tests(settings)
    says = f"comparing by {len(tests)} quality tests"
    return run_until_stopped(
        lambda: alone(settings, [comparator(tests, worker_bounds(settings))], says=says)
    )


def alert(*, flags: Mapping[str, object], config: Path | None) -> int:
    """Raise and end alarms until stopped."""
    from services.processes.alarm import alarms, chosen_rules  # noqa: PLC0415

    settings = _settings("alert", flags, config)
    tests = chosen_tests(settings)
    service = alarms(chosen_rules(settings), tests)
    says = f"raising alarms by the policies of {len(tests)} quality tests"
    return run_until_stopped(lambda: alone(settings, [service], says=says))


def display(*, flags: Mapping[str, object], config: Path | None) -> int:
    """Pick events to be looked at until stopped."""
    from services.processes.display import display as displaying  # noqa: PLC0415

    settings = _settings("display", flags, config)
    service = displaying(settings)
    says = f"showing at most {settings.display_rate:g} events a second"
    return run_until_stopped(lambda: alone(settings, [service], says=says))


def notify(*, flags: Mapping[str, object], config: Path | None) -> int:
    """Tell receivers of alarms until stopped."""
    from services.processes.notify import notifier  # noqa: PLC0415

    settings = _settings("notify", flags, config)
    refuse_candidate(settings, "notify", "people are told of alarms of production only")
    service = notifier(settings)
    says = f"telling of alarms as {settings.notifications} says"
    return run_until_stopped(lambda: alone(settings, [service], says=says))


def record(*, flags: Mapping[str, object], config: Path | None) -> int:
    """Keep closed LSs in the store until stopped."""
    from services.processes.record import recorder  # noqa: PLC0415

    settings = _settings("record", flags, config)
    settings.store_folder.mkdir(parents=True, exist_ok=True)
    says = f"recording in {settings.shown_store}"
    return run_until_stopped(lambda: alone(settings, [recorder()], says=says))


def serve(*, flags: Mapping[str, object], config: Path | None) -> int:
    """Answer HTTP and serve the page until stopped."""
    from services.processes.serve import serving  # noqa: PLC0415

    settings = _settings("serve", flags, config)
    drain = Drain(settings.drain_seconds)

    async def main() -> None:
        async with serving(settings) as gateway:
            await alone(settings, [gateway.service], says=f"page: {gateway.url}", drain=drain)

    return run_until_stopped(main, drain)


def produce(
    *,
    files: Sequence[Path],
    synthetic: Mapping[str, float] | None,
    live: bool,
    scenario: str | None,
    given: Collection[str],
    faults: Sequence[str] | None,
    options: "FileOptions",
    speed: float | None,
    expected: tuple[str, ...],
    conditions: Sequence[Path],
    json: bool,
    flags: Mapping[str, object],
    config: Path | None,
) -> int:
    """Send runs of files, or a synthetic one, and end with them."""
    from dqmstream.conditions.synthetic import synthetic_conditions  # noqa: PLC0415
    from dqmstream.conditions.table import ConditionsTable  # noqa: PLC0415
    from services import runs as making  # noqa: PLC0415
    from services.announced import columns_in_use  # noqa: PLC0415
    from services.conditions import conditions_of_runs, with_conditions  # noqa: PLC0415
    from services.input_files import runs_of_files  # noqa: PLC0415
    from services.processes.begun import refuse_begun_otherwise  # noqa: PLC0415
    from services.processes.conditions import conditions_publisher  # noqa: PLC0415
    from services.processes.produce import Producing, Sent  # noqa: PLC0415

    settings = _settings("produce", flags, config)
    refuse_candidate(settings, "produce", "a candidate reads the events of production")
    if synthetic is not None:
        played = making.chosen_scenario(scenario, synthetic, faults, given)
        live_as = secrets.token_hex(8) if live else ""
        runs = making.synthetic_run(played, speed=speed, live_as=live_as)
    else:
        runs = runs_of_files(files, options)
        everything = options.all_columns
        wanted = runs.columns if everything else columns_in_use(settings, runs.columns)
        runs = runs.reading(wanted, wanted if expected else ())
    publishers, table = [], None
    if conditions:
        table = conditions_of_runs(conditions, runs)
    elif synthetic is not None and scenario is not None:
        table = synthetic_conditions(played.config)
    if table is not None:
        runs = with_conditions(runs, table)
    elif runs.conditions:
        table = ConditionsTable(runs.conditions)
    is_checked, is_said = asyncio.Event(), asyncio.Event()
    if table is not None:
        publishers.append(
            conditions_publisher(
                table,
                speed=speed,
                seconds=runs.seconds,
                begin=is_checked.wait,
                done=is_said.set,
            )
        )
    if table is None or speed is not None:
        is_said.set()
    told: list[dict[str, object]] = []

    async def check(process: "Process", sources: "Sequence[EventSource]") -> None:
        await refuse_begun_otherwise(process, sources)
        is_checked.set()
        # As fast as it goes, events would outrun what is said of them, and be judged twice.
        await is_said.wait()

    async def tell(sent: Sequence[Sent]) -> None:
        for one in sent:
            told.append(one.words() | {"files": list(getattr(one.source, "reports", ()))})
            if not json:
                typer.echo(one.text())

    producing = Producing(
        settings,
        runs.sources,
        speed=speed,
        expected=(*expected, *runs.expected),
        troubles=runs.troubles,
        on_run=tell,
        before_run=check,
    )
    status = run_until_stopped(lambda: alone(settings, [*publishers, *producing.services()]))
    if json:
        document = msgspec.json.encode({"sent": told})
        typer.echo(msgspec.json.format(document).decode())
    return status


def conditions(
    *,
    files: Sequence[Path],
    runs: str,
    speed: float | None,
    flags: Mapping[str, object],
    config: Path | None,
) -> int:
    """Publish conditions of files, and end with them."""
    from dqmstream.conditions.publish import ConditionsProgress  # noqa: PLC0415
    from services.conditions import chosen_conditions  # noqa: PLC0415
    from services.processes.conditions import conditions_publisher  # noqa: PLC0415

    settings = _settings("conditions", flags, config)
    refuse_candidate(settings, "conditions", "a candidate reads the conditions of production")
    table, progress = chosen_conditions(files, runs), ConditionsProgress()
    publisher = conditions_publisher(table, speed=speed, progress=progress)
    status = run_until_stopped(lambda: alone(settings, [publisher]))
    typer.echo(f"conditions: {progress.published} LSs of {len(table.runs)} runs published")
    return status
