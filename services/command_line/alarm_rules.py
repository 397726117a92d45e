"""The commands about what holds for all alarms: read, tried, put in force, taken back."""

from pathlib import Path
from typing import Annotated

import typer

from services.command_line import versions
from services.command_line.invoke import invoke
from services.command_line.options import GATEWAY, ExpertToken, Json, Url

__all__ = ["add_to"]

File = Annotated[Path, typer.Argument(help="TOML file of alarm rules")]


def add_to(alarms: typer.Typer) -> None:
    """Add the group `rules`."""
    group = typer.Typer(
        no_args_is_help=True,
        help="What holds for all alarms: limits, inhibitions, suppressions; tried, put in force.",
    )
    group.command()(check)
    group.command("dry-run")(dry_run)
    versions.add_to(group, "alarm-rules", "alarm rules")
    alarms.add_typer(group, name="rules")


def check(file: File, json: Json = False) -> None:
    """Read a file of alarm rules as the service of alarms does, and say what is wrong with it."""
    from services import alarm_rules_commands  # noqa: PLC0415 help is quick without

    invoke(alarm_rules_commands.check, file=file, json=json)


def dry_run(
    file: File,
    minutes: Annotated[int, typer.Option(min=1, max=60, help="of the log to tell again")] = 10,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """Say which alarms would stand otherwise, and what would have been raised otherwise lately.

    Nothing is changed by it. The last minutes of the log are told to the rules in force and to
    those of the file, from alarms at rest.
    """
    from services import alarm_rules_commands  # noqa: PLC0415

    run = alarm_rules_commands.dry_run
    invoke(run, file=file, minutes=minutes, url=url, token=token, json=json)
