"""The commands that run one service as a process of its own, on Kafka."""

from pathlib import Path
from typing import Annotated, Final

import typer

from services.command_line.invoke import invoke
from services.command_line.options import (
    FILES,
    AllColumns,
    AsRun,
    ChunkEvents,
    ConditionsFiles,
    Config,
    Data,
    EventsPerLumisection,
    Fault,
    Feds,
    Fillers,
    Json,
    Kafka,
    Keys,
    LoopFor,
    NoFaults,
    Paths,
    Port,
    Prescale,
    Rate,
    RunNumber,
    Scenario,
    Seconds,
    Seed,
    Select,
    Speed,
    Tree,
    Workspaces,
    by_comma,
    flags,
    given,
    synthetic,
)

__all__ = ["add_to"]

_PANEL: Final = "One service as a process (needs Kafka)"
_SYNTHETIC_LENGTH: Final = 100


def add_to(app: typer.Typer) -> None:
    """Add the commands, in the order in which data pass through them."""
    for command in (
        produce,
        conditions,
        fill,
        analyse,
        compare,
        alert,
        display,
        notify,
        record,
        serve,
    ):
        app.command(rich_help_panel=_PANEL)(command)


def produce(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help=FILES,
            show_default=False,
        ),
    ] = None,
    is_synthetic: Annotated[
        bool, typer.Option("--synthetic", help="send a run of the synthetic detector")
    ] = False,
    is_live: Annotated[
        bool,
        typer.Option(
            "--live",
            help="send it as a detector does, which waits for nothing: what finds the buffer full "
            "is dropped and counted, and after a crash another life joins the run",
        ),
    ] = False,
    speed: Speed = 1.0,
    run: RunNumber = 1,
    lumisections: Annotated[
        int | None,
        typer.Option(
            help="length of the run; default: 100 of a synthetic one, a recording once",
            show_default=False,
        ),
    ] = None,
    rate: Rate = 400.0,
    seconds: Seconds = 23.31,
    seed: Seed = 1,
    scenario: Scenario = None,
    fault: Fault = None,
    no_faults: NoFaults = False,
    as_run: AsRun = None,
    loop_for: LoopFor = None,
    paths: Paths = "",
    select: Select = "",
    prescale: Prescale = 1,
    chunk_events: ChunkEvents = None,
    tree: Tree = "",
    keys: Keys = "",
    events_per_lumisection: EventsPerLumisection = None,
    all_columns: AllColumns = False,
    feds: Feds = "",
    expected: Annotated[
        str, typer.Option(help="sources of the same runs that other processes send, by comma")
    ] = "",
    conditions_files: ConditionsFiles = None,
    kafka: Kafka = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Send events to the log; ends when the log has all of them.

    What the log already holds of a run is not sent again: after a crash the same command goes on.
    """
    if bool(files) == is_synthetic:
        msg = "give either FILES or --synthetic"
        raise typer.BadParameter(msg)
    if is_live and not is_synthetic:
        msg = "--live needs --synthetic: files can be read again"
        raise typer.BadParameter(msg)
    if scenario is not None and not is_synthetic:
        msg = "--scenario needs --synthetic"
        raise typer.BadParameter(msg)
    from services.input_files import FileOptions  # noqa: PLC0415
    from services.processes import commands  # noqa: PLC0415

    length = lumisections or _SYNTHETIC_LENGTH
    numbers = synthetic(
        run=run,
        lumisections=length,
        rate=rate,
        lumisection_seconds=seconds,
        seed=seed,
        chunk_events=chunk_events,
    )
    invoke(
        commands.produce,
        files=files or [],
        synthetic=numbers if is_synthetic else None,
        live=is_live,
        scenario=scenario,
        given=given(context),
        faults=[] if no_faults else fault,
        options=FileOptions(
            run=run if "run" in given(context) else None,
            lumisections=lumisections,
            as_run=as_run,
            loop_for=loop_for,
            paths=by_comma(paths),
            select=select,
            prescale=prescale,
            chunk_events=chunk_events,
            tree=tree,
            keys=by_comma(keys),
            events_per_lumisection=events_per_lumisection,
            all_columns=all_columns,
            feds=feds,
        ),
        speed=speed or None,
        expected=by_comma(expected),
        conditions=conditions_files or (),
        json=json,
        flags=flags(kafka=kafka),
        config=config,
    )


def conditions(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="tables of LSs: JSON or Parquet as OMS and the Run Registry have them, CSV of "
            "brilcalc; and of runs, for fills and run types"
        ),
    ],
    runs: Annotated[str, typer.Option(help="as 381208 or 381200-381300; default: all")] = "",
    speed: Speed = 0.0,
    kafka: Kafka = None,
    config: Config = None,
) -> None:
    """Publish pile-up, luminosity, prescales, beam and DCS bits per lumisection; then end.

    Of two files that differ over an LS the first is believed. Publishing again replaces.
    """
    from services.processes import commands  # noqa: PLC0415

    invoke(
        commands.conditions,
        files=files,
        runs=runs,
        speed=speed or None,
        flags=flags(kafka=kafka),
        config=config,
    )


def fill(
    workspaces: Workspaces = None,
    fillers: Fillers = None,
    shown_from: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="run from which readers show this set of bookings, 0 for not yet; default: the "
            "first set of a log at once, another one from the next run on",
            show_default=False,
        ),
    ] = None,
    kafka: Kafka = None,
    config: Config = None,
) -> None:
    """Fill histograms from events, until stopped.

    All fillers of the same workspaces and settings share the partitions of the events: start more
    of them, on any machine, to go faster.
    """
    from services.processes import commands  # noqa: PLC0415

    given = flags(workspaces=workspaces, fillers=fillers, kafka=kafka)
    invoke(commands.fill, shown_from=shown_from, flags=given, config=config)


def analyse(
    workspaces: Workspaces = None,
    derive: Annotated[
        bool,
        typer.Option(
            "--conditions/--no-conditions",
            help="publish what events say of the conditions of their LS; not where files say it",
        ),
    ] = True,
    kafka: Kafka = None,
    config: Config = None,
) -> None:
    """Fill workspaces by analyses of closed lumisections, until stopped.

    Takes the same workspaces and settings as the fillers of the set.

    One is enough; a second one repeats its work, which is harmless.
    """
    from services.processes import commands  # noqa: PLC0415

    given = flags(workspaces=workspaces, kafka=kafka)
    invoke(commands.analyse, derive=derive, flags=given, config=config)


def compare(kafka: Kafka = None, config: Config = None) -> None:
    """Judge histograms by quality tests, until stopped.

    All comparators share the workspaces, so each must have the same quality tests.
    """
    from services.processes import commands  # noqa: PLC0415

    invoke(commands.compare, flags=flags(kafka=kafka), config=config)


def alert(kafka: Kafka = None, config: Config = None) -> None:
    """Raise alarms of what quality tests and processes say, and end them, until stopped.

    It must have the quality tests that comparators have, for their policies. Of several such
    processes one works, and another takes over where it stops.
    """
    from services.processes import commands  # noqa: PLC0415

    invoke(commands.alert, flags=flags(kafka=kafka), config=config)


def display(kafka: Kafka = None, config: Config = None) -> None:
    """Pick single events to be looked at, until stopped; one is enough, and none is needed."""
    from services.processes import commands  # noqa: PLC0415

    invoke(commands.display, flags=flags(kafka=kafka), config=config)


def notify(kafka: Kafka = None, config: Config = None) -> None:
    """Tell receivers of alarms (webhooks, mail, chats), until stopped.

    DQMSTREAM_NOTIFICATIONS names the file of receivers and subscriptions. Of several notifiers one
    tells, and another takes over where it stops.
    """
    from services.processes import commands  # noqa: PLC0415

    invoke(commands.notify, flags=flags(kafka=kafka), config=config)


def record(data: Data = None, kafka: Kafka = None, config: Config = None) -> None:
    """Keep closed lumisections in the store, until stopped; one recorder for each store."""
    from services.processes import commands  # noqa: PLC0415

    invoke(commands.record, flags=flags(data=data, kafka=kafka), config=config)


def serve(data: Data = None, port: Port = None, kafka: Kafka = None, config: Config = None) -> None:
    """Answer HTTP and websockets and serve the page, until stopped."""
    from services.processes import commands  # noqa: PLC0415

    invoke(commands.serve, flags=flags(data=data, port=port, kafka=kafka), config=config)
