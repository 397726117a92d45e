"""The commands about folders in which files appear: watching one, and writing one to try that."""

from pathlib import Path
from typing import Annotated, Any

import typer

from services.command_line.invoke import invoke
from services.command_line.options import (
    ChunkEvents,
    ConditionsFiles,
    Config,
    Data,
    Feds,
    Fillers,
    Json,
    Kafka,
    Paths,
    Port,
    Prescale,
    Seconds,
    Seed,
    SendOnly,
    Workspaces,
    by_comma,
    flags,
)

__all__ = ["add_to"]


def add_to(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    for command in (watch, emulate):
        app.command(rich_help_panel=panel)(command)


def watch(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR", help="folders in which runNNNNNN folders of streamer files appear"
        ),
    ],
    run: Annotated[
        int | None, typer.Option(min=1, help="watch this run only", show_default="all")
    ] = None,
    streams: Annotated[
        str,
        typer.Option(help="streams to watch, by comma, as `streamDQM`", show_default="all"),
    ] = "",
    missing_timeout: Annotated[
        float,
        typer.Option(
            min=0.001,
            help="seconds an LS without a file is waited for once a later one is there; fillers in "
            "other processes need a longer lumisection_timeout and run_timeout",
        ),
    ] = 240.0,
    newest: Annotated[
        bool, typer.Option("--skip-to-newest", help="begin with the newest LS of the newest run")
    ] = False,
    paths: Paths = "",
    prescale: Prescale = 1,
    chunk_events: ChunkEvents = None,
    feds: Feds = "",
    conditions: ConditionsFiles = None,
    send_only: SendOnly = False,
    data: Data = None,
    port: Port = None,
    workspaces: Workspaces = None,
    fillers: Fillers = None,
    kafka: Kafka = None,
    config: Config = None,
    exit_: Annotated[
        bool,
        typer.Option("--exit", help="end with the run named by --run, and print a summary"),
    ] = False,
    json: Json = False,
) -> None:
    """Send CMS streamer files as they appear in folders, with all services in this process.

    Each LS is sent once, in rising order. One whose file is missing, broken or gone is given up
    after a while, and says so; a file that comes after that is shown as late. A restart goes on
    where the log says, and decides the same.
    """
    from services import watch as commands  # noqa: PLC0415

    invoke(
        commands.watch,
        folders=folders,
        watched={
            "run": run,
            "streams": by_comma(streams),
            "paths": by_comma(paths),
            "prescale": prescale,
            "chunk_events": chunk_events,
            "feds": feds,
            "missing_timeout": missing_timeout,
            "newest": newest,
        },
        conditions=conditions or (),
        send_only=send_only,
        flags=flags(data=data, port=port, workspaces=workspaces, fillers=fillers, kafka=kafka),
        config=config,
        exit_with_run=exit_,
        json=json,
    )


def _chance(of: str) -> Any:
    return typer.Option(min=0, max=1, help=f"chance that {of}")


def emulate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="folder to write runs into")],
    files: Annotated[
        list[Path], typer.Argument(help="CMS streamer files to write again and again")
    ],
    run: Annotated[int, typer.Option(min=1, help="number of the first run")] = 500001,
    runs: Annotated[int, typer.Option(min=1, help="runs, one after another")] = 1,
    lumisections: Annotated[int, typer.Option(min=1, help="LSs of a run")] = 20,
    seconds: Seconds = 23.31,
    speed: Annotated[float, typer.Option(min=0.001, help="1 is real time, 10 is 10 times")] = 1.0,
    run_key: Annotated[str, typer.Option(help="kind of the runs")] = "pp_run",
    seed: Seed = 1,
    missing: Annotated[float, _chance("the file of an LS never comes")] = 0.0,
    truncated: Annotated[float, _chance("a data file ends too early")] = 0.0,
    half_written: Annotated[float, _chance("a .jsn is first seen half written")] = 0.0,
    out_of_order: Annotated[float, _chance("a file comes up to three LSs too late")] = 0.0,
    late: Annotated[float, _chance("a file comes --late-seconds after its time")] = 0.0,
    no_end: Annotated[float, _chance("a run has no end file")] = 0.0,
    late_seconds: Annotated[
        float, typer.Option(help="how late a late file is, in seconds of data taking")
    ] = 300.0,
    keep: Annotated[
        int | None, typer.Option(min=1, help="delete files older than so many LSs")
    ] = None,
    json: Json = False,
) -> None:
    """Write streamer files as the filter farm does, for [bold]watch[/bold], faults included.

    LS after LS takes the given files in turn, under the names of a new run; the events keep the
    run and LS they were recorded under. Chances say how often a file is missing, truncated, half
    written at first, out of order or late, and how often a run has no end. What is done to which
    LS stands beside the folder, in DIR.truth.json, before it is done.
    """
    from services import emulate as commands  # noqa: PLC0415

    invoke(
        commands.emulate,
        folder=folder,
        files=files,
        speed=speed,
        emulation={
            "run": run,
            "runs": runs,
            "lumisections": lumisections,
            "seconds": seconds,
            "run_key": run_key,
            "seed": seed,
            "missing": missing,
            "truncated": truncated,
            "half_written": half_written,
            "out_of_order": out_of_order,
            "late": late,
            "no_end": no_end,
            "late_seconds": late_seconds,
            "keep": keep,
        },
        json=json,
    )
