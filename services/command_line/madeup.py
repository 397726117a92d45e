"""The command that writes streamer files of made-up events."""

from pathlib import Path
from typing import Annotated

import typer

from services.command_line.invoke import invoke
from services.command_line.options import Json

__all__ = ["add_to"]


def add_to(app: typer.Typer, *, panel: str) -> None:
    """Add the command."""
    app.command(rich_help_panel=panel)(makeup)


def makeup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="folder to write files into")],
    stream: Annotated[
        str, typer.Option(help="which products: beamspot (tracks, vertices) or scouting (the rest)")
    ] = "beamspot",
    lumisections: Annotated[int, typer.Option(min=1, help="files, one for each LS")] = 5,
    plan: Annotated[
        Path | None,
        typer.Option(help="what the run is like, in TOML: seed, beam, rates, faults of FEDs, ..."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="write over files of the folder that are there")
    ] = False,
    json: Json = False,
) -> None:
    """Write CMS streamer files of events that no detector saw, for [bold]replay[/bold].

    One plan gives one run, to the bit. Its fields are those of
    dqmstream.sources.cms.madeup.plan.Plan; without one all have their defaults.
    """
    invoke(
        _write,
        folder=folder,
        stream=stream,
        lumisections=lumisections,
        plan=plan,
        replace=replace,
        json=json,
    )


def _write(
    *,
    folder: Path,
    stream: str,
    lumisections: int,
    plan: Path | None,
    replace: bool,
    json: bool,
) -> int:
    import msgspec  # noqa: PLC0415

    from dqmstream.errors import ConfigurationError  # noqa: PLC0415
    from dqmstream.sources.cms.madeup.plan import Plan, read_plan  # noqa: PLC0415
    from dqmstream.sources.cms.madeup.stream import STREAMS, MadeUpRun  # noqa: PLC0415

    if stream not in STREAMS:
        msg = f"--stream: {stream!r}, expected one of {', '.join(STREAMS)}"
        raise ConfigurationError(msg)
    try:
        text = "" if plan is None else plan.read_text(encoding="utf-8")
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{plan or folder}: {error}"
        raise ConfigurationError(msg) from error
    name, branches, written = STREAMS[stream]
    made = Plan() if plan is None else read_plan(text, str(plan))
    run = MadeUpRun(made, branches, written=written)
    numbers = range(1, lumisections + 1)
    there = [path for one in numbers if (path := run.file(folder, one, name)).exists()]
    if there and not replace:
        msg = (
            f"{there[0]} and {len(there) - 1} more are there, expected none of run {made.run}; "
            "--replace writes over them"
        )
        raise ConfigurationError(msg)
    files = [str(run.write(folder, one, name).dat) for one in numbers]
    if json:
        summary = {"run": made.run, "events": made.events * lumisections, "files": files}
        typer.echo(msgspec.json.format(msgspec.json.encode(summary)).decode())
    else:
        for file in files:
            typer.echo(f"{file}: {made.events} events")
    return 0
