"""The commands about sets of bookings: which there are, which is shown, filling one again."""

from typing import Annotated, Final

import typer

from services.command_line.invoke import invoke
from services.command_line.options import Config, Data, Json, Kafka, Workspaces, flags

__all__ = ["add_to"]

_PANEL: Final = "Sets of bookings"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (sets, activate, refill):
        app.command(rich_help_panel=_PANEL)(command)


def sets(
    workspaces: Workspaces = None,
    data: Data = None,
    kafka: Kafka = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """List the sets of bookings: workspaces, and from which run on readers show each."""
    from services import sets as commands  # noqa: PLC0415

    given = flags(workspaces=workspaces, data=data, kafka=kafka)
    invoke(commands.show_sets, flags=given, config=config, json=json)


def activate(
    from_run: Annotated[int, typer.Option(min=1, help="first run it is shown for")],
    workspaces: Workspaces = None,
    data: Data = None,
    kafka: Kafka = None,
    config: Config = None,
) -> None:
    """Show the set of these settings from a run on, also a run that is over.

    The set is named by its workspaces and settings, as its fillers have them; see
    [bold]dqmstream fill --shown-from 0[/bold].
    """
    from services import sets as commands  # noqa: PLC0415

    given = flags(workspaces=workspaces, data=data, kafka=kafka)
    invoke(commands.activate_set, from_run=from_run, flags=given, config=config)


def refill(
    why: Annotated[str, typer.Option(help="the reason, for the record")],
    at: Annotated[
        list[str] | None,
        typer.Option(
            help="`partition:offset` to begin at, may be repeated; default: all partitions, from "
            "where the log begins"
        ),
    ] = None,
    workspaces: Workspaces = None,
    data: Data = None,
    kafka: Kafka = None,
    config: Config = None,
) -> None:
    """Fill again what the log still holds of the events, in a new epoch that replaces the old one.

    Running fillers of the set notice. On the embedded log the fillers start with the next
    [bold]dqmstream run[/bold].
    """
    from services import sets as commands  # noqa: PLC0415

    given = flags(workspaces=workspaces, data=data, kafka=kafka)
    offsets = dict(_place(text) for text in at) if at else None
    invoke(commands.refill_set, why=why, offsets=offsets, flags=given, config=config)


def _place(text: str) -> tuple[int, int]:
    partition, _, offset = text.partition(":")
    if not (partition.isdecimal() and offset.isdecimal()):
        msg = f"{text!r} is no partition:offset such as 0:1234"
        raise typer.BadParameter(msg)
    return int(partition), int(offset)
