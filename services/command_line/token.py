"""The commands about tokens: who may send events, or change something, through a gateway."""

from pathlib import Path
from typing import Annotated, Final

import typer

from services.command_line.invoke import invoke
from services.command_line.options import Config, Data, Json, flags

__all__ = ["add_to"]

_PANEL: Final = "Access"

TokensFile = Annotated[
    Path | None,
    typer.Option("--tokens-file", help="file of tokens; default: tokens.json in the data folder"),
]


def add_to(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Make, list and revoke tokens. Running gateways notice within a second or two.",
    )
    for command in (new, list_, revoke):
        group.command(command.__name__.rstrip("_"))(command)
    app.add_typer(group, name="token", rich_help_panel=_PANEL)


def new(
    role: Annotated[str, typer.Option(help="viewer, shifter, expert, admin or producer")],
    name: Annotated[str, typer.Option(help="whose it is: stands in the record of what it did")],
    source: Annotated[
        list[str] | None,
        typer.Option(
            help="of a producer: the sources it may send for, may be repeated; default: any",
            show_default=False,
        ),
    ] = None,
    days: Annotated[
        int | None,
        typer.Option(min=1, max=3650, help="days until it expires", show_default=False),
    ] = None,
    tokens_file: TokensFile = None,
    data: Data = None,
    config: Config = None,
) -> None:
    """Make a token, and print it: once, for the file holds only its hash."""
    from services import tokens  # noqa: PLC0415

    invoke(
        tokens.new_token,
        role=role,
        name=name,
        sources=tuple(source or ()),
        days=days,
        flags=flags(tokens_file=tokens_file, data=data),
        config=config,
    )


def list_(
    tokens_file: TokensFile = None, data: Data = None, config: Config = None, json: Json = False
) -> None:
    """List the tokens there are: names and roles, never the tokens themselves."""
    from services import tokens  # noqa: PLC0415

    given = flags(tokens_file=tokens_file, data=data)
    invoke(tokens.list_tokens, flags=given, config=config, json=json)


def revoke(
    name: Annotated[str, typer.Argument(help="name of the token")],
    tokens_file: TokensFile = None,
    data: Data = None,
    config: Config = None,
) -> None:
    """Take a token out of force."""
    from services import tokens  # noqa: PLC0415

    given = flags(tokens_file=tokens_file, data=data)
    invoke(tokens.revoke_token, name=name, flags=given, config=config)
