"""The command line, and the one place that puts services together.

Heavy imports happen inside the commands, so that help is quick.
"""

from pathlib import Path
from typing import Annotated

import typer

from dqmstream import __version__
from services.command_line import alarms as cli_alarms
from services.command_line import bench as cli_bench
from services.command_line import deploy as cli_deploy
from services.command_line import imports as cli_imports
from services.command_line import layouts as cli_layouts
from services.command_line import looking as cli_looking
from services.command_line import madeup as cli_madeup
from services.command_line import memory as cli_memory
from services.command_line import notifications as cli_notifications
from services.command_line import playback as cli_playback
from services.command_line import processes as cli_processes
from services.command_line import references as cli_references
from services.command_line import scenarios as cli_scenarios
from services.command_line import sets as cli_sets
from services.command_line import store as cli_store
from services.command_line import token as cli_token
from services.command_line import watching as cli_watching
from services.command_line import workspaces as cli_workspaces
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
from services.command_line.qtests import group as cli_qtests

__all__ = ["app", "main"]

app = typer.Typer(
    name="dqmstream",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Online data quality monitoring as a stream.

    Events in, exact histograms per lumisection, quality tests, live plots in a browser.

    Try [bold]dqmstream demo[/bold]: it plays a synthetic run and prints the address of the page.
    Settings come from a TOML file, DQMSTREAM_* variables and flags: see [bold]config[/bold].
    DQMSTREAM_KAFKA=host:port,... moves everything from the embedded log to Apache Kafka.

    Exit status: 0 done or stopped, 1 log or store failed, 2 the command or a setting is wrong.
    """,
)
_WHOLE = "All services in one process"
_LOOK = "To look at things"
_MAKE = "For developers"
cli_bench.add_to(app, panel=_MAKE)
cli_madeup.add_to(app, panel=_MAKE)


@app.command(rich_help_panel=_WHOLE)
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


@app.command(rich_help_panel=_WHOLE)
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


@app.command(rich_help_panel=_WHOLE)
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


cli_watching.add_to(app, panel=_WHOLE)
cli_imports.add_to(app, panel=_WHOLE)
app.add_typer(cli_playback.app, name="playback", rich_help_panel=_WHOLE)
cli_processes.add_to(app)
cli_sets.add_to(app)
cli_deploy.add_to(app, panel="Sets of bookings")
cli_qtests.add_to(app, panel="Quality tests")
cli_store.add_to(app, panel=_LOOK)
cli_references.add_to(app, panel=_LOOK)
cli_token.add_to(app)


cli_looking.add_to(app, panel=_LOOK)
cli_memory.add_to(app, panel=_LOOK)
cli_workspaces.add_to(app, panel="Sets of bookings")
cli_layouts.add_to(app, panel=_LOOK)
cli_notifications.add_to(app, panel=_LOOK)
cli_alarms.add_to(app, panel=_LOOK)
cli_scenarios.add_to(app, panel=_LOOK)


@app.command(rich_help_panel=_LOOK)
def config(
    file: Annotated[
        Path | None, typer.Option("--config", help="TOML file", envvar="DQMSTREAM_CONFIG")
    ] = None,
    json: Json = False,
) -> None:
    """List all settings: what is in force, and where it comes from."""
    from services import terminal  # noqa: PLC0415

    invoke(terminal.show_settings, file=file, json=json)


@app.command("schemas", rich_help_panel=_MAKE)
def write_schemas(
    folder: Annotated[Path, typer.Argument(help="folder to write to")] = Path("schemas"),
) -> None:
    """Write the contracts for any language: JSON Schema, AsyncAPI, OpenAPI, Arrow schemas."""
    from services import schemas  # noqa: PLC0415

    invoke(schemas.write_schemas, folder=folder)


@app.command(rich_help_panel=_LOOK)
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Entry point of the console command."""
    app()


if __name__ == "__main__":
    main()
