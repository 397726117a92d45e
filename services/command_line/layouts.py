"""The commands about layouts: which plots the page shows together."""

from pathlib import Path
from typing import Annotated

import typer

from services.command_line.invoke import invoke
from services.command_line.options import GATEWAY, ExpertToken, Json, Url, Why

__all__ = ["add_to"]

Name = Annotated[str, typer.Argument(help="name of a layout, as `list` shows it")]
BasedOn = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="number of the version that you changed, 0 for the shipped one; without it, there "
        "must be no layout of that name",
        show_default=False,
    ),
]


def add_to(app: typer.Typer, *, panel: str) -> None:
    """Add the group of commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Layouts: which plots the page shows together; in versions, imported, exported.",
    )
    group.command("list")(list_)
    for command in (show, versions, put, delete, restore):
        group.command()(command)
    group.command("import")(import_)
    group.command()(export)
    app.add_typer(group, name="layouts", rich_help_panel=panel)


def list_(url: Url = GATEWAY, token: ExpertToken = "", json: Json = False) -> None:
    """List layouts: shipped ones, which are made of bookings, and those that somebody wrote."""
    from services import layout_commands  # noqa: PLC0415 help is quick without

    invoke(layout_commands.list_layouts, url=url, token=token, json=json)


def show(
    name: Name,
    version: Annotated[
        int | None,
        typer.Option(min=0, help="number of a version; default: the one that stands"),
    ] = None,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """Print what a layout shows; with --json, the layout as `put` takes it."""
    from services import layout_commands  # noqa: PLC0415

    run = layout_commands.show
    invoke(run, name=name, version=version, url=url, token=token, json=json)


def versions(name: Name, url: Url = GATEWAY, token: ExpertToken = "", json: Json = False) -> None:
    """List the versions of a layout: who wrote which, when and why."""
    from services import layout_commands  # noqa: PLC0415

    invoke(layout_commands.versions, name=name, url=url, token=token, json=json)


def put(
    file: Annotated[Path, typer.Argument(help="JSON of one layout")],
    why: Why,
    name: Annotated[
        str | None, typer.Option(help="instead of that in the file", show_default=False)
    ] = None,
    based_on: BasedOn = None,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """Write a layout, or the next version of one; refused if somebody else was first."""
    from services import layout_commands  # noqa: PLC0415

    invoke(
        layout_commands.put,
        file=file,
        name=name,
        based_on=based_on,
        why=why,
        url=url,
        token=token,
        json=json,
    )


def delete(
    name: Name,
    why: Why,
    based_on: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="refuse if another version stands; default: whichever does",
            show_default=False,
        ),
    ] = None,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """Delete a layout; its versions stay, and can be restored."""
    from services import layout_commands  # noqa: PLC0415

    run = layout_commands.delete
    invoke(run, name=name, based_on=based_on, why=why, url=url, token=token, json=json)


def restore(
    name: Name,
    to: Annotated[int, typer.Option(min=0, help="number of a version; 0 for what is shipped")],
    why: Why,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """Let an earlier version stand again, as the next one."""
    from services import layout_commands  # noqa: PLC0415

    invoke(layout_commands.restore, name=name, to=to, why=why, url=url, token=token, json=json)


def import_(
    files: Annotated[
        list[Path], typer.Argument(help="JSON of layouts, or layout files of the CMS DQM GUI")
    ],
    why: Why = "imported",
    name: Annotated[
        str | None,
        typer.Option(
            help="instead of that of the layout; of several in a file, before theirs",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="only say what it would come to")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="name all that is not mapped, not eight of each reason")
    ] = False,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """Import layouts; say which plots have no counterpart here, and why.

    They are written over those of the same names, as their next versions.
    """
    from services import layout_commands  # noqa: PLC0415

    invoke(
        layout_commands.import_files,
        files=files,
        name=name,
        why=why,
        dry_run=dry_run,
        everything=everything,
        url=url,
        token=token,
        json=json,
    )


def export(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="of layouts; default: all that somebody wrote", show_default=False),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--out", "--output", "-o", help="file; default: the terminal")
    ] = None,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="without NAMES: shipped ones as well")
    ] = False,
    url: Url = GATEWAY,
    token: ExpertToken = "",
) -> None:
    """Write layouts as JSON, as `import` takes it."""
    from services import layout_commands  # noqa: PLC0415

    run = layout_commands.export
    invoke(run, names=names or [], output=output, shipped=shipped, url=url, token=token)
