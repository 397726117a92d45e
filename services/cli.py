"""The command line, and the one place that puts services together.

Heavy imports happen inside the commands, so that help is quick.
"""

from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from dqmstream import __version__
from dqmstream.errors import DqmError

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
    """,
)
bench_app = typer.Typer(no_args_is_help=True, help="Measure, compare with peers and limits.")
app.add_typer(bench_app, name="bench")

Files = Annotated[
    list[Path] | None,
    typer.Argument(help="CMS streamer files (.jsn or .dat) or folders of them", show_default=False),
]
Config = Annotated[
    Path | None, typer.Option(help="TOML file of settings", envvar="DQMSTREAM_CONFIG")
]
Data = Annotated[Path | None, typer.Option(help="folder of the log and the store")]
Port = Annotated[int | None, typer.Option(help="port of the page; 0 takes any free one")]
Workspaces = Annotated[
    str | None, typer.Option(help="workspaces to fill, by comma; default: all that fit")
]
Speed = Annotated[
    float, typer.Option(min=0, help="1 is real time, 10 ten times as fast, 0 as fast as it goes")
]
Exit = Annotated[bool, typer.Option("--exit", help="end with the run and print a summary")]
Json = Annotated[bool, typer.Option("--json", help="print JSON, for programs")]
Paths = Annotated[str, typer.Option("--paths", help="HLT paths to take, globs by comma; ! negates")]
Prescale = Annotated[int, typer.Option(min=1, help="take one of so many events")]


@app.command()
def demo(
    files: Files = None,
    speed: Speed = 1.0,
    run: Annotated[int, typer.Option(help="number of the synthetic run")] = 1,
    lumisections: Annotated[int, typer.Option(help="length of the synthetic run")] = 100,
    rate: Annotated[float, typer.Option(help="events per second of data taking")] = 400.0,
    seconds: Annotated[float, typer.Option(help="length of an LS; CMS has 23.31")] = 23.31,
    seed: Annotated[int, typer.Option(help="another seed, other events")] = 1,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="what breaks when, as `dead:pixel:layer1/module37@5-9` or "
            "`hot:ecal:ieta10/iphi200*50@5-`; may be repeated"
        ),
    ] = None,
    no_faults: Annotated[bool, typer.Option("--no-faults", help="nothing breaks")] = False,
    data: Data = None,
    port: Port = None,
    workspaces: Workspaces = None,
    config: Config = None,
    exit_: Exit = False,
    json: Json = False,
) -> None:
    """Play a run through the whole system in one process, and serve the page.

    Without FILES a synthetic detector is played, with a dead module and a hot channel from LS 5
    on; with FILES, CMS streamer files. Everything is kept in a fresh folder unless --data names
    one. Ctrl-C ends it.
    """
    from services import commands  # noqa: PLC0415

    _run(
        commands.demo,
        files=files or [],
        speed=speed or None,
        synthetic={
            "run": run,
            "lumisections": lumisections,
            "rate": rate,
            "lumisection_seconds": seconds,
            "seed": seed,
        },
        faults=[] if no_faults else fault,
        flags={"data": data, "port": port, "workspaces": workspaces},
        config=config,
        exit_with_run=exit_,
        json=json,
    )


@app.command()
def run(
    data: Data = None,
    port: Port = None,
    workspaces: Workspaces = None,
    config: Config = None,
) -> None:
    """Run all services in one process on the data folder, until Ctrl-C.

    What the folder holds is served, what its log holds unread is filled; send it more with
    [bold]dqmstream replay[/bold], which runs the services itself.
    """
    from services import commands  # noqa: PLC0415

    flags = {"data": data, "port": port, "workspaces": workspaces}
    _run(commands.serve_all, flags=flags, config=config)


@app.command()
def replay(
    files: Annotated[
        list[Path],
        typer.Argument(help="CMS streamer files or folders of them, or the folder of a recording"),
    ],
    speed: Speed = 0.0,
    run: Annotated[int, typer.Option(help="run number a recording is played as")] = 1,
    lumisections: Annotated[
        int | None, typer.Option(help="play a recording over and over for so many LSs")
    ] = None,
    paths: Paths = "",
    prescale: Prescale = 1,
    data: Data = None,
    port: Port = None,
    workspaces: Workspaces = None,
    config: Config = None,
    exit_: Exit = False,
    json: Json = False,
) -> None:
    """Play CMS streamer files into the data folder's log, with all services running.

    The same run played twice is the same run: what the log already holds of it is not sent again.
    """
    from services import commands  # noqa: PLC0415

    _run(
        commands.replay,
        files=files,
        speed=speed or None,
        run=run,
        lumisections=lumisections,
        paths=tuple(part.strip() for part in paths.split(",") if part.strip()),
        prescale=prescale,
        flags={"data": data, "port": port, "workspaces": workspaces},
        config=config,
        exit_with_run=exit_,
        json=json,
    )


@app.command()
def show(
    path: Annotated[str, typer.Argument(help="path of a MonitorElement, as `Pixel/Charge/all`")],
    run: Annotated[int | None, typer.Option(help="run; default: the newest")] = None,
    lumisections: Annotated[str, typer.Option("--lumisections", help="as `27` or `27-28`")] = "",
    last: Annotated[int | None, typer.Option(help="the last so many LSs")] = None,
    url: Annotated[str, typer.Option(help="address of the gateway")] = "http://127.0.0.1:8000",
    json: Json = False,
) -> None:
    """Draw a histogram in the terminal, from a running gateway."""
    from services import terminal  # noqa: PLC0415

    window = {"run": run, "lumisections": lumisections or None, "last": last}
    _run(terminal.show, path=path, window=window, url=url, json=json)


@app.command()
def config(
    file: Annotated[
        Path | None, typer.Option("--config", help="TOML file", envvar="DQMSTREAM_CONFIG")
    ] = None,
    json: Json = False,
) -> None:
    """List all settings: what is in force, and where it comes from."""
    from services import terminal  # noqa: PLC0415

    _run(terminal.show_settings, file=file, json=json)


@app.command("schemas")
def write_schemas(
    folder: Annotated[Path, typer.Argument(help="folder to write to")] = Path("schemas"),
) -> None:
    """Write the contracts for any language: JSON Schema, AsyncAPI, OpenAPI, Arrow schemas."""
    from services import schemas  # noqa: PLC0415

    _run(schemas.write_schemas, folder=folder)


def _needs_a_broker(name: str, does: str) -> None:
    """One service as a process of its own: said now, so that nobody looks for it in vain."""

    def command() -> None:
        _stop(
            f"`dqmstream {name}` runs one service as a process of its own, and services of several "
            "processes meet on a Kafka broker; this release has the embedded log only, which one "
            "process owns: use `dqmstream run`"
        )

    app.command(name, help=f"{does} (as a process of its own: needs a broker).")(command)


for _name, _does in {
    "produce": "Send events of a source to the log",
    "fill": "Fill histograms from events",
    "compare": "Judge histograms by quality tests",
    "record": "Keep closed lumisections in the store",
    "serve": "Answer HTTP and serve the page",
}.items():
    _needs_a_broker(_name, _does)


@bench_app.command("fill")
def bench_fill(
    quick: Annotated[bool, typer.Option(help="fewer rounds")] = False,
    check: Annotated[bool, typer.Option("--check", help="status 1 if a goal is missed")] = False,
    json: Json = False,
) -> None:
    """Entries per second of the filler core, against boost-histogram, numpy and the bare limit."""
    from services import benches  # noqa: PLC0415

    _run(benches.bench, name="fill", options={"quick": quick}, check=check, json=json)


@bench_app.command("pipeline")
def bench_pipeline(
    events: Annotated[int, typer.Option(help="events of the throughput part")] = 1_000_000,
    quick: Annotated[bool, typer.Option(help="fewer events")] = False,
    check: Annotated[bool, typer.Option("--check", help="status 1 if a goal is missed")] = False,
    json: Json = False,
) -> None:
    """Events per second from source to closed LS in the store; latency to a websocket; memory."""
    from services import benches  # noqa: PLC0415

    options = {"events": events, "quick": quick}
    _run(benches.bench, name="pipeline", options=options, check=check, json=json)


@bench_app.command("start")
def bench_start(
    check: Annotated[bool, typer.Option("--check", help="status 1 if a goal is missed")] = False,
    json: Json = False,
) -> None:
    """Seconds until help is printed, and until `run` is ready with a warm kernel cache."""
    from services import benches  # noqa: PLC0415

    _run(benches.bench, name="start", options={}, check=check, json=json)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def _run(function: Any, **arguments: object) -> None:
    """Call a command; what people can mend is said in a sentence, not in a traceback."""
    try:
        status = function(**arguments)
    except DqmError as error:
        _stop(str(error))
    except BaseExceptionGroup as group:
        causes, others = group.split(DqmError)
        if others is not None or causes is None:
            raise
        _stop("; ".join(dict.fromkeys(str(error) for error in _leaves(causes))))
    if status:
        raise typer.Exit(status)


def _leaves(group: BaseExceptionGroup[DqmError]) -> list[DqmError]:
    leaves: list[DqmError] = []
    for error in group.exceptions:
        leaves += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return leaves


def _stop(sentence: str) -> NoReturn:
    typer.echo(f"dqmstream: {sentence}", err=True)
    raise typer.Exit(2)


def main() -> None:
    """Entry point of the console command."""
    app()


if __name__ == "__main__":
    main()
