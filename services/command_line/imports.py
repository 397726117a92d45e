"""The command that imports histograms which were filled elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from services.command_line.invoke import invoke
from services.command_line.options import (
    Config,
    Data,
    Exit,
    Json,
    Kafka,
    Port,
    Workspaces,
    flags,
)

__all__ = ["add_to"]


def add_to(app: typer.Typer, *, panel: str) -> None:
    """Add the command."""
    app.command("import", rich_help_panel=panel)(import_)


def import_(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="ROOT files (DQMData folders, or run<N>_ls<N>_<name>), tables (CSV, Parquet, "
            "JSON of DIALS), arrays (HDF5, npz)"
        ),
    ],
    workspace: Annotated[
        str, typer.Option(help="workspace they are shown as: one that nobody fills")
    ] = "imported",
    run: Annotated[
        int | None, typer.Option(help="run of files that do not say it", show_default=False)
    ] = None,
    describe: Annotated[
        Path | None,
        typer.Option(help="TOML file with what the files do not say: axes, paths, columns"),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="what a column means, as `lumisection=lumi`; may be repeated"),
    ] = None,
    mark: Annotated[
        list[str] | None,
        typer.Option(help="mark them, as `simulated` or `altered`; may be repeated"),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="show them in place of other imports of this workspace"),
    ] = False,
    data: Data = None,
    port: Port = None,
    workspaces: Workspaces = None,
    kafka: Kafka = None,
    config: Config = None,
    exit_: Exit = False,
    json: Json = False,
) -> None:
    """Import histograms per lumisection, to be judged, stored and shown as our own.

    On the embedded log all services run in this process; on Kafka this process only publishes.
    The same import again sends nothing; another content of an LS replaces the one before.
    """
    from services.importing import command  # noqa: PLC0415

    invoke(
        command.import_histograms,
        files=files,
        workspace=workspace,
        run=run,
        description=describe,
        columns=dict(_column(text) for text in column or ()),
        marks=mark or [],
        replace=replace,
        exit_when_stored=exit_,
        json=json,
        flags=flags(data=data, port=port, workspaces=workspaces, kafka=kafka),
        config=config,
    )


def _column(text: str) -> tuple[str, str]:
    meaning, equals, name = text.partition("=")
    if not (meaning and equals and name):
        msg = f"{text!r} is not of the form meaning=column"
        raise typer.BadParameter(msg)
    return meaning, name
