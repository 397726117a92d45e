"""The commands about who is told of alarms, as a whole: read, tried, put in force, taken back."""

from pathlib import Path
from typing import Annotated

import typer

from services.command_line import versions
from services.command_line.invoke import invoke
from services.command_line.options import GATEWAY, ExpertToken, Json, Url

__all__ = ["add_to"]

File = Annotated[Path, typer.Argument(help="TOML file of receivers and subscriptions")]


def add_to(notifications: typer.Typer) -> None:
    """Add the group `routes`."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Receivers and subscriptions as a whole: tried, put in force without a restart.",
    )
    group.command()(check)
    group.command("dry-run")(dry_run)
    versions.add_to(group, "notification-routes", "receivers and subscriptions")
    notifications.add_typer(group, name="routes")


def check(file: File, json: Json = False) -> None:
    """Read a file of receivers and subscriptions, and say what is wrong with it."""
    from services import notification_routes_commands  # noqa: PLC0415 help is quick without

    invoke(notification_routes_commands.check, file=file, json=json)


def dry_run(
    file: File,
    last: Annotated[int, typer.Option(min=1, max=5000, help="newest steps of alarms")] = 200,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """Say which of the last steps, and of the alarms that stand, others would be told of.

    Nothing is changed by it, and nobody is told.
    """
    from services import notification_routes_commands  # noqa: PLC0415

    run = notification_routes_commands.dry_run
    invoke(run, file=file, last=last, url=url, token=token, json=json)
