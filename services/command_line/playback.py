"""The commands of playback: record events and look at recordings; others add theirs.

Heavy imports happen inside the commands, so that help is quick.
"""

from pathlib import Path
from typing import Annotated

import typer

from services.command_line import comparing, replaying
from services.command_line.invoke import invoke
from services.command_line.options import (
    FILES,
    AsRun,
    ChunkEvents,
    ConditionsFiles,
    Config,
    Data,
    EventsPerLumisection,
    Fault,
    Feds,
    Json,
    Kafka,
    Keys,
    LoopFor,
    NoFaults,
    Paths,
    Prescale,
    Rate,
    Scenario,
    Seconds,
    Seed,
    Select,
    Tree,
    Workspaces,
    by_comma,
    flags,
    given,
    synthetic,
)

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    help="Record events, play them again, and compare what comes of it.",
)

Folder = Annotated[Path, typer.Argument(metavar="RECORDING", help="folder of a recording")]


@app.command()
def record(
    context: typer.Context,
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="SOURCE",
            help=FILES,
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", help="new folder to record into")
    ] = Path("recording"),
    is_synthetic: Annotated[
        bool, typer.Option("--synthetic", help="record a run of the synthetic detector")
    ] = False,
    from_log: Annotated[
        bool,
        typer.Option(
            "--from-log", help="record what the log holds: Kafka, or the embedded one of --data"
        ),
    ] = False,
    run: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="record this run only; of the synthetic detector: its number",
            show_default="all",
        ),
    ] = None,
    first: Annotated[
        int, typer.Option("--first-lumisection", min=1, help="first LS to record")
    ] = 1,
    last: Annotated[
        int | None,
        typer.Option("--last-lumisection", min=1, help="last LS to record", show_default="the end"),
    ] = None,
    offsets: Annotated[
        str,
        typer.Option(
            help="with --from-log: what of which partitions of dqm.events to read, as "
            "`0:100-2000, 1:80-`, the end not included",
            show_default="all",
        ),
    ] = "",
    seconds: Seconds = 23.31,
    lumisections: Annotated[int, typer.Option(min=1, help="length of the synthetic run")] = 100,
    rate: Rate = 400.0,
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
    feds: Feds = "",
    conditions: ConditionsFiles = None,
    workspaces: Workspaces = None,
    data: Data = None,
    kafka: Kafka = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Record events with all their columns into a folder, to be played again at any time.

    Give either SOURCE, --synthetic, --scenario or --from-log. Each LS is on the disk before the
    next is begun: after a crash the same command goes on. With --workspaces only the columns are
    recorded that these read, of all but --from-log.
    """
    made_up = is_synthetic or scenario is not None
    if bool(sources) + made_up + from_log != 1:
        msg = "give one of SOURCE, --synthetic (or --scenario) and --from-log"
        raise typer.BadParameter(msg)
    if offsets and not from_log:
        msg = "--offsets are those of a log: they need --from-log"
        raise typer.BadParameter(msg)
    if workspaces and from_log:
        msg = (
            "--workspaces chooses columns, and out of a log chunks are recorded as they were sent: "
            "record it with all of them, then that recording with --workspaces"
        )
        raise typer.BadParameter(msg)
    from services import recording  # noqa: PLC0415
    from services.input_files import FileOptions  # noqa: PLC0415

    settings = flags(data=data, kafka=kafka, workspaces=workspaces)
    what = {"folder": out, "run": run, "first": first, "last": last, "json": json}
    if from_log:
        invoke(
            recording.record_from_log,
            what=what,
            offsets=offsets,
            seconds=seconds,
            flags=settings,
            config=config,
        )
        return
    numbers = synthetic(
        run=run or 1,
        lumisections=lumisections,
        rate=rate,
        lumisection_seconds=seconds,
        seed=seed,
        chunk_events=chunk_events,
    )
    invoke(
        recording.record_events,
        what=what,
        files=sources or [],
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
            feds=feds,
        ),
        synthetic=numbers if made_up else None,
        scenario=scenario,
        given=given(context),
        faults=[] if no_faults else fault,
        conditions=conditions or (),
        flags=settings,
        config=config,
    )


@app.command()
def verify(folder: Folder, json: Json = False) -> None:
    """Read all of a recording and compare checksums; status 1 if anything is wrong.

    Every problem is told with file, run and LS, what was found and what was expected.
    """
    from services import recording_info  # noqa: PLC0415

    invoke(recording_info.verify, folder=folder, json=json)


@app.command()
def info(folder: Folder, json: Json = False) -> None:
    """What is in a recording: runs, sources, LSs, events, columns, and where it comes from."""
    from services import recording_info  # noqa: PLC0415

    invoke(recording_info.info, folder=folder, json=json)


replaying.add_to(app)
comparing.add_to(app)
