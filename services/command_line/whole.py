"""The commands that are the whole system in one process: a demo, all services, files played."""

from pathlib import Path
from typing import Annotated

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
    Exit,
    Fault,
    Feds,
    Fillers,
    Json,
    Kafka,
    Keys,
    Length,
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


def add_to(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    for command in (demo, run, replay):
        app.command(rich_help_panel=panel)(command)


def demo(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="CMS streamer files (.jsn or .dat), event files (ROOT, Parquet, CSV), folders",
            show_default=False,
        ),
    ] = None,
    speed: Speed = 1.0,
    run: RunNumber = 1,
    lumisections: Length = 100,
    rate: Rate = 400.0,
    seconds: Seconds = 23.31,
    seed: Seed = 1,
    scenario: Scenario = None,
    fault: Fault = None,
    no_faults: NoFaults = False,
    as_run: AsRun = None,
    loop_for: LoopFor = None,
    tree: Tree = "",
    keys: Keys = "",
    feds: Feds = "",
    conditions: ConditionsFiles = None,
    data: Data = None,
    port: Port = None,
    workspaces: Workspaces = None,
    fillers: Fillers = None,
    kafka: Kafka = None,
    config: Config = None,
    exit_: Exit = False,
    json: Json = False,
) -> None:
    """Play a run through the whole system in one process, and serve the page.

    Without FILES a synthetic detector is played, with a dead module and a hot channel from LS 5
    on, or a scenario, and the conditions of a fill of its own; with FILES, CMS streamer files or
    event files, in the workspaces that find their columns there. Everything is kept
    in a fresh folder, on Kafka under a fresh prefix too, unless --data names one. Ctrl-C ends it.
    """
    if files and scenario is not None:
        msg = "give either FILES or --scenario"
        raise typer.BadParameter(msg)
    from services import commands  # noqa: PLC0415
    from services.input_files import FileOptions  # noqa: PLC0415

    invoke(
        commands.demo,
        files=files or [],
        options=FileOptions(
            as_run=as_run, loop_for=loop_for, tree=tree, keys=by_comma(keys), feds=feds
        ),
        speed=speed or None,
        synthetic=synthetic(
            run=run,
            lumisections=lumisections,
            rate=rate,
            lumisection_seconds=seconds,
            seed=seed,
        ),
        scenario=scenario,
        given=given(context),
        faults=[] if no_faults else fault,
        conditions=conditions or (),
        flags=flags(data=data, port=port, workspaces=workspaces, fillers=fillers, kafka=kafka),
        config=config,
        exit_with_run=exit_,
        json=json,
    )


def run(
    data: Data = None,
    port: Port = None,
    workspaces: Workspaces = None,
    fillers: Fillers = None,
    kafka: Kafka = None,
    config: Config = None,
) -> None:
    """Run all services in one process, until Ctrl-C.

    What the log holds unread is filled, what the store holds is served. The embedded log in the
    data folder belongs to this process: send it more with [bold]dqmstream replay[/bold], which
    runs the services itself. On Kafka any process may send more, such as
    [bold]dqmstream produce[/bold].
    """
    from services import commands  # noqa: PLC0415

    given = flags(data=data, port=port, workspaces=workspaces, fillers=fillers, kafka=kafka)
    invoke(commands.serve_all, flags=given, config=config)


def replay(
    files: Annotated[
        list[Path],
        typer.Argument(
            help=FILES,
        ),
    ],
    speed: Speed = 0.0,
    run: Annotated[
        int | None,
        typer.Option(
            help="run number a recording is played as; default: as recorded", show_default=False
        ),
    ] = None,
    lumisections: Annotated[
        int | None, typer.Option(help="play a recording over and over for so many LSs")
    ] = None,
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
    conditions: ConditionsFiles = None,
    data: Data = None,
    port: Port = None,
    workspaces: Workspaces = None,
    fillers: Fillers = None,
    kafka: Kafka = None,
    config: Config = None,
    exit_: Exit = False,
    json: Json = False,
) -> None:
    """Play files of events into the log, with all services running in this process.

    Which workspaces are filled follows from the columns that the files have.
    The same run played twice is the same run: what the log already holds of it is not sent again.
    """
    from services import commands  # noqa: PLC0415
    from services.input_files import FileOptions  # noqa: PLC0415

    options = FileOptions(
        run=run,
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
    )
    invoke(
        commands.replay,
        files=files,
        options=options,
        speed=speed or None,
        conditions=conditions or (),
        flags=flags(data=data, port=port, workspaces=workspaces, fillers=fillers, kafka=kafka),
        config=config,
        exit_with_run=exit_,
        json=json,
    )
