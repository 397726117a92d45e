"""The commands that play recorded events again, and steer what plays.

Heavy imports happen inside the commands, so that help is quick.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from services.command_line.invoke import invoke
from services.command_line.options import (
    AllColumns,
    AsRun,
    ChunkEvents,
    ConditionsFiles,
    Config,
    Data,
    EventsPerLumisection,
    Exit,
    Feds,
    Fillers,
    Json,
    Kafka,
    Keys,
    LoopFor,
    Paths,
    Port,
    Prescale,
    Select,
    SendOnly,
    Speed,
    Tree,
    Workspaces,
    by_comma,
    flags,
)

__all__ = ["add_to"]

Socket = Annotated[
    Path | None,
    typer.Option(
        help="socket of a daemon; only its owner may use it",
        show_default="playback.socket in the data folder",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (replay, next_run, next_lumisection, status):
        app.command()(command)


def replay(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="RECORDING|FILES",
            help="folder of a recording; or CMS streamer files, event files, folders of them",
        ),
    ],
    speed: Speed = 1.0,
    run: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="number of the first run; the next count up",
            show_default="as recorded",
        ),
    ] = None,
    loop: Annotated[
        bool, typer.Option("--loop", help="play again and again, each time as the next run")
    ] = False,
    runs: Annotated[
        int | None,
        typer.Option(min=1, help="with --loop: end after so many runs", show_default="without end"),
    ] = None,
    is_daemon: Annotated[
        bool,
        typer.Option(
            "--daemon",
            help="loop without end, take commands (next-run, next-lumisection, status), and go on "
            "after the last run that this log has of an earlier one",
        ),
    ] = False,
    hole: Annotated[
        list[str] | None,
        typer.Option(
            help="LSs of which nothing is said, as `3`, `7-9` or `12-`; may be repeated",
            show_default=False,
        ),
    ] = None,
    late: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE+SECONDS",
            help="all that this source sends comes so many seconds of data taking late",
            show_default=False,
        ),
    ] = None,
    duplicate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LS[*TIMES]",
            help="send each chunk of these LSs twice, or so often; `all` for every LS",
            show_default=False,
        ),
    ] = None,
    rename_stream: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OLD=NEW", help="play a source under another name", show_default=False
        ),
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
    send_only: SendOnly = False,
    socket: Socket = None,
    data: Data = None,
    port: Port = None,
    workspaces: Workspaces = None,
    fillers: Fillers = None,
    kafka: Kafka = None,
    config: Config = None,
    exit_: Exit = False,
    json: Json = False,
) -> None:
    """Play events again by their event times, with all services in this process.

    Runs and LSs are those of the recording. LSs keep their numbers and chunks theirs, so the same
    bits come out at any speed. With --daemon it is the beam of a test stand.
    """
    endless = is_daemon or (loop and runs is None)
    if runs is not None and not loop:
        msg = "--runs is how often to loop: it needs --loop"
        raise typer.BadParameter(msg)
    if is_daemon and runs is not None:
        msg = "a daemon plays without end: expected no --runs"
        raise typer.BadParameter(msg)
    if endless and (exit_ or json):
        msg = "what plays without end has no summary: expected no --exit and no --json"
        raise typer.BadParameter(msg)
    from services import replay as playing  # noqa: PLC0415
    from services.input_files import FileOptions  # noqa: PLC0415

    invoke(
        playing.replay,
        files=files,
        options=FileOptions(
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
        changes={
            "holes": hole or (),
            "late": late or (),
            "repeated": duplicate or (),
            "renamed": rename_stream or (),
        },
        how={
            "speed": speed or None,
            "run": run,
            "count": None if endless else runs if loop else 0,
            "is_daemon": is_daemon,
            "send_only": send_only,
            "socket": socket,
        },
        conditions=conditions or (),
        flags=flags(data=data, port=port, workspaces=workspaces, fillers=fillers, kafka=kafka),
        config=config,
        exit_with_run=exit_,
        json=json,
    )


def next_run(
    socket: Socket = None, data: Data = None, config: Config = None, json: Json = False
) -> None:
    """Tell a daemon to end its run with the current LS, and to begin the next."""
    _steer("next-run", socket=socket, data=data, config=config, json=json)


def next_lumisection(
    socket: Socket = None, data: Data = None, config: Config = None, json: Json = False
) -> None:
    """Tell a daemon to go on to the next LS; the rest of the current one is sent at once."""
    _steer("next-lumisection", socket=socket, data=data, config=config, json=json)


def status(
    socket: Socket = None, data: Data = None, config: Config = None, json: Json = False
) -> None:
    """Ask a daemon where it is, and how late."""
    _steer("status", socket=socket, data=data, config=config, json=json)


def _steer(
    command: str, *, socket: Path | None, data: Path | None, config: Path | None, json: bool
) -> None:
    from services import steering  # noqa: PLC0415

    invoke(
        steering.steer,
        command=command,
        socket=socket,
        json=json,
        environment=os.environ,
        flags=flags(data=data),
        config=config,
    )
