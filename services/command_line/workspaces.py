"""The commands about workspaces that are posted: read, tried, put in force, taken back."""

from pathlib import Path
from typing import Annotated

import typer

from services.command_line.invoke import invoke
from services.command_line.options import (
    GATEWAY,
    Config,
    ExpertToken,
    Json,
    Tree,
    Url,
    Why,
)
from services.command_line.versions import Number, To

__all__ = ["add_to"]

File = Annotated[Path, typer.Argument(help="TOML file of a workspace")]
Name = Annotated[str, typer.Argument(help="of the workspace")]


def add_to(app: typer.Typer, *, panel: str) -> None:
    """Add the group."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Workspaces without a release: a TOML file, tried, live from the next run on, "
        "rolled back by one call.",
    )
    group.command()(check)
    group.command("dry-run")(dry_run)
    group.command()(activate)
    group.command()(rollback)
    group.command()(history)
    group.command()(show)
    app.add_typer(group, name="workspaces", rich_help_panel=panel)


def check(file: File, config: Config = None, json: Json = False) -> None:
    """Read a workspace as fillers do, and say what is wrong with it."""
    from services import workspace_commands  # noqa: PLC0415 help is quick without

    invoke(workspace_commands.check, file=file, json=json, config=config)


def dry_run(
    file: File,
    events: Annotated[
        list[Path] | None,
        typer.Argument(
            help="event files, streamer files or the folder of a recording to try it on; default: "
            "the newest events of the running system",
            show_default=False,
        ),
    ] = None,
    most_events: Annotated[
        int, typer.Option(min=1, help="of files, that are read at most")
    ] = 20_000,
    tree: Tree = "",
    url: Url = GATEWAY,
    token: ExpertToken = "",
    config: Config = None,
    json: Json = False,
) -> None:
    """Say what a workspace would show of events, and what it would cost.

    Nothing is changed by it. Exit status 1 if it is over a budget, or cannot be filled.
    """
    from services import workspace_commands  # noqa: PLC0415
    from services.input_files import FileOptions  # noqa: PLC0415

    invoke(
        workspace_commands.dry_run,
        file=file,
        events=events or [],
        options=FileOptions(tree=tree),
        most_events=most_events,
        url=url,
        token=token,
        json=json,
        config=config,
    )


def activate(
    file: File,
    why: Why,
    unmeasured: Annotated[
        bool,
        typer.Option(
            "--unmeasured", help="also if the newest events do not show what all of it costs"
        ),
    ] = False,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """Put a workspace in force: it is filled from the next run on, without a restart.

    It is tried on the newest events before, and refused over its budgets of memory and time.
    """
    from services import workspace_commands  # noqa: PLC0415

    run = workspace_commands.activate
    invoke(run, file=file, why=why, unmeasured=unmeasured, url=url, token=token, json=json)


def rollback(
    name: Name,
    why: Why,
    to: To = None,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """Put what was in force before in force again, from the next run on."""
    from services import workspace_commands  # noqa: PLC0415

    run = workspace_commands.roll_back
    invoke(run, name=name, to=to, why=why, url=url, token=token, json=json)


def history(
    name: Annotated[
        str | None, typer.Argument(help="of a workspace; default: all that were posted")
    ] = None,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """List who put which version in force, when and why, and what was known of its cost."""
    from services import workspace_commands  # noqa: PLC0415

    invoke(workspace_commands.history, name=name, url=url, token=token, json=json)


def show(
    name: Name,
    number: Number = None,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """Print the text of a version."""
    from services import workspace_commands  # noqa: PLC0415

    invoke(workspace_commands.show, name=name, number=number, url=url, token=token, json=json)
