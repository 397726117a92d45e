"""The command about the memory that plots take."""

from typing import Annotated

import typer

from services.command_line.invoke import invoke
from services.command_line.looking import Token
from services.command_line.options import GATEWAY, Config, Json, Url, flags

__all__ = ["add_to"]


def add_to(app: typer.Typer, *, panel: str) -> None:
    """Add the command."""
    app.command(rich_help_panel=panel)(memory)


def memory(
    workspaces: Annotated[
        list[str] | None,
        typer.Argument(
            help="names, TOML files or module:attribute; default: those of the settings",
            show_default=False,
        ),
    ] = None,
    largest: Annotated[
        int, typer.Option(min=0, help="elements to list; --json without --held has them all")
    ] = 20,
    held: Annotated[
        bool,
        typer.Option("--held", help="ask a gateway: what is booked there, and held at this moment"),
    ] = False,
    url: Url = GATEWAY,
    token: Token = "",
    config: Config = None,
    json: Json = False,
) -> None:
    """Say what plots cost in memory, the dearest first, and what twice the bins would cost.

    Budgets are the settings workspace_memory and element_memory (PATTERN=SIZE): a workspace over
    its budget is not booked. Exit status 1 if one is over it.
    """
    from services import memory_commands  # noqa: PLC0415 help is quick without

    invoke(
        memory_commands.memory,
        workspaces=workspaces or [],
        largest=largest,
        held=held,
        url=url,
        token=token,
        json=json,
        flags=flags(),
        config=config,
    )
