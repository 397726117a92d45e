"""The commands that any kind of configuration has: put in force, taken back, listed, shown."""

from pathlib import Path
from typing import Annotated

import typer

from services.command_line.invoke import invoke
from services.command_line.options import GATEWAY, ExpertToken, Json, Url, Why

__all__ = ["Number", "To", "add_to"]

Number = Annotated[int | None, typer.Argument(help="of a version; default: the one in force")]
To = Annotated[
    int | None,
    typer.Option(
        help="number of a version, 0 for what processes were started with; default: the one that "
        "was in force before",
        show_default=False,
    ),
]


def add_to(group: typer.Typer, route: str, what: str) -> None:
    """Add them to a group.

    Parameters
    ----------
    route
        Of the gateway, below `/api/v1/`.
    what
        Is put in force, for the help: `alarm rules`.
    """

    def activate(
        file: Annotated[Path, typer.Argument(help=f"TOML file of {what}")],
        why: Why,
        url: Url = GATEWAY,
        token: ExpertToken = "",
        json: Json = False,
    ) -> None:
        from services import version_commands  # noqa: PLC0415 help is quick without

        run = version_commands.activate
        invoke(run, route=route, file=file, why=why, url=url, token=token, json=json)

    def rollback(
        why: Why,
        to: To = None,
        url: Url = GATEWAY,
        token: ExpertToken = "",
        json: Json = False,
    ) -> None:
        from services import version_commands  # noqa: PLC0415

        run = version_commands.roll_back
        invoke(run, route=route, to=to, why=why, url=url, token=token, json=json)

    def history(url: Url = GATEWAY, token: ExpertToken = "", json: Json = False) -> None:
        from services import version_commands  # noqa: PLC0415

        invoke(version_commands.history, route=route, url=url, token=token, json=json)

    def show(
        number: Number = None,
        url: Url = GATEWAY,
        token: ExpertToken = "",
        json: Json = False,
    ) -> None:
        from services import version_commands  # noqa: PLC0415

        run = version_commands.show
        invoke(run, route=route, number=number, url=url, token=token, json=json)

    group.command(help=f"Put the {what} of a file in force, without a restart.")(activate)
    group.command(help=f"Put earlier {what} in force again.")(rollback)
    group.command(help=f"List who put which {what} in force, when and why.")(history)
    group.command(help=f"Print the {what} of a version.")(show)
